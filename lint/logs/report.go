package logs

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint/safe"
)

// Report is what was found in some logs.
type Report struct {
	Summary *Summary
	Files   int
	Read    Count
	Dir     string // absolute; paths of configurations below it are written relative to it
}

// WriteText writes the groups as text, those that lost the most requests first.
func WriteText(w io.Writer, r Report) error {
	var b strings.Builder
	groups := r.Summary.Groups()
	whole := spanOf(groups)
	for _, g := range groups {
		g.text(&b, &r, whole)
	}
	fmt.Fprintln(&b, r.summary())
	for _, s := range r.Summary.Lost().shares() {
		fmt.Fprintf(&b, "    %d, %d%%: %s\n", s.Status, s.Percent, s.Means)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summary tells in one line how much was lost.
func (r *Report) summary() string {
	lost := r.Summary.Lost()
	text := fmt.Sprintf("%s lost in %s of %s", plural(lost.Sum(), "request"), plural(r.Read.Lines, "line"), plural(r.Files, "file"))
	if lost.Sum() > 0 {
		text += ": " + lost.String()
	}
	return text
}

// String lists the numbers: "12 × 502, 3 × 504".
func (l Lost) String() string {
	var list []string
	for _, part := range []struct{ status, count int }{{500, l.S500}, {502, l.S502}, {503, l.S503}, {504, l.S504}} {
		if part.count > 0 {
			list = append(list, fmt.Sprintf("%d × %d", part.count, part.status))
		}
	}
	return strings.Join(list, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// text writes a group. Its first line has the form of a finding's: "path:line:column: severity: cause".
func (g *Group) text(b *strings.Builder, r *Report, whole Period) {
	g.lead(b, r)
	b.WriteByte('\n')
	if times, bars := g.when(whole); times != "" {
		fmt.Fprintf(b, "    %s\n", strings.TrimRight(fmt.Sprintf("%-*s  %s", len(time.DateTime+" to "+time.DateTime), times, bars), " "))
	}
	for _, note := range g.notes(r) {
		fmt.Fprintf(b, "    = %s\n", note)
	}
	b.WriteByte('\n')
}

// lead writes the first line, without its end.
func (g *Group) lead(b *strings.Builder, r *Report) {
	if place := g.place(r); place != "" {
		fmt.Fprintf(b, "%s: ", safe.LineStart(place))
	}
	fmt.Fprintf(b, "%s: %s", g.Cause.Info().Level, g.head())
}

// head tells the cause, what it is about and what was lost.
func (g *Group) head() string {
	text := g.Cause.String()
	if g.Target != "" {
		text += " " + clean(g.Target)
	}
	if g.Server != "" && g.Server != g.Target {
		text += g.of() + clean(g.Server)
	}
	if lost := g.Lost.String(); lost != "" {
		return text + ": " + lost
	}
	return text + ": " + plural(g.Count, "line")
}

// of leads from a target to its backend, or to the server_name or host that was asked for.
func (g *Group) of() string {
	if g.Server == g.Sample.Backend {
		return " in "
	}
	return " for "
}

// notes tell what a group means, what explains it, and where to look. A configuration's findings take the place of the
// rules that may find something.
func (g *Group) notes(r *Report) []string {
	info := g.Cause.Info()
	notes := append([]string{info.Means}, g.Site.notes(r)...)
	if g.Sample.Detail != "" {
		notes = append(notes, "the line says: "+clean(g.Sample.Detail))
	}
	if g.Retried > 0 {
		notes = append(notes, fmt.Sprintf("another server was asked after %d of %d failures", g.Retried, g.Count))
	}
	if g.Told > 0 {
		notes = append(notes, fmt.Sprintf("the error log says why for %d of %d: see the other causes", g.Told, g.Lost.Sum()))
	}
	if routes := g.routes(); routes != "" {
		notes = append(notes, "on: "+routes)
	}
	notes = append(notes, "look at: "+info.Look)
	if len(info.Rules) > 0 && (g.Site == nil || len(g.Site.Findings) == 0) {
		notes = append(notes, "rules: "+strings.Join(info.Rules, ", "))
	}
	return append(notes, fmt.Sprintf("first line: %s:%d", clean(g.Sample.File), g.Sample.Line))
}

// when tells the first time and the last, and draws a picture of what was between, where that is more than one second; "":
// no line has a time.
func (g *Group) when(whole Period) (times, bars string) {
	if g.First.IsZero() {
		return "", ""
	}
	times = g.First.Format(time.DateTime)
	if last := g.Last.Format(time.DateTime); last != times {
		times += " to " + last
	}
	if whole.Last.Sub(whole.First) >= time.Second {
		bars = g.Over.Bars(whole.First, whole.Last, 24)
	}
	return times, bars
}

func (g *Group) routes() string {
	var list []string
	for _, r := range g.Routes {
		list = append(list, fmt.Sprintf("%s %d", clean(r.Route), r.Count))
	}
	return strings.Join(list, ", ")
}

// clean makes a text of a log fit to be shown: visible, short, and without secrets.
func clean(s string) string {
	const longest = 300
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return safe.Clean(safe.Mask(s, nil))
}

// spanOf returns the time from the first event of all groups to the last.
func spanOf(groups []*Group) (whole Period) {
	for _, g := range groups {
		if !g.First.IsZero() {
			whole.add(g.First)
			whole.add(g.Last)
		}
	}
	return whole
}
