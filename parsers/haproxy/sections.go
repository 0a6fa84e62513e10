// Package haproxy reads HAProxy configurations: text into the lossless tree, and the tree into the neutral model.
package haproxy

import (
	"slices"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Load reads the texts as "haproxy -f a -f b" would, in order, into one configuration.
func Load(sources []syntax.Source, version proxy.Version) *proxy.Config {
	s := scanner{env: env{}, version: version, faulty: map[*syntax.Stmt]bool{}}
	tree := &syntax.Tree{Dialect: syntax.HAProxy, Files: map[string]*syntax.File{}}
	for _, source := range sources {
		f := s.scan(source)
		f.Origin = source.Origin
		tree.Roots = append(tree.Roots, f)
		tree.Files[f.Path] = f
	}
	sections := link(tree.Roots)
	tree.Fragment = isFragment(sections) || slices.ContainsFunc(tree.Roots, (*syntax.File).IsOpen)
	servers, binds := serverOptions(), bindOptions()
	check := checker{
		tree: tree, version: version, env: s.env, faulty: s.faulty,
		servers: servers, binds: binds, single: map[string]*Keyword{},
	}
	check.run(sections)
	b := builder{
		config: &proxy.Config{Dialect: syntax.HAProxy, Version: version, Tree: tree},
		env:    s.env, faulty: s.faulty, servers: servers, binds: binds,
	}
	b.build(sections)
	return b.config
}

// section is one section that may be read.
type section struct {
	stmt     *syntax.Stmt
	kind     Section // 0: of a kind that no HAProxy version is known to have
	name     string
	from     *section // the defaults it inherits from; nil: none is in sight
	fromWord int      // index of the name after "from" in the header; 0: none is written

	settings  *settings // of a proxy, with what it inherits
	inherited *settings // the same as others inherit it
	pool      *pool     // of a backend or listen section
}

// link lists the sections of the files in order, each with the defaults section that applies to it:
// the one it names, else the last one above it (manual 4 "Proxies").
func link(files []*syntax.File) []*section {
	var list []*section
	var last *section
	named := map[string]*section{}
	for _, f := range files {
		for _, stmt := range f.Stmts {
			if stmt.Block == nil || !stmt.When.Live() {
				continue
			}
			s := newSection(stmt)
			switch {
			case s.fromWord > 0:
				s.from = named[stmt.Arg(s.fromWord)]
			case s.kind&(Frontend|Listen|Backend) != 0:
				s.from = last
			}
			if s.kind == Defaults {
				last = s
				if s.name != "" {
					named[s.name] = s
				}
			}
			list = append(list, s)
		}
	}
	return list
}

func newSection(stmt *syntax.Stmt) *section {
	s := &section{stmt: stmt, name: stmt.Arg(1)}
	s.kind = kindMeant(stmt.Name())
	if s.kind&proxies == 0 {
		return s
	}
	at := 2
	if s.kind == Defaults && s.name == "from" {
		s.name, at = "", 1
	}
	if stmt.Arg(at) == "from" && stmt.Args() > at {
		s.fromWord = at + 1
	}
	return s
}

// kindMeant returns the kind of section that a name stands for, be it mistyped.
func kindMeant(name string) Section {
	kind, known := sectionKind(name)
	if known {
		return kind
	}
	for i, n := range sectionNames {
		if typos(name, n) > 0 {
			return 1 << i
		}
	}
	return 0
}

// isFragment reports whether the sections can't be a whole configuration: with neither global nor
// defaults, there are likely more files.
func isFragment(sections []*section) bool {
	for _, s := range sections {
		if s.kind == Global || s.kind == Defaults {
			return false
		}
	}
	return true
}
