package inventory

import (
	"path"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

const (
	maxShells = 4    // scripts within "sh -c"
	maxWords  = 1000 // of one command
)

// commandApps returns the servers that the words of a command start in an environment: directly, behind a wrapper
// such as "dumb-init", or in the script of a shell.
func commandApps(words []Value, env map[string]Value) []*App {
	return appsOf(commandsIn(words, &environ{own: env}, maxShells))
}

// lineApp returns the server that a line for a shell starts, whoever runs it: the first of its commands that listens,
// or else the first that is a server.
func lineApp(line Value) *App {
	apps := appsOf(scriptCommands(line, &environ{open: true}, maxShells))
	if i := slices.IndexFunc(apps, func(app *App) bool { return len(app.Binds) > 0 }); i >= 0 {
		return apps[i]
	}
	return firstApp(apps)
}

func firstApp(apps []*App) *App {
	if len(apps) == 0 {
		return nil
	}
	return apps[0]
}

func appsOf(commands []command) []*App {
	var list []*App
	for _, c := range commands {
		if app := c.app(); app != nil {
			list = append(list, app)
		}
	}
	return list
}

// command is a program with its arguments.
type command struct {
	program string // without folder and version: "php-fpm" for /usr/sbin/php-fpm8.2; "" for assignments alone
	at      syntax.Ref
	args    []Value
	env     *environ // its own: what is set for it alone
}

// environ is what a command finds in its environment.
type environ struct {
	own   map[string]Value
	outer *environ
	open  bool // whoever runs the command may set more
}

// get returns the value of a variable; false when it has none.
func (e *environ) get(name string) (Value, bool) {
	for ; e != nil; e = e.outer {
		if value, ok := e.own[name]; ok {
			return value, true
		}
		if e.open {
			return Value{Dynamic: true}, true
		}
	}
	return Value{}, false
}

// written returns the value that a file gives a variable; absent when none does.
func (e *environ) written(name string) Value {
	if value, _ := e.get(name); value.isSet() {
		return value
	}
	return Value{}
}

func (e *environ) set(name string, value Value) {
	if e.own == nil {
		e.own = map[string]Value{}
	}
	e.own[name] = value
}

// fill puts values in the place of a word's variables. What has no known value makes it Dynamic and adds nothing.
func (e *environ) fill(word Value) Value {
	text, dynamic := expandBy(word.Text, e.get)
	word.Dynamic = word.Dynamic || dynamic
	word.Text = strings.ReplaceAll(text, unknownPart, "")
	return word.dynamicIf("`")
}

// commandsIn returns the command that words are, or those of the script that it has a shell run.
func commandsIn(words []Value, outer *environ, shells int) []command {
	env := &environ{outer: outer}
	words = unwrap(words[:min(len(words), maxWords)], env)
	if len(words) == 0 {
		return []command{{env: env}}
	}
	c := command{program: programName(words[0].Text), at: words[0].At, args: words[1:], env: env}
	if script := c.script(); script.isSet() && shells > 0 {
		return scriptCommands(script, env, shells-1)
	}
	return []command{c}
}

// scriptCommands returns the commands of a shell's script, variables filled in. One that the script itself sets is
// not known further on: it may do so under a condition.
func scriptCommands(script Value, outer *environ, shells int) []command {
	env := &environ{outer: outer}
	var list []command
	for _, words := range shellCommands(script) {
		for i, word := range words {
			words[i] = env.fill(word)
		}
		for _, c := range commandsIn(words, env, shells) {
			if c.program != "" {
				list = append(list, c)
				continue
			}
			for name := range c.env.own {
				env.set(name, Value{Dynamic: true})
			}
		}
	}
	return list
}

// script returns the text behind "sh -c"; absent for any other command.
func (c command) script() Value {
	if !isShell(c.program) {
		return Value{}
	}
	for i, arg := range c.args {
		switch {
		case !strings.HasPrefix(arg.Text, "-"):
			return Value{}
		case !strings.HasPrefix(arg.Text, "--") && strings.HasSuffix(arg.Text, "c") && i+1 < len(c.args):
			return c.args[i+1]
		}
	}
	return Value{}
}

func isShell(program string) bool {
	switch program {
	case "sh", "bash", "ash", "dash", "zsh":
		return true
	}
	return false
}

// programName cuts the folder, the version and ".exe" off a program's path.
func programName(text string) string {
	name := strings.TrimSuffix(path.Base(strings.ReplaceAll(text, `\`, "/")), ".exe")
	if short := strings.TrimRight(name, "0123456789."); short == "python" || short == "php" || short == "php-fpm" {
		return short
	}
	return name
}

// wrappers are programs and words of the shell that have the command behind them run: behind this word, if there is
// one.
var wrappers = map[string]string{
	"exec": "", "export": "", "env": "", "cross-env": "", "nohup": "", "command": "", "time": "", "dumb-init": "", "tini": "",
	"npx": "", "bunx": "", "dotenv": "", "dotenvx": "run", "ddtrace-run": "", "opentelemetry-instrument": "",
	"bundle": "exec", "poetry": "run", "pipenv": "run", "uv": "run", "pdm": "run", "pnpm": "exec", "yarn": "exec",
	"newrelic-admin": "run-program", "doppler": "run", "gosu": anyWord, "su-exec": anyWord,
	"if": "", "then": "", "else": "", "while": "", "do": "", "!": "", "{": "",
}

const anyWord = "*"

// unwrap takes the assignments and the programs that only run another one off a command.
func unwrap(words []Value, env *environ) []Value {
	for len(words) > 0 {
		if name, value, ok := words[0].assigned(); ok && name != "" && nameLength(name) == len(name) {
			env.set(name, value)
			words = words[1:]
			continue
		}
		behind, ok := behindWrapper(words)
		if !ok {
			break
		}
		words = behind
	}
	return words
}

// behindWrapper returns the command that a wrapper runs: one that is known, one of the user's own that is named
// like those of containers, or any that has "--" before the command. It reports false for what is no wrapper.
func behindWrapper(words []Value) ([]Value, bool) {
	name := programName(words[0].Text)
	rest := withoutOptions(words[1:])
	behind, isWrapper := wrappers[name]
	switch {
	case isWrapper && behind == "":
		return rest, true
	case isWrapper && len(rest) > 0 && (behind == anyWord || behind == rest[0].Text):
		return withoutOptions(rest[1:]), true
	case isShell(name) || isInterpreter(name) || isPackageRunner(name) || isProgram(name):
		return nil, false
	}
	if i := slices.IndexFunc(words, func(v Value) bool { return v.Text == "--" }); i > 0 {
		return words[i+1:], true
	}
	return rest, strings.HasSuffix(name, ".sh") || strings.Contains(name, "entrypoint")
}

func isPackageRunner(name string) bool {
	switch name {
	case "npm", "yarn", "pnpm", "bun":
		return true
	}
	return false
}

// withoutOptions takes the leading options off.
func withoutOptions(words []Value) []Value {
	for len(words) > 0 && strings.HasPrefix(words[0].Text, "-") {
		words = words[1:]
	}
	return words
}

// options returns what is written for an option, in order: "--name value", "--name=value", "-n value", "-nvalue".
func (c command) options(names ...string) []Value {
	var list []Value
	for i, arg := range c.args {
		for _, name := range names {
			rest, found := strings.CutPrefix(arg.Text, name)
			switch {
			case !found:
			case rest == "" && i+1 < len(c.args):
				list = append(list, c.args[i+1])
			case strings.HasPrefix(rest, "="):
				list = append(list, arg.after(name+"="))
			case rest != "" && len(name) == 2:
				list = append(list, arg.after(name))
			}
		}
	}
	return list
}

// option returns the last value of an option; the zero Value when there is none.
func (c command) option(names ...string) Value {
	list := c.options(names...)
	if len(list) == 0 {
		return Value{}
	}
	return list[len(list)-1]
}

// operand returns the first argument that is no option.
func (c command) operand() Value {
	if words := c.operands(); len(words) > 0 {
		return words[0]
	}
	return Value{}
}

// operands returns the arguments from the first one on that is no option.
func (c command) operands() []Value { return withoutOptions(c.args) }

// has reports whether one of some words stands first among the arguments. Before it may stand options and what may
// be their values. "" stands for none.
func (c command) has(words []string) bool {
	for i, arg := range c.args {
		switch {
		case slices.Contains(words, arg.Text):
			return true
		case isOption(arg) || i > 0 && isOption(c.args[i-1]) && !strings.Contains(c.args[i-1].Text, "="):
		default:
			return false
		}
	}
	return slices.Contains(words, "")
}

func isOption(word Value) bool { return strings.HasPrefix(word.Text, "-") }

func isInterpreter(program string) bool { return program == "python" || program == "php" }

// interpreted returns the command that "python -m program ..." or "python manage.py ..." is.
func (c command) interpreted() (command, bool) {
	for i, arg := range c.args {
		switch {
		case arg.Text == "-m" && i+1 < len(c.args):
			i++
		case isOption(arg):
			continue
		}
		return command{program: programName(c.args[i].Text), at: c.args[i].At, args: c.args[i+1:], env: c.env}, true
	}
	return command{}, false
}
