package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/logs"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/rules"
)

// logInputFlags say which configurations the logs are of. The flag --config is theirs, not the settings'.
func logInputFlags() []cli.Flag {
	flags := slices.DeleteFunc(inputFlags(), func(f cli.Flag) bool {
		return slices.Contains([]string{"config", "no-config", "stdin-filename"}, f.Names()[0])
	})
	return append([]cli.Flag{&cli.GenericFlag{
		Name: "config", Value: &repeated{},
		Usage: "lead causes to the lines of `FILE`, an nginx.conf or haproxy.cfg; may be repeated (default: one that the log names)",
	}}, flags...)
}

// logConfigs are the configurations that logs are joined with.
type logConfigs struct {
	*input
	read []*proxy.Config
}

// newLogConfigs reads the configurations that the user names.
func newLogConfigs(c *cli.Context) (*logConfigs, error) {
	in, err := newInput(c)
	if err != nil {
		return nil, err
	}
	in.paths = *c.Generic("config").(*repeated)
	if slices.Contains(in.paths, stdinPath) && slices.Contains(c.Args().Slice(), stdinPath) {
		return nil, errors.New("standard input can't be both the log and its --config")
	}
	if slices.Contains(in.paths, "") {
		return nil, errors.New("--config is empty: it may come from a variable that is not set")
	}
	configs := &logConfigs{input: in}
	if len(in.paths) > 0 {
		configs.read, err = in.read(c.App.Reader)
	}
	return configs, err
}

// join leads what the logs tell to the lines of the configurations; if there are none, of one that a log names.
func (l *logConfigs) join(c *cli.Context, summary *logs.Summary) {
	if path := namedIn(summary); len(l.paths) == 0 && path != "" {
		l.readNamed(c, path)
	}
	if len(l.read) == 0 {
		return
	}
	result := l.judge(c.Context, l.read, rules.All(), nil)
	summary.Join(logs.Around{Configs: l.read, Found: report.Safe(result.Diagnostics), Host: l.facts.Host})
}

// readNamed reads a configuration that a log names, and goes without one that can't be read: nobody asked for it.
func (l *logConfigs) readNamed(c *cli.Context, path string) {
	l.paths = []string{path}
	configs, err := l.input.read(c.App.Reader)
	if err != nil {
		return
	}
	l.read = configs
	fmt.Fprintf(c.App.ErrWriter, "proxylint: no --config is given, the log names %s\n", oneLine(path))
}

// namedIn returns the file that nginx says it could not start with; "": there is none here. Only messages about the
// reading of a configuration count, in which no client's words stand.
func namedIn(summary *logs.Summary) string {
	for _, g := range summary.Groups() {
		if g.Cause != logs.HostNotFoundAtStart || g.Sample.Level != "emerg" {
			continue
		}
		path := g.Sample.At[:max(0, strings.LastIndexByte(g.Sample.At, ':'))]
		if info, err := os.Stat(path); filepath.IsAbs(path) && err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}
