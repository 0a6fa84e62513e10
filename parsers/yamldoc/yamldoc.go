// Package yamldoc reads YAML into nodes that know their bytes, so that a fact can be shown where it stands.
package yamldoc

import (
	"errors"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxMerges bounds how many "<<" maps are looked through for one key: maps that merge each other take
// exponential time.
const maxMerges = 64

// Node is a value in a YAML text. The zero Node is an absent one: it has no text, no items and no place.
// An alias is its anchor's value everywhere.
type Node struct {
	File  *syntax.File
	node  *yaml.Node
	ascii bool // the whole text is, so that columns are bytes
}

// Read returns the documents of a YAML text. After a fault it returns those before it too.
func Read(f *syntax.File) ([]Node, error) {
	var list []Node
	whole := Node{File: f, ascii: isASCII(f.Src)}
	for decoder := yaml.NewDecoder(strings.NewReader(f.Src)); ; {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if len(doc.Content) > 0 {
			list = append(list, whole.to(doc.Content[0]))
		}
	}
}

// to returns another value of the same text.
func (n Node) to(other *yaml.Node) Node {
	if other != nil && other.Kind == yaml.AliasNode {
		other = other.Alias
	}
	n.node = other
	return n
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Exists reports whether there is a value, be it null.
func (n Node) Exists() bool { return n.node != nil }

// IsMap reports whether the value is a mapping.
func (n Node) IsMap() bool { return n.node != nil && n.node.Kind == yaml.MappingNode }

// IsList reports whether the value is a sequence.
func (n Node) IsList() bool { return n.node != nil && n.node.Kind == yaml.SequenceNode }

// IsScalar reports whether the value is a text, a number, a boolean or null.
func (n Node) IsScalar() bool { return n.node != nil && n.node.Kind == yaml.ScalarNode }

// IsNull reports whether nothing stands after a key.
func (n Node) IsNull() bool { return n.IsScalar() && n.node.Tag == "!!null" }

// Tag returns the value's tag, such as "!!str", or "!reset" where one is written.
func (n Node) Tag() string {
	if n.node == nil {
		return ""
	}
	return n.node.Tag
}

// Text returns a scalar's value; "" for anything else, null among them.
func (n Node) Text() string {
	if !n.IsScalar() || n.IsNull() {
		return ""
	}
	return n.node.Value
}

// Get returns the value of a key, or of a path of keys; the zero Node when there is none.
func (n Node) Get(path ...string) Node {
	for _, key := range path {
		merges := maxMerges
		_, n = n.pair(key, &merges)
	}
	return n
}

// Key returns the key itself of that name, for its place.
func (n Node) Key(name string) Node {
	merges := maxMerges
	key, _ := n.pair(name, &merges)
	return key
}

func (n Node) pair(name string, merges *int) (key, value Node) {
	if !n.IsMap() {
		return Node{}, Node{}
	}
	content := n.node.Content
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Value == name {
			return n.to(content[i]), n.to(content[i+1])
		}
	}
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Tag != "!!merge" {
			continue
		}
		for from := range n.to(content[i+1]).merged() {
			if *merges--; *merges < 0 {
				return Node{}, Node{}
			}
			if key, value := from.pair(name, merges); key.Exists() {
				return key, value
			}
		}
	}
	return Node{}, Node{}
}

// merged yields the maps that the value of a "<<" key stands for.
func (n Node) merged() iter.Seq[Node] {
	if n.IsList() {
		return n.Items()
	}
	return func(yield func(Node) bool) { yield(n) }
}

// Pairs yields the keys and values of a mapping in the order of the text, those it merges last.
func (n Node) Pairs() iter.Seq2[Node, Node] {
	return func(yield func(Node, Node) bool) {
		merges := maxMerges
		n.pairs(yield, map[string]bool{}, &merges)
	}
}

