package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/graph"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/rules"
)

const lintHelp = `Usage: proxylint lint [flags] [PATH...]

Report what makes an nginx or HAProxy configuration answer 502, 503 or 504.
A PATH is a file, a folder, or - for standard input; none: what .proxylint.yaml lists,
else what is below this folder.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}
Examples:
  proxylint lint /etc/nginx/nginx.conf
  proxylint lint --format text --format json=findings.json deploy/
  proxylint lint --diff-fix deploy/ | git apply
  proxylint lint --stdin-filename haproxy.cfg - < haproxy.cfg.new

Flags that say how to judge and report may stand in the environment, too: PROXYLINT_FAIL_ON=error.
Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 proxylint could not do its work.
`

func lintCommand() *cli.Command {
	return &cli.Command{
		Name:               "lint",
		CustomHelpTemplate: lintHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runLint,
		Flags: append([]cli.Flag{
			oneOf(report.LiveFormats(), &cli.GenericFlag{
				Name: "format", Value: &repeated{}, DefaultText: "text",
				Usage: "write `F[=FILE]`, where F is " + alternatives(report.LiveFormats()) + "; may be repeated",
			}),
			oneOf(keys(severities), &cli.StringFlag{
				Name: "fail-on", Value: "warning", DefaultText: "warning",
				Usage: "exit with 1 from `SEVERITY` on: error, warning, info or never",
			}),
			&cli.StringFlag{Name: "baseline", Usage: "pass over the findings known in `FILE`"},
			&cli.StringFlag{Name: "write-baseline", Usage: "write all findings into `FILE`, as known from now on"},
			&cli.StringFlag{Name: "diff", Usage: "report only what came with the changes since `REV`, a revision of git; REV...: where HEAD left it"},
			&cli.BoolFlag{Name: "fix", DisableDefaultText: true, Usage: "mend the files where a repair is safe"},
			&cli.BoolFlag{Name: "fix-unsafe", DisableDefaultText: true, Usage: "mend them where a repair may change what works, too"},
			&cli.BoolFlag{Name: "diff-fix", DisableDefaultText: true, Usage: "write what --fix would do as a patch, in place of the report"},
			colorFlag(),
			&cli.BoolFlag{Name: "live", DisableDefaultText: true, Usage: "dial the upstreams, see proxylint live --help"},
			&cli.BoolFlag{
				Name: "verbose", Aliases: []string{"v"}, DisableDefaultText: true,
				Usage: "tell on standard error what was read, and what stayed unknown",
			},
		}, slices.Concat(probeFlags(), hide(dialFlags()), inputFlags())...),
	}
}

func runLint(c *cli.Context) error {
	job, err := newJob(c)
	if err != nil {
		return err
	}
	tuneCollector(job.paths)
	configs, result, err := job.lint(c)
	if err != nil {
		return err
	}
	if c.Bool("verbose") {
		if err := job.tell(c.App.ErrWriter, configs); err != nil {
			return err
		}
	}
	var patch string
	switch repairs := job.repairs(result); {
	case job.fix.diff:
		patch, err = diff(repairs)
	case job.fix.write:
		if err = writeRepairs(c.App.ErrWriter, repairs); err == nil && repairs.Fixed > 0 {
			configs, result, err = lintAgain(c, job.since)
		}
	}
	if err != nil {
		return err
	}
	if err := job.baselines.save(c.App.ErrWriter, &result, configs); err != nil {
		return err
	}
	if err := job.write(c.App.Writer, configs, result, patch); err != nil {
		return err
	}
	if result.Stale > 0 {
		fmt.Fprintf(c.App.ErrWriter, "proxylint: %s: stale entries: %d\n", oneLine(job.baselines.read), result.Stale)
	}
	job.since.tell(c.App.ErrWriter)
	if result.Fails(job.failOn) {
		return errFindings
	}
	return nil
}

// lint reads the configurations and returns what is found in them and not known already.
func (j *job) lint(c *cli.Context) ([]*proxy.Config, lint.Result, error) {
	configs, err := j.read(c.App.Reader)
	if err != nil {
		return nil, lint.Result{}, err
	}
	live, err := j.live.run(c, configs, j.facts)
	if err != nil {
		return nil, lint.Result{}, err
	}
	result := j.judge(c.Context, configs, rules.All(), live)
	if j.known != nil {
		j.known.Apply(&result, configs)
	}
	return configs, result, j.since.apply(c.Context, j.input, &result)
}

