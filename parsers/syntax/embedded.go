package syntax

import (
	"sort"
	"strings"
)

// Embedded says where the text of a File lies inside another file, as a configuration does in a ConfigMap: line
// by line, each behind an indentation that is not part of it.
type Embedded struct {
	In      *File  // the file on disk, with the dialect of the text
	Name    string // what the text is called there: a ConfigMap's key, the target of a compose config
	Line    int    // the line of In where the text starts, from 1
	indent  int    // bytes before a line
	dollars bool   // "$$" in the file is one "$" of the text, as compose has it
	doubled []Pos  // each "$" of the text that is "$$" in the file, in order
}

// Embed finds a block of text in a file: its lines from the given one on, without their indentation. The text
// has "\n" between its lines whatever the file has; where dollars is set, "$$" becomes "$" in the text returned.
// It reports false when the lines of the file are others.
func Embed(in *File, name string, line, indent int, text string, dollars bool) (e *Embedded, inner string, ok bool) {
	n := line
	for row := range strings.Lines(text) {
		if n > in.Lines() || !isIndented(in.LineText(n), strings.TrimSuffix(row, "\n"), indent) {
			return nil, "", false
		}
		n++
	}
	e = &Embedded{In: in, Name: name, Line: line, indent: indent, dollars: dollars}
	if dollars {
		text = e.undouble(text)
	}
	return e, text, true
}

// isIndented reports whether a line of a file is a row of a text behind an indentation, which an empty row may lack.
func isIndented(line, row string, indent int) bool {
	if row == "" {
		return strings.Trim(line, " ") == ""
	}
	return len(line) == indent+len(row) && line[indent:] == row && strings.Trim(line[:indent], " ") == ""
}

// undouble makes "$$" one "$", and notes where.
func (e *Embedded) undouble(text string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, "$$")
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		e.doubled = append(e.doubled, Pos(b.Len()))
		b.WriteByte('$')
		text = text[i+2:]
	}
}

// Outer returns the same place in the file on disk; a place in a file that is embedded in none stays. What lies
// behind the text's last line is that line's end.
func (r Ref) Outer() Ref {
	if r.File == nil || r.File.Origin == nil {
		return r
	}
	e := r.File.Origin
	return e.In.Ref(Span{e.outer(r.File, r.Span.Start), e.outer(r.File, r.Span.End)})
}

// outer returns the place in the file on disk of an offset in the text f.
func (e *Embedded) outer(f *File, p Pos) Pos {
	n := f.Line(p)
	if n > f.Lines() {
		n = f.Lines()
		p = f.LineSpan(n).End
	}
	start := f.LineSpan(n).Start
	line := e.In.LineSpan(e.Line + n - 1)
	at := line.Start + Pos(e.indent) + p - start + e.doubledBefore(p) - e.doubledBefore(start)
	return min(at, line.End)
}

// doubledBefore counts the bytes before an offset that the file has and the text has not, indentations aside.
func (e *Embedded) doubledBefore(p Pos) Pos {
	return Pos(sort.Search(len(e.doubled), func(i int) bool { return e.doubled[i] >= p }))
}

// OuterText returns how a text that is to stand at r is written in the file on disk. It reports false where that
// can't be done inside the block: its first word shows how far it is indented, and its header how it ends.
func (r Ref) OuterText(text string) (string, bool) {
	if r.File == nil || r.File.Origin == nil {
		return text, true
	}
	e := r.File.Origin
	isFirst := strings.TrimSpace(r.File.Src[:r.Span.Start]) == ""
	isLast := int(r.Span.End) == len(r.File.Src)
	if isFirst && (text == "" || strings.ContainsAny(text[:1], " \t\n")) || isLast && strings.HasSuffix(text, "\n") {
		return "", false
	}
	if e.dollars {
		text = strings.ReplaceAll(text, "$", "$$")
	}
	end := "\n"
	if strings.HasSuffix(e.In.Src[:e.In.LineSpan(e.Line).Start], "\r\n") {
		end = "\r\n"
	}
	return strings.ReplaceAll(text, "\n", end+strings.Repeat(" ", e.indent)), true
}
