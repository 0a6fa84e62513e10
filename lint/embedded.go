package lint

import (
	"slices"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// moveToDisk moves all findings in texts that lie inside other files to the files on disk.
func (r *Result) moveToDisk() {
	if !slices.ContainsFunc(r.Diagnostics, func(d Diagnostic) bool { return isEmbedded(d.At) }) {
		return
	}
	for i, d := range r.Diagnostics {
		r.Diagnostics[i] = onDisk(d)
	}
	r.Diagnostics = sortAndDedup(r.Diagnostics)
}

// onDisk moves all places of a diagnostic from texts that lie inside other files to the files on disk.
func onDisk(d Diagnostic) Diagnostic {
	if d.Fix != nil && isEmbedded(d.At) {
		d.Fix = d.Fix.onDisk()
	}
	d.At, d.Stops = d.At.Outer(), d.Stops.Outer()
	if slices.ContainsFunc(d.Related, func(r Related) bool { return isEmbedded(r.At) }) {
		d.Related = slices.Clone(d.Related)
		for i, r := range d.Related {
			d.Related[i].At = r.At.Outer()
		}
	}
	return d
}

func isEmbedded(r syntax.Ref) bool { return r.File != nil && r.File.Origin != nil }

// onDisk returns the same repair of the files on disk; nil when there is none.
func (f *Fix) onDisk() *Fix {
	fix := &Fix{Title: f.Title, Safe: f.Safe}
	for _, edit := range f.Edits {
		text, ok := edit.At.OuterText(edit.New)
		if !ok {
			return nil
		}
		fix.Edits = append(fix.Edits, Edit{At: edit.At.Outer(), New: text})
	}
	return fix
}
