package main

import (
	"io"
	"os"

	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers/proxy"
)

// tell writes what was read, and what stayed unknown.
func (in *input) tell(stderr io.Writer, configs []*proxy.Config) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	return report.WriteReading(stderr, "proxylint: ", in.facts, configs, report.Options{Dir: dir})
}
