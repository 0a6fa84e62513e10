package rules

import (
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// mentions reports whether any file of a tree holds a text, so that most configurations are passed over at once.
func mentions(tree *syntax.Tree, text string) bool {
	for _, f := range tree.Files {
		if strings.Contains(f.Src, text) {
			return true
		}
	}
	return false
}

// globalSections returns HAProxy's global sections that may be read.
func globalSections(tree *syntax.Tree) []*syntax.Stmt {
	var list []*syntax.Stmt
	for _, f := range tree.Roots {
		for _, s := range f.Stmts {
			if s.Block != nil && s.Name() == "global" && s.When.Live() {
				list = append(list, s)
			}
		}
	}
	return list
}

// lastLine returns the line of that name which counts in HAProxy sections: the last. known is false where the
// environment decides whether there is one.
func lastLine(name string, sections ...*syntax.Stmt) (line *syntax.Stmt, known bool) {
	for _, section := range sections {
		for _, s := range section.Block.Stmts {
			switch {
			case s.Name() != name || !s.When.Live():
			case s.When != nil || section.When != nil:
				return nil, false
			default:
				line = s
			}
		}
	}
	return line, true
}

// wholeArgument returns the first argument of a line, where it is a plain number.
func wholeArgument(s *syntax.Stmt) (n int, ok bool) {
	n, err := strconv.Atoi(s.Arg(1))
	return n, err == nil && n >= 0
}

// hasOpenWord reports whether a word of a HAProxy line may stand for others: a variable, or a mark to be replaced.
func hasOpenWord(s *syntax.Stmt) bool {
	text := s.File.Text(s.Span)
	return strings.Contains(text, "$") || strings.Contains(text, "{{") || strings.Contains(text, "{%") || strings.Contains(text, "<%")
}

// listsHTTP2 reports whether the value of an alpn option offers HTTP/2.
func listsHTTP2(alpn string) bool {
	for protocol := range strings.SplitSeq(alpn, ",") {
		if strings.TrimSpace(protocol) == "h2" {
			return true
		}
	}
	return false
}
