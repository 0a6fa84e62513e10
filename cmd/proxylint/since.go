package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// since is what --diff asks for: only the findings that came with a change.
type since struct {
	asked bool
	rev   string
	known *lint.Baseline // what was found at the revision; nil: that was not asked yet
	older int            // findings left out
}

func newSince(c *cli.Context, paths []string, files baselines) (*since, error) {
	s := &since{asked: c.IsSet("diff"), rev: c.String("diff")}
	switch {
	case s.asked && slices.Contains(paths, stdinPath):
		return nil, errors.New("--diff: standard input (path -) has no revision: name the file")
	case s.asked && files.write != "":
		return nil, errors.New("--diff shows new findings alone, and --write-baseline takes all: use one of them")
	}
	return s, nil
}

// apply leaves the older findings out of a result.
func (s *since) apply(ctx context.Context, in *input, result *lint.Result) error {
	if !s.asked {
		return nil
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	past, err := newPast(ctx, s.rev, in)
	if err == nil {
		err = s.leaveOlder(ctx, past, result)
	}
	if err != nil {
		return fmt.Errorf("--diff: %w", err)
	}
	return nil
}

func (s *since) leaveOlder(ctx context.Context, past *past, result *lint.Result) error {
	if !past.rev.Changed() {
		s.older = len(result.Diagnostics)
		result.Diagnostics = nil
		result.Suppressed += s.older
		return nil
	}
	files := filesNamed(result.Diagnostics)
	lines, err := past.rev.Lines(ctx, files)
	if err != nil {
		return err
	}
	changed := func(d lint.Diagnostic) bool {
		return lines.Touch(d.At) || slices.ContainsFunc(d.Related, func(r lint.Related) bool { return lines.Touch(r.At) })
	}
	s.older, err = result.LeaveOlder(changed, func() (*lint.Baseline, error) {
		if s.known != nil {
			return s.known, nil
		}
		var err error
		s.known, err = past.known(ctx, files)
		return s.known, err
	})
	return err
}

// tell says how many findings were left out.
func (s *since) tell(stderr io.Writer) {
	if s.older > 0 {
		fmt.Fprintf(stderr, "proxylint: %s not shown\n", count(s.older, "older finding"))
	}
}

// filesNamed lists the files that findings and their other places stand in.
func filesNamed(findings []lint.Diagnostic) []*syntax.File {
	var files []*syntax.File
	seen := map[*syntax.File]bool{nil: true}
	add := func(f *syntax.File) {
		if !seen[f] {
			seen[f] = true
			files = append(files, f)
		}
	}
	for _, d := range findings {
		add(d.At.File)
		for _, r := range d.Related {
			add(r.At.File)
		}
	}
	return files
}
