// Package report writes what a run found, in one of several formats.
//
// Lines count from 1. Columns count from 1 in Unicode code points; a byte that is not valid UTF-8
// counts as one. Every text is made safe before a format sees it, see [Write].
package report

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// Options are what all formats share.
type Options struct {
	Color bool   // text: severities, places and carets in colour
	Dir   string // absolute; paths below it are written relative to it, with slashes
}

// formats is the one list of formats.
var formats = map[string]func(io.Writer, lint.Result, Options) error{
	"json": writeJSON,
	"text": writeText,
}

// Formats lists the names that --format takes, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// Write writes the result in the named format; an unknown name is an error that lists the formats.
// What comes from a linted file can't hide, forge or give away anything in the output: secrets are
// masked, invisible characters shown, and commands to a CI runner broken up.
func Write(w io.Writer, format string, result lint.Result, o Options) error {
	write, ok := formats[format]
	if !ok {
		return fmt.Errorf("unknown format %q, want one of %s", format, strings.Join(Formats(), ", "))
	}
	safe := make([]lint.Diagnostic, len(result.Diagnostics))
	secrets := secretFinder{}
	for i, d := range result.Diagnostics {
		safe[i] = makeSafe(d, secrets)
	}
	result.Diagnostics = safe
	return write(w, result, o)
}

// path names a file as the output does.
func (o Options) path(path string) string {
	if filepath.IsAbs(path) && o.Dir != "" {
		if rel, err := filepath.Rel(o.Dir, path); err == nil && filepath.IsLocal(rel) {
			path = rel
		}
	}
	return filepath.ToSlash(path)
}
