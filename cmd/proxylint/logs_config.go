package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/logs"
	"github.com/proxylint/proxylint/lint/probe"
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
		Usage: "lead causes to the lines of `FILE`, an nginx.conf or haproxy.cfg; may be repeated (default: the settings' roots, else one that the log names)",
	}}, flags...)
}

// logConfigs are the configurations that logs are joined with.
type logConfigs struct {
	*input
	read   []*proxy.Config
	live   liveFlags
	around *logs.Around // nil before the first join
	groups int          // of the last join
}

// newLogConfigs reads the configurations that the user or the settings name.
func newLogConfigs(c *cli.Context) (*logConfigs, error) {
	in, err := newInput(c)
	if err != nil {
		return nil, err
	}
	if in.paths = *c.Generic("config").(*repeated); len(in.paths) == 0 {
		in.paths = in.settings.RootPaths()
	}
	if slices.Contains(in.paths, stdinPath) && slices.Contains(c.Args().Slice(), stdinPath) {
		return nil, errors.New("standard input can't be both the log and its --config")
	}
	if slices.Contains(in.paths, "") {
		return nil, errors.New("--config is empty: it may come from a variable that is not set")
	}
	live, err := newLiveFlags(c, in)
	if err != nil {
		return nil, err
	}
	if live.on && len(in.paths) == 0 {
		return nil, errors.New("--live dials servers of a configuration, and there is none: --config names one")
	}
	configs := &logConfigs{input: in, live: live}
	if len(in.paths) > 0 {
		configs.read, err = in.read(c.App.Reader)
	}
	return configs, err
}

// join leads what the logs tell to the lines of the configurations; if there are none, of one that a log names. It does
// nothing where all groups were led there before.
func (l *logConfigs) join(c *cli.Context, summary *logs.Summary) {
	groups := len(summary.Groups())
	if groups == l.groups {
		return
	}
	l.groups = groups
	if path := namedIn(summary); len(l.paths) == 0 && path != "" {
		l.readNamed(c, path)
	}
	if len(l.read) == 0 {
		return
	}
	if l.around == nil {
		l.around = l.look(c, summary)
	}
	summary.Join(*l.around)
}

// look finds out what there is to say of the configurations.
func (l *logConfigs) look(c *cli.Context, summary *logs.Summary) *logs.Around {
	around := &logs.Around{Configs: l.read, Host: l.facts.Host}
	if l.live.on {
		summary.Join(*around) // which tells whom to dial
		around.Dialed = l.dial(c, summary)
		found := around.Dialed.Addresses()
		around.Host = func(name string) []netip.Addr {
			return slices.Concat(found[inventory.HostKey(name)], l.facts.Host(name))
		}
	}
	found := report.Safe(l.judge(c.Context, l.read, rules.All(), around.Dialed).Diagnostics)
	around.Live, around.Found = split(found, func(d lint.Diagnostic) bool { return rules.Find(d.Rule).Live })
	return around
}

// dial dials the servers that the logs blame, as proxylint live does.
func (l *logConfigs) dial(c *cli.Context, summary *logs.Summary) *probe.Results {
	targets := summary.Blamed(l.live.targets(l.read, l.facts))
	if len(targets) == 0 {
		fmt.Fprintln(c.App.ErrWriter, "proxylint: no cause leads to a server that could be dialed")
	}
	return dial(c, targets, nil, l.live.options)
}

// split parts what fits from what does not.
func split[T any](list []T, fits func(T) bool) (those, others []T) {
	for _, v := range list {
		if fits(v) {
			those = append(those, v)
		} else {
			others = append(others, v)
		}
	}
	return those, others
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
