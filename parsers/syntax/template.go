package syntax

import (
	"sort"
	"strings"
)

// The bytes that stand for the marks of a template in the text that scanners read. Each byte of a mark gives one,
// line ends among them, so that all that follows keeps its place.
const (
	Silent  = '\x01' // of a mark that writes nothing: a condition, a loop, a comment
	Filling = '\x02' // of a mark that writes what is not known
	Known   = '\x03' // of a mark that writes what is known
)

// Template is what a template engine is yet to make of a file.
type Template struct {
	Text  string // the file's text as scanners read it, as long as File.Src
	Marks []Mark // in order

	// Open says that the file shows statements that may be left out, repeated or put in place of each other,
	// or that others may stand between them.
	Open bool
	// Unbalanced says that which block a statement stands in depends on a choice.
	Unbalanced bool
}

// Mark is one mark of a template.
type Mark struct {
	Span
	Role  Role
	Value string // what it writes, where that is known; "" else
}

// Role is what a mark does.
type Role uint8

// The roles.
const (
	Fills  Role = iota // it writes text
	Quiet              // it writes none: a comment, an assignment
	Opens              // what follows is written under a condition, or several times
	Else               // the next arm of a choice
	Closes             // the end of what an Opens began
)

// Scanned returns the text that scanners read: Src, with the marks of a template overlaid.
func (f *File) Scanned() string {
	if f.Template == nil {
		return f.Src
	}
	return f.Template.Text
}

// Read returns a word as the scanner read it: as written, with the marks of a template overlaid.
func (f *File) Read(w Word) string { return f.Scanned()[w.Start:w.End] }

// Marked reports whether a template engine is to write into the span what is not known, or to leave parts of it out.
func (f *File) Marked(s Span) bool {
	return f.Template != nil && HasFilling(f.Template.Text[s.Start:s.End])
}

// Filled reports whether marks stand in the span, and what all of them write is known.
func (f *File) Filled(s Span) bool {
	return f.Template != nil && !f.Marked(s) && strings.IndexByte(f.Template.Text[s.Start:s.End], Known) >= 0
}

// IsOpen reports whether the statements of the file are what a template engine may choose from, and not all of them.
func (f *File) IsOpen() bool { return f.Template != nil && f.Template.Open }

// Together reports whether two places are written, or left out, together: no choice of a template lies between them.
func Together(a, b Ref) bool {
	switch {
	case a.File != b.File:
		return !a.File.IsOpen() && !b.File.IsOpen()
	case a.File.Template == nil:
		return true
	}
	marks := a.File.Template.Marks
	from, to := min(a.Span.Start, b.Span.Start), max(a.Span.Start, b.Span.Start)
	for i := sort.Search(len(marks), func(i int) bool { return marks[i].Start >= from }); i < len(marks) && marks[i].Start < to; i++ {
		if marks[i].Role >= Opens {
			return false
		}
	}
	return true
}

// HasFilling reports whether a text, as read by a scanner, holds a mark of unknown outcome.
func HasFilling(s string) bool {
	return strings.IndexByte(s, Filling) >= 0 || strings.IndexByte(s, Silent) >= 0
}

// HasMark reports whether a text holds such a mark, or what looks like one in a file that is not named as a template.
func HasMark(s string) bool {
	return strings.Contains(s, "{{") || strings.Contains(s, "{%") || strings.Contains(s, "<%") || strings.Contains(s, "@@") ||
		HasFilling(s)
}

// fill returns the text of a span as scanners read it, with what is known put in.
func (t *Template) fill(s Span) string {
	text := t.Text[s.Start:s.End]
	if strings.IndexByte(text, Known) < 0 {
		return text
	}
	var b strings.Builder
	at := s.Start
	for i := sort.Search(len(t.Marks), func(i int) bool { return t.Marks[i].Start >= s.Start }); i < len(t.Marks); i++ {
		m := t.Marks[i]
		if m.End > s.End {
			break
		}
		if m.Value != "" {
			b.WriteString(t.Text[at:m.Start])
			b.WriteString(m.Value)
			at = m.End
		}
	}
	b.WriteString(t.Text[at:s.End])
	return b.String()
}

// Written returns where bytes from to to of a span's text, with what is known put in, are written: of what a mark
// writes, the mark as a whole.
func (t *Template) Written(s Span, from, to int) Span {
	return Span{t.locate(s, from, false), t.locate(s, to, true)}
}

// locate returns the place of an offset in the text that fill returns; at the border of two pieces, the end of the
// first one or the start of the second.
func (t *Template) locate(s Span, offset int, end bool) Pos {
	reaches := func(length int) bool { return offset < length || end && offset == length }
	at := s.Start
	for i := sort.Search(len(t.Marks), func(i int) bool { return t.Marks[i].Start >= s.Start }); i < len(t.Marks); i++ {
		m := t.Marks[i]
		if m.End > s.End {
			break
		}
		if m.Value == "" {
			continue
		}
		if plain := int(m.Start - at); reaches(plain) {
			return at + Pos(offset)
		} else if offset -= plain; reaches(len(m.Value)) && end {
			return m.End
		} else if reaches(len(m.Value)) {
			return m.Start
		}
		offset -= len(m.Value)
		at = m.End
	}
	return min(at+Pos(offset), s.End)
}
