package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// What a page holds at most, so that a browser opens it. Sizes are bytes of text, markup not counted.
const (
	htmlFindingBytes = 2 << 20 // of all findings
	htmlSourceBytes  = 1 << 20 // of the source of all files
	htmlPictureBytes = 2 << 20
)

//go:embed html/page.tmpl
var htmlText string

// htmlTemplate is not read before it is needed.
var htmlTemplate = sync.OnceValues(func() (*template.Template, error) {
	return template.New("page").Parse(htmlText)
})

//go:embed html/page.css
var htmlStyle string

//go:embed html/page.js
var htmlScript string

// The types below are what page.tmpl shows, in its order.
type (
	htmlPage struct {
		Policy        string // Content-Security-Policy: nothing is loaded, and nothing runs but the page's own
		Style, Script template.HTML
		Summary       string
		Version       string
		Counts        []htmlCount
		LeftOut       []string // what the page has no room for
		Picture       template.HTML
		Live          *htmlLive
		Files         []*htmlFile
		Rules         []htmlRule
	}
	htmlCount struct {
		Severity string
		Found    int // in all
		Shown    int // on the page
	}
	htmlFile struct {
		ID, Path string
		Findings []htmlFinding
		Source   []htmlLine

		file  *syntax.File
		found []lint.Diagnostic // one for each of Findings
	}
	htmlFinding struct {
		ID, Severity, Rule    string
		Place                 htmlPlace
		Message, Effect, Hint string
		Notes                 []string
		Before, Marked, After string // the line it stands on
		Places                []htmlPlace
		Fix                   *htmlFix
	}
	// htmlPlace names a place; Link leads to its line, where the page shows it.
	htmlPlace struct{ Text, Link, Message string }

	htmlRule struct {
		ID, Severity, Symptom, Title string
		Found                        int
		Why, How                     []string // paragraphs
		Examples                     []htmlExample
		Links                        []string
	}
	htmlExample struct{ Title, Text string }
)

// writeHTML writes a page that needs nothing but itself, and reads well without its script, which only
// chooses what is shown.
func writeHTML(w io.Writer, result lint.Result, o Options) error {
	page, err := htmlTemplate()
	if err != nil {
		return err
	}
	data, err := o.htmlPage(result)
	if err != nil {
		return err
	}
	return page.Execute(w, data)
}

func (o Options) htmlPage(result lint.Result) (*htmlPage, error) {
	p := &htmlPage{Summary: summary(result), Version: o.Version}
	picture, err := o.drawPicture()
	if err != nil {
		return nil, err
	}
	if len(picture) > htmlPictureBytes {
		picture = ""
		p.LeftOut = append(p.LeftOut, "the picture is too big for a page")
	}
	p.addParts(picture)

	shown := withinHTMLLimit(result.Diagnostics)
	if left := len(result.Diagnostics) - len(shown); left > 0 {
		p.LeftOut = append(p.LeftOut, count(left, "finding")+" more, none graver than those shown: see the other formats")
	}
	for _, s := range []lint.Severity{lint.Error, lint.Warning, lint.Info} {
		p.Counts = append(p.Counts, htmlCount{s.String(), result.Count(s), lint.Result{Diagnostics: shown}.Count(s)})
	}
	p.Files = o.htmlFiles(shown)
	if left := addSources(p.Files); left > 0 {
		p.LeftOut = append(p.LeftOut, "the source of "+count(left, "file")+", in whole or in part")
	}
	o.addFindings(p.Files)
	p.Rules = o.htmlRules(shown)
	p.addLive(o, result.Live)
	return p, nil
}

// addParts adds what a browser must not take for text, and the policy that lets it use these parts and no others.
func (p *htmlPage) addParts(picture string) {
	p.Style = template.HTML("<style>" + htmlStyle + "</style>")
	p.Script = template.HTML("<script>" + htmlScript + "</script>")
	p.Picture = template.HTML(picture)
	styles := hashOf(htmlStyle)
	for _, style := range stylesOf(picture) {
		styles += " " + hashOf(style)
	}
	p.Policy = fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
		styles, hashOf(htmlScript))
}

// Style returns the style sheet of all pages, as an element, and the source that a Content-Security-Policy names it by.
func Style() (element template.HTML, source string) {
	return template.HTML("<style>" + htmlStyle + "</style>"), hashOf(htmlStyle)
}

// hashOf names a text as a Content-Security-Policy does (CSP Level 3, "hash-source").
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// stylesOf returns the style sheets in a picture, as a browser reads them.
func stylesOf(picture string) []string {
	var list []string
	for _, part := range strings.Split(picture, "<style>")[1:] {
		style, _, _ := strings.Cut(part, "</style>")
		list = append(list, html.UnescapeString(style))
	}
	return list
}

