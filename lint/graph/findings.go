package graph

import (
	"cmp"
	"maps"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxLocations bounds how many blocks around a pass are taken as its own.
const maxLocations = 10

// owned tells which part of a model each finding stands in: the smallest one that is written around it. A part is
// a *proxy.Endpoint, *proxy.Route or *proxy.Upstream, or for listeners the *syntax.Stmt of their section; nil is none.
type owned struct {
	all    map[string][]lint.Diagnostic // by path, and then by place
	free   map[string][]int             // for each of them the next one that nobody owns, or a shortcut to it
	owners map[any][]lint.Diagnostic
}

// claim is where a part of the model is written.
type claim struct {
	owner any
	at    syntax.Ref
}

func assign(config *proxy.Config, found map[string][]lint.Diagnostic) *owned {
	o := &owned{found, map[string][]int{}, map[any][]lint.Diagnostic{}}
	for _, u := range config.Upstreams {
		if u.Implicit {
			continue
		}
		for _, e := range u.Endpoints {
			o.claim(claim{e, stmtRef(e.Stmt)})
		}
	}
	list := claims(config)
	slices.SortStableFunc(list, func(a, b claim) int { return cmp.Compare(length(a.at), length(b.at)) })
	for _, c := range list {
		o.claim(c)
	}
	for _, path := range slices.Sorted(maps.Keys(config.Tree.Files)) {
		file := config.Tree.Files[path]
		whole := file.Ref(syntax.Span{End: syntax.Pos(len(file.Src))}).Outer()
		whole.Span.End++ // where a text ends too soon is a place, too
		o.claim(claim{nil, whole})
	}
	return o
}

func length(at syntax.Ref) syntax.Pos { return at.Span.End - at.Span.Start }

func stmtRef(s *syntax.Stmt) syntax.Ref {
	if s == nil {
		return syntax.Ref{}
	}
	return s.File.Ref(s.Span)
}

// claims lists where all but the written endpoints stand. Of two that stand at the same words the first comes first.
func claims(config *proxy.Config) []claim {
	var list []claim
	for _, u := range config.Upstreams {
		if !u.Implicit {
			list = append(list, claim{u, stmtRef(u.Stmt)})
		}
	}
	for _, l := range config.Listeners {
		list = append(list, claim{l.Section, stmtRef(l.Stmt)}, claim{l.Section, stmtRef(l.Section)})
	}
	for _, r := range config.Routes {
		if r.To != nil && r.To.Implicit {
			for _, e := range r.To.Endpoints {
				list = append(list, claim{e, e.Addr.At})
			}
		}
		if r.Stmt == r.Section {
			continue // a listen section leads to its own servers
		}
		list = append(list, claim{r, stmtRef(r.Stmt)}, claim{r, r.Match.At})
		around := r.Stmt.Parent
		for range maxLocations {
			if around == nil || around == r.Section {
				break
			}
			list = append(list, claim{r, stmtRef(around)})
			around = around.Parent
		}
	}
	return list
}

// claim gives what stands at a place, and is not yet owned, to an owner.
func (o *owned) claim(c claim) {
	if c.at.IsZero() {
		return
	}
	at := c.at.Outer()
	found := o.all[at.File.Path]
	if len(found) == 0 {
		return
	}
	free := o.free[at.File.Path]
	if free == nil {
		free = make([]int, len(found)+1)
		for i := range free {
			free[i] = i
		}
		o.free[at.File.Path] = free
	}
	first, _ := slices.BinarySearchFunc(found, at.Span.Start, func(d lint.Diagnostic, p syntax.Pos) int {
		return cmp.Compare(d.At.Span.Start, p)
	})
	for i := next(free, first); i < len(found) && found[i].At.Span.Start < at.Span.End; i = next(free, i) {
		o.owners[c.owner] = append(o.owners[c.owner], found[i])
		free[i] = i + 1
	}
}

// next follows the shortcuts from i on, and makes them shorter.
func next(free []int, i int) int {
	for free[i] != i {
		free[i] = free[free[i]]
		i = free[i]
	}
	return i
}

func (o *owned) has(owner any) bool { return len(o.owners[owner]) > 0 }

// take returns the findings of an owner, once.
func (o *owned) take(owner any) []lint.Diagnostic {
	if owner == nil {
		return nil
	}
	found := o.owners[owner]
	delete(o.owners, owner)
	slices.SortStableFunc(found, byPlace)
	return found
}

// rest returns what was not taken, by place.
func (o *owned) rest() []lint.Diagnostic {
	var rest []lint.Diagnostic
	for _, found := range o.owners {
		rest = append(rest, found...)
	}
	slices.SortFunc(rest, byPlace)
	return rest
}

func byPlace(a, b lint.Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.At.File.Path, b.At.File.Path),
		cmp.Compare(a.At.Span.Start, b.At.Span.Start),
		cmp.Compare(a.At.Span.End, b.At.Span.End),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Message, b.Message),
	)
}
