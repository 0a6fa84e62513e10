package haproxy

import (
	"strconv"
	"strings"
)

// truth is what is known of a condition before the environment is.
type truth int8

const (
	never  truth = -1
	maybe  truth = 0
	always truth = 1
)

func truthOf(b bool) truth {
	if b {
		return always
	}
	return never
}

// maxConditionDepth bounds the parentheses and negations of one condition.
const maxConditionDepth = 64

// evaluate tells whether the expression of an .if or .elif line holds (manual 2.4 "Conditional
// blocks"). dynamic says that the text depends on the environment, so comparisons in it are open.
// ok is false when HAProxy would not understand it. No expression at all is false.
func (e env) evaluate(text string, dynamic bool) (result truth, ok bool) {
	if strings.TrimSpace(text) == "" {
		return never, true
	}
	c := condition{env: e, rest: text, dynamic: dynamic}
	result = c.or(0)
	c.skipBlanks()
	return result, !c.failed && c.rest == ""
}

type condition struct {
	env     env
	rest    string
	dynamic bool
	failed  bool
}

func (c *condition) skipBlanks() { c.rest = strings.TrimLeft(c.rest, " \t") }

func (c *condition) accept(token string) bool {
	c.skipBlanks()
	rest, found := strings.CutPrefix(c.rest, token)
	c.rest = rest
	return found
}

func (c *condition) or(depth int) truth {
	result := c.and(depth)
	for !c.failed && c.accept("||") {
		result = max(result, c.and(depth))
	}
	return result
}

func (c *condition) and(depth int) truth {
	result := c.term(depth)
	for !c.failed && c.accept("&&") {
		result = min(result, c.term(depth))
	}
	return result
}

func (c *condition) term(depth int) truth {
	if depth > maxConditionDepth {
		c.failed = true
		return maybe
	}
	if c.accept("!") {
		return -c.term(depth + 1)
	}
	if c.accept("(") {
		result := c.or(depth + 1)
		c.failed = c.failed || !c.accept(")")
		return result
	}
	c.skipBlanks()
	n := strings.IndexFunc(c.rest, func(r rune) bool { return r != '-' && (r > 'z' || !isNameByte(byte(r))) })
	if n < 0 {
		n = len(c.rest)
	}
	name := c.rest[:n]
	c.rest = c.rest[n:]
	if strings.HasPrefix(c.rest, "(") {
		return c.predicate(name)
	}
	number, err := strconv.Atoi(name)
	c.failed = c.failed || err != nil
	return truthOf(number != 0)
}

// predicate decides what the files alone can decide; what asks for HAProxy's version, its features or
// its libraries stays open.
func (c *condition) predicate(name string) truth {
	end := strings.IndexByte(c.rest, ')')
	if end < 0 {
		c.failed = true
		return maybe
	}
	args := strings.Split(c.rest[1:end], ",")
	c.rest = c.rest[end+1:]
	switch {
	case name == "defined":
		v, known := c.env[args[0]]
		if known && !v.unsure {
			return truthOf(!v.unset)
		}
	case len(args) != 2 || c.dynamic || strings.ContainsAny(args[0]+args[1], `"'\`):
	case name == "streq":
		return truthOf(args[0] == args[1])
	case name == "strneq":
		return truthOf(args[0] != args[1])
	}
	return maybe
}
