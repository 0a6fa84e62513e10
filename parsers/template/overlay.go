package template

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// overlay puts the bytes that scanners read in place of the marks.
func overlay(src string, marks []syntax.Mark) string {
	text := []byte(src)
	for _, m := range marks {
		b := byte(syntax.Silent)
		switch {
		case m.Value != "":
			b = syntax.Known
		case m.Role == syntax.Fills:
			b = syntax.Filling
		}
		for i := m.Start; i < m.End; i++ {
			text[i] = b
		}
	}
	joinAbove(text, src, marks)
	joinBelow(text, src, marks)
	return string(text)
}

// joinAbove takes away the line ends before marks such as {{- if .X }} that text follows on their line: it goes on
// from the line above. A mark alone on its line leaves the lines around it apart, by the line end after it.
func joinAbove(text []byte, src string, marks []syntax.Mark) {
	goesOn := false // whether text follows the mark on its line
	for i := len(marks) - 1; i >= 0; i-- {
		m := marks[i]
		at := int(m.End)
		for at < len(text) && isBlank(text[at]) {
			at++
		}
		switch {
		case at == len(text) || text[at] == '\n':
			goesOn = false
		case text[at] != syntax.Silent:
			goesOn = true
		}
		if src[m.Start] != '{' || src[m.Start+2] != '-' || !goesOn {
			continue
		}
		for at := int(m.Start) - 1; at >= 0 && (isBlank(text[at]) || text[at] == '\n'); at-- {
			text[at] = ' '
		}
	}
}

// joinBelow takes away the line ends after marks such as {{ end -}} that text precedes on their line.
func joinBelow(text []byte, src string, marks []syntax.Mark) {
	goesOn := false // whether text precedes the mark on its line
	for _, m := range marks {
		at := int(m.Start) - 1
		for at >= 0 && isBlank(text[at]) {
			at--
		}
		switch {
		case at < 0 || text[at] == '\n':
			goesOn = false
		case text[at] != syntax.Silent:
			goesOn = true
		}
		closing := src[m.End-2 : m.End]
		if closing != "}}" && closing != "%}" && closing != "#}" && closing != "%>" || src[m.End-3] != '-' || !goesOn {
			continue
		}
		for at := int(m.End); at < len(text) && (isBlank(text[at]) || text[at] == '\n'); at++ {
			ends := text[at] == '\n'
			text[at] = ' '
			if ends && strings.HasSuffix(closing, ">") {
				break // ERB takes one line end, the others all there are
			}
		}
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }
