package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/rules"
)

const rulesHelp = `Usage: proxylint rules [ID]

List all rules, or explain one: what goes wrong, when, and what to write instead.

Example:
  proxylint rules port-scheme-mismatch
`

func rulesCommand() *cli.Command {
	return &cli.Command{
		Name:               "rules",
		CustomHelpTemplate: rulesHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runRules,
	}
}

func runRules(c *cli.Context) error {
	var out bytes.Buffer
	var err error
	switch id := c.Args().First(); {
	case c.NArg() == 0:
		err = rules.WriteList(&out)
	case c.NArg() > 1:
		err = errors.New("rules explains one ID at a time")
	case rules.Find(id) == nil:
		err = fmt.Errorf("unknown rule %q%s", id, didYouMean(rules.Nearest(id)))
	default:
		err = rules.WriteDoc(&out, rules.Find(id))
	}
	if err != nil {
		return err
	}
	_, err = out.WriteTo(c.App.Writer)
	return err
}
