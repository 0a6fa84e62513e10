package nginx

import (
	"fmt"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// once is a statement that may stand once in its block. An included one comes from a file that other blocks may
// include as well.
type once struct {
	name     string
	stmt     *syntax.Stmt
	included bool
}

// fileOnces returns the statements of a file that may stand once in the block that includes it, the first of
// each name, and tells of the others.
func (c *checker) fileOnces(f *syntax.File, in Context) []once {
	key := visit{f, in}
	list, seen := c.onces[key]
	if !seen {
		c.onces[key] = nil
		list = c.blockOnces(f.Stmts, in)
		c.onces[key] = list
	}
	return list
}

// blockOnces does so for the statements of one block, with those of the files that it includes. Where a template
// engine makes the file, two statements may be the arms of a choice.
func (c *checker) blockOnces(list []*syntax.Stmt, in Context) []once {
	if in == 0 || in == anywhere || len(list) == 0 || c.isTemplated(list[0].File) {
		return nil
	}
	var kept kept
	for _, s := range list {
		if name := s.Name(); c.standsOnce(name, in) {
			c.keep(&kept, once{name, s, false})
		}
		for _, f := range c.tree.Includes[s] {
			for _, o := range c.fileOnces(f, in) {
				c.keep(&kept, once{o.name, o.stmt, true})
			}
		}
	}
	return kept.list
}

// kept are the first statements of each name.
type kept struct {
	list  []once
	index map[string]int // by name; nil while there are few
}

// few is the number of names up to which looking at each is the quicker way.
const few = 16

func (k *kept) find(name string) (first once, found bool) {
	if k.index != nil {
		i, found := k.index[name]
		if found {
			first = k.list[i]
		}
		return first, found
	}
	for _, o := range k.list {
		if o.name == name {
			return o, true
		}
	}
	return once{}, false
}

func (k *kept) add(o once) {
	k.list = append(k.list, o)
	switch {
	case k.index != nil:
		k.index[o.name] = len(k.list) - 1
	case len(k.list) > few:
		k.index = map[string]int{}
		for i, o := range k.list {
			k.index[o.name] = i
		}
	}
}

// keep adds a statement, or tells that there is one of its name.
func (c *checker) keep(k *kept, o once) {
	if first, found := k.find(o.name); found {
		c.duplicate(first, o)
		return
	}
	k.add(o)
}

// duplicate tells of the later of two statements, unless that one is in an included file and the first is not:
// then it is the block's own line that has to go.
func (c *checker) duplicate(first, later once) {
	at, other, order := later, first, "above"
	if later.included && !first.included {
		at, other, order = first, later, "below"
	}
	p := syntax.FileProblem{File: at.stmt.File}
	p.Code, p.At, p.Seen = "duplicate-directive", at.stmt.Words[0].Span, stop(at.stmt)
	if at == first {
		p.Seen = -1
	}
	switch {
	case first.stmt == later.stmt:
		p.Msg = fmt.Sprintf("%s is read twice in one block, which includes this file more than once", at.name)
	case first.stmt.File != later.stmt.File:
		p.Msg = fmt.Sprintf("%s stands twice in this block with what it includes, and nginx allows it once", at.name)
	default:
		p.Msg = fmt.Sprintf("%s stands twice in this block, and nginx allows it once", at.name)
	}
	if first.stmt != later.stmt {
		p.Related = []syntax.Related{{At: other.stmt.Ref(0), Msg: "the one " + order}}
	}
	c.tree.Problems = append(c.tree.Problems, p)
}

// standsOnce reports whether all that a name may mean in a context may stand once only.
func (c *checker) standsOnce(name string, in Context) bool {
	defs := c.lookup(name, in).here
	for _, d := range defs {
		if d.Repeat {
			return false
		}
	}
	return len(defs) > 0
}

// isTemplated reports whether a file has marks of a template engine.
func (c *checker) isTemplated(f *syntax.File) bool {
	templated, seen := c.templated[f]
	if !seen {
		templated = f.IsOpen() || isTemplate(f.Src)
		c.templated[f] = templated
	}
	return templated
}
