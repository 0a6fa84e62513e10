package syntax

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// Position is a place as people and editors count it. All fields start at 1.
// A byte that is not valid UTF-8 counts as one rune and one UTF-16 unit.
type Position struct {
	Line  int
	Byte  int // column in bytes
	Rune  int // column in Unicode code points
	UTF16 int // column in UTF-16 units, as the Language Server Protocol counts
}

// Position returns the line and columns of offset p. Lines end at LF alone, as both proxies count them.
func (f *File) Position(p Pos) Position {
	line := f.lineIndex(p)
	pos, at := Position{Line: line + 1, Byte: 1, Rune: 1, UTF16: 1}, f.lines[line]
	if f.last.Line == pos.Line && f.lastAt <= p {
		// Going on from there keeps many places on one long line from taking quadratic time.
		pos, at = f.last, f.lastAt
	}
	text := f.Src[at:p]
	pos.Byte += len(text)
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		pos.Rune++
		pos.UTF16++
		if r > 0xFFFF {
			pos.UTF16++
		}
		text = text[n:]
	}
	f.last, f.lastAt = pos, p
	return pos
}

// Line returns the number of the line that holds offset p, from 1.
func (f *File) Line(p Pos) int { return f.lineIndex(p) + 1 }

// LineText returns line n, counted from 1, without its line end.
func (f *File) LineText(n int) string {
	span := f.LineSpan(n)
	return f.Text(span)
}

// LineSpan returns the bytes of line n, counted from 1, without its line end (LF or CRLF).
func (f *File) LineSpan(n int) Span {
	f.index()
	start, end := f.lines[n-1], Pos(len(f.Src))
	if n < len(f.lines) {
		end = f.lines[n] - 1
		if end > start && f.Src[end-1] == '\r' {
			end--
		}
	}
	return Span{start, end}
}

// Lines returns how many lines the file has; the empty rest after a last LF is not one.
func (f *File) Lines() int {
	f.index()
	n := len(f.lines)
	if n > 1 && int(f.lines[n-1]) == len(f.Src) {
		n--
	}
	return n
}

func (f *File) lineIndex(p Pos) int {
	f.index()
	return sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > p }) - 1
}

func (f *File) index() {
	if f.lines != nil {
		return
	}
	f.lines = make([]Pos, 1, 1+strings.Count(f.Src, "\n"))
	for at := 0; ; {
		i := strings.IndexByte(f.Src[at:], '\n')
		if i < 0 {
			return
		}
		at += i + 1
		f.lines = append(f.lines, Pos(at))
	}
}
