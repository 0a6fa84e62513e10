package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/logs"
	"github.com/proxylint/proxylint/parsers"
)

// logReader reads logs into a report.
type logReader struct {
	stdin   io.Reader
	stderr  io.Writer
	formats []*logs.Format
	since   time.Time

	mu      sync.Mutex
	report  logs.Report
	strange []string // logs of which most lines are not understood
}

func newLogReader(c *cli.Context, formats []*logs.Format, since time.Time, dir string) *logReader {
	debug.SetGCPercent(400) // nearly nothing is kept
	return &logReader{
		stdin: c.App.Reader, stderr: c.App.ErrWriter, formats: formats, since: since,
		report: logs.Report{Summary: logs.NewSummary(), Dir: dir},
	}
}

func (r *logReader) newParser() *logs.Parser { return logs.NewParser(logs.Options{Formats: r.formats}) }

// add counts what is young enough.
func (r *logReader) add(e *logs.Event) {
	if e.Time.IsZero() || !e.Time.Before(r.since) {
		r.report.Summary.Add(e)
	}
}

// readAll reads all that the arguments name, one after the other.
func (r *logReader) readAll(c *cli.Context) (logs.Report, error) {
	parser, paths := r.newParser(), logPaths(c.Args().Slice(), r.since)
	progress := startLogProgress(r.stderr, paths)
	defer progress.end()
	for _, path := range paths {
		count, err := r.read(parser, path, progress, r.add)
		if err != nil {
			return r.report, err
		}
		r.report.Files++
		r.count(path, count)
	}
	if read := r.report.Read; read.Lines > 0 && read.Known == 0 {
		return r.report, fmt.Errorf("%s: no line has a form that nginx and HAProxy log in, or that a --config declares", r.strange[0])
	}
	r.tellCut()
	return r.report, nil
}

// count adds what was read of a log.
func (r *logReader) count(path string, count logs.Count) {
	r.report.Read.Add(count)
	if isStrange(count) {
		r.strange = append(r.strange, path)
	}
}

// isStrange reports whether most lines of a log have no known form.
func isStrange(count logs.Count) bool {
	return count.Known < count.Lines/2 || count.Known == 0 && count.Lines > 0
}

// tellCut warns of lines that were not read whole, or not understood.
func (r *logReader) tellCut() {
	for _, path := range r.strange {
		fmt.Fprintf(r.stderr, "proxylint: %s: most lines have a form that is not known: a --config may declare it\n", oneLine(path))
	}
	if r.report.Read.Cut > 0 {
		fmt.Fprintf(r.stderr, "proxylint: lines over 64 KiB, of which only the beginning was read: %d\n", r.report.Read.Cut)
	}
}

// read reads one log.
func (r *logReader) read(parser *logs.Parser, path string, progress *logProgress, add func(*logs.Event)) (logs.Count, error) {
	if path != stdinPath {
		file, err := logs.Open(path, progress.reader)
		if err != nil {
			return logs.Count{}, parsers.PathError(path, err)
		}
		defer file.Close()
		count, err := parser.Read(file, path, add)
		if err != nil {
			err = parsers.PathError(path, err)
		}
		return count, err
	}
	text, err := logs.Decompress(r.stdin)
	if err != nil {
		return logs.Count{}, fmt.Errorf("standard input: %w", err)
	}
	return parser.Read(text, path, add)
}

// logPaths returns what to read, each once: before a log those that were rotated away from it, where they are not
// older than what is asked for.
func logPaths(args []string, since time.Time) []string {
	var paths []string
	for _, arg := range args {
		series := []string{arg}
		if arg != stdinPath {
			series = logs.Series(arg)
		}
		for _, path := range series {
			if info, err := os.Stat(path); path != arg && err == nil && info.ModTime().Before(since) {
				continue
			}
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}
