package inventory

import "strings"

// shellWords splits a text into words as a shell does, and takes their quotes off. What separates commands is text
// like any other, and variables stay as written.
func shellWords(v Value) []Value {
	if list := splitShell(v, false); len(list) > 0 {
		return list[0]
	}
	return nil
}

// shellCommands splits a script into its commands, each into words. Redirections stay among the words, variables
// stay as written, and comments are passed over.
func shellCommands(v Value) [][]Value { return splitShell(v, true) }

func splitShell(v Value, script bool) [][]Value {
	s := shellScanner{of: v, exact: v.At.Text() == v.Text, stops: " \t\r\n"}
	if script {
		s.stops += ";&|()"
	}
	for s.pos < len(v.Text) {
		s.next(script)
	}
	s.endCommand()
	return s.commands
}

// shellScanner cuts a text into words.
type shellScanner struct {
	of       Value
	exact    bool   // its place holds the text byte by byte
	stops    string // the bytes that end a word
	pos      int
	words    []Value
	commands [][]Value
}

// next reads a word, or what stands between two.
func (s *shellScanner) next(script bool) {
	rest := s.of.Text[s.pos:]
	switch n := continuation(rest); {
	case n > 0:
		s.pos += n
	case script && rest[0] == '#':
		s.pos = lineEnd(s.of.Text, s.pos)
	case script && strings.IndexByte("\n;&|()", rest[0]) >= 0:
		s.endCommand()
		s.pos++
	case strings.IndexByte(s.stops, rest[0]) >= 0:
		s.pos++
	default:
		s.word()
	}
}

// continuation returns the length of the backslash and line end that a text begins with; 0 when there is none.
func continuation(text string) int {
	switch {
	case strings.HasPrefix(text, "\\\n"):
		return 2
	case strings.HasPrefix(text, "\\\r\n"):
		return 3
	}
	return 0
}

// endCommand closes the command whose words were read.
func (s *shellScanner) endCommand() {
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
		s.words = nil
	}
}

// word reads one word. One that is quoted as a whole stands between its quotes.
func (s *shellScanner) word() {
	text, start := s.of.Text, s.pos
	var out strings.Builder
	for s.pos < len(text) && continuation(text[s.pos:]) == 0 {
		c := text[s.pos]
		if strings.IndexByte(s.stops, c) >= 0 && (c != '&' || s.pos == start || text[s.pos-1] != '>') { // 2>&1
			break
		}
		piece, n := shellPiece(text[s.pos:])
		out.WriteString(piece)
		s.pos += n
	}
	word, end := Value{Text: out.String(), At: s.of.At, Dynamic: s.of.Dynamic}, s.pos
	if s.exact {
		if raw := text[start:end]; len(raw) == len(word.Text)+2 && raw[1:len(raw)-1] == word.Text {
			start, end = start+1, end-1
		}
		word.At = word.At.Sub(start, end)
	}
	s.words = append(s.words, word)
}

// shellPiece returns the text that a quoted, escaped or plain piece of a word stands for, and its length as written.
func shellPiece(text string) (plain string, n int) {
	switch {
	case strings.HasPrefix(text, "${"):
		n = closing(text[1:], '{', '}') + 2
	case strings.HasPrefix(text, "$("):
		n = closing(text[1:], '(', ')') + 2
	case text[0] == '`' || text[0] == '\'':
		n = strings.IndexByte(text[1:], text[0]) + 2
	case text[0] == '"':
		n = closingQuote(text) + 1
	case text[0] == '\\' && len(text) > 1:
		return text[1:2], 2
	default:
		return text[:1], 1
	}
	if n <= 1 { // it is never closed
		return text, len(text)
	}
	switch text[0] {
	case '\'':
		return text[1 : n-1], n
	case '"':
		return shellEscapes.Replace(text[1 : n-1]), n
	}
	return text[:n], n
}

var shellEscapes = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\$`, `$`, "\\`", "`", "\\\n", "")
