package inventory

import "strings"

// shellWords splits a text into words as a shell does, and takes their quotes off. "${...}" is never split.
func shellWords(v Value) []Value {
	if list := shellSplit(v, false); len(list) > 0 {
		return list[0]
	}
	return nil
}

// shellCommands splits a script into its simple commands, each into words. Comments are passed over.
func shellCommands(v Value) [][]Value { return shellSplit(v, true) }

func shellSplit(v Value, script bool) [][]Value {
	var list [][]Value
	var words []Value
	end := func() {
		if len(words) > 0 {
			list, words = append(list, words), nil
		}
	}
	for pos := 0; pos < len(v.Text); {
		rest := v.Text[pos:]
		switch {
		case strings.IndexByte(" \t\r", rest[0]) >= 0 || rest[0] == '\n' && !script:
			pos++
		case strings.HasPrefix(rest, "\\\n"):
			pos += 2
		case script && rest[0] == '#':
			pos += lineLength(rest)
		case script && strings.IndexByte("\n;&|()", rest[0]) >= 0:
			end()
			pos++
		default:
			var word Value
			word, pos = shellWord(v, pos, script)
			words = append(words, word)
		}
	}
	end()
	return list
}

// shellWord reads the word that starts at an offset, and returns where it ends.
func shellWord(v Value, start int, script bool) (word Value, end int) {
	var plain strings.Builder
	stop := " \t\r\n"
	if script {
		stop = " \t\r\n;&|()"
	}
	for end = start; end < len(v.Text) && strings.IndexByte(stop, v.Text[end]) < 0; {
		text, n := shellPiece(v.Text[end:])
		plain.WriteString(text)
		end += n
	}
	word = v.cut(start, end)
	if raw := word.Text; len(raw) == plain.Len()+2 && raw[1:len(raw)-1] == plain.String() {
		return word.cut(1, len(raw)-1), end // quoted as a whole
	}
	word.Text = plain.String()
	return word, end
}

// shellPiece returns the text that a quoted, escaped or plain piece of a word stands for, and its length as written.
func shellPiece(text string) (plain string, n int) {
	switch {
	case strings.HasPrefix(text, "${"):
		n = closingBrace(text[1:]) + 2
	case strings.HasPrefix(text, "$("):
		n = strings.IndexByte(text, ')') + 1
	case text[0] == '\'':
		n = strings.IndexByte(text[1:], '\'') + 2
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

var shellEscapes = strings.NewReplacer(`\"`, `"`, `\\`, `\`, "\\`", "`", "\\\n", "")
