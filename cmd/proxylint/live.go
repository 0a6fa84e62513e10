package main

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/rules"
)

const liveHelp = `Usage: proxylint live [flags] [PATH...]

Dial the upstreams of the configurations as their proxies would, and report what fails.
A PATH is a file, a folder, or - for standard input; none: what is below this folder.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}
Examples:
  proxylint live --plan deploy/                what would be dialed, without dialing
  proxylint live /etc/nginx/nginx.conf

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 proxylint could not do its work.
`

func liveCommand() *cli.Command {
	return &cli.Command{
		Name:               "live",
		CustomHelpTemplate: liveHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runLive,
		Flags: append([]cli.Flag{
			&cli.GenericFlag{
				Name: "format", Value: &repeated{}, DefaultText: "text",
				Usage: "write `F[=FILE]`, where F is " + alternatives(report.LiveFormats()) + "; may be repeated",
			},
			&cli.StringFlag{Name: "fail-on", Value: "warning", Usage: "exit with 1 from `SEVERITY` on: error, warning, info, never"},
			colorFlag(),
		}, slices.Concat(planFlags(), probeFlags(), dialFlags(), lockFlags(), inputFlags())...),
	}
}

// probeFlags are the flags of every command that dials.
func probeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "resolve", DisableDefaultText: true, Usage: "look up the names of upstreams, and connect to nothing"},
		&cli.StringFlag{Name: "shard", Usage: "dial the `I/N`th part alone, so that several runs share the work"},
	}
}

// liveFlags says what is dialed, and how.
type liveFlags struct {
	on      bool
	shard   shard
	options probe.Options
}

func newLiveFlags(c *cli.Context, in *input) (liveFlags, error) {
	options, optionsErr := dialOptions(c)
	limit(c, &options, in.settings.Live)
	options.Hosts = in.facts.Hosts()
	options.ResolveOnly = c.Bool("resolve")
	shard, shardErr := parseShard(c.String("shard"))
	on := c.Bool("live") || c.Bool("resolve") || c.Command.Name == "live"
	return liveFlags{on, shard, options}, cmp.Or(optionsErr, shardErr)
}

// run dials the upstreams of the configurations; nil when the user did not ask for it.
func (f liveFlags) run(c *cli.Context, configs []*proxy.Config, facts *inventory.Facts) (*probe.Results, error) {
	if !f.on {
		return nil, nil
	}
	var beside []string
	if f.options.ResolveOnly {
		beside = rules.NamesBeside(configs, facts)
	}
	return dial(c, f.targets(configs, facts), beside, f.options), nil
}

func runLive(c *cli.Context) error {
	job, err := newJob(c)
	if err != nil {
		return err
	}
	lock, err := newLockFile(c)
	if err != nil {
		return err
	}
	targets, configs, err := job.targets(c)
	if err != nil {
		return err
	}
	if c.Bool("plan") {
		return writePlan(c, job.outputs, targets)
	}
	results := dial(c, targets, nil, job.live.options)
	lock.hold(results)
	result := job.judge(c.Context, configs, liveRules(), results)
	if err := lock.save(results); err != nil {
		return err
	}
	table, err := job.liveTable(c.App.Writer, results)
	if err != nil {
		return err
	}
	if err := job.write(c.App.Writer, configs, result, ""); err != nil {
		return err
	}
	if _, err := table.WriteTo(c.App.Writer); err != nil {
		return err
	}
	if result.Fails(job.failOn) {
		return errFindings
	}
	return nil
}

// liveTable returns the table that stands below the findings as text; it is empty where standard output gets another
// format.
func (j *job) liveTable(stdout io.Writer, results *probe.Results) (*bytes.Buffer, error) {
	var table bytes.Buffer
	if !slices.Contains(j.outputs, output{format: "text"}) {
		return &table, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	o := report.Options{Dir: dir}
	if file, ok := stdout.(*os.File); ok {
		o.Width, _, _ = term.GetSize(int(file.Fd())) // 0 where it is no terminal
	}
	table.WriteByte('\n')
	return &table, report.WriteLive(&table, results, o)
}

// targets returns what is to be dialed, and the configurations that it belongs to.
func (j *job) targets(c *cli.Context) ([]*probe.Target, []*proxy.Config, error) {
	if path := c.String("plan-file"); path != "" {
		if c.Args().Present() {
			return nil, nil, errors.New("--plan-file says what to dial, so there is no PATH beside it")
		}
		targets, configs, err := readPlan(path)
		return j.live.shard.pick(targets), configs, err
	}
	configs, err := j.read(c.App.Reader)
	return j.live.targets(configs, j.facts), configs, err
}

// liveRules returns the rules that read what was dialed.
func liveRules() []*lint.Rule {
	return slices.DeleteFunc(slices.Clone(rules.All()), func(r *lint.Rule) bool { return !r.Live })
}
