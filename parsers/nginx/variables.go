package nginx

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

const (
	maxAlternatives = 16 // texts that one word with variables may turn into before it counts as unknown
	maxNesting      = 8  // variables whose values hold variables
)

// text is what a word may be at run time: pieces that are written somewhere, and unknownPart for what
// can't be known.
type text []piece

type piece struct {
	value string
	at    place // where value stands; nil for an unknown part
}

func (t text) String() string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.value)
	}
	return b.String()
}

// place returns where bytes of the text were written. A range that spans several pieces stands for
// the word as a whole.
func (t text) place(whole syntax.Ref) place {
	return func(from, to int) syntax.Ref {
		at := 0
		for _, p := range t {
			if from >= at && to <= at+len(p.value) && p.at != nil {
				return p.at(from-at, to-at)
			}
			at += len(p.value)
		}
		return whole
	}
}

// alternatives returns all texts that the i-th word of a statement may be, following the variables that
// set, map, geo and split_clients give a literal value in scope.
func (b *builder) alternatives(g *groups, l *level, s *syntax.Stmt, i, depth int) []text {
	value, at := s.Arg(i), wordPlace(s, i)
	if strings.IndexByte(value, '$') < 0 {
		return []text{{{value, at}}}
	}
	result := []text{{}}
	for pos := 0; pos < len(value); {
		name, end := variableAt(value, pos)
		var parts []text
		if name != "" {
			parts = b.variable(g, l, name, depth)
		} else {
			end = pos + 1 + nextDollar(value[pos+1:])
			from := pos
			parts = []text{{{value[pos:end], func(i, j int) syntax.Ref { return at(from+i, from+j) }}}}
		}
		pos = end
		if len(result)*len(parts) > maxAlternatives {
			parts = []text{unknown}
		}
		result = combine(result, parts)
	}
	return result
}

var unknown = text{{value: unknownPart}}

func combine(heads, tails []text) []text {
	var result []text
	for _, h := range heads {
		for _, t := range tails {
			result = append(result, append(h[:len(h):len(h)], t...))
		}
	}
	return result
}

func nextDollar(s string) int {
	if i := strings.IndexByte(s, '$'); i >= 0 {
		return i
	}
	return len(s)
}

// variableAt returns the name of the variable that starts at s[i], and where the text after it starts;
// "" where none does.
func variableAt(s string, i int) (name string, end int) {
	if s[i] != '$' || i+1 == len(s) {
		return "", 0
	}
	if s[i+1] == '{' {
		if n := strings.IndexByte(s[i:], '}'); n > 2 {
			return s[i+2 : i+n], i + n + 1
		}
		return "", 0
	}
	end = i + 1
	for end < len(s) && isNameByte(s[end]) {
		end++
	}
	return s[i+1 : end], end
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// markVariables puts unknownPart for every variable of a word that takes none of its own accord.
func markVariables(s string) string {
	if strings.IndexByte(s, '$') < 0 {
		return s
	}
	return strings.ReplaceAll(s, "$", unknownPart)
}

// variable returns what a variable may hold where l is in effect.
func (b *builder) variable(g *groups, l *level, name string, depth int) []text {
	switch name {
	case "request_uri", "uri", "document_uri":
		return []text{{{"/", nil}, {unknownPart, nil}}}
	}
	if depth == maxNesting {
		return []text{unknown}
	}
	if sets, certain := assignments(l, name); len(sets) > 0 {
		var found []text
		if !certain {
			found = append(found, unknown)
		}
		for _, s := range sets {
			found = append(found, b.values(g, l, s, 2, depth+1)...)
		}
		return atMost(found)
	}
	if s := g.maps[name]; s != nil {
		return atMost(b.mapped(g, l, s, depth+1))
	}
	return []text{unknown}
}

// values are the alternatives of a word, an empty one counting as unknown: such a variable is filled in
// by something else, Lua as a rule.
func (b *builder) values(g *groups, l *level, s *syntax.Stmt, i, depth int) []text {
	list := b.alternatives(g, l, s, i, depth)
	for i, t := range list {
		if t.String() == "" {
			list[i] = unknown
		}
	}
	return list
}

func atMost(list []text) []text {
	if len(list) > maxAlternatives {
		return []text{unknown}
	}
	return list
}

// assignments returns the "set" statements that may have given a variable its value when l passes a
// request on: those of the nearest level that sets it whatever happens, and the conditional ones since.
// certain is false when there may be others.
func assignments(l *level, name string) (sets []*syntax.Stmt, certain bool) {
	for at := l; at != nil; at = at.up {
		var here []*syntax.Stmt
		settled := false
		for _, a := range at.sets {
			if strings.TrimPrefix(a.stmt.Arg(1), "$") != name {
				continue
			}
			if !a.conditional {
				here, settled = nil, true
			}
			here = append(here, a.stmt)
		}
		sets = append(sets, here...)
		if settled {
			return sets, true
		}
	}
	return sets, false
}

// mapped returns the values that a map, geo or split_clients block may give its variable.
func (b *builder) mapped(g *groups, l *level, s *syntax.Stmt, depth int) []text {
	inner := &level{}
	var found []text
	hasDefault := s.Name() == "split_clients"
	for _, line := range b.expand(nil, s.Block.Stmts, inner) {
		switch name := line.Name(); {
		case name == "include" || line.Args() != 1 || s.Name() == "geo" && (name == "proxy" || name == "delete"):
			continue
		case name == "default":
			hasDefault = true
		}
		found = append(found, b.values(g, l, line, 1, depth)...)
		if len(found) > maxAlternatives {
			break
		}
	}
	if !hasDefault || inner.opaque || s.File.IsOpen() {
		found = append(found, unknown)
	}
	return found
}
