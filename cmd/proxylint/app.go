package main

import (
	"cmp"
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

const appHelp = `{{.Name}} {{.Usage}}.

Usage:
  proxylint COMMAND [flags] [ARGUMENT...]
  proxylint COMMAND --help    tell more
  proxylint --version

Commands:
{{range .VisibleCommands}}  {{.Name}}{{"\t"}}{{.Usage}}
{{end}}
Example:
  proxylint lint /etc/nginx/nginx.conf /etc/haproxy/haproxy.cfg

Exit codes: 0 clean, 1 findings, 2 proxylint could not do its work.

Files: compose files, Dockerfiles, manifests and the like are looked for from the root of the repository down.

Environment:
  NO_COLOR    if not empty, nothing is coloured but what --color always asks for
`

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:    "proxylint",
		Usage:   "finds what makes an nginx or HAProxy configuration answer 502, 503 or 504",
		Version: buildVersion(),
		Commands: []*cli.Command{
			initCommand(), lintCommand(), liveCommand(), rulesCommand(), graphCommand(), logsCommand(), inventoryCommand(), lspCommand(),
			completionCommand(), candidatesCommand(), manCommand(),
		},
		CustomAppHelpTemplate: appHelp,
		Reader:                stdin,
		Writer:                stdout,
		ErrWriter:             stderr,
		HideHelpCommand:       true,
		// the library would print help to standard output, and choose an exit code itself
		OnUsageError:   passError,
		ExitErrHandler: func(*cli.Context, error) {},
	}
	for _, command := range app.Commands {
		command.Usage = cmp.Or(command.Usage, summary(command.CustomHelpTemplate))
	}
	return app
}

// summary returns what a command does, as its help begins: the text after the usage, up to a stop or a colon.
func summary(help string) string {
	_, text, _ := strings.Cut(help, "\n\n")
	text, _, _ = strings.Cut(text, "\n\n")
	text = strings.Join(strings.Fields(text), " ")
	text, _, _ = strings.Cut(text, ": ")
	text, _, _ = strings.Cut(text, ". ")
	if text == "" {
		return ""
	}
	return strings.ToLower(text[:1]) + strings.TrimSuffix(text[1:], ".")
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
		return nil, unknownCommand(app, args[0])
	}
	rest, err := arrangeFlags(append([]cli.Flag{cli.HelpFlag}, command.Flags...), args[1:])
	return slices.Concat(args[:1], fromEnvironment(command, rest), rest), err
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
		flag := flagNamed(known, name)
		if flag == nil {
			return nil, unknownFlag(known, arg)
		}
		if flag == cli.HelpFlag {
			return []string{"--help"}, nil // a path would be taken for what to help with
		}
		if isSwitch(flag) && !isOptional(flag) && hasValue {
			return nil, fmt.Errorf("--%s takes no value", name)
		}
		flags = append(flags, arg)
		if isSwitch(flag) || hasValue {
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

// flagNamed returns the flag of a name without hyphens; nil: there is none.
func flagNamed(known []cli.Flag, name string) cli.Flag {
	at := slices.IndexFunc(known, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if at < 0 {
		return nil
	}
	return known[at]
}

// isSwitch reports whether a flag takes no value from the next word.
func isSwitch(f cli.Flag) bool {
	_, ok := f.(*cli.BoolFlag)
	return ok || isOptional(f)
}

func unknownFlag(known []cli.Flag, arg string) error {
	arg, _, _ = strings.Cut(arg, "=")
	var names []string
	for _, f := range known {
		names = append(names, "--"+f.Names()[0])
	}
	return unknown("unknown flag", arg, arg, names)
}

func unknownCommand(app *cli.App, name string) error {
	if _, err := os.Stat(name); err == nil {
		return fmt.Errorf("unknown command %q%s", name, didYouMean("proxylint lint "+name))
	}
	var names []string
	for _, command := range app.VisibleCommands() {
		names = append(names, command.Name)
	}
	return unknown("unknown command", fmt.Sprintf("%q", name), name, names)
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
