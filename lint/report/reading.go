package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/safe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// WriteReading tells, line by line behind a prefix, which files were read and as what, where each configuration runs,
// and what stayed unknown. As in Write, nothing in it can hide or act on a terminal.
func WriteReading(w io.Writer, prefix string, facts *inventory.Facts, configs []*proxy.Config, o Options) error {
	r := reading{o: o, prefix: prefix}
	for _, c := range configs {
		r.config(c)
		r.homes(facts, c)
		r.unknown(c)
	}
	r.gaps(facts)
	_, err := io.WriteString(w, r.text.String())
	return err
}

// reading gathers the lines.
type reading struct {
	o      Options
	prefix string
	text   strings.Builder
}

func (r *reading) line(place, format string, args ...any) {
	fmt.Fprintf(&r.text, "%s%s: %s\n", r.prefix, linePath(place), clean(safe.Mask(fmt.Sprintf(format, args...), nil)))
}

// config tells of the files of one configuration.
func (r *reading) config(c *proxy.Config) {
	main := c.Tree.Roots[0]
	r.line(r.name(main), "%s: %s, %s, %s", described(c), count(len(c.Listeners), "listener"),
		count(len(c.Routes), "route"), count(len(c.Upstreams), "upstream"))
	for _, root := range c.Tree.Roots[1:] {
		r.line(r.name(root), "read together with %s", r.name(main))
	}
	includers := includers(c.Tree)
	for _, path := range slices.Sorted(maps.Keys(c.Tree.Files)) {
		if by := includers[c.Tree.Files[path]]; by != nil {
			r.line(r.name(c.Tree.Files[path]), "included at %s", r.o.place(by.Ref(1).Outer()))
		}
	}
}

// described says what a configuration was taken for.
func described(c *proxy.Config) string {
	main := c.Tree.Roots[0]
	as := []string{c.Dialect.Product() + " configuration"}
	if main.Template != nil {
		as = append(as, "a template")
	}
	if main.Origin != nil {
		as = append(as, "embedded as "+main.Origin.Name)
	}
	switch {
	case len(c.Tree.Around) > 0:
		as = append(as, "a fragment inside "+strings.Join(c.Tree.Around, ", "))
	case c.Tree.Fragment && main.Template == nil:
		as = append(as, "a fragment")
	}
	if c.Only != nil {
		as = append(as, "read for what it includes")
	}
	return strings.Join(as, ", ")
}

// name is how a file is called: by its path, or by that of the file it lies in.
func (r *reading) name(f *syntax.File) string {
	if f.Origin != nil {
		f = f.Origin.In
	}
	return r.o.path(f.Path)
}

// includers returns the first statement that brings in each included file.
func includers(tree *syntax.Tree) map[*syntax.File]*syntax.Stmt {
	by := map[*syntax.File]*syntax.Stmt{}
	for _, stmt := range slices.SortedFunc(maps.Keys(tree.Includes), compareStmts) {
		for _, f := range tree.Includes[stmt] {
			if by[f] == nil {
				by[f] = stmt
			}
		}
	}
	return by
}

func compareStmts(a, b *syntax.Stmt) int {
	return cmp.Or(cmp.Compare(a.File.Path, b.File.Path), cmp.Compare(a.Start, b.Start))
}

// homes tells where a configuration runs.
func (r *reading) homes(facts *inventory.Facts, c *proxy.Config) {
	l := factList{o: r.o}
	l.home(c, facts.Home(c))
	for _, f := range l.facts {
		where := ""
		if f.File != "" {
			where = fmt.Sprintf(" (%s:%d:%d)", f.File, f.Line, f.Column)
		}
		r.line(f.Of, "%s%s", f.Text, where)
	}
}

// unknown tells what the files of a configuration do not show.
func (r *reading) unknown(c *proxy.Config) {
	for _, stmt := range slices.SortedFunc(maps.Keys(c.Tree.Unread), compareStmts) {
		r.line(r.o.place(stmt.Ref(1).Outer()), "unknown: %s was not read", stmt.Arg(1))
	}
	for _, at := range dynamic(c) {
		r.line(r.o.place(at.Outer()), "unknown: what %s stands for", at.Text())
	}
}

// dynamic returns the addresses and targets that the files alone do not give, in their order.
func dynamic(c *proxy.Config) []syntax.Ref {
	var list []syntax.Ref
	for _, l := range c.Listeners {
		if l.Addr.Dynamic {
			list = append(list, wordAt(l.Stmt, l.Addr.At))
		}
	}
	for _, route := range c.Routes {
		if route.Dynamic {
			list = append(list, wordAt(route.Stmt, route.At))
		}
	}
	for _, u := range c.Upstreams {
		for _, e := range u.Endpoints {
			if e.Addr.Dynamic {
				list = append(list, wordAt(e.Stmt, e.Addr.At))
			}
		}
	}
	list = slices.DeleteFunc(list, syntax.Ref.IsZero)
	slices.SortFunc(list, func(a, b syntax.Ref) int {
		return cmp.Or(cmp.Compare(a.File.Path, b.File.Path), cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Span.End, b.Span.End))
	})
	return slices.Compact(list)
}

// wordAt returns the whole word of a statement that a place is in; one that lies elsewhere stays.
func wordAt(stmt *syntax.Stmt, at syntax.Ref) syntax.Ref {
	for i, w := range stmt.Words {
		if stmt.File == at.File && w.Start <= at.Span.Start && at.Span.Start < w.End {
			return stmt.Ref(i)
		}
	}
	return at
}

// gaps tells of what the files around do not show, each once.
func (r *reading) gaps(facts *inventory.Facts) {
	l := factList{o: r.o}
	l.all(facts, nil)
	told := map[fact]bool{}
	for _, f := range l.facts {
		switch {
		case f.Kind != notRead || told[f]:
		case f.File == "" || f.File == f.Of:
			r.line(f.Of, "unknown: %s", f.Text)
		default:
			r.line(fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column), "unknown: %s: %s", f.Of, f.Text)
		}
		told[f] = true
	}
}
