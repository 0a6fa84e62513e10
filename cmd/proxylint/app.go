package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/proxylint/proxylint/parsers/spell"
)

// The voice of the command line: what was asked for goes to standard output; all else to standard error,
// as one line "proxylint: ..." in lower case without a full stop.

// The exit codes, the same for every command and format.
const (
	exitClean    = iota // nothing at or above --fail-on
	exitFindings        // something is
	exitTrouble         // the work could not be done; nothing is on standard output
)

// errFindings ends a run that did its work and found something.
var errFindings = errors.New("findings")

// version is set by release builds (-ldflags "-X main.version=1.2.3").
var version = ""

// run does what the arguments say and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	app := newApp(stdin, stdout, stderr)
	args, err := arrange(app, args)
	if err == nil {
		err = app.Run(append([]string{app.Name}, args...))
	}
	switch {
	case err == nil:
		return exitClean
	case errors.Is(err, errFindings):
		return exitFindings
	}
	fmt.Fprintf(stderr, "proxylint: %s\n", oneLine(err.Error()))
	return exitTrouble
}

const appHelp = `proxylint finds what makes an nginx or HAProxy configuration answer 502, 503 or 504.

Usage:
  proxylint lint [flags] [PATH...]   report findings; no PATH: what is below this folder
  proxylint live [flags] [PATH...]   dial the upstreams as the proxy would, and report what fails
  proxylint rules [ID]               list the rules, or explain one
  proxylint inventory [PATH...]      list what is known around the configurations
  proxylint COMMAND --help           tell more
  proxylint --version

Example:
  proxylint lint /etc/nginx/nginx.conf /etc/haproxy/haproxy.cfg

Exit codes: 0 clean, 1 findings, 2 proxylint could not do its work.
`

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:                  "proxylint",
		Version:               buildVersion(),
		Commands:              []*cli.Command{lintCommand(), liveCommand(), rulesCommand(), inventoryCommand()},
		CustomAppHelpTemplate: appHelp,
		Reader:                stdin,
		Writer:                stdout,
		ErrWriter:             stderr,
		HideHelpCommand:       true,
		// the library would print help to standard output, and choose an exit code itself
		OnUsageError:   passError,
		ExitErrHandler: func(*cli.Context, error) {},
	}
}

func passError(_ *cli.Context, err error, _ bool) error { return err }

// arrange checks the arguments and puts a command's flags before its paths, since cli stops looking for
// flags at the first path. Nothing after "--" is a flag.
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, errors.New("no command given, see proxylint --help")
	}
	if args[0] != "-" && strings.HasPrefix(args[0], "-") {
		return arrangeFlags([]cli.Flag{cli.HelpFlag, cli.VersionFlag}, args)
	}
	command := app.Command(args[0])
	if command == nil {
		return nil, unknownCommand(args[0])
	}
	rest, err := arrangeFlags(append([]cli.Flag{cli.HelpFlag}, command.Flags...), args[1:])
	return append(args[:1:1], rest...), err
}

func arrangeFlags(known []cli.Flag, args []string) ([]string, error) {
	var flags, paths []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			paths = append(paths, args...)
			break
		}
		if arg == "-" || !strings.HasPrefix(arg, "-") {
			paths = append(paths, arg)
			continue
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		at := slices.IndexFunc(known, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
		if at < 0 {
			return nil, unknownFlag(known, arg)
		}
		if known[at] == cli.HelpFlag {
			return []string{"--help"}, nil // a path would be taken for what to help with
		}
		flags = append(flags, arg)
		if _, isSwitch := known[at].(*cli.BoolFlag); isSwitch || hasValue {
			continue
		}
		if len(args) == 0 {
			return nil, fmt.Errorf("%s needs a value", arg)
		}
		flags = append(flags, args[0])
		args = args[1:]
	}
	return append(append(flags, "--"), paths...), nil
}

func unknownFlag(known []cli.Flag, arg string) error {
	arg, _, _ = strings.Cut(arg, "=")
	var names []string
	for _, f := range known {
		names = append(names, "--"+f.Names()[0])
	}
	nearest, _ := spell.Nearest(arg, names)
	return fmt.Errorf("unknown flag %s%s", arg, didYouMean(nearest))
}

func unknownCommand(name string) error {
	if _, err := os.Stat(name); err == nil {
		return fmt.Errorf("unknown command %q%s", name, didYouMean("proxylint lint "+name))
	}
	return fmt.Errorf("unknown command %q, want lint, rules or inventory", name)
}

func didYouMean(s string) string {
	if s == "" {
		return ""
	}
	return ", did you mean " + s + "?"
}

// oneLine makes visible what would act on a terminal or break the line: names of files may hold anything.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
