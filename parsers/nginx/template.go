package nginx

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// choice is a condition or loop of a template that is still open.
type choice struct {
	depth int  // of the blocks around it
	end   int  // of the blocks where its first arm ends; -1: it is not over
	other bool // it has another arm, so that one of them is written
}

// marks passes over the template marks that stand where a directive may start. Those that write nothing leave no
// trace; what an expression alone on its line writes may be any directives.
func (s *scanner) marks() {
	for {
		s.blanks()
		if int(s.pos) < len(s.src) && s.src[s.pos] == syntax.Silent {
			s.pos++
		} else if end := s.loneMark(); end > s.pos {
			s.pos = end
			s.Template.Open = true
		} else {
			break
		}
	}
	for ; s.mark < len(s.Template.Marks) && s.Template.Marks[s.mark].Start < s.pos; s.mark++ {
		s.choose(s.Template.Marks[s.mark].Role)
	}
}

// loneMark returns where the expressions end that the rest of the line consists of; 0 where it holds anything else.
func (s *scanner) loneMark() syntax.Pos {
	rest := s.src[s.pos:]
	if rest == "" || rest[0] != syntax.Filling {
		return 0
	}
	after := strings.TrimLeft(rest, " \t\r"+string(syntax.Filling)+string(syntax.Silent))
	if after != "" && after[0] != '\n' && after[0] != '}' && after[0] != '#' {
		return 0
	}
	return s.pos + syntax.Pos(len(rest)-len(after))
}

// choose follows the arms of a choice: each starts in the block in which the choice stands, and what comes after it
// stands in the block in which the arms end. Where these differ, nobody can tell.
func (s *scanner) choose(role syntax.Role) {
	if role == syntax.Opens {
		s.choices = append(s.choices, choice{depth: len(s.open), end: -1})
		return
	}
	n := len(s.choices)
	if n == 0 || role != syntax.Else && role != syntax.Closes {
		return
	}
	c := &s.choices[n-1]
	if c.end < 0 {
		c.end = len(s.open)
	}
	if c.end != len(s.open) || c.depth > len(s.open) || role == syntax.Closes && !c.other && c.depth != len(s.open) {
		s.Template.Unbalanced = true
	}
	if role == syntax.Closes {
		s.choices = s.choices[:n-1]
		return
	}
	c.other = true
	for len(s.open) > c.depth {
		s.closeAt(s.open[len(s.open)-1], s.pos, true)
		s.open, s.inside = s.open[:len(s.open)-1], s.inside[:len(s.inside)-1]
	}
}
