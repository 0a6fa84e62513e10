package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/safe"
)

// jsonVersion changes when a field changes its meaning or goes away.
const jsonVersion = 1

// The types below are the JSON output, field by field in its order. schema.json describes them.
type (
	jsonResult struct {
		Version     int              `json:"version"`
		Diagnostics []jsonDiagnostic `json:"diagnostics"`
		Summary     jsonSummary      `json:"summary"`
		Vantage     *jsonVantage     `json:"vantage,omitempty"` // with Live alone
		Live        []jsonLive       `json:"live,omitzero"`
	}
	jsonDiagnostic struct {
		Rule      string        `json:"rule"`
		Severity  string        `json:"severity"`
		Symptom   string        `json:"symptom,omitempty"`
		Dialect   string        `json:"dialect,omitempty"`
		File      string        `json:"file"`
		Line      int           `json:"line"`
		Column    int           `json:"column"`
		EndLine   int           `json:"end_line"`
		EndColumn int           `json:"end_column"`
		Message   string        `json:"message"`
		Hint      string        `json:"hint,omitempty"`
		StopsLine int           `json:"stops_line,omitempty"`
		Related   []jsonRelated `json:"related,omitempty"`
		Notes     []string      `json:"notes,omitempty"`
		Fix       *jsonFix      `json:"fix,omitempty"`
	}
	jsonRelated struct {
		File    string `json:"file"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
		Message string `json:"message"`
	}
	jsonFix struct {
		Title string     `json:"title"`
		Safe  bool       `json:"safe"`
		Edits []jsonEdit `json:"edits"`
	}
	jsonEdit struct {
		File  string `json:"file"`
		Start int    `json:"start"`
		End   int    `json:"end"`
		New   string `json:"new"`
	}
	jsonSummary struct {
		Files      int `json:"files"`
		Errors     int `json:"errors"`
		Warnings   int `json:"warnings"`
		Infos      int `json:"infos"`
		Suppressed int `json:"suppressed"`
	}
)

// writeJSON writes the object that schema.json describes.
func writeJSON(w io.Writer, result lint.Result, o Options) error {
	out := jsonResult{
		Version:     jsonVersion,
		Diagnostics: []jsonDiagnostic{},
		Summary: jsonSummary{
			Files:      len(result.Files),
			Errors:     result.Count(lint.Error),
			Warnings:   result.Count(lint.Warning),
			Infos:      result.Count(lint.Info),
			Suppressed: result.Suppressed,
		},
	}
	for _, d := range result.Diagnostics {
		out.Diagnostics = append(out.Diagnostics, o.jsonDiagnostic(d))
	}
	if result.Live != nil {
		out.Vantage, out.Live = newJSONVantage(result.Live), o.jsonLive(result.Live)
	}
	return encodeJSON(w, out)
}

// encodeJSON writes a value as JSON that can be shown on a terminal.
func encodeJSON(w io.Writer, v any) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	return writeEscaped(w, b.String())
}

func (o Options) jsonDiagnostic(d lint.Diagnostic) jsonDiagnostic {
	start, end := d.At.Position(), d.At.File.Position(d.At.Span.End)
	out := jsonDiagnostic{
		Rule:      d.Rule,
		Severity:  d.Severity.String(),
		Symptom:   string(d.Symptom),
		Dialect:   d.At.File.Dialect.String(),
		File:      o.path(d.At.File.Path),
		Line:      start.Line,
		Column:    start.Rune,
		EndLine:   end.Line,
		EndColumn: end.Rune,
		Message:   d.Message,
		Hint:      d.Hint,
		Notes:     d.Notes,
		Fix:       o.jsonFix(d.Fix),
	}
	if d.Stops.File == d.At.File {
		out.StopsLine = d.Stops.Position().Line
	}
	for _, r := range d.Related {
		p := r.At.Position()
		out.Related = append(out.Related, jsonRelated{o.path(r.At.File.Path), p.Line, p.Rune, r.Message})
	}
	return out
}

func (o Options) jsonFix(fix *lint.Fix) *jsonFix {
	if fix == nil {
		return nil
	}
	out := &jsonFix{Title: fix.Title, Safe: fix.Safe, Edits: []jsonEdit{}}
	for _, e := range fix.Edits {
		out.Edits = append(out.Edits, jsonEdit{
			File:  o.path(e.At.File.Path),
			Start: int(e.At.Span.Start),
			End:   int(e.At.Span.End),
			New:   e.New,
		})
	}
	return out
}

// writeEscaped writes JSON with \u escapes for what must not reach a terminal or a CI runner as it
// is. The values stay the same.
func writeEscaped(w io.Writer, text string) error {
	b := bufio.NewWriter(w)
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if r != '\n' && !safe.IsVisible(r) || safe.StartsCommand(text) {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(b, `\u%04x`, unit)
			}
		} else {
			b.WriteString(text[:n])
		}
		text = text[n:]
	}
	return b.Flush()
}
