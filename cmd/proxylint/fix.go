package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// fixFlags says what is to be done with the repairs of findings.
type fixFlags struct {
	write  bool // --fix
	unsafe bool // --fix-unsafe: all, not only those that are safe
	diff   bool // --diff-fix: print a patch, and change nothing
}

func newFixFlags(c *cli.Context) (fixFlags, error) {
	f := fixFlags{unsafe: c.Bool("fix-unsafe"), diff: c.Bool("diff-fix")}
	f.write = (c.Bool("fix") || f.unsafe) && !f.diff
	if (f.write || f.diff) && slices.Contains(c.Args().Slice(), stdinPath) {
		return f, errors.New("standard input (path -) can't be fixed: name the file")
	}
	return f, nil
}

// repairs gathers what is to be done about the findings.
func (j *job) repairs(result lint.Result) lint.Repairs {
	if !j.fix.write && !j.fix.diff {
		return lint.Repairs{}
	}
	return lint.Repair(result.Diagnostics, j.fix.unsafe, editable(j.paths))
}

// writeRepairs mends the files, if none has changed since it was read.
func writeRepairs(stderr io.Writer, repairs lint.Repairs) error {
	for _, f := range repairs.Files {
		now, err := syntax.ReadFile(f.Target)
		if err == nil && now != f.File.Src {
			err = errors.New("changed while it was linted, and is left as it is")
		}
		if err != nil {
			return parsers.PathError(f.File.Path, err)
		}
	}
	for _, f := range repairs.Files {
		if err := replaceFile(f.Target, f.Text()); err != nil {
			return parsers.PathError(f.File.Path, err)
		}
	}
	tellRepairs(stderr, repairs)
	return nil
}

// tellRepairs says what became of the findings that have a repair.
func tellRepairs(stderr io.Writer, repairs lint.Repairs) {
	for _, told := range []struct {
		n    int
		what string
	}{
		{repairs.Fixed, fmt.Sprintf("fixed %%s in %s", count(len(repairs.Files), "file"))},
		{repairs.Overlapping, "left %s, for a repair overlaps one that was made: run proxylint again"},
		{repairs.Outside, "left %s, for a repair is in a file outside the paths given"},
		{repairs.Unsafe, "left %s, for a repair may change what works: see --diff-fix --fix-unsafe"},
	} {
		if told.n > 0 {
			fmt.Fprintf(stderr, "proxylint: "+told.what+"\n", count(told.n, "finding"))
		}
	}
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// editable returns what lint.Repair asks: the file to write for one that was read. Those that the paths name may be
// written, and what lies in a folder that they name or that such a file lies in, links followed.
func editable(paths []string) func(*syntax.File) string {
	named := map[string]bool{}
	var roots []string
	for _, path := range paths {
		file, err := realPath(path)
		if err != nil {
			continue
		}
		dir := file
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			named[file] = true
			if dir, err = realPath(filepath.Dir(path)); err != nil {
				continue
			}
		}
		roots = append(roots, dir)
	}
	targets := map[*syntax.File]string{}
	return func(f *syntax.File) string {
		target, seen := targets[f]
		if seen {
			return target
		}
		path, err := realPath(filepath.FromSlash(f.Path))
		if err == nil && (named[path] || slices.ContainsFunc(roots, func(dir string) bool { return syntax.IsBelow(path, dir) })) {
			target = path
		}
		targets[f] = target
		return target
	}
}

// realPath returns an absolute path with all symbolic links followed.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}
