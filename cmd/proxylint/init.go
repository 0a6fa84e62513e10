package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/settings"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
)

const initHelp = `Usage: proxylint init [--force]

Write a ` + settings.Name + ` with comments for the configurations below this folder. As it is written it changes no
finding.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}`

func initCommand() *cli.Command {
	return &cli.Command{
		Name:               "init",
		CustomHelpTemplate: initHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runInit,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", DisableDefaultText: true, Usage: "write it anew where there is one"},
		},
	}
}

func runInit(c *cli.Context) error {
	if c.NArg() > 0 {
		return errors.New("init takes no PATH: it writes " + settings.Name + " into this folder")
	}
	if _, err := os.Lstat(settings.Name); !errors.Is(err, fs.ErrNotExist) && !c.Bool("force") {
		return errors.New(settings.Name + ": there is one already, --force writes it anew")
	}
	facts := &inventory.Facts{}
	wait := factFlags{}.discover(facts, []string{"."})
	configs, err := parsers.Load([]string{"."}, parsers.Options{})
	wait()
	if err != nil {
		return err
	}
	first := newDraft(configs, facts)
	if err := replaceFile(settings.Name, first.text()); err != nil {
		return parsers.PathError(settings.Name, err)
	}
	return first.tell(c, configs)
}

// tell says what was written, and what to do next.
func (d *draft) tell(c *cli.Context, configs []*proxy.Config) error {
	_, err := fmt.Fprintf(c.App.Writer, "%s: %s, %s listed, %s guessed\nnext: proxylint lint\n", settings.Name,
		count(len(configs), "configuration"), count(len(d.listed()), "root"), count(d.mapped(), "folder"))
	return err
}
