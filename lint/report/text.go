package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/fatih/color"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// The symptoms that are none of the client's: what keeps a proxy from starting, and what the proxy passes
// over. Every other one is what the client sees.
const (
	startFailure lint.Symptom = "start failure"
	noEffect     lint.Symptom = "no effect"
)

// writeText writes findings for people. The first line of each is stable, for editors and problem
// matchers: "path:line:column: severity: message [rule]".
func writeText(w io.Writer, result lint.Result, o Options) error {
	t := o.textWriter(w, secretFinder{})
	for _, d := range result.Diagnostics {
		t.diagnostic(d)
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, summary(result))
	return t.Flush()
}

type textWriter struct {
	*bufio.Writer
	options Options
	paths   func(...any) string
	secrets secretFinder
}

func (o Options) textWriter(w io.Writer, secrets secretFinder) *textWriter {
	return &textWriter{
		Writer:  bufio.NewWriter(w),
		options: o,
		paths:   painter(o.Color, color.Bold),
		secrets: secrets,
	}
}

// asText returns a finding as the text format shows it.
func (o Options) asText(d lint.Diagnostic, secrets secretFinder) string {
	var b strings.Builder
	o.Color = false
	t := o.textWriter(&b, secrets)
	t.diagnostic(d)
	t.Flush() // a Builder takes all
	return b.String()
}

func (t *textWriter) diagnostic(d lint.Diagnostic) {
	paint := severityPainter(d.Severity, t.options.Color)
	at := d.At.Position()
	fmt.Fprintf(t, "%s: %s %s [%s]\n",
		t.paths(linePath(t.options.place(d.At))), paint(d.Severity.String()+":"), d.Message, d.Rule)

	number := strconv.Itoa(at.Line)
	margin := strings.Repeat(" ", len(number)+2)
	source, carets := excerpt(d.At, t.secrets.near(d.At))
	fmt.Fprintln(t, strings.TrimRight(" "+number+" | "+source, " "))
	indent := len(carets) - len(strings.TrimLeft(carets, " "))
	fmt.Fprintf(t, "%s| %s%s\n", margin, carets[:indent], paint(carets[indent:]))
	for _, note := range t.options.notes(d) {
		fmt.Fprintf(t, "%s= %s\n", margin, note)
	}
}

// notes returns what is told below the source line.
func (o Options) notes(d lint.Diagnostic) []string {
	var notes []string
	for _, r := range d.Related {
		notes = append(notes, clean(o.place(r.At))+": "+r.Message)
	}
	proxy := d.At.File.Dialect.Product()
	if !d.Stops.IsZero() {
		if d.Stops.File != d.At.File {
			notes = append(notes, "where "+proxy+" stops: "+clean(o.place(d.Stops)))
		} else if line := d.Stops.Position().Line; line != d.At.Position().Line {
			notes = append(notes, fmt.Sprintf("where %s stops: line %d", proxy, line))
		}
	}
	return append(notes, advice(d)...)
}

// advice returns the notes that name no place: what was seen, what follows from a finding, and what to write.
func advice(d lint.Diagnostic) []string {
	notes := slices.Clone(d.Notes)
	if effect := effect(d); effect != "" {
		notes = append(notes, effect)
	}
	if d.Hint != "" {
		notes = append(notes, "hint: "+d.Hint)
	}
	return notes
}

// effect tells what follows from a finding; nothing where that is not known.
func effect(d lint.Diagnostic) string {
	switch d.Symptom {
	case "", lint.NoSymptom:
		return ""
	case noEffect:
		return "it has no effect"
	case startFailure:
		return d.At.File.Dialect.Product() + " does not start"
	}
	return "the client sees: " + string(d.Symptom)
}

// place names where something starts, as "path:line:column".
func (o Options) place(at syntax.Ref) string {
	p := at.Position()
	return fmt.Sprintf("%s:%d:%d", o.path(at.File.Path), p.Line, p.Rune)
}

// summary tells in one line how much was found.
func summary(result lint.Result) string {
	var counts []string
	for _, s := range []lint.Severity{lint.Error, lint.Warning, lint.Info} {
		if n := result.Count(s); n > 0 {
			counts = append(counts, count(n, s.String()))
		}
	}
	if counts == nil {
		counts = []string{"no findings"}
	}
	text := strings.Join(counts, ", ") + " in " + count(len(result.Files), "file")
	if result.Suppressed > 0 {
		text += fmt.Sprintf(", %d suppressed", result.Suppressed)
	}
	return text
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func severityPainter(s lint.Severity, on bool) func(...any) string {
	switch s {
	case lint.Error:
		return painter(on, color.FgRed, color.Bold)
	case lint.Warning:
		return painter(on, color.FgYellow, color.Bold)
	}
	return painter(on, color.FgCyan, color.Bold)
}

// painter returns a function that colours text. Nothing outside decides, so that equal options give
// equal output.
func painter(on bool, attributes ...color.Attribute) func(...any) string {
	c := color.New(attributes...)
	if on {
		c.EnableColor()
	} else {
		c.DisableColor()
	}
	return c.SprintFunc()
}
