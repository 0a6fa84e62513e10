package haproxy

import (
	"strings"
)

// maxExpansion bounds the bytes that variables may bring into a word, since a variable may be set to
// twice itself over and over.
const maxExpansion = 4096

// env is what the files say of environment variables. One that they don't mention may hold anything.
type env map[string]variable

type variable struct {
	value  string
	unset  bool // removed by unsetenv or resetenv
	unsure bool // set under a condition, more than once, or only where it was not set before
}

// set records a setenv line. certain says that the line is read whatever the environment holds.
func (e env) set(name, value string, certain bool) {
	old, known := e[name]
	e[name] = variable{value: value, unsure: !certain || known && (old.unset || old.value != value)}
}

// preset records a presetenv line, which yields to a value that is already there.
func (e env) preset(name, value string) {
	if old, known := e[name]; !known || old.unset {
		e[name] = variable{value: value, unsure: old.unset}
	}
}

// remove records that a variable is unset from here on.
func (e env) remove(name string) { e[name] = variable{unset: true} }

// keep records a resetenv line: all variables but the named ones are unset.
func (e env) keep(names []string) {
	kept := map[string]bool{}
	for _, name := range names {
		kept[name] = true
	}
	for name := range e {
		if !kept[name] {
			e.remove(name)
		}
	}
}

// reference is one use of a variable: $NAME, ${NAME}, ${NAME-fallback} or ${NAME[*]-fallback}
// (configuration manual, 2.3 "Environment variables").
type reference struct {
	name, fallback string
	list           bool // [*]: the value becomes several words
	hasFallback    bool
}

// parseReference reads the reference that s starts with, and returns its length. fault says what is
// wrong with it; its length is then that of the text at fault.
func parseReference(s string) (ref reference, length int, fault string) {
	at := 1
	braced := at < len(s) && s[at] == '{'
	if braced {
		at++
	}
	start := at
	if at == len(s) || !isNameStart(s[at]) {
		return ref, at, "a variable's name starts with a letter, '_' or '.'"
	}
	for at < len(s) && isNameByte(s[at]) {
		at++
	}
	ref.name = s[start:at]
	if !braced {
		return ref, at, ""
	}
	if at < len(s) && s[at] == '[' {
		if !strings.HasPrefix(s[at:], "[*]") {
			return ref, at + 1, "only [*] may follow a variable's name"
		}
		at += len("[*]")
		ref.list = true
	}
	if at < len(s) && s[at] == '-' {
		end := strings.IndexByte(s[at:], '}')
		if end < 0 {
			return ref, at, "the brace is never closed"
		}
		ref.fallback, ref.hasFallback = s[at+1:at+end], true
		at += end
	}
	if at == len(s) || s[at] != '}' {
		return ref, at, "the brace is never closed"
	}
	return ref, at + 1, ""
}

func isNameStart(c byte) bool {
	return c == '_' || c == '.' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func isNameByte(c byte) bool {
	return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || isDigit(c)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// parseEscape reads the backslash that s starts with: the byte it stands for and how many bytes it
// takes. A backslash that escapes nothing stands for itself. It takes 0 bytes when it is a \x
// without two hexadecimal digits (manual 2.2 "Quoting and escaping").
func parseEscape(s string, quoted bool) (value byte, length int) {
	if len(s) < 2 {
		return '\\', 1
	}
	switch c := s[1]; c {
	case ' ', '"', '\'', '#', '\\':
		return c, 2
	case '$':
		if quoted {
			return c, 2
		}
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'x':
		if len(s) < 4 {
			return 0, 0
		}
		high, ok1 := hexDigit(s[2])
		low, ok2 := hexDigit(s[3])
		if !ok1 || !ok2 {
			return 0, 0
		}
		return high<<4 | low, 4
	}
	return '\\', 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// decode returns a word as HAProxy hands it on: quotes off, escapes and variables replaced. What
// HAProxy would refuse stands for itself.
func (e env) decode(raw string) string {
	value, _ := e.expand(raw)
	return value
}

// dynamic reports whether what a word stands for can't be known offline: a variable that the files
// don't set and that has no fallback, or one whose value depends on more than the files.
func (e env) dynamic(raw string) bool {
	if strings.IndexByte(raw, '"') < 0 {
		return false
	}
	_, dynamic := e.expand(raw)
	return dynamic
}

func (e env) expand(raw string) (value string, dynamic bool) {
	var out strings.Builder
	var quote byte
	faulty := false
	for at := 0; at < len(raw); {
		c := raw[at]
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
			at++
		case quote != 0 && c == quote:
			quote = 0
			at++
		case c == '\\' && quote != '\'':
			b, n := parseEscape(raw[at:], quote == '"')
			if n == 0 {
				b, n = c, 1
			}
			out.WriteByte(b)
			at += n
		case c == '$' && quote == '"' && !faulty:
			ref, n, fault := parseReference(raw[at:])
			if fault != "" {
				faulty = true // and what follows is no reference: it would be searched for its end again and again
				continue
			}
			text, certain := e.value(ref)
			if out.Len()+len(text) > maxExpansion {
				text, certain = "", false
			}
			out.WriteString(text)
			dynamic = dynamic || !certain
			at += n
		default:
			out.WriteByte(c)
			at++
		}
	}
	return out.String(), dynamic || faulty || quote != 0
}

// value returns what a reference stands for, and whether that is certain.
func (e env) value(ref reference) (text string, certain bool) {
	v, known := e[ref.name]
	switch {
	case known && !v.unset:
		return v.value, !v.unsure && !ref.list
	case ref.hasFallback:
		return ref.fallback, true
	}
	return "", known && v.unset
}
