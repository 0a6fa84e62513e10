package rules

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// explainWidth is how many columns the prose of WriteDoc takes at most.
const explainWidth = 80

// WriteDoc explains a rule in plain text.
func WriteDoc(w io.Writer, r *lint.Rule) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", r.ID, r.Doc.Title)
	fmt.Fprintf(&b, "  severity  %s\n  family    %s\n  proxies   %s\n  symptom   %s\n  since     %s\n",
		r.Severity, r.Family, proxies(r), r.Symptom, r.Doc.Since)
	writeProse(&b, "Why", r.Doc.Why)
	writeProse(&b, "How to mend it", r.Doc.How)
	for _, f := range r.Doc.Beside {
		writeExample(&b, "Beside it, "+f.Name, f.Text)
	}
	for _, d := range served(r) {
		writeExample(&b, "Bad, "+d.Product(), r.Doc.Bad.For(d))
		writeExample(&b, "Good, "+d.Product(), r.Doc.Good.For(d))
	}
	fmt.Fprint(&b, "\nSee\n\n")
	for _, link := range r.Doc.Links {
		fmt.Fprintf(&b, "  %s\n", link)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeProse(b *strings.Builder, title, text string) {
	fmt.Fprintf(b, "\n%s\n", title)
	for _, p := range paragraphs(text) {
		fmt.Fprintf(b, "\n%s", wrap(p, "  ", explainWidth))
	}
}

func writeExample(b *strings.Builder, title, text string) {
	fmt.Fprintf(b, "\n%s\n\n", title)
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
}

// paragraphs splits text at its empty lines; inside a paragraph all white space becomes single blanks.
func paragraphs(text string) []string {
	var list []string
	for p := range strings.SplitSeq(text, "\n\n") {
		list = append(list, strings.Join(strings.Fields(p), " "))
	}
	return list
}

// wrap breaks text into indented lines of at most width runes; a longer word has a line of its own.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
	return b.String()
}

// served lists the proxies that a rule looks at.
func served(r *lint.Rule) []syntax.Dialect {
	var list []syntax.Dialect
	for _, d := range syntax.Dialects() {
		if r.Serves(d) {
			list = append(list, d)
		}
	}
	return list
}

func proxies(r *lint.Rule) string {
	var names []string
	for _, d := range served(r) {
		names = append(names, d.Product())
	}
	return strings.Join(names, ", ")
}
