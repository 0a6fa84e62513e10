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

// markEvery is how many bytes of a long line lie between two places that are remembered: many findings
// on one line would otherwise take quadratic time.
const markEvery = 4096

// mark is a place whose columns are known.
type mark struct {
	at  Pos
	pos Position
}

// Position returns the line and columns of offset p. Lines end at LF alone, as both proxies count them.
func (f *File) Position(p Pos) Position {
	line := f.lineIndex(p)
	from := mark{f.lines[line], Position{Line: line + 1, Byte: 1, Rune: 1, UTF16: 1}}
	if p-from.at < markEvery {
		return f.count(from, p)
	}
	f.marking.Lock()
	defer f.marking.Unlock()
	marks := f.marks[line]
	if marks == nil {
		marks = []mark{from}
	}
	for last := marks[len(marks)-1]; p-last.at >= markEvery; last = marks[len(marks)-1] {
		next := last.at + markEvery
		for int(next) < len(f.Src) && next < p && !utf8.RuneStart(f.Src[next]) {
			next++
		}
		marks = append(marks, mark{next, f.count(last, next)})
	}
	if f.marks == nil {
		f.marks = map[int][]mark{}
	}
	f.marks[line] = marks
	i := sort.Search(len(marks), func(i int) bool { return marks[i].at > p }) - 1
	return f.count(marks[i], p)
}

// count goes on from a mark of the same line to p.
func (f *File) count(from mark, p Pos) Position {
	pos, text := from.pos, f.Src[from.at:p]
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
	f.indexing.Do(f.index)
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
	f.indexing.Do(f.index)
	n := len(f.lines)
	if n > 1 && int(f.lines[n-1]) == len(f.Src) {
		n--
	}
	return n
}

func (f *File) lineIndex(p Pos) int {
	f.indexing.Do(f.index)
	return sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > p }) - 1
}

func (f *File) index() {
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