// lintAgain lints what is on disk now: nothing that was read before counts, but the past is as it was.
func lintAgain(c *cli.Context, since *since) ([]*proxy.Config, lint.Result, error) {
	job, err := newJob(c)
	if err != nil {
		return nil, lint.Result{}, err
	}
	job.since = since
	return job.lint(c)
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
	*input
	outputs   []output
	color     bool // on standard output
	failOn    lint.Severity
	baselines baselines
	known     *lint.Baseline // nil: no finding is
	since     *since
	fix       fixFlags
	live      liveFlags
}

// output is one --format.
type output struct {
	format string
	file   string // "": standard output
}

var (
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
	failOn, failOnErr := pick(c, "fail-on", severities)
	outputs, outputsErr := parseOutputs(*c.Generic("format").(*repeated))
	fix, fixErr := newFixFlags(c)
	if err := cmp.Or(colorErr, failOnErr, outputsErr, fixErr); err != nil {
		return nil, err
	}
	in, err := newInput(c)
	if err != nil {
		return nil, err
	}
	live, err := newLiveFlags(c, in)
	if err != nil {
		return nil, err
	}
	if said := in.settings.FailOn; said != "" && !c.IsSet("fail-on") {
		failOn = severities[said]
	}
	files := baselines{read: cmp.Or(c.String("baseline"), in.settings.Baseline), write: c.String("write-baseline")}
	known, err := files.open()
	if err != nil {
		return nil, err
	}
	since, err := newSince(c, in.paths, files)
	if err != nil {
		return nil, err
	}
	return &job{
		input:     in,
		outputs:   outputs,
		color:     color(c.App.Writer),
		failOn:    failOn,
		baselines: files,
		known:     known,
		since:     since,
		fix:       fix,
		live:      live,
	}, nil
}

func parseOutputs(values []string) ([]output, error) {
	if len(values) == 0 {
		return []output{{format: "text"}}, nil
	}
	var list []output
	for _, value := range values {
		format, file, toFile := strings.Cut(value, "=")
		switch {
		case !slices.Contains(report.LiveFormats(), format):
			return nil, notOneOf("--format", format, report.LiveFormats())
		case toFile && file == "":
			return nil, fmt.Errorf("--format %s: no file after =", value)
		case slices.ContainsFunc(list, func(o output) bool { return o.file == file }):
			return nil, fmt.Errorf("--format %s: another format goes to the same place, write %s=FILE", value, format)
		}
		list = append(list, output{format, file})
	}
	return list, nil
}

func colorFlag() cli.Flag {
	return oneOf(keys(colors), &cli.StringFlag{
		Name: "color", Value: "auto", DefaultText: "auto", Usage: "`WHEN` to colour the text: auto, always or never",
	})
}

// wantsColor reports whether w is a terminal whose user wants colour (no-color.org).
func wantsColor(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// write writes all reports, standard output last: a file that can't be written leaves it empty. With --diff-fix it
// gets the patch alone.
func (j *job) write(stdout io.Writer, configs []*proxy.Config, result lint.Result, patch string) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	options := report.Options{Dir: dir, Version: buildVersion(), Rule: documented}
	options.Picture = func(w io.Writer) error {
		return graph.New(configs, report.Safe(result.Diagnostics), dir).SVG(w)
	}
	var out bytes.Buffer
	for _, o := range j.outputs {
		switch {
		case o.file != "":
			err = writeFile(o, result, options)
		case !j.fix.diff:
			toStdout := options
			toStdout.Color = j.color
			err = report.Write(&out, o.format, result, toStdout)
		}
		if err != nil {
			return err
		}
	}
	out.WriteString(onTerminal(stdout, patch))
	_, err = out.WriteTo(stdout)
	return err
}

func writeFile(o output, result lint.Result, options report.Options) error {
	if o.format == report.Prometheus {
		return replaceMetrics(o.file, result, options)
	}
	file, err := os.Create(o.file)
	if err == nil {
		err = cmp.Or(report.Write(file, o.format, result, options), file.Close())
	}
	if err != nil {
		return fmt.Errorf("--format: %w", parsers.PathError(o.file, err))
	}
	return nil
}

// documented returns a rule with its documentation.
func documented(id string) report.Rule {
	rule := rules.Find(id)
	var text, markdown strings.Builder
	rules.WriteDoc(&text, rule) // a Builder takes all
	rules.WriteSection(&markdown, rule)
	return report.Rule{Rule: rule, Text: text.String(), Markdown: markdown.String()}
}
