package lint

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Repairs are the edits that mend findings.
type Repairs struct {
	Files []FileRepair // by target
	Fixed int          // findings that the edits mend
	// Findings that have a repair which is not among the edits:
	Overlapping int // one taken before edits the same place
	Outside     int // a file may not be edited
	Unsafe      int // it may change the meaning of what works
}

// FileRepair is the edits of one file.
type FileRepair struct {
	File   *syntax.File
	Target string // the file to write
	Edits  []Edit // in order, none overlaps another
}

// Text returns the file's text after the edits.
func (f FileRepair) Text() string {
	return Edited(f.File.Ref(syntax.Span{End: syntax.Pos(len(f.File.Src))}), f.Edits)
}

// Edited returns what stands at a place after edits inside it, which must be in order and not overlap.
func Edited(at syntax.Ref, edits []Edit) string {
	var b strings.Builder
	from := at.Span.Start
	for _, e := range edits {
		b.WriteString(at.File.Src[from:e.At.Span.Start] + e.New)
		from = e.At.Span.End
	}
	b.WriteString(at.File.Src[from:at.Span.End])
	return b.String()
}

// Repair gathers the safe fixes of findings, or all of them. Of two that overlap, the first is taken, and of each
// fix all edits or none. target gives the file to write, the same for all names of a file; "" forbids to.
func Repair(findings []Diagnostic, unsafe bool, target func(*syntax.File) string) Repairs {
	var r Repairs
	taken := editsOf{}
	for _, d := range findings {
		switch {
		case d.Fix == nil:
		case !d.Fix.Safe && !unsafe:
			r.Unsafe++
		case slices.ContainsFunc(d.Fix.Edits, func(e Edit) bool { return target(e.At.File) == "" }):
			r.Outside++
		case !taken.take(editsByTarget(d.Fix.Edits, target)):
			r.Overlapping++
		default:
			r.Fixed++
		}
	}
	for to, edits := range taken {
		r.Files = append(r.Files, FileRepair{File: edits[0].At.File, Target: to, Edits: edits})
	}
	slices.SortFunc(r.Files, func(a, b FileRepair) int { return cmp.Compare(a.Target, b.Target) })
	return r
}

// editsOf holds the edits of each target, in order.
type editsOf map[string][]Edit

func editsByTarget(edits []Edit, target func(*syntax.File) string) editsOf {
	list := editsOf{}
	for _, e := range edits {
		to := target(e.At.File)
		list[to] = append(list[to], e)
	}
	for to, edits := range list {
		slices.SortStableFunc(edits, compareEdits)
		list[to] = slices.CompactFunc(edits, sameEdit)
	}
	return list
}

// take adds the edits of a fix, if none of them overlaps another.
func (taken editsOf) take(fix editsOf) bool {
	for to, edits := range fix {
		for i, e := range edits {
			if i > 0 && overlap(edits[i-1], e) || !taken.hasRoom(to, e) {
				return false
			}
		}
	}
	for to, edits := range fix {
		for _, e := range edits {
			list := taken[to]
			at := place(list, e)
			if at == len(list) || !sameEdit(list[at], e) {
				taken[to] = slices.Insert(list, at, e)
			}
		}
	}
	return true
}

// hasRoom reports whether an edit overlaps none that was taken, or is one of them.
func (taken editsOf) hasRoom(to string, e Edit) bool {
	list := taken[to]
	if len(list) > 0 && len(list[0].At.File.Src) != len(e.At.File.Src) {
		return false // the file changed between two readings
	}
	at := place(list, e)
	if at < len(list) && sameEdit(list[at], e) {
		return true
	}
	return (at == 0 || !overlap(list[at-1], e)) && (at == len(list) || !overlap(e, list[at]))
}

// place returns where an edit stands among ordered ones, or would.
func place(list []Edit, e Edit) int {
	return sort.Search(len(list), func(i int) bool { return compareEdits(list[i], e) >= 0 })
}

func compareEdits(a, b Edit) int {
	return cmp.Or(cmp.Compare(a.At.Span.Start, b.At.Span.Start), cmp.Compare(a.At.Span.End, b.At.Span.End))
}

func sameEdit(a, b Edit) bool { return a.At.Span == b.At.Span && a.New == b.New }

// overlap reports whether two edits, in order, touch the same bytes, or insert at the same place.
func overlap(a, b Edit) bool { return a.At.Span == b.At.Span || a.At.Span.End > b.At.Span.Start }
