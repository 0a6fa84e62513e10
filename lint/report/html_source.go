package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/proxylint/proxylint/parsers/syntax"
)

const (
	// A configuration up to these sizes is shown whole; of others, and of files that proxylint only takes
	// facts from, the lines near the findings.
	htmlWholeBytes = 64 << 10
	htmlWholeLines = 2000
	htmlContext    = 3 // lines before and after

	htmlLineMarkup = 100 // what a line takes beside its text
)

// htmlLine is one line of source.
type htmlLine struct {
	ID      string
	Number  int
	Skipped bool // lines before it are not shown
	Parts   []htmlPart
}

// htmlPart is a part of a line; Finding is the one whose place it is, or nil.
type htmlPart struct {
	Text    string
	Finding *htmlFinding
}

// addSources adds the source of files that have findings, as long as there is room, and returns how many are not
// shown as far as they should be.
func addSources(files []*htmlFile) (left int) {
	room := htmlSourceBytes
	for _, f := range files {
		if !f.addSource(&room) {
			left++
		}
	}
	return left
}

// addSource reports whether there was room for all.
func (f *htmlFile) addSource(room *int) bool {
	marks := map[int][]int{} // indices into found, by line
	for i, d := range f.found {
		n := d.At.Position().Line
		marks[n] = append(marks[n], i)
	}
	secrets := secretFinder{}
	last := 0
	for _, n := range f.linesToShow() {
		line := f.line(n, marks[n], secrets)
		for _, part := range line.Parts {
			*room -= len(part.Text)
		}
		if *room -= htmlLineMarkup; *room < 0 {
			return false
		}
		line.Skipped = n > last+1
		last = n
		f.Source = append(f.Source, line)
	}
	return true
}

// linesToShow returns the numbers of all lines, or of those near findings.
func (f *htmlFile) linesToShow() []int {
	total := f.file.Lines()
	var list []int
	add := func(from, to int) {
		if len(list) > 0 {
			from = max(from, list[len(list)-1]+1)
		}
		for n := max(from, 1); n <= min(to, total); n++ {
			list = append(list, n)
		}
	}
	if len(f.file.Stmts) > 0 && len(f.file.Src) <= htmlWholeBytes && total <= htmlWholeLines {
		add(1, total)
		return list
	}
	for _, d := range f.found {
		n := d.At.Position().Line
		add(n-htmlContext, n+htmlContext)
	}
	return list
}

// line lays out line n, with the places of findings that start on it. A longer line is cut.
func (f *htmlFile) line(n int, marks []int, secrets secretFinder) htmlLine {
	span := f.file.LineSpan(n)
	start := f.file.Ref(syntax.Span{Start: span.Start, End: span.Start})
	shown := charactersNear(start, span)
	cells := layOut(f.file, shown, secrets.near(start))
	if shown.End == span.End {
		cells[len(cells)-1].text = " " // for a place at the end of the line
	} else {
		cells[len(cells)-1].text = "…"
	}
	line := htmlLine{ID: fmt.Sprintf("%s-%d", f.ID, n), Number: n}
	from := 0
	owners := f.owners(cells, marks)
	for i := range cells {
		if i+1 == len(cells) || owners[i+1] != owners[i] {
			line.Parts = append(line.Parts, htmlPart{textOf(cells[from : i+1]), owners[i]})
			from = i + 1
		}
	}
	return line
}

// owners returns the finding that each cell belongs to: of several, the one with the shortest place.
func (f *htmlFile) owners(cells []cell, marks []int) []*htmlFinding {
	length := func(i int) syntax.Pos { return f.found[i].At.Span.End - f.found[i].At.Span.Start }
	marks = slices.Clone(marks)
	slices.SortFunc(marks, func(a, b int) int {
		return cmp.Or(cmp.Compare(length(b), length(a)), cmp.Compare(b, a))
	})
	owners := make([]*htmlFinding, len(cells))
	for _, i := range marks {
		span := f.found[i].At.Span
		if span.Start > cells[len(cells)-1].at {
			continue // behind the cut
		}
		from, to := covered(cells, span)
		for at := from; at < max(to, from+1); at++ {
			owners[at] = &f.Findings[i]
		}
	}
	return owners
}
