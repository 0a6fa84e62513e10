// Package syntax holds the lossless tree that both proxies' configurations are read into.
//
// Every word keeps the bytes it stands on. Between words, terminators and comments there is only
// white space, so a repair is an edit by span and disturbs nothing else.
package syntax

import (
	"strings"
	"sync"
)

// Dialect is the language of a configuration file.
type Dialect uint8

// The dialects. The zero value stands for any of them, or for one not yet known.
const (
	AnyDialect Dialect = iota
	Nginx
	HAProxy
	Cloudflared // Cloudflare's tunnel client
)

// Dialects returns all of them.
func Dialects() []Dialect { return []Dialect{Nginx, HAProxy, Cloudflared} }

// Product returns the proxy's name as its project writes it: "nginx", "HAProxy", "cloudflared"; "the proxy" for any.
func (d Dialect) Product() string {
	return [...]string{AnyDialect: "the proxy", Nginx: "nginx", HAProxy: "HAProxy", Cloudflared: "cloudflared"}[d]
}

// String gives the name used on the command line and in JSON: "nginx", "haproxy", "cloudflared" or "".
func (d Dialect) String() string {
	switch d {
	case Nginx:
		return "nginx"
	case HAProxy:
		return "haproxy"
	case Cloudflared:
		return "cloudflared"
	}
	return ""
}

// Pos is a byte offset into File.Src, from 0.
type Pos int32

// Span is a half-open range of bytes: Src[Start:End] is the text itself.
type Span struct{ Start, End Pos }

// Word is one token of a statement, its quotes included in the span.
type Word struct {
	Span
	Quote byte // the first quote in the word: 0, '"' or '\''
}

// Stmt is an nginx directive or block, a HAProxy section or line, or a key or ingress rule of cloudflared with all its
// scalars as words.
type Stmt struct {
	File   *File
	Parent *Stmt   // the enclosing statement in the same file; nil at the top
	When   *Branch // the HAProxy ".if" branch it stands in; nil: always read
	Words  []Word  // never empty; Words[0] is the name, or HAProxy's "no" and "default" prefixes
	Block  *Block  // nil unless it opens a block or a section
	Span           // from the first word to the terminator or the block's end
}

// Block is the body of a statement. Open and Close are the offsets of nginx's braces; for a HAProxy section
// or a list of cloudflared's, the end of its header line and the end of its last line.
type Block struct {
	Stmts       []*Stmt
	Open, Close Pos
	Closed      bool // false where the text ended first
	Opaque      bool // a body in another language (Lua): Stmts is empty
}

// Branch is one arm of a HAProxy ".if" block.
type Branch struct {
	Up   *Branch // the branch around it
	Stmt *Stmt   // its .if, .elif or .else line
	Dead bool    // certain not to be read: the condition is false whatever the environment holds
}

// Live reports whether the branch and all around it may be read.
func (b *Branch) Live() bool {
	for ; b != nil; b = b.Up {
		if b.Dead {
			return false
		}
	}
	return true
}

// Comment is one comment, from '#' to before the line's end.
type Comment struct {
	Span
	Trailing bool // it follows other text on its line
}

// Grade says how grave a problem is to the proxy.
type Grade uint8

// The grades.
const (
	Fatal Grade = iota // the proxy refuses the configuration
	Warn               // it loads, or another build may load it, but not as meant
	Note               // worth knowing
)

// Problem is a fault found while reading: At is the fault itself, Seen where the proxy stops reading.
type Problem struct {
	Code  string // the rule that tells of it: "syntax", "unknown-directive", ...
	Msg   string
	Hint  string // what to write instead; may be empty
	Grade Grade
	At    Span
	Seen  Pos     // -1: nowhere, the proxy reads on
	Write *string // a repair: the text to stand at At; nil: none is certain
}

// File is one configuration text and what was read from it. Reading never fails: what can't be
// understood is a Problem, and the rest is kept. Once read, a File may be used by several goroutines.
type File struct {
	Path     string // as the user would name it, with slashes
	Src      string
	Dialect  Dialect
	Origin   *Embedded // where the text lies inside another file; nil: it is a file itself
	Stmts    []*Stmt
	Comments []Comment // in order
	Problems []Problem // in order of At
	Template *Template // nil unless a template engine is yet to make the configuration from it

	decode func(raw string) string

	indexing sync.Once
	lines    []Pos // start of every line; built on demand

	marking sync.Mutex
	marks   map[int][]mark // places in long lines, by the line's index; likewise
}

// NewFile returns an empty tree over src. decode turns a word as written into the word as the
// dialect's proxy hands it on.
func NewFile(path, src string, dialect Dialect, decode func(raw string) string) *File {
	return &File{Path: path, Src: src, Dialect: dialect, decode: decode}
}

// Text returns the bytes of a span.
func (f *File) Text(s Span) string { return f.Src[s.Start:s.End] }

// Raw returns a word as written, quotes included.
func (f *File) Raw(w Word) string { return f.Src[w.Start:w.End] }

// Value returns a word as the proxy of the file's dialect hands it on: quotes off, escapes decoded.
// Marks of a template that write what is not known stand in it as Filling and Silent bytes.
func (f *File) Value(w Word) string {
	raw := f.Raw(w)
	if f.Template != nil {
		raw = f.Template.fill(w.Span)
	}
	if w.Quote == 0 && strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	return f.decode(raw)
}

// Ref returns the place of a span of this file.
func (f *File) Ref(s Span) Ref { return Ref{File: f, Span: s} }

// Name returns the statement's first word, decoded.
func (s *Stmt) Name() string { return s.File.Value(s.Words[0]) }

// Arg returns the i-th argument, decoded, counted from 1; "" when there is none.
func (s *Stmt) Arg(i int) string {
	if i >= len(s.Words) {
		return ""
	}
	return s.File.Value(s.Words[i])
}

// Args returns the number of words after the name.
func (s *Stmt) Args() int { return len(s.Words) - 1 }

// Ref returns the place of the i-th word; of the name when there is no such word.
func (s *Stmt) Ref(i int) Ref {
	if i >= len(s.Words) {
		i = 0
	}
	return s.File.Ref(s.Words[i].Span)
}

// Ref is a place in a file.
type Ref struct {
	File *File
	Span Span
}

// IsZero reports whether the place is unset.
func (r Ref) IsZero() bool { return r.File == nil }

// Text returns what stands at the place.
func (r Ref) Text() string {
	if r.File == nil {
		return ""
	}
	return r.File.Text(r.Span)
}

// Sub returns the part of r from byte i to byte j of its text.
func (r Ref) Sub(i, j int) Ref {
	r.Span = Span{r.Span.Start + Pos(i), r.Span.Start + Pos(j)}
	return r
}

// Position returns the line and column where the place starts.
func (r Ref) Position() Position { return r.File.Position(r.Span.Start) }
