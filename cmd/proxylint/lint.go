package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/rules"
)

// stdinPath is the PATH that stands for standard input.
const stdinPath = "-"

const lintHelp = `Usage: proxylint lint [flags] [PATH...]

Report what makes an nginx or HAProxy configuration answer 502, 503 or 504.
A PATH is a file, a folder, or - for standard input; none: what is below this folder.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}
Examples:
  proxylint lint /etc/nginx/nginx.conf
  proxylint lint --format text --format json=findings.json deploy/
  proxylint lint --stdin-filename haproxy.cfg - < haproxy.cfg.new

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 proxylint could not do its work.
`

func lintCommand() *cli.Command {
	return &cli.Command{
		Name:               "lint",
		CustomHelpTemplate: lintHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runLint,
		Flags: []cli.Flag{
			&cli.GenericFlag{
				Name: "format", Value: &repeated{}, DefaultText: "text",
				Usage: "write " + strings.Join(report.Formats(), " or ") + ", into a file with `F[=FILE]`; may be repeated",
			},
			&cli.StringFlag{Name: "dialect", Usage: "read every file as `D`: nginx or haproxy (default: each tells)"},
			&cli.StringFlag{Name: "fail-on", Value: "warning", Usage: "exit with 1 from `SEVERITY` on: error, warning, info, never"},
			&cli.StringFlag{Name: "hosts", Usage: "a `FILE` like /etc/hosts: the names that the proxy's machine knows"},
			&cli.StringFlag{Name: "nginx-version", Usage: "the nginx that will read it: `V`, such as 1.27.3"},
			&cli.StringFlag{Name: "haproxy-version", Usage: "the HAProxy that will read it: `V`, such as 3.0"},
			&cli.StringFlag{Name: "stdin-filename", Usage: "the `NAME` to give what the path - holds"},
			&cli.StringFlag{Name: "color", Value: "auto", Usage: "`WHEN` to colour the text: auto, always, never"},
		},
	}
}

func runLint(c *cli.Context) error {
	job, err := newJob(c)
	if err != nil {
		return err
	}
	tuneCollector(job.paths)
	configs, err := job.load(c.App.Reader)
	if err != nil {
		return err
	}
	result := lint.Run(c.Context, configs, rules.All(), job.facts)
	if err := job.write(c.App.Writer, result); err != nil {
		return err
	}
	if result.Fails(job.failOn) {
		return errFindings
	}
	return nil
}

// tuneCollector keeps the garbage collector from running in vain, since nearly all that reading makes is
// needed until the end, but has it work harder where a big configuration would otherwise take more than
// eleven and a half times its size. What a folder holds is not known yet.
func tuneCollector(paths []string) {
	const big = 8 << 20
	debug.SetGCPercent(200)
	var size int64
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return
		}
		size += info.Size()
	}
	if size > big {
		debug.SetMemoryLimit(size * 23 / 2)
	}
}

// job is what the flags of one run say.
type job struct {
	paths     []string
	stdinName string
	options   parsers.Options
	facts     *inventory.Facts
	outputs   []output
	color     bool // on standard output
	failOn    lint.Severity
}

