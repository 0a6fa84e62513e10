package report

import (
	"io"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// The types below are a GitLab Code Quality report (docs.gitlab.com/ci/testing/code_quality, "Code
// Quality report format").
type (
	gitlabFinding struct {
		Description string         `json:"description"`
		CheckName   string         `json:"check_name"`
		Fingerprint string         `json:"fingerprint"`
		Severity    string         `json:"severity"`
		Location    gitlabLocation `json:"location"`
	}
	gitlabLocation struct {
		Path  string      `json:"path"`
		Lines gitlabLines `json:"lines"`
	}
	gitlabLines struct {
		Begin int `json:"begin"`
		End   int `json:"end"`
	}
)

var gitlabSeverities = [...]string{lint.Info: "info", lint.Warning: "minor", lint.Error: "major"}

// writeGitLab writes a Code Quality report. A description is one line.
func writeGitLab(w io.Writer, result lint.Result, o Options) error {
	prints := o.fingerprints(result.Diagnostics)
	out := []gitlabFinding{}
	for i, d := range result.Diagnostics {
		out = append(out, gitlabFinding{
			Description: strings.Join(append([]string{d.Message}, advice(d)...), "; "),
			CheckName:   d.Rule,
			Fingerprint: prints[i],
			Severity:    gitlabSeverities[d.Severity],
			Location: gitlabLocation{
				Path:  o.path(d.At.File.Path),
				Lines: gitlabLines{d.At.Position().Line, d.At.File.Line(d.At.Span.End)},
			},
		})
	}
	return encodeJSON(w, out)
}
