package logs

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"sync"

	"github.com/proxylint/proxylint/lint/report"
)

//go:embed page.tmpl
var pageText string

// pageTemplate is not read before it is needed.
var pageTemplate = sync.OnceValues(func() (*template.Template, error) {
	return template.New("page").Parse(pageText)
})

// The types below are what page.tmpl shows, in its order.
type (
	page struct {
		Policy  string // Content-Security-Policy: nothing is loaded, and nothing runs
		Style   template.HTML
		Summary string
		Shares  []share
		Groups  []pageGroup
	}
	pageGroup struct {
		Severity, Head, Place, Times, Bars string
		Notes                              []string
	}
)

// WriteHTML writes one page that needs no other file.
func WriteHTML(w io.Writer, r Report) error {
	t, err := pageTemplate()
	if err != nil {
		return err
	}
	style, source := report.Style()
	p := page{
		Policy: fmt.Sprintf("default-src 'none'; style-src %s; base-uri 'none'; form-action 'none'", source),
		Style:  style, Summary: r.summary(), Shares: r.Summary.Lost().shares(),
	}
	groups := r.Summary.Groups()
	whole := spanOf(groups)
	for _, g := range groups {
		times, bars := g.when(whole)
		p.Groups = append(p.Groups, pageGroup{g.Cause.Info().Level.String(), g.head(), g.place(&r), times, bars, g.notes(&r)})
	}
	return t.Execute(w, p)
}
