// Package rules holds what proxylint knows: one rule per file, each with its documentation in it.
package rules

import (
	"cmp"
	"slices"

	"github.com/proxylint/proxylint/lint"
)

//go:generate go test . -run "^Test(Readme|SettingsSchema)$" -update

var registered []*lint.Rule

// register adds a rule to All. Every rule's file calls it once, from a package variable.
func register(r lint.Rule) *lint.Rule {
	if r.Live {
		r.Family = lint.Live
	}
	registered = append(registered, &r)
	return &r
}

// All returns every rule, sorted by ID.
func All() []*lint.Rule {
	all := slices.Clone(registered)
	slices.SortFunc(all, func(a, b *lint.Rule) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Find returns the rule of that ID; nil when there is none.
func Find(id string) *lint.Rule {
	for _, r := range registered {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// IDs returns the IDs of all rules, sorted.
func IDs() []string {
	var ids []string
	for _, r := range All() {
		ids = append(ids, r.ID)
	}
	return ids
}
