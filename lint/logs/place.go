package logs

import (
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/safe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// place is where something stands in a configuration. Lines and columns, in code points, count from 1.
type place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// String returns path:line:column.
func (p place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// place returns where something begins on disk, its path relative to the report's folder if it lies below.
func (r *Report) place(at syntax.Ref) place {
	at = at.Outer()
	position := at.Position()
	return place{safe.Clean(safe.Path(at.File.Path, r.Dir)), position.Line, position.Rune}
}

// place returns where the group stands; "" where nothing is known of it.
func (g *Group) place(r *Report) string {
	if g.Site == nil || g.Site.At().IsZero() {
		return ""
	}
	return r.place(g.Site.At()).String()
}

// notes tell of the configuration what explains a group.
func (s *Site) notes(r *Report) []string {
	if s == nil {
		return nil
	}
	var notes []string
	if stale := s.stale(); stale != "" {
		notes = append(notes, stale)
	}
	if s.Route != nil && r.place(s.Route.At).Line != r.place(s.At()).Line {
		notes = append(notes, r.place(s.Route.At).String()+": "+routeText(s.Route))
	}
	if answers := s.answers(); answers != "" {
		notes = append(notes, answers)
	}
	for _, d := range s.Findings {
		notes = append(notes, findingText(r, d))
		if d.Hint != "" {
			notes = append(notes, "hint: "+d.Hint)
		}
	}
	return notes
}

// stale tells what the configuration does not have, or what its name does not lead to; "": nothing.
func (s *Site) stale() string {
	switch {
	case s == nil || s.Stale == "":
		return ""
	case s.Now != "":
		return fmt.Sprintf("%s is stale: %s", clean(s.Stale), clean(s.Now))
	}
	return clean(s.Stale) + " is not in the configuration any more"
}

func findingText(r *Report, d lint.Diagnostic) string {
	return fmt.Sprintf("%s: %s: %s [%s]", r.place(d.At), d.Severity, d.Message, d.Rule)
}

// routeText returns the line that leads to the upstream, in the file's own words, with its location.
func routeText(r *proxy.Route) string {
	words := make([]string, 0, len(r.Stmt.Words))
	for _, word := range r.Stmt.Words {
		words = append(words, r.Stmt.File.Raw(word))
	}
	text := strings.Join(words, " ")
	if r.Match.Kind != proxy.MatchIf && r.Match.Text != "" {
		text += ", location " + r.Match.Text
	}
	return clean(text)
}