// output is one --format.
type output struct {
	format string
	file   string // "": standard output
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

var (
	dialects = map[string]syntax.Dialect{
		"": syntax.AnyDialect, "nginx": syntax.Nginx, "haproxy": syntax.HAProxy,
	}
	severities = map[string]lint.Severity{
		"error": lint.Error, "warning": lint.Warning, "info": lint.Info, "never": 0,
	}
	colors = map[string]func(io.Writer) bool{
		"auto":   wantsColor,
		"always": func(io.Writer) bool { return true },
		"never":  func(io.Writer) bool { return false },
	}
)

func newJob(c *cli.Context) (*job, error) {
	color, colorErr := pick(c, "color", colors)
	dialect, dialectErr := pick(c, "dialect", dialects)
	failOn, failOnErr := pick(c, "fail-on", severities)
	nginx, nginxErr := proxyVersion(c, "nginx-version")
	haproxy, haproxyErr := proxyVersion(c, "haproxy-version")
	outputs, outputsErr := parseOutputs(*c.Generic("format").(*repeated))
	facts, factsErr := readFacts(c.String("hosts"))
	paths := c.Args().Slice()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var stdinErr error
	if c.IsSet("stdin-filename") && !slices.Contains(paths, stdinPath) {
		stdinErr = errors.New("--stdin-filename names what the path - holds, and there is none")
	}
	if err := cmp.Or(colorErr, dialectErr, failOnErr, nginxErr, haproxyErr, outputsErr, factsErr, stdinErr); err != nil {
		return nil, err
	}
	return &job{
		paths:     paths,
		stdinName: c.String("stdin-filename"),
		options:   parsers.Options{Dialect: dialect, NginxVersion: nginx, HAProxyVersion: haproxy},
		facts:     facts,
		outputs:   outputs,
		color:     color(c.App.Writer),
		failOn:    failOn,
	}, nil
}

// pick returns what a flag's value stands for.
func pick[T any](c *cli.Context, flag string, choices map[string]T) (T, error) {
	choice, ok := choices[c.String(flag)]
	if !ok {
		return choice, notOneOf("--"+flag, c.String(flag), slices.Sorted(maps.Keys(choices)))
	}
	return choice, nil
}

func notOneOf(flag, value string, choices []string) error {
	choices = slices.DeleteFunc(choices, func(s string) bool { return s == "" })
	return fmt.Errorf("%s: unknown value %q, want %s", flag, value, strings.Join(choices, ", "))
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

func parseOutputs(values []string) ([]output, error) {
	if len(values) == 0 {
		return []output{{format: "text"}}, nil
	}
	var list []output
	for _, value := range values {
		format, file, toFile := strings.Cut(value, "=")
		switch {
		case !slices.Contains(report.Formats(), format):
			return nil, notOneOf("--format", format, report.Formats())
		case toFile && file == "":
			return nil, fmt.Errorf("--format %s: no file after =", value)
		case slices.ContainsFunc(list, func(o output) bool { return o.file == file }):
			return nil, fmt.Errorf("--format %s: another format goes to the same place, write %s=FILE", value, format)
		}
		list = append(list, output{format, file})
	}
	return list, nil
}

func readFacts(hosts string) (*inventory.Facts, error) {
	facts := &inventory.Facts{}
	if hosts == "" {
		return facts, nil
	}
	if err := facts.ReadHosts(hosts); err != nil {
		return nil, fmt.Errorf("--hosts: %w", err)
	}
	return facts, nil
}

// wantsColor reports whether w is a terminal whose user wants colour (no-color.org).
func wantsColor(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// load reads the configurations that the paths name.
func (j *job) load(stdin io.Reader) ([]*proxy.Config, error) {
	files := slices.DeleteFunc(slices.Clone(j.paths), func(path string) bool { return path == stdinPath })
	configs, err := parsers.Load(files, j.options)
	if err != nil || len(files) == len(j.paths) {
		return configs, err
	}
	var src strings.Builder
	if _, err := io.Copy(&src, io.LimitReader(stdin, syntax.MaxSize+1)); err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	config, err := parsers.LoadText(cmp.Or(j.stdinName, "<stdin>"), src.String(), j.options)
	if err != nil {
		return nil, err
	}
	return append(configs, config), nil
}

// write writes all reports, standard output last: a file that can't be written leaves it empty.
func (j *job) write(stdout io.Writer, result lint.Result) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for _, o := range j.outputs {
		if o.file == "" {
			err = report.Write(&out, o.format, result, report.Options{Color: j.color, Dir: dir})
		} else {
			err = writeFile(o, result, dir)
		}
		if err != nil {
			return err
		}
	}
	_, err = out.WriteTo(stdout)
	return err
}

func writeFile(o output, result lint.Result, dir string) error {
	file, err := os.Create(o.file)
	if err != nil {
		return err
	}
	return errors.Join(report.Write(file, o.format, result, report.Options{Dir: dir}), file.Close())
}
