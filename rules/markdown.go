package rules

import (
	"fmt"
	"io"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// plain keeps prose from being read as markup.
var plain = strings.NewReplacer("`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", "|", `\|`)

// WriteMarkdown writes the page that documents all rules, rules/README.md.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Rules\n\n<!-- Written by \"go generate ./rules\" from the rules' own files. -->\n\n")
	b.WriteString("| rule | severity | proxies | symptom | finds |\n|---|---|---|---|---|\n")
	for _, r := range All() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n",
			r.ID, r.ID, r.Severity, proxies(r), r.Symptom, plain.Replace(r.Doc.Title))
	}
	for _, r := range All() {
		b.WriteByte('\n')
		WriteSection(&b, r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteSection writes the section of that page which documents one rule.
func WriteSection(b *strings.Builder, r *lint.Rule) {
	fmt.Fprintf(b, "## %s\n\n%s (%s; %s; %s; since %s)\n", r.ID,
		plain.Replace(r.Doc.Title), r.Severity, r.Symptom, proxies(r), r.Doc.Since)
	writeParagraphs(b, "Why", r.Doc.Why)
	writeParagraphs(b, "How to mend it", r.Doc.How)
	for _, f := range r.Doc.Beside {
		fmt.Fprintf(b, "\nBeside it, %s:\n\n```\n%s```\n", f.Name, f.Text)
	}
	for _, d := range served(r) {
		fmt.Fprintf(b, "\nBad, %s:\n\n```%s\n%s```\n", proxyNames[d], d, r.Doc.Bad.For(d))
		fmt.Fprintf(b, "\nGood, %s:\n\n```%s\n%s```\n", proxyNames[d], d, r.Doc.Good.For(d))
	}
	b.WriteString("\nSee:\n\n")
	for _, link := range r.Doc.Links {
		fmt.Fprintf(b, "- <%s>\n", link)
	}
}

func writeParagraphs(b *strings.Builder, label, text string) {
	fmt.Fprintf(b, "\n**%s.** %s\n", label, plain.Replace(strings.Join(paragraphs(text), "\n\n")))
}
