package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/lint/settings"
	"github.com/proxylint/proxylint/rules"
)

// configFlags say where settings come from.
func configFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "read settings from `FILE` (default: the nearest " + settings.Name + ")"},
		&cli.BoolFlag{Name: "no-config", DisableDefaultText: true, Usage: "look for no " + settings.Name},
	}
}

// readSettings reads the settings file that the user names, else the nearest; there may be none.
func readSettings(c *cli.Context) (*settings.Settings, error) {
	named := c.String("config")
	switch {
	case named != "" && c.Bool("no-config"):
		return nil, errors.New("--config and --no-config contradict each other")
	case c.Bool("no-config"):
		return &settings.Settings{}, nil
	case named != "":
		return settings.Read(named, settings.Options{Rules: rules.IDs()})
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	found, within, err := settings.Find(cwd)
	if found == "" || err != nil {
		return &settings.Settings{}, err
	}
	if rel, err := filepath.Rel(cwd, found); err == nil {
		found = rel
	}
	return settings.Read(found, settings.Options{Rules: rules.IDs(), Within: within})
}
