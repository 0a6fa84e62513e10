package rules

import (
	"fmt"
	"io"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// plain keeps prose from being read as markup.
var plain = strings.NewReplacer("`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", "|", `\|`)

// WriteMarkdown writes a page that documents rules: a table for each family, then a section for each rule. Of all
// rules, it is rules/README.md.
func WriteMarkdown(w io.Writer, list []*lint.Rule) error {
	var b strings.Builder
	b.WriteString("# Rules\n\n<!-- Written by \"go generate ./rules\" from the rules' own files. -->\n")
	for _, f := range lint.Families() {
		writeFamily(&b, f, list)
	}
	for _, r := range list {
		b.WriteByte('\n')
		WriteSection(&b, r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeFamily writes the table of those rules that are of one family, if there are any.
func writeFamily(b *strings.Builder, family lint.Family, list []*lint.Rule) {
	heading := fmt.Sprintf("\n## %s\n\n| rule | severity | proxies | symptom | finds |\n|---|---|---|---|---|\n", family.Title())
	for _, r := range list {
		if r.Family == family {
			fmt.Fprintf(b, "%s| [%s](#%s) | %s | %s | %s | %s |\n",
				heading, r.ID, r.ID, r.Severity, proxies(r), r.Symptom, plain.Replace(r.Doc.Title))
			heading = ""
		}
	}
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
		fmt.Fprintf(b, "\nBad, %s:\n\n```%s\n%s```\n", d.Product(), d, r.Doc.Bad.For(d))
		fmt.Fprintf(b, "\nGood, %s:\n\n```%s\n%s```\n", d.Product(), d, r.Doc.Good.For(d))
	}
	b.WriteString("\nSee:\n\n")
	for _, link := range r.Doc.Links {
		fmt.Fprintf(b, "- <%s>\n", link)
	}
}

func writeParagraphs(b *strings.Builder, label, text string) {
	fmt.Fprintf(b, "\n**%s.** %s\n", label, plain.Replace(strings.Join(paragraphs(text), "\n\n")))
}
