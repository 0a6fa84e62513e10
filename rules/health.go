package rules

import (
	"slices"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// serverLines finds what the lines of HAProxy servers say beyond the model: their own words, and those of the
// default-server lines that count for them.
type serverLines struct {
	tree     *syntax.Tree
	defaults map[*syntax.Stmt]*syntax.Stmt
	given    map[*syntax.Stmt][]*syntax.Stmt // the default-server lines of a section
}

func newServerLines(tree *syntax.Tree) *serverLines {
	return &serverLines{tree: tree, given: map[*syntax.Stmt][]*syntax.Stmt{}}
}

// word returns the last of the given options that counts for a server, and the words after it; a zero place where
// there is none.
func (l *serverLines) word(e *proxy.Endpoint, options ...string) (at, value syntax.Ref) {
	if at, value = lastOption(e.Stmt, options); !at.IsZero() {
		return at, value
	}
	if l.defaults == nil {
		l.defaults = defaultsOf(l.tree)
	}
	section := e.Stmt.Parent
	for _, from := range []*syntax.Stmt{section, l.defaults[section]} {
		for _, line := range slices.Backward(l.of(from)) {
			if from == section && line.Start > e.Stmt.Start {
				continue
			}
			if at, value = lastOption(line, options); !at.IsZero() {
				return at, value
			}
		}
	}
	return at, value
}

// of returns the default-server lines of a section.
func (l *serverLines) of(section *syntax.Stmt) []*syntax.Stmt {
	lines, known := l.given[section]
	if known || section == nil {
		return lines
	}
	for _, s := range section.Block.Stmts {
		if s.Name() == "default-server" && s.When.Live() {
			lines = append(lines, s)
		}
	}
	l.given[section] = lines
	return lines
}

// lastOption returns the last of some options on a server or default-server line, and the word after it.
func lastOption(line *syntax.Stmt, options []string) (at, value syntax.Ref) {
	for i := line.Args(); i > 0; i-- {
		if !slices.Contains(options, line.Arg(i)) {
			continue
		}
		if i < line.Args() {
			value = line.Ref(i + 1)
		}
		return line.Ref(i), value
	}
	return at, value
}

// checkOfItsOwn reports whether a backend itself says what its checks are, rather than a defaults section.
func checkOfItsOwn(u *proxy.Upstream) bool {
	at := u.Check.At
	return at.File == u.Stmt.File && at.Span.Start >= u.Stmt.Start && at.Span.End <= u.Stmt.End
}

// isInService reports whether a server takes its share of the requests as long as it is up.
func isInService(e *proxy.Endpoint) bool {
	idle := e.Weight.Written() && (e.Weight.Dynamic || e.Weight.Value == 0)
	return !e.Down && !e.Backup && !idle
}

// checkConnects reports whether the lines of a backend's check say where to connect, step by step.
func checkConnects(u *proxy.Upstream, defaults *syntax.Stmt) bool {
	return checksElsewhere(u.Stmt) || defaults != nil && checksElsewhere(defaults)
}

// isTLSPort reports whether nothing but TLS is spoken on a port.
func isTLSPort(port int) bool {
	switch port {
	case httpsPort, 465, 636, 993, 995, 5671, 6443, 8883:
		return true
	}
	return false
}
