// Package lint runs rules over configurations and orders what they find.
package lint

import (
	"context"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
)

// Result is what a run found.
type Result struct {
	Diagnostics []Diagnostic // by file, place and rule; each place once per rule
	Files       int          // distinct files read
	Suppressed  int          // findings left out because a comment or a baseline accepts them
}

// Run applies every rule to every configuration.
func Run(ctx context.Context, configs []*proxy.Config, rules []*Rule, facts *inventory.Facts) Result {
	var result Result
	for _, config := range configs {
		for _, rule := range rules {
			if ctx.Err() != nil {
				return result
			}
			if rule.Live || !rule.Serves(config.Dialect) {
				continue
			}
			rule.Run(ctx, &Pass{Config: config, All: configs, Inventory: facts, Report: func(d Diagnostic) {
				if config.Wants(d.At.File) {
					result.Diagnostics = append(result.Diagnostics, complete(d, rule))
				}
			}})
		}
	}
	result.Diagnostics = sortAndDedup(result.Diagnostics)
	result.Files = countFiles(configs)
	return result
}

// complete fills in what a diagnostic takes over from its rule.
func complete(d Diagnostic, rule *Rule) Diagnostic {
	d.Rule = rule.ID
	if d.Severity == 0 {
		d.Severity = rule.Severity
	}
	if d.Symptom == "" {
		d.Symptom = rule.Symptom
	}
	return d
}

func countFiles(configs []*proxy.Config) int {
	seen := map[string]struct{}{}
	for _, config := range configs {
		for path := range config.Tree.Files {
			seen[path] = struct{}{}
		}
	}
	return len(seen)
}

// Count returns how many diagnostics have that severity.
func (r Result) Count(s Severity) int {
	n := 0
	for _, d := range r.Diagnostics {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Fails reports whether any diagnostic is at or above the severity; the zero severity never fails.
func (r Result) Fails(at Severity) bool {
	for _, d := range r.Diagnostics {
		if at != 0 && d.Severity >= at {
			return true
		}
	}
	return false
}
