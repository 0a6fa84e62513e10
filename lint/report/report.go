// Package report writes what a run found, in one of several formats.
//
// Lines count from 1. Columns count from 1 in Unicode code points (rdjson: in bytes); a byte that is not
// valid UTF-8 counts as one. Every text is made safe before a format sees it, see [Write].
package report

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/safe"
)

// Options are what all formats share.
type Options struct {
	Color   bool                  // text: severities, places and carets in colour
	Width   int                   // tables: the columns that a line takes at most; 0: as many as it needs
	Dir     string                // absolute; paths below it are written relative to it, with slashes
	Version string                // proxylint's own; may be empty
	Rule    func(id string) Rule  // documents the rule of a diagnostic; nil: there is no more than its ID
	Picture func(io.Writer) error // html: draws what was linted, as one <svg> element; nil: there is none
}

// Rule is what a format that carries documentation is given of a rule.
type Rule struct {
	*lint.Rule
	Text, Markdown string // all of its documentation, as plain text and as Markdown
}

// formats is the one list of formats.
var formats = map[string]func(io.Writer, lint.Result, Options) error{
	"checkstyle": writeCheckstyle,
	"github":     writeGitHub,
	"gitlab":     writeGitLab,
	"html":       writeHTML,
	"json":       writeJSON,
	"junit":      writeJUnit,
	"markdown":   writeMarkdown,
	"rdjson":     writeRDJSON,
	"sarif":      writeSARIF,
	"text":       writeText,
}

// homepage is where proxylint is found, and its rules are documented.
const homepage = "https://github.com/proxylint/proxylint"

// RuleURL returns where a rule is documented.
func RuleURL(id string) string { return homepage + "/blob/HEAD/rules/README.md#" + id }

// Formats lists the names that --format takes, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// LiveFormats lists those that --format takes where upstreams are dialed.
func LiveFormats() []string {
	list := append(Formats(), Prometheus)
	slices.Sort(list)
	return list
}

// Write writes the result in the named format; an unknown name is an error that lists the formats.
// What comes from a linted file can't hide, forge or give away anything in the output: secrets are
// masked, invisible characters shown, and commands to a CI runner broken up.
func Write(w io.Writer, format string, result lint.Result, o Options) error {
	write, ok := formats[format]
	switch {
	case format == Prometheus && result.Live == nil:
		return errors.New("the format prometheus tells of what was dialed, and nothing was: see --live")
	case format == Prometheus:
		write = writePrometheus
	case !ok:
		return fmt.Errorf("unknown format %q, want one of %s", format, strings.Join(LiveFormats(), ", "))
	}
	result.Diagnostics = Safe(result.Diagnostics)
	return write(w, result, o)
}

// path names a file as the output does.
func (o Options) path(path string) string { return safe.Path(path, o.Dir) }

// fileFindings are the diagnostics of one file.
type fileFindings struct {
	path  string
	found []lint.Diagnostic
}

// byFile returns every file of a run, in the order of their paths.
func byFile(result lint.Result) []fileFindings {
	found := map[string][]lint.Diagnostic{}
	for _, path := range result.Files {
		found[path] = nil
	}
	for _, d := range result.Diagnostics {
		found[d.At.File.Path] = append(found[d.At.File.Path], d)
	}
	var list []fileFindings
	for _, path := range slices.Sorted(maps.Keys(found)) {
		list = append(list, fileFindings{path, found[path]})
	}
	return list
}

// places returns the other places of a diagnostic; where the proxy stops comes last.
func places(d lint.Diagnostic) []lint.Related {
	if d.Stops.IsZero() || d.Stops == d.At {
		return d.Related
	}
	stops := lint.Related{At: d.Stops, Message: "where " + d.At.File.Dialect.Product() + " stops"}
	return append(slices.Clip(d.Related), stops)
}
