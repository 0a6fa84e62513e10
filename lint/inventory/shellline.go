package inventory

import "strings"

// maxFilled bounds a word whose variables are filled in.
const maxFilled = 1 << 9

// splitCommands returns the commands of a shell line, each as its words; variables stay as written.
func splitCommands(line Value) [][]Value {
	s := shellScanner{line: line, exact: line.At.Text() == line.Text}
	for s.next() {
	}
	s.endCommand()
	return s.commands
}

// shellScanner cuts a line into words as a shell does. Redirections stay among the words.
type shellScanner struct {
	line     Value
	exact    bool // the place of the line holds it byte by byte
	pos      int
	words    []Value
	commands [][]Value
}

// next reads a word, or what stands between two; it reports false at the line's end.
func (s *shellScanner) next() bool {
	text := s.line.Text
	if s.pos >= len(text) {
		return false
	}
	switch c := text[s.pos]; {
	case strings.HasPrefix(text[s.pos:], "\\\n"):
		s.pos += 2
	case strings.HasPrefix(text[s.pos:], "\\\r\n"):
		s.pos += 3
	case c == ' ' || c == '\t' || c == '\r':
		s.pos++
	case c == '#':
		s.pos = lineEnd(text, s.pos) + 1
	case strings.IndexByte("\n;&|()", c) >= 0:
		s.endCommand()
		s.pos++
	default:
		s.word()
	}
	return true
}

// endCommand closes the command whose words were read.
func (s *shellScanner) endCommand() {
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
		s.words = nil
	}
}

// word reads one word.
func (s *shellScanner) word() {
	text, start := s.line.Text, s.pos
	var out strings.Builder
	for s.pos < len(text) {
		c := text[s.pos]
		switch {
		case c == '\\':
			if strings.HasPrefix(text[s.pos:], "\\\n") || strings.HasPrefix(text[s.pos:], "\\\r\n") {
				s.add(start, out.String())
				return
			}
			if s.pos+1 < len(text) {
				out.WriteByte(text[s.pos+1])
			}
			s.pos += 2
		case c == '\'' || c == '"':
			s.quoted(c, &out)
		case c == '`' || strings.HasPrefix(text[s.pos:], "$("):
			end := substitutionEnd(text, s.pos)
			out.WriteString(text[s.pos:end])
			s.pos = end
		case c == '&' && s.pos > start && text[s.pos-1] == '>':
			out.WriteByte(c)
			s.pos++
		case strings.IndexByte(" \t\r\n;&|()", c) >= 0:
			s.add(start, out.String())
			return
		default:
			out.WriteByte(c)
			s.pos++
		}
	}
	s.add(start, out.String())
}

// quoted reads from a quote to its partner.
func (s *shellScanner) quoted(quote byte, out *strings.Builder) {
	text := s.line.Text
	for s.pos++; s.pos < len(text) && text[s.pos] != quote; s.pos++ {
		if quote == '"' && text[s.pos] == '\\' && s.pos+1 < len(text) && strings.IndexByte("\"\\$`\n", text[s.pos+1]) >= 0 {
			s.pos++
		}
		out.WriteByte(text[s.pos])
	}
	s.pos++
}

// add appends the word that began at start. One that is quoted as a whole stands between its quotes.
func (s *shellScanner) add(start int, word string) {
	text := s.line.Text
	end := min(s.pos, len(text))
	value := Value{Text: word, At: s.line.At, Dynamic: s.line.Dynamic}
	if s.exact {
		raw := text[start:end]
		if inner := len(raw) - 1; inner > 0 && raw[0] == raw[inner] && raw[1:inner] == word {
			start, end = start+1, end-1
		}
		value.At = value.At.Sub(start, end)
	}
	s.words = append(s.words, value)
}

// substitutionEnd returns where the "$(" or "`" at an offset ends.
func substitutionEnd(text string, from int) int {
	if text[from] == '`' {
		if i := strings.IndexByte(text[from+1:], '`'); i >= 0 {
			return from + i + 2
		}
		return len(text)
	}
	depth := 0
	for i := from + 1; i < len(text); i++ {
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// fillShell fills in the variables of a word. A word with one that has no known value is Dynamic, and its text
// then has what stands behind ":-", or nothing.
func fillShell(v Value, env *environ) Value {
	if strings.IndexByte(v.Text, '$') < 0 {
		return v.dynamicIf("`")
	}
	var out strings.Builder
	for rest := v.Text; rest != ""; {
		i := strings.IndexByte(rest, '$')
		if i < 0 {
			i = len(rest)
		}
		out.WriteString(rest[:i])
		rest = rest[i:]
		if rest == "" {
			break
		}
		name, instead, length := shellVariable(rest)
		if known := env.get(name); known.isSet() && !known.Dynamic && len(known.Text) <= maxFilled {
			out.WriteString(known.Text)
		} else {
			v.Dynamic = true
			out.WriteString(instead)
		}
		rest = rest[length:]
		if out.Len() > maxFilled {
			v.Dynamic = true
			break
		}
	}
	v.Text = out.String()
	return v.dynamicIf("`")
}

// shellVariable reads the "$NAME" or "${NAME:-instead}" that a text begins with, and its length. Any other use
// of "$" has no name.
func shellVariable(text string) (name, instead string, length int) {
	if strings.HasPrefix(text, "${") {
		end := strings.IndexByte(text, '}')
		if end < 0 {
			return "", "", len(text)
		}
		name, instead, _ = strings.Cut(text[2:end], "-")
		return strings.TrimSuffix(name, ":"), instead, end + 1
	}
	for length = 1; length < len(text) && isNameByte(text[length], length > 1); length++ {
	}
	return text[1:length], "", length
}

// isNameByte reports whether a byte may stand in a variable's name; digits not at its beginning.
func isNameByte(c byte, inside bool) bool {
	return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || inside && '0' <= c && c <= '9'
}

// assignment cuts "NAME=value"; ok is false for any other word.
func assignment(word Value) (name string, value Value, ok bool) {
	i := strings.IndexByte(word.Text, '=')
	if i <= 0 {
		return "", Value{}, false
	}
	for j := 0; j < i; j++ {
		if !isNameByte(word.Text[j], j > 0) {
			return "", Value{}, false
		}
	}
	return word.Text[:i], word.part(i+1, len(word.Text)), true
}
