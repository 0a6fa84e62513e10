package template

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// variable returns the name with a dollar that starts at an offset, as envsubst(1) replaces it: ${NAME}, and $NAME in
// capitals, which are not nginx's own variables. A fallback as the shell has it, ${NAME:-80}, belongs to it.
func (f *finder) variable(at int) (syntax.Mark, bool) {
	rest := f.src[at+1:]
	braced := strings.HasPrefix(rest, "{")
	if braced {
		rest = rest[1:]
	}
	name := rest[:nameLength(rest)]
	if !braced {
		m := syntax.Mark{Span: span(at, at+1+len(name)), Value: f.value(name)}
		return m, len(name) > 1 && isCapital(name)
	}
	after := rest[len(name):]
	end := strings.IndexAny(after[:min(len(after), maxName)], "}\n")
	if name == "" || end < 0 || after[end] != '}' || end > 0 && after[0] != ':' && after[0] != '-' {
		return syntax.Mark{}, false
	}
	m := syntax.Mark{Span: span(at, at+len("${}")+len(name)+end), Value: f.value(name)}
	return m, true
}

// word returns the name between two signs that starts at an offset.
func (f *finder) word(at int) (syntax.Mark, bool) {
	for _, sign := range [...]string{"@@", "@", "__"} {
		rest, ok := strings.CutPrefix(f.src[at:], sign)
		if !ok {
			continue
		}
		n := strings.Index(rest[:nameLength(rest)], sign)
		if sign != "__" {
			n = nameLength(rest)
		}
		if n > 1 && isCapital(rest[:n]) && strings.HasPrefix(rest[n:], sign) {
			return syntax.Mark{Span: span(at, at+n+2*len(sign))}, true
		}
	}
	return syntax.Mark{}, false
}

// maxName is the length in bytes of the longest name that is looked for, and of the longest fallback.
const maxName = 128

// nameLength returns how many bytes of a text are a name.
func nameLength(s string) int {
	n := 0
	for n < min(len(s), maxName) && (s[n] == '_' || 'a' <= s[n]|0x20 && s[n]|0x20 <= 'z' || n > 0 && '0' <= s[n] && s[n] <= '9') {
		n++
	}
	return n
}

// isCapital reports whether a name begins with a letter and has no small ones.
func isCapital(name string) bool {
	return name[0] != '_' && strings.ToUpper(name) == name
}

// maxValue is the length in bytes of the longest value that is put in.
const maxValue = 1 << 10

// value returns what the environment is known to hold, if it can stand in one word; "" else.
func (f *finder) value(name string) string {
	v := f.env[name]
	if len(v) > maxValue || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`;{}"'\$#`, r) }) {
		return ""
	}
	return v
}
