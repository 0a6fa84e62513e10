package lsp

import (
	"unicode/utf8"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// encoding is how columns are counted.
type encoding string

const (
	utf8Columns  encoding = "utf-8"
	utf16Columns encoding = "utf-16" // what every client understands
)

// position returns the line and column of an offset.
func (e encoding) position(f *syntax.File, p syntax.Pos) position {
	at := f.Position(p)
	column := at.UTF16
	if e == utf8Columns {
		column = at.Byte
	}
	return position{Line: uint32(at.Line - 1), Character: uint32(column - 1)}
}

func (e encoding) span(at syntax.Ref) span {
	return span{e.position(at.File, at.Span.Start), e.position(at.File, at.Span.End)}
}

// offset returns the offset of a position. What lies behind the end of a line is its end, as the protocol says.
func (e encoding) offset(f *syntax.File, p position) syntax.Pos {
	if int(p.Line) >= f.Lines() {
		return syntax.Pos(len(f.Src))
	}
	line := f.LineSpan(int(p.Line) + 1)
	text := f.Text(line)
	if e == utf8Columns {
		return line.Start + syntax.Pos(min(int(p.Character), len(text)))
	}
	at, units := 0, uint32(0)
	for at < len(text) && units < p.Character {
		r, n := utf8.DecodeRuneInString(text[at:])
		units++
		if r > 0xFFFF {
			units++
		}
		at += n
	}
	return line.Start + syntax.Pos(at)
}
