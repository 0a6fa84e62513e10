// Package lint runs rules over configurations and orders what they find.
package lint

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/proxy"
)

// Result is what a run found.
type Result struct {
	Diagnostics []Diagnostic // by file, place and rule; each place once per rule
	Files       []string     // paths of the files read, sorted
	Suppressed  int          // findings left out because a comment or a baseline accepts them
	Stale       int          // entries of a baseline for which nothing is found any more
	Live        *probe.Results
}

// Around is what is known beside the configurations.
type Around struct {
	Inventory *inventory.Facts
	Live      *probe.Results // nil: nothing was dialed, and live rules don't run
	Today     time.Time      // comments that accept findings do so until the day that they name
}

// Run applies every rule to every configuration. Rules run side by side: they may read what a Pass gives
// them, and change nothing.
func Run(ctx context.Context, configs []*proxy.Config, rules []*Rule, around Around) Result {
	result := Result{Live: around.Live}
	for _, config := range configs {
		found := make([][]Diagnostic, len(rules))
		var next atomic.Int32
		var workers sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				for i := int(next.Add(1)) - 1; i < len(rules) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
					found[i] = apply(ctx, rules[i], &Pass{Config: config, All: configs, Inventory: around.Inventory, Live: around.Live})
				}
			})
		}
		workers.Wait()
		result.Diagnostics = append(result.Diagnostics, slices.Concat(found...)...)
	}
	result.Diagnostics = sortAndDedup(result.Diagnostics)
	result.ignore(readIgnores(configs, rules, around.Today))
	result.moveToDisk()
	result.Files = filesOf(configs)
	return result
}

// ignore leaves out what comments accept, and adds what is wrong with the comments.
func (r *Result) ignore(comments *ignores) {
	found := len(r.Diagnostics)
	r.Diagnostics = slices.DeleteFunc(r.Diagnostics, comments.take)
	r.Suppressed = found - len(r.Diagnostics)
	if rule := comments.rules[IgnoreComment]; rule != nil {
		for _, d := range comments.findings() {
			r.Diagnostics = append(r.Diagnostics, complete(d, rule))
		}
		r.Diagnostics = sortAndDedup(r.Diagnostics)
	}
}

// apply returns what one rule finds.
func apply(ctx context.Context, rule *Rule, p *Pass) []Diagnostic {
	if rule.Run == nil || rule.Off || rule.Live && p.Live == nil || !rule.Serves(p.Config.Dialect) {
		return nil
	}
	var found []Diagnostic
	p.Report = func(d Diagnostic) {
		if p.Config.Wants(d.At.File) {
			found = append(found, complete(d, rule))
		}
	}
	rule.Run(ctx, p)
	return found
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
	if d.At.File.Template != nil {
		d = fitTemplate(d)
	}
	return d
}

// filesOf returns the paths of all files, each once, sorted.
func filesOf(configs []*proxy.Config) []string {
	seen := map[string]struct{}{}
	for _, config := range configs {
		for _, file := range config.Tree.Files {
			if file.Origin != nil {
				file = file.Origin.In
			}
			seen[file.Path] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(seen))
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
