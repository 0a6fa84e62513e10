package report

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/safe"
)

// Safe returns diagnostics as every format shows them: secrets masked, and all that can't be seen made visible.
func Safe(found []lint.Diagnostic) []lint.Diagnostic {
	list := make([]lint.Diagnostic, len(found))
	secrets := secretFinder{}
	for i, d := range found {
		list[i] = makeSafe(d, secrets)
	}
	return list
}

// makeSafe masks and cleans every text of a diagnostic that people read. Places and the text of
// edits stay: programs need them as they are.
func makeSafe(d lint.Diagnostic, secrets secretFinder) lint.Diagnostic {
	known := secrets.quoted(d)
	text := func(s string) string { return safe.Clean(safe.Mask(s, known)) }

	d.Message, d.Hint = text(d.Message), text(d.Hint)
	d.Symptom = lint.Symptom(clean(string(d.Symptom)))
	notes := make([]string, len(d.Notes))
	for i, note := range d.Notes {
		notes[i] = text(note)
	}
	d.Notes = notes
	related := make([]lint.Related, len(d.Related))
	for i, r := range d.Related {
		related[i] = lint.Related{At: r.At, Message: text(r.Message)}
	}
	d.Related = related
	if d.Fix != nil {
		fix := *d.Fix
		fix.Title = text(fix.Title)
		d.Fix = &fix
	}
	return d
}

func clean(s string) string { return safe.Clean(s) }

func width(r rune) int { return safe.Width(r) }

func linePath(path string) string { return safe.LineStart(path) }
