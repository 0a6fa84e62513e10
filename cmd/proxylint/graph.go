package main

import (
	"bytes"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/graph"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/rules"
)

const graphHelp = `Usage: proxylint graph [flags] [PATH...]

Draw where requests go: listeners, routes, upstreams and endpoints, with the findings on them.
A PATH is a file, a folder, or - for standard input; none: what is below this folder.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}
Examples:
  proxylint graph /etc/nginx/nginx.conf
  proxylint graph --format svg deploy/ > deploy.svg

Exit codes: 0 drawn, whatever is found, 2 proxylint could not do its work.
`

func graphCommand() *cli.Command {
	return &cli.Command{
		Name:               "graph",
		CustomHelpTemplate: graphHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runGraph,
		Flags: append([]cli.Flag{
			oneOf(graph.Formats(), &cli.StringFlag{
				Name: "format", Value: "text", DefaultText: "text", Usage: "draw as `F`: " + alternatives(graph.Formats()),
			}),
			colorFlag(),
		}, inputFlags()...),
	}
}

func runGraph(c *cli.Context) error {
	format := c.String("format")
	if !slices.Contains(graph.Formats(), format) {
		return notOneOf("--format", format, graph.Formats())
	}
	color, err := pick(c, "color", colors)
	if err != nil {
		return err
	}
	in, err := newInput(c)
	if err != nil {
		return err
	}
	tuneCollector(in.paths)
	configs, err := in.read(c.App.Reader)
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	found := in.judge(c.Context, configs, rules.All(), nil).Diagnostics
	drawing := graph.New(configs, report.Safe(found), dir)
	var out bytes.Buffer
	if format == "text" {
		err = drawing.Text(&out, color(c.App.Writer))
	} else {
		err = drawing.Write(&out, format)
	}
	if err != nil {
		return err
	}
	_, err = out.WriteTo(c.App.Writer)
	return err
}
