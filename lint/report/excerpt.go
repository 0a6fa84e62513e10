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
	before, marked, after := excerptParts(at, secrets)
	source = strings.TrimRight(before+marked+after, " ")
	return source, strings.Repeat(" ", columns(before)) + strings.Repeat("^", max(1, columns(marked)))
}

// excerptParts returns that source line in three parts, of which the second is the place.
func excerptParts(at syntax.Ref, secrets []syntax.Span) (before, marked, after string) {
	line := at.File.LineSpan(at.File.Line(at.Span.Start))
	shown := charactersNear(at, line)
	cells := layOut(at.File, shown, secrets)
	last := len(cells) - 1
	from, to := covered(cells, at.Span)
	first, end := window(cells, from, to)
	to = min(to, end)

	before, marked, after = textOf(cells[first:from]), textOf(cells[from:to]), textOf(cells[to:end])
	if first > 0 || shown.Start > line.Start {
		before = "…" + before
	}
	if end < last || shown.End < line.End {
		after += "…"
	}
	return before, marked, after
}

// covered returns the range of cells that show a span; a span that starts inside a secret covers all of it.
func covered(cells []cell, span syntax.Span) (from, to int) {
	from = max(0, sort.Search(len(cells), func(i int) bool { return cells[i].at > span.Start })-1)
	rest := cells[from : len(cells)-1]
	return from, from + sort.Search(len(rest), func(i int) bool { return rest[i].at >= span.End })
}

func textOf(cells []cell) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString(c.text)
	}
	return b.String()
}

// columns returns how many columns a text takes up.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += width(r)
	}
	return n
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
		column += columns(text)
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