func (n Node) pairs(yield func(Node, Node) bool, seen map[string]bool, merges *int) bool {
	if !n.IsMap() {
		return true
	}
	content := n.node.Content
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Tag == "!!merge" || seen[content[i].Value] {
			continue
		}
		seen[content[i].Value] = true
		if !yield(n.to(content[i]), n.to(content[i+1])) {
			return false
		}
	}
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Tag != "!!merge" {
			continue
		}
		for from := range n.to(content[i+1]).merged() {
			if *merges--; *merges < 0 || !from.pairs(yield, seen, merges) {
				return false
			}
		}
	}
	return true
}

// Repeated returns the first key of a mapping that is written a second time in it; the zero Node when there is none.
func (n Node) Repeated() Node {
	if !n.IsMap() {
		return Node{}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.node.Content); i += 2 {
		key := n.node.Content[i]
		if seen[key.Value] && key.Kind == yaml.ScalarNode {
			return n.to(key)
		}
		seen[key.Value] = true
	}
	return Node{}
}

// Items yields the values of a sequence.
func (n Node) Items() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if !n.IsList() {
			return
		}
		for _, item := range n.node.Content {
			if !yield(n.to(item)) {
				return
			}
		}
	}
}

// Ref returns the place of a scalar, without its quotes, or of the beginning of a mapping or sequence up to
// its line's end. A text over several lines gives its first.
func (n Node) Ref() syntax.Ref {
	if n.node == nil || n.node.Line < 1 || n.node.Line > n.File.Lines() {
		return syntax.Ref{}
	}
	line := n.File.LineSpan(n.node.Line)
	start := line.Start + n.columnOffset(n.File.Text(line))
	rest := n.File.Src[start:line.End]
	if n.IsScalar() {
		quoted := n.node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
		switch {
		case quoted && len(rest) > 0:
			return n.File.Ref(inQuotes(rest, start))
		case strings.HasPrefix(rest, n.node.Value) && n.node.Value != "":
			return n.File.Ref(syntax.Span{Start: start, End: start + syntax.Pos(len(n.node.Value))})
		}
	}
	return n.File.Ref(syntax.Span{Start: start, End: start + syntax.Pos(len(strings.TrimRight(rest, " \t")))})
}

// maxColumn bounds the runes that are counted for one place: a text may be a single line.
const maxColumn = 10_000

// columnOffset returns the byte of its line that the value starts at.
func (n Node) columnOffset(line string) syntax.Pos {
	if n.ascii {
		return syntax.Pos(min(n.node.Column-1, len(line)))
	}
	at := 0
	for i := 1; i < min(n.node.Column, maxColumn) && at < len(line); i++ {
		_, size := utf8.DecodeRuneInString(line[at:])
		at += size
	}
	return syntax.Pos(at)
}

// inQuotes returns the span between a quote at the beginning of rest and its partner, or the line's end.
func inQuotes(rest string, start syntax.Pos) syntax.Span {
	quote := rest[0]
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && quote == '"':
			i++
		case rest[i] == quote && quote == '\'' && i+1 < len(rest) && rest[i+1] == quote:
			i++
		case rest[i] == quote:
			return syntax.Span{Start: start + 1, End: start + syntax.Pos(i)}
		}
	}
	return syntax.Span{Start: start + 1, End: start + syntax.Pos(len(rest))}
}

// Literal returns where the lines of a block text ("|") stand: the indentation that is not part of the text,
// and its first line, counted from 1. It reports false for any other scalar, whose text is not in the file
// line by line.
func (n Node) Literal() (indent, line int, ok bool) {
	if !n.IsScalar() || n.node.Style&yaml.LiteralStyle == 0 {
		return 0, 0, false
	}
	first := strings.TrimLeft(n.node.Value, "\n")
	first, _, _ = strings.Cut(first, "\n")
	at := n.node.Line + 1
	for ; at <= n.File.Lines(); at++ {
		if text := n.File.LineText(at); strings.TrimSpace(text) != "" {
			indent = len(text) - len(first)
			return indent, n.node.Line + 1, indent >= 0 && strings.HasSuffix(text, first)
		}
	}
	return 0, 0, false
}
