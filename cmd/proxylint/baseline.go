package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// baselines says which findings are known.
type baselines struct {
	read  string // --baseline; "": none
	write string // --write-baseline; "": none
}

// open reads the baseline that findings are held against; nil: there is none. What is to be written anew is not read.
func (b baselines) open() (*lint.Baseline, error) {
	if b.read == "" || b.write != "" {
		return nil, nil
	}
	text, err := syntax.ReadFile(b.read)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", parsers.PathError(b.read, err))
	}
	dir, err := folderOf(b.read)
	if err != nil {
		return nil, err
	}
	known, err := lint.ParseBaseline(dir, text)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %s: %w", b.read, err)
	}
	return known, nil
}

// save writes the findings of a run down as known, if that was asked for.
func (b baselines) save(stderr io.Writer, result *lint.Result, configs []*proxy.Config) error {
	if b.write == "" {
		return nil
	}
	dir, err := folderOf(b.write)
	if err != nil {
		return err
	}
	known := lint.NewBaseline(dir, result.Diagnostics)
	text, err := known.Text()
	if err != nil {
		return err
	}
	if err := replaceFile(b.write, text); err != nil {
		return fmt.Errorf("--write-baseline: %w", parsers.PathError(b.write, err))
	}
	fmt.Fprintf(stderr, "proxylint: %s: known findings: %d\n", oneLine(b.write), len(result.Diagnostics))
	known.Apply(result, configs)
	return nil
}

func folderOf(file string) (string, error) {
	abs, err := filepath.Abs(file)
	return filepath.Dir(abs), err
}
