package haproxy

import (
	"errors"

	"github.com/haproxytech/client-native/v6/config-parser/params"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// optionTable knows how many words follow the options of a kind of line. It asks the library once
// for each name; our own words keep the places that the library has no notion of.
type optionTable struct {
	parse func([]string) error
	known map[string]int8
}

// unknownOption stands in a table for a name that the library does not know.
const unknownOption = -1

func serverOptions() *optionTable {
	return &optionTable{
		parse: func(words []string) error {
			_, err := params.ParseServerOptions(words)
			return err
		},
		// options of HAProxy 3.4 that the library lacks
		known: map[string]int8{"from": 1, "healthcheck": 1},
	}
}

func bindOptions() *optionTable {
	return &optionTable{
		parse: func(words []string) error {
			_, err := params.ParseBindOptions(words)
			return err
		},
		known: map[string]int8{"ech": 1, "expose-fd": 1},
	}
}

// arity returns the number of words that follow an option's name, or unknownOption.
func (t *optionTable) arity(name string) int {
	n, seen := t.known[name]
	if !seen {
		n = t.ask(name)
		t.known[name] = n
	}
	return int(n)
}

func (t *optionTable) ask(name string) int8 {
	err := t.parse([]string{name})
	var short *params.NotEnoughParamsError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &short), t.parse([]string{name, "1"}) == nil:
		return 1
	}
	return unknownOption
}

// option is one option of a server or bind line.
type option struct {
	name  string
	at    int // index of its name in the statement's words
	value int // index of its value; 0 when it takes none
}

// each calls fn for the options from word at on. It returns the index of the first word that is no
// option or that lacks its value, or the number of words.
func (t *optionTable) each(stmt *syntax.Stmt, at int, fn func(option)) int {
	for at < len(stmt.Words) {
		name := stmt.Arg(at)
		n := t.arity(name)
		if n == unknownOption || at+n >= len(stmt.Words) {
			return at
		}
		o := option{name: name, at: at}
		if n > 0 {
			o.value = at + 1
		}
		fn(o)
		at += 1 + n
	}
	return at
}
