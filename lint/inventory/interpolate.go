package inventory

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

const (
	unknownPart = "\x00"  // stands for a variable without a known value
	maxNested   = 8       // variables in each other's defaults
	maxFilled   = 1 << 10 // bytes that variables add to a text: each may hold others twice

	maxVariables = 1000 // of one env file
)

// fill puts values in the place of the variables of a text. A text with an unknown one stays as it is.
func fill(v Value, env map[string]Value) Value {
	if text, dynamic := expand(v.Text, env); dynamic {
		v.Dynamic = true
	} else {
		v.Text = text
	}
	return v
}

// expand replaces $NAME, ${NAME}, ${NAME:-other}, ${NAME:?why} and ${NAME:+other}, with and without the colon,
// and "$$". It reports whether a variable has no known value; unknownPart stands in its place then.
func expand(text string, env map[string]Value) (string, bool) {
	return expandBy(text, func(name string) (Value, bool) {
		v, ok := env[name]
		return v, ok
	})
}

// expandBy is expand with a function that looks variables up.
func expandBy(text string, get func(name string) (Value, bool)) (string, bool) {
	if !strings.Contains(text, "$") {
		return text, false
	}
	e := expander{get: get, left: maxFilled}
	out := e.text(text, 0)
	return out, e.dynamic
}

type expander struct {
	get     func(name string) (Value, bool)
	left    int // bytes that variables may still add
	dynamic bool
}

func (e *expander) text(text string, depth int) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		switch {
		case strings.HasPrefix(rest, "$"):
			out.WriteByte('$')
			text = rest[1:]
		case strings.HasPrefix(rest, "("): // a shell's command
			out.WriteString(e.unknown())
			return out.String()
		case strings.HasPrefix(rest, "{"):
			end := closing(rest, '{', '}')
			if end < 0 || depth >= maxNested {
				out.WriteString(e.unknown())
				return out.String()
			}
			out.WriteString(e.braced(rest[1:end], depth))
			text = rest[end+1:]
		default:
			n := nameLength(rest)
			if n == 0 {
				out.WriteByte('$')
			} else {
				out.WriteString(e.variable(rest[:n]))
			}
			text = rest[n:]
		}
	}
}

// braced gives the value of what stands between "${" and "}".
func (e *expander) braced(inner string, depth int) string {
	n := nameLength(inner)
	name, op := inner[:n], inner[n:]
	value, isSet := e.get(name)
	bare := strings.TrimPrefix(op, ":")
	filled := isSet && (value.Text != "" || value.Dynamic || bare == op)
	switch {
	case name == "" || op != "" && (bare == "" || !strings.ContainsRune("-?+", rune(bare[0]))):
		return e.unknown()
	case bare != "" && bare[0] == '-' && value.Dynamic:
		e.dynamic = true
	case op == "" || bare[0] == '?' || bare[0] == '-' && filled:
		return e.variable(name)
	case bare[0] == '+' && !filled:
		return ""
	}
	return e.text(bare[1:], depth+1)
}

func (e *expander) variable(name string) string {
	value, ok := e.get(name)
	if e.left -= len(value.Text); !ok || value.Dynamic || e.left < 0 {
		return e.unknown()
	}
	return value.Text
}

func (e *expander) unknown() string {
	e.dynamic = true
	return unknownPart
}

// closing returns the index of the bracket that closes the one at the beginning; -1 when none does.
func closing(text string, open, end byte) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case open:
			depth++
		case end:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// nameLength returns how many bytes of a variable's name a text begins with.
func nameLength(text string) int {
	for i := range len(text) {
		if !isNameByte(text[i], i > 0) {
			return i
		}
	}
	return len(text)
}

// isNameByte reports whether a byte may stand in a variable's name; digits not at its beginning.
func isNameByte(c byte, inside bool) bool {
	return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || inside && '0' <= c && c <= '9'
}

// readEnv adds the variables of an env file to those known, which they may use, and returns their names.
func readEnv(file *syntax.File, env map[string]Value) (names []string) {
	for pos := 0; pos < len(file.Src) && len(names) < maxVariables; {
		end := lineEnd(file.Src, pos)
		if name, start := envName(file.Src[pos:end]); name != "" {
			env[name], end = envValue(file, pos+start, end, env)
			names = append(names, name)
		}
		pos = end + 1
	}
	return names
}

// envName returns the name that a line of an env file sets, and where its value starts; "" when it sets none.
func envName(line string) (name string, start int) {
	text := strings.TrimLeft(line, " \t")
	text = strings.TrimPrefix(text, "export ")
	eq := strings.IndexAny(text, "=:")
	if eq < 0 {
		return "", 0
	}
	name = strings.TrimSpace(text[:eq])
	if nameLength(name) != len(name) {
		return "", 0
	}
	start = len(line) - len(text) + eq + 1
	return name, len(line) - len(strings.TrimLeft(line[start:], " \t"))
}

// envValue reads a value that starts at an offset, on a line that ends at another. A quoted one may run on over
// further lines; end is where the last one ends.
func envValue(file *syntax.File, start, to int, env map[string]Value) (v Value, end int) {
	text := strings.TrimRight(file.Src[start:to], " \t\r")
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		if n := closingQuote(file.Src[start:]); n > 0 {
			at := file.Ref(syntax.Span{Start: syntax.Pos(start + 1), End: syntax.Pos(start + n)})
			v, end = Value{Text: at.Text(), At: at}, lineEnd(file.Src, start+n)
			if text[0] == '"' {
				v = fill(Value{Text: envEscapes.Replace(v.Text), At: at}, env)
			}
			return v, end
		}
	}
	if comment := strings.Index(" "+text, " #"); comment >= 0 {
		text = strings.TrimRight(text[:max(comment-1, 0)], " \t")
	}
	at := file.Ref(syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(start + len(text))})
	return fill(Value{Text: text, At: at}, env), to
}

// closingQuote returns the index of the quote that closes the one at the beginning; -1 when none does.
func closingQuote(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] == '"':
			i++
		case text[i] == text[0]:
			return i
		}
	}
	return -1
}

var envEscapes = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`, `\\`, `\`)