func (o Options) drawPicture() (string, error) {
	if o.Picture == nil {
		return "", nil
	}
	var b bytes.Buffer
	err := o.Picture(&b)
	return b.String(), err
}

// withinHTMLLimit returns the findings that a page has room for, the gravest first chosen, in their order.
func withinHTMLLimit(list []lint.Diagnostic) []lint.Diagnostic {
	order := make([]int, len(list))
	for i := range list {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[b].Severity, list[a].Severity) })
	room := htmlFindingBytes
	n := 0
	for n < len(order) && room >= htmlSize(list[order[n]]) {
		room -= htmlSize(list[order[n]])
		n++
	}
	slices.Sort(order[:n])
	var shown []lint.Diagnostic
	for _, i := range order[:n] {
		shown = append(shown, list[i])
	}
	return shown
}

// htmlSize is about how many bytes of text a finding takes.
func htmlSize(d lint.Diagnostic) int {
	const line = 300 // a line of source, and the names of places
	size := 3*line + len(d.Message) + len(d.Hint) + len(d.At.File.Path)
	for _, note := range d.Notes {
		size += len(note)
	}
	for _, r := range d.Related {
		size += line + len(r.Message) + len(r.At.File.Path)
	}
	if d.Fix != nil {
		size += len(d.Fix.Title)
		for _, e := range d.Fix.Edits {
			size += line + min(len(e.New), htmlFixBytes)
		}
	}
	return size
}

// htmlFiles returns the files that have findings. Two texts read under one name are two files.
func (o Options) htmlFiles(shown []lint.Diagnostic) []*htmlFile {
	var list []*htmlFile
	for _, f := range byFile(lint.Result{Diagnostics: shown}) {
		first := len(list)
		for _, d := range f.found {
			of := slices.IndexFunc(list[first:], func(h *htmlFile) bool {
				return h.file == d.At.File || h.file.Src == d.At.File.Src
			})
			if of < 0 {
				of = len(list) - first
				list = append(list, &htmlFile{ID: fmt.Sprintf("file%d", len(list)+1), Path: clean(o.path(f.path)), file: d.At.File})
			}
			list[first+of].found = append(list[first+of].found, d)
		}
	}
	n := 0
	for _, f := range list {
		for range f.found {
			n++
			f.Findings = append(f.Findings, htmlFinding{ID: fmt.Sprintf("finding%d", n)})
		}
	}
	return list
}

// addFindings fills in the findings, when it is known which lines the page shows.
func (o Options) addFindings(files []*htmlFile) {
	lines := map[string]string{} // the line's ID by its name
	for _, f := range files {
		for _, line := range f.Source {
			lines[fmt.Sprintf("%s:%d", f.file.Path, line.Number)] = line.ID
		}
	}
	place := func(at syntax.Ref, message string) htmlPlace {
		return htmlPlace{clean(o.place(at)), lines[fmt.Sprintf("%s:%d", at.File.Path, at.Position().Line)], message}
	}
	secrets := secretFinder{}
	for _, f := range files {
		for i, d := range f.found {
			out := &f.Findings[i]
			out.Severity, out.Rule = d.Severity.String(), d.Rule
			out.Message, out.Effect, out.Hint, out.Notes = d.Message, effect(d), d.Hint, d.Notes
			out.Place = place(d.At, "")
			out.Before, out.Marked, out.After = excerptParts(d.At, secrets.near(d.At))
			out.Before = strings.TrimLeft(out.Before, " ")
			for _, r := range places(d) {
				out.Places = append(out.Places, place(r.At, r.Message))
			}
			out.Fix = o.htmlFix(d, secrets)
		}
	}
}

// htmlRules documents the rules that found something.
func (o Options) htmlRules(shown []lint.Diagnostic) []htmlRule {
	found := map[string]int{}
	for _, d := range shown {
		found[d.Rule]++
	}
	var list []htmlRule
	for _, id := range rulesOf(shown) {
		out := htmlRule{ID: id, Found: found[id]}
		if o.Rule != nil {
			out.document(o.Rule(id).Rule)
		}
		list = append(list, out)
	}
	return list
}

func (h *htmlRule) document(rule *lint.Rule) {
	doc := rule.Doc
	h.Severity, h.Symptom, h.Title, h.Links = rule.Severity.String(), string(rule.Symptom), doc.Title, doc.Links
	h.Why, h.How = paragraphs(doc.Why), paragraphs(doc.How)
	example := func(title, text string) {
		h.Examples = append(h.Examples, htmlExample{title, strings.ReplaceAll(text, "\t", "    ")})
	}
	for _, f := range doc.Beside {
		example("Beside it, "+f.Name, f.Text)
	}
	for _, dialect := range syntax.Dialects() {
		if rule.Serves(dialect) {
			example("Bad, "+dialect.Product(), doc.Bad.For(dialect))
			example("Good, "+dialect.Product(), doc.Good.For(dialect))
		}
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
