package report

import (
	"io"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// The types below are a DiagnosticResult of the Reviewdog Diagnostic Format
// (github.com/reviewdog/reviewdog, proto/rdf/reviewdog.proto). Columns count from 1 in bytes, and a range
// ends before its end.
type (
	rdResult struct {
		Source      rdSource       `json:"source"`
		Diagnostics []rdDiagnostic `json:"diagnostics"`
	}
	rdSource struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	rdDiagnostic struct {
		Message     string         `json:"message"`
		Location    rdLocation     `json:"location"`
		Severity    string         `json:"severity"`
		Code        rdCode         `json:"code"`
		Suggestions []rdSuggestion `json:"suggestions,omitempty"`
		Related     []rdRelated    `json:"relatedLocations,omitempty"`
	}
	rdCode struct {
		Value string `json:"value"`
		URL   string `json:"url"`
	}
	rdRelated struct {
		Message  string     `json:"message"`
		Location rdLocation `json:"location"`
	}
	rdLocation struct {
		Path  string  `json:"path"`
		Range rdRange `json:"range"`
	}
	rdSuggestion struct {
		Range rdRange `json:"range"`
		Text  string  `json:"text"`
	}
	rdRange struct {
		Start rdPosition `json:"start"`
		End   rdPosition `json:"end"`
	}
	rdPosition struct {
		Line   int `json:"line"`
		Column int `json:"column"`
	}
)

func writeRDJSON(w io.Writer, result lint.Result, o Options) error {
	out := rdResult{Source: rdSource{"proxylint", homepage}, Diagnostics: []rdDiagnostic{}}
	for _, d := range result.Diagnostics {
		rd := rdDiagnostic{
			Message:     strings.Join(append([]string{d.Message}, advice(d)...), "\n"),
			Location:    o.rdLocation(d.At),
			Severity:    strings.ToUpper(d.Severity.String()),
			Code:        rdCode{d.Rule, RuleURL(d.Rule)},
			Suggestions: rdSuggestions(d),
		}
		for _, r := range places(d) {
			rd.Related = append(rd.Related, rdRelated{r.Message, o.rdLocation(r.At)})
		}
		out.Diagnostics = append(out.Diagnostics, rd)
	}
	return encodeJSON(w, out)
}

func (o Options) rdLocation(at syntax.Ref) rdLocation {
	return rdLocation{o.path(at.File.Path), rdRangeOf(at)}
}

func rdRangeOf(at syntax.Ref) rdRange {
	start, end := at.Position(), at.File.Position(at.Span.End)
	return rdRange{rdPosition{start.Line, start.Byte}, rdPosition{end.Line, end.Byte}}
}

// rdSuggestions returns the suggestion that a fix amounts to. Each is taken on its own, and in the file
// of the finding, so a fix of several edits or of another file is none.
func rdSuggestions(d lint.Diagnostic) []rdSuggestion {
	if d.Fix == nil || len(d.Fix.Edits) != 1 || d.Fix.Edits[0].At.File != d.At.File {
		return nil
	}
	edit := d.Fix.Edits[0]
	return []rdSuggestion{{rdRangeOf(edit.At), edit.New}}
}
