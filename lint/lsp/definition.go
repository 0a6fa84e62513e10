package lsp

import (
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// definition returns where the name at a position is defined: all places, where there may be several.
func (s *server) definition(snap *snapshot, p positionParams) any {
	locations := []location{}
	d := snap.document(p.TextDocument.URI)
	if d == nil {
		return locations
	}
	offset := snap.client.encoding.offset(d.text, p.Position)
	for _, c := range snap.configs {
		for _, f := range c.Tree.Files {
			if !snap.shows(d, f) {
				continue
			}
			if stmt, word := wordAt(f.Stmts, offset); stmt != nil {
				for _, at := range defined(c, stmt, word) {
					if l := snap.location(at); !slices.Contains(locations, l) {
						locations = append(locations, l)
					}
				}
			}
		}
	}
	return locations
}

// shows reports whether a file of a tree, or the one that its text lies in, is a document.
func (snap *snapshot) shows(d *document, f *syntax.File) bool {
	if f.Origin != nil {
		f = f.Origin.In
	}
	return snap.documentOf(f) == d
}

// wordAt returns the statement, and the index of its word, that stand at an offset of a file on disk; nil where none
// does.
func wordAt(list []*syntax.Stmt, p syntax.Pos) (*syntax.Stmt, int) {
	for _, s := range list {
		if !touches(s.File.Ref(s.Span), p) {
			continue
		}
		for i := range s.Words {
			if touches(s.Ref(i), p) {
				return s, i
			}
		}
		if s.Block != nil {
			if stmt, word := wordAt(s.Block.Stmts, p); stmt != nil {
				return stmt, word
			}
		}
	}
	return nil, 0
}

func touches(at syntax.Ref, p syntax.Pos) bool {
	at = at.Outer()
	return at.Span.Start <= p && p <= at.Span.End
}

// defined returns where what a word of a statement names is defined.
func defined(c *proxy.Config, s *syntax.Stmt, word int) []syntax.Ref {
	switch {
	case word == 0:
		return nil
	case c.Dialect == syntax.HAProxy:
		return definedInHAProxy(c.Tree, s, word)
	case s.Name() == "include":
		return beginnings(c.Tree.Includes[s])
	case strings.HasPrefix(s.Arg(word), "@"):
		return namedLocations(c.Tree, s, s.Arg(word))
	}
	var list []syntax.Ref
	for _, r := range c.Routes {
		if r.Stmt == s && r.To != nil && !r.To.Implicit {
			list = append(list, r.To.At)
		}
	}
	return list
}

func beginnings(files []*syntax.File) []syntax.Ref {
	var list []syntax.Ref
	for _, f := range files {
		list = append(list, f.Ref(syntax.Span{}))
	}
	return list
}

// namedLocations returns the locations of that name in the servers that hold the statement.
func namedLocations(tree *syntax.Tree, s *syntax.Stmt, name string) []syntax.Ref {
	var list []syntax.Ref
	tree.Walk(func(scope *syntax.Scope, stmt *syntax.Stmt) bool {
		if stmt != s {
			return true
		}
		for scope.Up != nil && scope.Stmt.Name() != "server" {
			scope = scope.Up
		}
		scope.Each(func(l *syntax.Stmt) bool {
			if l.Name() == "location" && l.Arg(1) == name {
				list = append(list, l.Ref(1))
			}
			return true
		})
		return true
	})
	return list
}

// sectionsNamedBy are the kinds of HAProxy sections that the word after a keyword may name.
var sectionsNamedBy = map[string][]string{
	"use_backend":     {"backend", "listen"},
	"default_backend": {"backend", "listen"},
	"table":           {"backend", "frontend", "listen", "peers"},
	"from":            {"defaults"},
	"resolvers":       {"resolvers"},
	"peers":           {"peers"},
	"use-fcgi-app":    {"fcgi-app"},
	"cache-use":       {"cache"},
	"cache-store":     {"cache"},
	"mailers":         {"mailers"},
}

func definedInHAProxy(tree *syntax.Tree, s *syntax.Stmt, word int) []syntax.Ref {
	name, keyword := s.Arg(word), s.Arg(word-1)
	switch {
	case s.Block != nil && keyword != "from":
		return nil // the name of the section itself
	case keyword == "use-server":
		return linesNamed(s.Parent, "server", name)
	case isCondition(s, word):
		return linesNamed(s.Parent, "acl", strings.TrimPrefix(name, "!"))
	}
	var list []syntax.Ref
	for _, f := range tree.Roots {
		for _, section := range f.Stmts {
			if section.Block != nil && section.Arg(1) == name && slices.Contains(sectionsNamedBy[keyword], section.Name()) {
				list = append(list, section.Ref(1))
			}
		}
	}
	return list
}

// isCondition reports whether a word belongs to the condition at the end of a line.
func isCondition(s *syntax.Stmt, word int) bool {
	for i := 1; i < word; i++ {
		if name := s.Arg(i); name == "if" || name == "unless" {
			return true
		}
	}
	return false
}

// linesNamed returns the names of the lines of a section that begin with a keyword and a name.
func linesNamed(section *syntax.Stmt, keyword, name string) []syntax.Ref {
	if section == nil {
		return nil
	}
	var list []syntax.Ref
	for _, line := range section.Block.Stmts {
		if line.Name() == keyword && line.Arg(1) == name {
			list = append(list, line.Ref(1))
		}
	}
	return list
}
