package lint

import (
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// fitTemplate makes a diagnostic one of a template: what is yet to be written shows as an ellipsis in its texts, and no
// repair writes over a mark.
func fitTemplate(d Diagnostic) Diagnostic {
	d.Message, d.Hint = ellipses(d.Message), ellipses(d.Hint)
	d.Related = slices.Clone(d.Related)
	for i := range d.Related {
		d.Related[i].Message = ellipses(d.Related[i].Message)
	}
	if d.Fix != nil && slices.ContainsFunc(d.Fix.Edits, overwrites) {
		d.Fix = nil
	}
	return d
}

// overwrites reports whether an edit replaces a mark of a template, or writes what stands for one.
func overwrites(e Edit) bool {
	was := e.At.File.Scanned()[e.At.Span.Start:e.At.Span.End]
	return syntax.HasFilling(e.New) || syntax.HasFilling(was) || strings.IndexByte(was, syntax.Known) >= 0
}

// ellipses puts one ellipsis in place of each run of bytes that stand for marks.
func ellipses(s string) string {
	if !syntax.HasFilling(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexAny(s, string(syntax.Silent)+string(syntax.Filling))
		if n < 0 {
			n = len(s)
		}
		b.WriteString(s[:n])
		if s = s[n:]; s != "" {
			b.WriteString("…")
			s = strings.TrimLeft(s, string(syntax.Silent)+string(syntax.Filling))
		}
	}
	return b.String()
}
