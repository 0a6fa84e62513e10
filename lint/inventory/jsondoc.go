package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxJSONValues bounds the memory that a text takes: a state of 10 MB holds some 300,000 values.
const maxJSONValues = 4_000_000

// jsonNode is a value in a JSON text that knows its bytes. The zero jsonNode is an absent one.
type jsonNode struct {
	file  *syntax.File
	span  syntax.Span // of a text, what stands between its quotes
	kind  byte        // the first byte: '{', '[', '"', or that of a number, true, false or null; 0: absent
	items []jsonNode  // of a list; of an object its keys and values in turn
}

// readJSON returns the value that a JSON text holds. The error says at which line a fault is.
func readJSON(f *syntax.File) (jsonNode, error) {
	var whole json.RawMessage
	err := json.Unmarshal([]byte(f.Src), &whole)
	if err == nil {
		w := jsonWalk{file: f, left: maxJSONValues}
		if root := w.value(); w.left >= 0 {
			return root, nil
		}
		return jsonNode{}, fmt.Errorf("%s: holds more than %d values", f.Path, maxJSONValues)
	}
	at := len(f.Src)
	if fault, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = min(at, max(0, int(fault.Offset)-1))
	}
	return jsonNode{}, fmt.Errorf("%s:%d: not valid JSON: %w", f.Path, f.Line(syntax.Pos(at)), err)
}

// jsonWalk makes nodes of a text that is known to be valid JSON.
type jsonWalk struct {
	file *syntax.File
	at   int
	left int // values that may still be read; below 0 reading ends early
}

func (w *jsonWalk) value() jsonNode {
	w.left--
	w.separators()
	start, first := w.at, w.file.Src[w.at]
	n := jsonNode{file: w.file, kind: first}
	switch first {
	case '{', '[':
		w.at++
		for w.separators(); w.left >= 0 && w.file.Src[w.at] != first+2; w.separators() { // ']' is '['+2, '}' is '{'+2
			n.items = append(n.items, w.value())
		}
		w.at++
	case '"':
		for w.at++; w.file.Src[w.at] != '"'; w.at++ {
			if w.file.Src[w.at] == '\\' {
				w.at++
			}
		}
		w.at++
		n.span = syntax.Span{Start: syntax.Pos(start + 1), End: syntax.Pos(w.at - 1)}
		return n
	default:
		for w.at < len(w.file.Src) && strings.IndexByte(" \t\r\n,]}", w.file.Src[w.at]) < 0 {
			w.at++
		}
	}
	n.span = syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(w.at)}
	return n
}

// separators passes over what stands between values.
func (w *jsonWalk) separators() {
	for w.at < len(w.file.Src) && strings.IndexByte(" \t\r\n,:", w.file.Src[w.at]) >= 0 {
		w.at++
	}
}

func (n jsonNode) exists() bool { return n.kind != 0 }
func (n jsonNode) isMap() bool  { return n.kind == '{' }
func (n jsonNode) isList() bool { return n.kind == '[' }

// text returns a text decoded, and a number or a boolean as written; "" for anything else, null among them.
func (n jsonNode) text() string {
	if !n.exists() || n.isMap() || n.isList() || n.kind == 'n' {
		return ""
	}
	raw := n.file.Text(n.span)
	if n.kind != '"' || strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	var text string
	if json.Unmarshal([]byte(`"`+raw+`"`), &text) != nil {
		return ""
	}
	return text
}

// ref returns the place of a text without its quotes, or of the beginning of an object or list up to its line's end.
func (n jsonNode) ref() syntax.Ref {
	if !n.exists() {
		return syntax.Ref{}
	}
	span := n.span
	if n.isMap() || n.isList() {
		line := n.file.LineSpan(n.file.Line(span.Start))
		span.End = max(span.Start+1, min(span.End, line.End))
	}
	return n.file.Ref(span)
}

// value returns a scalar as a fact with its place; the zero Value for anything else, null and "" among them.
func (n jsonNode) value() Value {
	if text := n.text(); text != "" {
		return Value{Text: text, At: n.ref()}
	}
	return Value{}
}

// get returns the value of a key, or of a path of keys; the zero jsonNode when there is none.
func (n jsonNode) get(path ...string) jsonNode {
	for _, name := range path {
		n = n.child(name)
	}
	return n
}

func (n jsonNode) child(name string) jsonNode {
	for key, value := range n.pairs() {
		if key.text() == name {
			return value
		}
	}
	return jsonNode{}
}

// pairs yields the keys and values of an object in the order of the text.
func (n jsonNode) pairs() iter.Seq2[jsonNode, jsonNode] {
	return func(yield func(key, value jsonNode) bool) {
		if !n.isMap() {
			return
		}
		for i := 0; i+1 < len(n.items); i += 2 {
			if !yield(n.items[i], n.items[i+1]) {
				return
			}
		}
	}
}

// elements returns the values of a list.
func (n jsonNode) elements() []jsonNode {
	if !n.isList() {
		return nil
	}
	return n.items
}
