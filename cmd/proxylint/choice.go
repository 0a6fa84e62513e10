package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/parsers/spell"
)

// choiceFlag is a flag that takes one of a few words, which completion offers.
type choiceFlag struct {
	helpedFlag
	choices []string
}

// helpedFlag is a flag that help tells of.
type helpedFlag interface {
	cli.VisibleFlag
	cli.DocGenerationFlag
}

// oneOf makes a flag's words known to completion.
func oneOf(choices []string, flag helpedFlag) cli.Flag { return choiceFlag{flag, choices} }

// keys returns the words that stand for something, sorted; the word of a flag that is not given is none.
func keys[T any](choices map[string]T) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(choices)), func(s string) bool { return s == "" })
}

// pick returns what a flag's value stands for.
func pick[T any](c *cli.Context, flag string, choices map[string]T) (T, error) {
	choice, ok := choices[c.String(flag)]
	if !ok {
		return choice, notOneOf("--"+flag, c.String(flag), keys(choices))
	}
	return choice, nil
}

// notOneOf tells that a flag does not take a value.
func notOneOf(flag, value string, choices []string) error {
	return unknown(flag+": unknown value", fmt.Sprintf("%q", value), value, choices)
}

// maxListed is how many names a message lists.
const maxListed = 12

// unknown tells that a name, as shown, is none of those there are: which one was probably meant, else what they are
// if they are few.
func unknown(what, shown, name string, names []string) error {
	nearest, _ := spell.Nearest(strings.ToLower(name), names)
	advice := didYouMean(nearest)
	if nearest == "" && len(names) <= maxListed {
		advice = ", want " + alternatives(names)
	}
	return errors.New(what + " " + shown + advice)
}

// alternatives writes a list as prose.
func alternatives(list []string) string {
	last := len(list) - 1
	if last == 0 {
		return list[0]
	}
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// didYouMean offers a name in place of the one that is not known; nothing is near "".
func didYouMean(s string) string {
	if s == "" {
		return ""
	}
	return ", did you mean " + s + "?"
}
