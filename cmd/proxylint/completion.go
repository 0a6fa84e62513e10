package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// scripts holds completion/SHELL.
//
//go:embed completion
var scripts embed.FS

// shells are those that there is a script for.
var shells = []string{"bash", "fish", "powershell", "zsh"}

const completionHelp = `Usage: proxylint completion SHELL

Write a script that completes commands, flags, their values and rules in a shell: bash, zsh, fish or powershell.

Examples:
  eval "$(proxylint completion bash)"                                       # in ~/.bashrc
  eval "$(proxylint completion zsh)"                                        # in ~/.zshrc, below compinit
  proxylint completion fish > ~/.config/fish/completions/proxylint.fish
  proxylint completion powershell | Out-String | Invoke-Expression          # in $PROFILE
`

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:               "completion",
		CustomHelpTemplate: completionHelp,
		HideHelpCommand:    true,
		OnUsageError:       passError,
		Action:             runCompletion,
		BashComplete: func(c *cli.Context) {
			if c.NArg() == 0 {
				fmt.Fprintln(c.App.Writer, strings.Join(shells, "\n"))
			}
		},
	}
}

func runCompletion(c *cli.Context) error {
	if c.NArg() != 1 {
		return errors.New("completion wants one shell: " + alternatives(shells))
	}
	shell := c.Args().First()
	if !slices.Contains(shells, shell) {
		return unknown("unknown shell", fmt.Sprintf("%q", shell), shell, shells)
	}
	script, err := scripts.ReadFile("completion/" + shell)
	if err != nil {
		return err
	}
	_, err = c.App.Writer.Write(script)
	return err
}

// candidatesCommand is what the scripts run: it prints a line for every word that may stand at a place, with a tab
// and a description where there is one, whatever the word there begins with; nothing where a file may stand.
func candidatesCommand() *cli.Command {
	return &cli.Command{
		Name:            "__complete",
		Hidden:          true,
		HideHelpCommand: true,
		OnUsageError:    passError,
		Flags:           []cli.Flag{&cli.StringFlag{Name: "word"}}, // a flag, since PowerShell 5 drops empty arguments
		Action: func(c *cli.Context) error {
			return complete(c, c.Args().Slice(), c.String("word"))
		},
	}
}

// complete prints what may stand in place of word, behind the words after "proxylint".
func complete(c *cli.Context, before []string, word string) error {
	if len(before) == 0 {
		return completeCommand(c.App, word)
	}
	command := c.App.Command(before[0])
	if command == nil {
		return nil
	}
	flags := append([]cli.Flag{cli.HelpFlag}, command.VisibleFlags()...)
	at := placeAfter(flags, before[1:])
	name, value, hasValue := strings.Cut(word, "=")
	switch {
	case at.flag != nil:
		return printLines(c.App.Writer, "", choices(at.flag, word))
	case at.flagsEnded || !strings.HasPrefix(word, "-"):
		return completeArgument(c, command, at.args)
	case hasValue:
		return printLines(c.App.Writer, name+"=", choices(flagNamed(flags, strings.TrimLeft(name, "-")), value))
	}
	return printFlags(c.App.Writer, flags)
}

func completeCommand(app *cli.App, word string) error {
	if strings.HasPrefix(word, "-") {
		return printFlags(app.Writer, []cli.Flag{cli.HelpFlag, cli.VersionFlag})
	}
	for _, command := range app.VisibleCommands() {
		if _, err := fmt.Fprintf(app.Writer, "%s\t%s\n", command.Name, command.Usage); err != nil {
			return err
		}
	}
	return nil
}

// completeArgument lets the command itself say what it takes behind its first arguments.
func completeArgument(c *cli.Context, command *cli.Command, args []string) error {
	if command.BashComplete == nil {
		return nil
	}
	set := flag.NewFlagSet(command.Name, flag.ContinueOnError)
	if err := set.Parse(append([]string{"--"}, args...)); err != nil {
		return err
	}
	command.BashComplete(cli.NewContext(c.App, set, c))
	return nil
}

// place is what the words before it make of a place on the command line.
type place struct {
	flag       cli.Flag // the flag whose value stands there; nil: none
	flagsEnded bool
	args       []string // that are neither flags nor their values
}

func placeAfter(flags []cli.Flag, words []string) place {
	var at place
	for _, word := range words {
		name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch {
		case at.flag != nil:
			at.flag = nil
		case at.flagsEnded || word == "-" || !strings.HasPrefix(word, "-"):
			at.args = append(at.args, word)
		case word == "--":
			at.flagsEnded = true
		case !hasValue:
			if f := flagNamed(flags, name); f != nil && !isSwitch(f) {
				at.flag = f
			}
		}
	}
	return at
}

// choices returns the words that a flag takes in place of a value; nil: anything, a file behind "format=", or there is
// no such flag.
func choices(f cli.Flag, value string) []string {
	if strings.Contains(value, "=") {
		return nil
	}
	choice, _ := f.(choiceFlag)
	return choice.choices
}

func printFlags(w io.Writer, flags []cli.Flag) error {
	for _, f := range flags {
		name, usage := "--"+f.Names()[0], ""
		if described, ok := f.(helpedFlag); ok {
			usage = described.GetUsage()
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\n", name, strings.ReplaceAll(usage, "`", "")); err != nil {
			return err
		}
	}
	return nil
}

func printLines(w io.Writer, prefix string, words []string) error {
	for _, word := range words {
		if _, err := fmt.Fprintln(w, prefix+word); err != nil {
			return err
		}
	}
	return nil
}
