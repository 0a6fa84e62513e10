package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// markdownLimit is how many bytes GitHub takes for the summary of a step (its documentation, "Workflow
// commands", "Step isolation and limits").
const markdownLimit = 1 << 20

// markdownText keeps text from being read as markup, of GitHub's kind and GitLab's: neither HTML nor a
// table cell's end, nor a mention, an issue or a formula.
var markdownText = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, "&#92;", "|", "&#124;",
	"`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`,
	"://", `\://`,
	"@", "<span>@</span>", "#", "<span>#</span>", "$", "<span>$</span>",
)

// writeMarkdown writes a table of how many findings there are, and one for every file that has some. What
// would make it too long for the summary of a job is left out.
func writeMarkdown(w io.Writer, result lint.Result, o Options) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## proxylint: %s\n", summary(result))
	if len(result.Diagnostics) > 0 {
		b.WriteString("\n| severity | findings |\n|---|---|\n")
	}
	for _, s := range []lint.Severity{lint.Error, lint.Warning, lint.Info} {
		if n := result.Count(s); n > 0 {
			fmt.Fprintf(&b, "| %s | %d |\n", s, n)
		}
	}
	left := len(result.Diagnostics)
	for _, part := range o.markdownParts(result) {
		const reserved = 200 // for the line that says what was cut
		if b.Len()+len(part) > markdownLimit-reserved {
			fmt.Fprintf(&b, "\n%s more: the summary of a job holds no more, see the other formats.\n", count(left, "finding"))
			break
		}
		b.WriteString(part)
		left--
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownParts returns one part for each finding: a row, below the head of its file's table if it is the
// first there.
func (o Options) markdownParts(result lint.Result) []string {
	var parts []string
	for _, f := range byFile(result) {
		head := fmt.Sprintf("\n### <code>%s</code>\n\n| line | severity | finding | rule |\n|---|---|---|---|\n",
			markdownText.Replace(clean(o.path(f.path))))
		for _, d := range f.found {
			at := d.At.Position()
			text := strings.Join(append([]string{d.Message}, o.notes(d)...), "\n")
			parts = append(parts, fmt.Sprintf("%s| %d:%d | %s | %s | [%s](%s) |\n", head, at.Line, at.Rune, d.Severity,
				strings.ReplaceAll(markdownText.Replace(text), "\n", "<br>"), d.Rule, RuleURL(d.Rule)))
			head = ""
		}
	}
	return parts
}
