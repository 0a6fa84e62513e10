package report

import (
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// EditorFinding is a diagnostic as an editor shows it. Its texts are safe, see [Write]; the last of its Related is
// where the proxy stops, if that is elsewhere.
type EditorFinding struct {
	lint.Diagnostic
	Text     string // what is wrong, what follows, and the hint, a line each
	URL      string // where the rule is documented
	NoEffect bool   // the proxy passes over the words
}

// ForEditor returns diagnostics as an editor shows them.
func ForEditor(list []lint.Diagnostic) []EditorFinding {
	findings := make([]EditorFinding, len(list))
	secrets := secretFinder{}
	for i, d := range list {
		d = makeSafe(d, secrets)
		d.Related = places(d)
		findings[i] = EditorFinding{
			Diagnostic: d,
			Text:       strings.Join(append([]string{d.Message}, advice(d)...), "\n"),
			URL:        RuleURL(d.Rule),
			NoEffect:   d.Symptom == noEffect,
		}
	}
	return findings
}
