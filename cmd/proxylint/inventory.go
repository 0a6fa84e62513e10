package main

import (
	"bytes"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/report"
)

const inventoryHelp = `Usage: proxylint inventory [flags] [PATH...]

List what is known around the configurations: compose services and their ports, application servers, Kubernetes
objects, machines, each with its place; and where each configuration runs.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}
Example:
  proxylint inventory --inventory servers.csv deploy/
`

func inventoryCommand() *cli.Command {
	return &cli.Command{
		Name:               "inventory",
		CustomHelpTemplate: inventoryHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runInventory,
		Flags: append([]cli.Flag{
			oneOf(report.FactFormats(), &cli.StringFlag{
				Name: "format", Value: "text", DefaultText: "text", Usage: "write `F`: text (a table) or json",
			}),
		}, inputFlags()...),
	}
}

func runInventory(c *cli.Context) error {
	if !slices.Contains(report.FactFormats(), c.String("format")) {
		return notOneOf("--format", c.String("format"), report.FactFormats())
	}
	in, err := newInput(c)
	if err != nil {
		return err
	}
	configs, err := in.read(c.App.Reader)
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := report.WriteFacts(&out, c.String("format"), in.facts, configs, report.Options{Dir: dir}); err != nil {
		return err
	}
	_, err = out.WriteTo(c.App.Writer)
	return err
}
