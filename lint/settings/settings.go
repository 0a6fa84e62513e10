// Package settings reads .proxylint.yaml, which says how the configurations of a repository are to be linted.
package settings

import (
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers"
)

// Settings is what a settings file says; the zero value says nothing. All paths are as seen from the working directory, or absolute
// where they lie outside it.
type Settings struct {
	Path       string // of the file itself
	Dir        string // its folder, which may be read as a whole; absolute
	Roots      []parsers.Root
	Directives []string // that modules of the user's own bring to nginx
	Inventory  []string // files of facts
	Ranges     []string // files of the networks that providers publish
	Hosts      string   // a file like /etc/hosts; "": none
	FailOn     string   // as the flag; "": not said
	Baseline   string   // "": none
	Live       Live

	exclude    []string // globs
	severities map[string]lint.Severity
	overrides  []override
}

// Live bounds what a run that dials may do. That it dials at all no file can say. The zero value of a field says
// nothing.
type Live struct {
	Concurrency int            // targets dialed at once
	Rate        int            // new connections in a second
	Timeout     time.Duration  // the longest wait for a connection
	Deadline    time.Duration  // of the whole run
	Allow       []netip.Prefix // beside which nothing is dialed; nil: not said
	Deny        []netip.Prefix // which are never dialed
	AllowPublic *bool          // whether public addresses may be dialed
}

// off is the severity of a rule that finds nothing.
const off lint.Severity = 0

// override is what rules weigh in some files.
type override struct {
	files      []string // globs
	severities map[string]lint.Severity
}

// RootPaths returns the paths of all roots.
func (s *Settings) RootPaths() []string {
	var paths []string
	for _, root := range s.Roots {
		paths = append(paths, root.Path)
	}
	return paths
}

// Rules returns the rules with those marked as off that are so in every file.
func (s *Settings) Rules(rules []*lint.Rule) []*lint.Rule {
	rules = slices.Clone(rules)
	for i, rule := range rules {
		if s.isOff(rule.ID) {
			silent := *rule
			silent.Off = true
			rules[i] = &silent
		}
	}
	return rules
}

func (s *Settings) isOff(rule string) bool {
	severity, ok := s.severities[rule]
	return ok && severity == off && !slices.ContainsFunc(s.overrides, func(o override) bool { return o.severities[rule] != off })
}

// Severities returns what lint.Result.Reweigh asks. Files that are excluded have no findings, but for those named.
func (s *Settings) Severities(named []string) func(rule, path string) (lint.Severity, bool) {
	type verdict struct {
		excluded  bool
		overrides []override // that are about the file, the last one first
	}
	isNamed := map[string]bool{}
	for _, path := range named {
		isNamed[filepath.Clean(path)] = true
	}
	files := map[string]verdict{}
	judge := func(path string) verdict {
		v := verdict{excluded: s.Excludes(path) && !isNamed[filepath.FromSlash(path)]}
		for _, o := range slices.Backward(s.overrides) {
			if s.matches(o.files, path) {
				v.overrides = append(v.overrides, o)
			}
		}
		return v
	}
	return func(rule, path string) (lint.Severity, bool) {
		file, seen := files[path]
		if !seen {
			file = judge(path)
			files[path] = file
		}
		if file.excluded {
			return off, true
		}
		for _, o := range file.overrides {
			if severity, ok := o.severities[rule]; ok {
				return severity, true
			}
		}
		severity, ok := s.severities[rule]
		return severity, ok
	}
}
