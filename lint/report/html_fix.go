package report

import (
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/safe"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// htmlFixBytes is up to how many bytes of text a change is shown.
const htmlFixBytes = 8 << 10

// The types below are a repair as the page shows it.
type (
	htmlFix struct {
		Title   string
		Safe    bool
		Changes []htmlChange
		TooLong bool // some are not shown
	}
	// htmlChange is the lines of a file that a repair takes away and puts in their place.
	htmlChange struct {
		Place    string
		Old, New []string
	}
)

func (o Options) htmlFix(d lint.Diagnostic, secrets secretFinder) *htmlFix {
	if d.Fix == nil {
		return nil
	}
	out := &htmlFix{Title: d.Fix.Title, Safe: d.Fix.Safe}
	known := secrets.quoted(d)
	room := htmlFixBytes
	for _, edits := range editsOfLines(d.Fix.Edits) {
		around := linesAround(edits)
		size := int(around.Span.End - around.Span.Start)
		for _, e := range edits {
			size += len(e.New)
		}
		if room -= size; room < 0 {
			out.TooLong = true
			break
		}
		change := htmlChange{
			Place: clean(o.place(edits[0].At)),
			Old:   safeLines(around.Text(), known),
			New:   safeLines(lint.Edited(around, edits), known),
		}
		change.trim()
		out.Changes = append(out.Changes, change)
	}
	return out
}

// editsOfLines parts edits in order into groups that stand on the same lines. Those of overlapping edits, which
// nobody could make, are none.
func editsOfLines(edits []lint.Edit) [][]lint.Edit {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b lint.Edit) int {
		if a.At.File != b.At.File {
			return strings.Compare(a.At.File.Path, b.At.File.Path)
		}
		return int(a.At.Span.Start - b.At.Span.Start)
	})
	var groups [][]lint.Edit
	for i, e := range edits {
		if i > 0 && e.At.File == edits[i-1].At.File {
			before := edits[i-1].At
			if e.At.Span.Start < before.Span.End {
				return nil
			}
			if e.At.File.Line(e.At.Span.Start) == before.File.Line(before.Span.End) {
				groups[len(groups)-1] = append(groups[len(groups)-1], e)
				continue
			}
		}
		groups = append(groups, []lint.Edit{e})
	}
	return groups
}

// linesAround returns the lines that edits stand on, from where their statement may start, since it tells what is
// secret in it.
func linesAround(edits []lint.Edit) syntax.Ref {
	first, last := edits[0].At, edits[len(edits)-1].At
	start := statementAround(first).Span.Start
	end := last.File.LineSpan(last.File.Line(last.Span.End)).End
	return first.File.Ref(syntax.Span{Start: min(start, first.Span.Start), End: max(end, last.Span.End)})
}

// safeLines returns the lines of a text as they may be shown.
func safeLines(text string, known []string) []string {
	lines := strings.Split(safe.Mask(text, known), "\n")
	for i, line := range lines {
		line = strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", strings.Repeat(" ", tabWidth))
		lines[i] = safe.Clean(safe.Mask(line, nil))
	}
	return lines
}

// trim leaves out lines at both ends that stay as they are.
func (c *htmlChange) trim() {
	for len(c.Old) > 0 && len(c.New) > 0 && c.Old[0] == c.New[0] {
		c.Old, c.New = c.Old[1:], c.New[1:]
	}
	for len(c.Old) > 0 && len(c.New) > 0 && c.Old[len(c.Old)-1] == c.New[len(c.New)-1] {
		c.Old, c.New = c.Old[:len(c.Old)-1], c.New[:len(c.New)-1]
	}
}
