package inventory

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// pyAssignment is "name = literal", or a list of literals. A value that is computed is Dynamic.
type pyAssignment struct {
	name   string
	values []Value
}

// pythonAssignments returns the assignments of a Python text in order. Those in a block may not be carried out:
// they are Dynamic.
func pythonAssignments(f *syntax.File) []pyAssignment {
	var list []pyAssignment
	for start := 0; start < len(f.Src); {
		end := pythonLineEnd(f.Src, start)
		if a, ok := pythonAssignment(f, start, end); ok {
			list = append(list, a)
		}
		start = end + 1
	}
	return list
}

// pythonLineEnd returns where a logical line ends: brackets, strings of several lines and backslashes go on.
func pythonLineEnd(src string, from int) int {
	depth := 0
	for i := from; i < len(src); {
		switch src[i] {
		case '\n':
			if depth <= 0 {
				return i
			}
			i++
		case '\\':
			i += 2
			if strings.HasPrefix(src[i-1:min(i+1, len(src))], "\r\n") {
				i++
			}
		case '#':
			i = lineEnd(src, i)
		case '"', '\'':
			_, i = pythonString(src, i)
		case '(', '[', '{':
			depth++
			i++
		case ')', ']', '}':
			depth--
			i++
		default:
			i++
		}
	}
	return len(src)
}

// pythonString returns the span inside the string whose quote stands at an offset, and where the string ends. One
// that is not closed ends with its line.
func pythonString(src string, from int) (inner syntax.Span, end int) {
	quote := src[from : from+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(src[from:], triple) {
		quote = triple
	}
	start := from + len(quote)
	for i := start; i < len(src); i++ {
		switch {
		case src[i] == '\\':
			i++
		case strings.HasPrefix(src[i:], quote):
			return syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(i)}, i + len(quote)
		case src[i] == '\n' && len(quote) == 1:
			return syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(i)}, i
		}
	}
	return syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(len(src))}, len(src)
}

// pythonAssignment reads the logical line between two offsets.
func pythonAssignment(f *syntax.File, from, to int) (pyAssignment, bool) {
	indented := f.Src[from] == ' ' || f.Src[from] == '\t'
	from, to = trimSpan(f.Src, from, to)
	at := from
	for at < to && isNameByte(f.Src[at], at > from) {
		at++
	}
	name := f.Src[from:at]
	rest := strings.TrimLeft(f.Src[at:to], " \t")
	i := strings.IndexByte(rest, '=')
	isTyped := strings.HasPrefix(rest, ":")
	isAssigned := i == 0 || isTyped && i > 0 || i == 1 && strings.IndexByte("+-*/", rest[0]) >= 0
	if name == "" || !isAssigned || strings.HasPrefix(rest[i:], "==") {
		return pyAssignment{}, false
	}
	from, _ = trimSpan(f.Src, to-len(rest)+i+1, to)
	values, ok := pythonLiterals(f, from, to)
	if !ok || indented || i == 1 && !isTyped {
		values = []Value{{At: fileValue(f, from, to).At, Dynamic: true}}
	}
	return pyAssignment{name, values}, true
}

// pythonLiterals reads a literal, or several in a list or tuple. It reports false for anything else.
func pythonLiterals(f *syntax.File, from, to int) ([]Value, bool) {
	var values []Value
	var closing byte
	if from < to && (f.Src[from] == '[' || f.Src[from] == '(') {
		closing = f.Src[from] + 2 // ']' in ASCII
		if f.Src[from] == '(' {
			closing = ')'
		}
		from++
	}
	for wantsValue := true; ; {
		from = skipPythonBlanks(f.Src, from, to)
		switch {
		case from >= to:
			return values, closing == 0 && len(values) > 0
		case closing != 0 && f.Src[from] == closing:
			return values, skipPythonBlanks(f.Src, from+1, to) >= to
		case f.Src[from] == ',' && !wantsValue:
			wantsValue = true
			from++
		case wantsValue:
			value, end, ok := pythonLiteral(f, from, to)
			if !ok {
				return nil, false
			}
			values = append(values, value)
			from, wantsValue = end, false
		default:
			return nil, false
		}
	}
}

// skipPythonBlanks returns where the next token begins.
func skipPythonBlanks(src string, from, to int) int {
	for from < to {
		switch src[from] {
		case ' ', '\t', '\r', '\n', '\\':
			from++
		case '#':
			from = lineEnd(src, from)
		default:
			return from
		}
	}
	return from
}

// pythonLiteral reads one string, number or name such as True. None and other names are not literals.
func pythonLiteral(f *syntax.File, from, to int) (value Value, end int, ok bool) {
	if f.Src[from] == '"' || f.Src[from] == '\'' {
		span, end := pythonString(f.Src, from)
		value := Value{Text: f.Text(span), At: f.Ref(span)}
		return value, end, end <= to && strings.IndexByte(value.Text, '\\') < 0
	}
	end = from
	for end < to && (isNameByte(f.Src[end], true) || f.Src[end] == '.') {
		end++
	}
	value = fileValue(f, from, end)
	isNumber := value.Text != "" && '0' <= value.Text[0] && value.Text[0] <= '9'
	value.Text = strings.ReplaceAll(value.Text, "_", "")
	return value, end, isNumber || value.Text == "True" || value.Text == "False"
}
