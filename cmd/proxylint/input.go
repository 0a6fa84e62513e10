package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/lint/settings"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// stdinPath is the PATH that stands for standard input.
const stdinPath = "-"

// input is what a command reads: configurations, and the facts around them.
type input struct {
	paths     []string
	stdinName string
	options   parsers.Options
	around    factFlags
	facts     *inventory.Facts
	settings  *settings.Settings
}

// inputFlags are the flags of every command that reads configurations.
func inputFlags() []cli.Flag {
	return append(configFlags(), []cli.Flag{
		oneOf(keys(dialects), &cli.StringFlag{Name: "dialect", Usage: "read every file as `D`: nginx, haproxy or cloudflared (default: each tells)"}),
		&cli.StringFlag{Name: "hosts", Usage: "a `FILE` like /etc/hosts: the names that the proxy's machine knows"},
		&cli.GenericFlag{
			Name: "inventory", Value: &repeated{},
			Usage: "a `FILE` of facts: compose, kubectl or terraform JSON, ss -ltn, CSV ...; may be repeated",
		},
		&cli.BoolFlag{
			Name: "no-inventory", DisableDefaultText: true,
			Usage: "look for no compose files, manifests and the like in the repository",
		},
		&cli.IntFlag{Name: "max-age", Value: 90, Usage: "pass over what an upstreams.lock has not seen for `DAYS`"},
		&cli.GenericFlag{
			Name: "update-ranges", Value: &repeated{},
			Usage: "a `FILE` of the networks that Cloudflare or Google publish now; may be repeated",
		},
		&cli.StringFlag{Name: "nginx-version", Usage: "the nginx that will read it: `V`, such as 1.27.3"},
		&cli.StringFlag{Name: "haproxy-version", Usage: "the HAProxy that will read it: `V`, such as 3.0"},
		&cli.StringFlag{Name: "stdin-filename", Usage: "the `NAME` to give what the path - holds"},
	}...)
}

var dialects = map[string]syntax.Dialect{
	"": syntax.AnyDialect, "nginx": syntax.Nginx, "haproxy": syntax.HAProxy, "cloudflared": syntax.Cloudflared,
}

func newInput(c *cli.Context) (*input, error) {
	dialect, dialectErr := pick(c, "dialect", dialects)
	nginx, nginxErr := proxyVersion(c, "nginx-version")
	haproxy, haproxyErr := proxyVersion(c, "haproxy-version")
	said, err := readSettings(c)
	if err != nil {
		return nil, err
	}
	around := factFlags{
		c.String("hosts"), *c.Generic("inventory").(*repeated), *c.Generic("update-ranges").(*repeated), c.Bool("no-inventory"), c.Int("max-age"),
	}
	around.fill(said)
	facts, factsErr := around.named()
	paths := c.Args().Slice()
	if len(paths) == 0 {
		paths = said.RootPaths()
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var pathErr, stdinErr, ageErr error
	if around.days < 1 {
		ageErr = errors.New("--max-age: it must be one day or more")
	}
	if slices.Contains(paths, "") {
		pathErr = errors.New("a PATH is empty: it may come from a variable that is not set")
	}
	if c.IsSet("stdin-filename") && !slices.Contains(paths, stdinPath) {
		stdinErr = errors.New("--stdin-filename names what the path - holds, and there is none")
	}
	if err := cmp.Or(dialectErr, nginxErr, haproxyErr, factsErr, pathErr, stdinErr, ageErr); err != nil {
		return nil, err
	}
	return &input{
		paths:     paths,
		stdinName: c.String("stdin-filename"),
		options: parsers.Options{
			Dialect: dialect, NginxVersion: nginx, HAProxyVersion: haproxy,
			Roots: said.Roots, Within: said.Dir, Directives: said.Directives, Excludes: said.Excludes,
		},
		around:   around,
		facts:    facts,
		settings: said,
	}, nil
}

// read reads the configurations that the paths name and, at the same time, the facts around them.
func (in *input) read(stdin io.Reader) ([]*proxy.Config, error) {
	wait := in.around.discover(in.facts, in.paths)
	configs, err := in.load(stdin)
	if err != nil {
		return nil, err
	}
	wait()
	in.associate(configs)
	return configs, nil
}

// associate finds out where each configuration runs, and what that says of it.
func (in *input) associate(configs []*proxy.Config) {
	in.facts.Forget(time.Now().AddDate(0, 0, -in.around.days))
	in.facts.Associate(configs)
	if in.fill(configs) {
		in.facts.Associate(configs)
	}
}

// fill reads templates again whose service's environment says what some of their marks stand for. It reports whether
// there are any.
func (in *input) fill(configs []*proxy.Config) bool {
	filled := false
	for i, c := range configs {
		options := in.options
		options.Env = in.facts.Environment(c)
		root := c.Tree.Roots[0]
		if len(options.Env) == 0 || root.Template == nil || root.Origin != nil {
			continue
		}
		again, err := parsers.Load([]string{filepath.FromSlash(root.Path)}, options)
		if err == nil && len(again) == 1 {
			configs[i], filled = again[0], true
		}
	}
	return filled
}

// judge applies rules to the configurations that were read, and weighs what they find as the settings say.
func (in *input) judge(
	ctx context.Context, configs []*proxy.Config, list []*lint.Rule, live *probe.Results,
) lint.Result {
	list = in.settings.Rules(list)
	result := lint.Run(ctx, configs, list, lint.Around{Inventory: in.facts, Live: live, Today: time.Now()})
	result.Reweigh(list, in.settings.Severities(in.paths))
	return result
}

// load reads the configurations that the paths name.
func (in *input) load(stdin io.Reader) ([]*proxy.Config, error) {
	files := slices.DeleteFunc(slices.Clone(in.paths), func(path string) bool { return path == stdinPath })
	configs, err := parsers.Load(files, in.options)
	if err != nil || len(files) == len(in.paths) {
		return configs, err
	}
	var src strings.Builder
	if _, err := io.Copy(&src, io.LimitReader(stdin, syntax.MaxSize+1)); err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	piped, err := parsers.LoadText(cmp.Or(in.stdinName, "<stdin>"), src.String(), in.options)
	return append(configs, piped...), err
}

func proxyVersion(c *cli.Context, flag string) (proxy.Version, error) {
	if !c.IsSet(flag) {
		return proxy.Version{}, nil
	}
	v, err := proxy.ParseVersion(c.String(flag))
	if err != nil {
		return v, fmt.Errorf("--%s: %w", flag, err)
	}
	return v, nil
}

// repeated is the values of a flag that may be given several times.
type repeated []string

// Set adds a value.
func (r *repeated) Set(value string) error {
	*r = append(*r, value)
	return nil
}

// String is for the help, which shows no default.
func (r *repeated) String() string { return "" }
