package inventory

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// iniStyle says in what the readers of ini files differ.
type iniStyle struct {
	quotes    bool // a value may be quoted, and ends at ';'
	continues bool // a line that ends in '\' goes on in the next one, and the value holds all as written, comments between them too
}

// iniSection is a "[name]" and what stands below it. What stands above the first one is in a section without name.
type iniSection struct {
	name  string
	at    syntax.Ref // the name; zero where there is none
	pairs []iniPair
}

// iniPair is a "key = value". The value of a key without '=' is empty and stands at the key.
type iniPair struct {
	key   string
	at    syntax.Ref // the key
	value Value
}

// readINI reads a text of sections, keys and values; ';' and '#' start comment lines.
func readINI(f *syntax.File, style iniStyle) []iniSection {
	sections := []iniSection{{}}
	for start := 0; start < len(f.Src); {
		end := lineEnd(f.Src, start)
		for last := start; style.continues && end < len(f.Src) && isContinued(f.Src[last:end]); {
			last = end + 1
			end = lineEnd(f.Src, last)
			for end < len(f.Src) && isINIComment(f.Src[last:end]) {
				last = end + 1
				end = lineEnd(f.Src, last)
			}
		}
		from, to := trimSpan(f.Src, start, end)
		start = end + 1
		if from == to || isINIComment(f.Src[from:to]) {
			continue
		}
		if f.Src[from] == '[' {
			if i := strings.IndexByte(f.Src[from:to], ']'); i > 0 {
				name := fileValue(f, from+1, from+i)
				sections = append(sections, iniSection{name: name.Text, at: name.At})
			}
			continue
		}
		current := &sections[len(sections)-1]
		current.pairs = append(current.pairs, readPair(f, from, to, style))
	}
	return sections
}

// readPair reads a key and its value between two offsets.
func readPair(f *syntax.File, from, to int, style iniStyle) iniPair {
	i := strings.IndexByte(f.Src[from:to], '=')
	if i < 0 {
		key := fileValue(f, from, to)
		return iniPair{key.Text, key.At, Value{At: key.At}}
	}
	key := fileValue(f, from, from+i)
	from, to = trimSpan(f.Src, from+i+1, to)
	if style.quotes {
		from, to = unquotedSpan(f.Src, from, to)
	}
	return iniPair{key.Text, key.At, fileValue(f, from, to)}
}

// unquotedSpan takes the quotes off a value, or the comment behind it.
func unquotedSpan(src string, from, to int) (int, int) {
	if from < to && (src[from] == '"' || src[from] == '\'') {
		if i := strings.IndexByte(src[from+1:to], src[from]); i >= 0 {
			return from + 1, from + 1 + i
		}
	}
	if i := strings.IndexByte(src[from:to], ';'); i >= 0 {
		to = from + i
	}
	return from, to
}

// get returns the last value of a key; the zero Value when there is none.
func (s iniSection) get(key string) Value {
	var last Value
	for _, pair := range s.pairs {
		if pair.key == key {
			last = pair.value
		}
	}
	return last
}

// lineEnd returns the offset of the next line feed, or of the text's end.
func lineEnd(src string, from int) int {
	if from >= len(src) {
		return len(src)
	}
	if i := strings.IndexByte(src[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(src)
}

// isContinued reports whether a line ends in a backslash.
func isContinued(line string) bool {
	return strings.HasSuffix(strings.TrimSuffix(line, "\r"), `\`)
}

// isINIComment reports whether a line is a comment alone.
func isINIComment(line string) bool {
	line = strings.TrimLeft(line, " \t")
	return line != "" && (line[0] == '#' || line[0] == ';')
}

// trimSpan takes blanks off both ends of src[from:to].
func trimSpan(src string, from, to int) (int, int) {
	text := src[from:to]
	from += len(text) - len(strings.TrimLeft(text, " \t\r\n\ufeff"))
	to -= len(text) - len(strings.TrimRight(text, " \t\r\n"))
	return from, max(from, to)
}

// fileValue returns what stands in a file between two offsets, blanks at its ends left out.
func fileValue(f *syntax.File, from, to int) Value {
	from, to = trimSpan(f.Src, from, to)
	span := syntax.Span{Start: syntax.Pos(from), End: syntax.Pos(to)}
	return Value{Text: f.Src[from:to], At: f.Ref(span)}
}
