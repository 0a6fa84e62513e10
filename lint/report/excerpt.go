package report

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/proxylint/proxylint/lint/safe"
	"github.com/proxylint/proxylint/parsers/syntax"
)

const (
	tabWidth     = 8
	excerptWidth = 120  // columns of source shown at most
	excerptLead  = 40   // columns shown before a place that would be out of sight
	excerptBytes = 1024 // of source looked at on either side of a place
)

// excerpt returns the source line that a place starts on, as it is shown, and the line of carets to
// stand under it. A place that spans several lines is marked to the end of its first. The secrets are
// those near the place, in order.
func excerpt(at syntax.Ref, secrets []syntax.Span) (source, carets string) {
	line := at.File.LineSpan(at.File.Line(at.Span.Start))
	shown := charactersNear(at, line)
	cells := layOut(at.File, shown, secrets)
	last := len(cells) - 1
	from := max(0, sort.Search(len(cells), func(i int) bool { return cells[i].at > at.Span.Start })-1)
	to := from + sort.Search(last-from, func(i int) bool { return cells[from+i].at >= at.Span.End })
	first, end := window(cells, from, to)

	var b strings.Builder
	indent := cells[from].column - cells[first].column
	if first > 0 || shown.Start > line.Start {
		b.WriteString("…")
		indent++
	}
	for _, c := range cells[first:end] {
		b.WriteString(c.text)
	}
	if end < last || shown.End < line.End {
		b.WriteString("…")
	}
	marked := cells[min(to, end)].column - cells[from].column
	return strings.TrimRight(b.String(), " "), strings.Repeat(" ", indent) + strings.Repeat("^", max(1, marked))
}

// charactersNear returns the part of a line near a place, in whole characters.
func charactersNear(at syntax.Ref, line syntax.Span) syntax.Span {
	near := syntax.Span{
		Start: max(line.Start, at.Span.Start-excerptBytes),
		End:   min(line.End, at.Span.Start+excerptBytes),
	}
	near.Start = min(near.Start, near.End)
	for range utf8.UTFMax - 1 {
		if near.Start > line.Start && near.Start < near.End && !utf8.RuneStart(at.File.Src[near.Start]) {
			near.Start++
		}
		if near.End < line.End && near.End > near.Start && !utf8.RuneStart(at.File.Src[near.End]) {
			near.End--
		}
	}
	return near
}

// cell is one character of the source, or one secret, as it is shown.
type cell struct {
	at     syntax.Pos // where it starts in the source
	column int        // where it starts on the screen, from 0
	text   string
}

// layOut returns the cells of a part of a line, and an empty one that marks their end.
func layOut(f *syntax.File, part syntax.Span, secrets []syntax.Span) []cell {
	var cells []cell
	column := 0
	add := func(at syntax.Pos, text string) {
		cells = append(cells, cell{at, column, text})
		for _, r := range text {
			column += width(r)
		}
	}
	for p := part.Start; p < part.End; {
		for len(secrets) > 0 && secrets[0].End <= p {
			secrets = secrets[1:]
		}
		rest := f.Src[p:part.End]
		switch {
		case len(secrets) > 0 && secrets[0].Start <= p:
			add(p, safe.Masked)
			p = secrets[0].End
		case rest[0] == '\t':
			add(p, strings.Repeat(" ", tabWidth-column%tabWidth))
			p++
		default:
			text, n := safe.Visible(rest)
			add(p, text)
			p += syntax.Pos(n)
		}
	}
	add(part.End, "")
	return cells
}

// window returns the range of cells to show, so that the place from..to is in sight.
func window(cells []cell, from, to int) (first, end int) {
	last := len(cells) - 1
	if cells[last].column <= excerptWidth {
		return 0, last
	}
	const room = excerptWidth - 2 // for the marks where it is cut
	if cells[to].column > room {
		first = sort.Search(from, func(i int) bool { return cells[i].column >= cells[from].column-excerptLead })
	}
	end = sort.Search(last+1, func(i int) bool { return cells[i].column > cells[first].column+room }) - 1
	return first, end
}
