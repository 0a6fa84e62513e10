package inventory

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

const (
	maxShells = 4    // commands within "sh -c"
	maxWords  = 1000 // of one command
)

// appOfCommand returns the server that the words of a command start; nil when they start none that is known here.
// Words "NAME=value" may stand before the program: they are its environment. "$NAME" is filled in from there.
func appOfCommand(words []Value) *App { return appOfWords(words, nil, maxShells) }

// appOfLine returns the server that a shell line starts: the first of its commands that listens, or else that is one.
func appOfLine(line Value) *App { return lineApp(line, nil, maxShells) }

func lineApp(line Value, env *environ, shells int) *App {
	var first *App
	for _, words := range splitCommands(line) {
		app := appOfWords(words, env, shells)
		if app != nil && len(app.Binds) > 0 {
			return app
		}
		if first == nil {
			first = app
		}
	}
	return first
}

// command is a program with its arguments, variables filled in.
type command struct {
	program string // without folder and version: "php-fpm" for /usr/sbin/php-fpm8.2
	at      syntax.Ref
	args    []Value
	env     *environ
}

// environ is what a command sets for itself, above what the command around it sets.
type environ struct {
	outer *environ
	own   map[string]Value
}

// get returns the value of a variable; the zero Value when it has none that is known.
func (e *environ) get(name string) Value {
	for ; e != nil; e = e.outer {
		if value, ok := e.own[name]; ok {
			return value
		}
	}
	return Value{}
}

// appOfWords reads a command in an environment.
func appOfWords(words []Value, outer *environ, shells int) *App {
	env := &environ{outer: outer, own: map[string]Value{}}
	words = unwrap(words[:min(len(words), maxWords)], env)
	if len(words) == 0 {
		return nil
	}
	c := command{program: programName(words[0].Text), at: words[0].At, env: env}
	if isShell(c.program) {
		return c.shell(words[1:], shells)
	}
	for _, word := range words[1:] {
		c.args = append(c.args, fillShell(word, env))
	}
	return c.app()
}

// shell reads the line that "sh -c" runs.
func (c command) shell(args []Value, shells int) *App {
	if shells == 0 {
		return nil
	}
	for i, arg := range args {
		switch {
		case len(arg.Text) > 1 && arg.Text[0] == '-' && arg.Text[1] != '-' && strings.HasSuffix(arg.Text, "c"):
			if i+1 < len(args) {
				return lineApp(args[i+1], c.env, shells-1)
			}
		case !strings.HasPrefix(arg.Text, "-"):
			return nil
		}
	}
	return nil
}

// app finds the reader for the program.
func (c command) app() *App {
	switch c.program {
	case "python":
		return c.python()
	case "php":
		return c.php()
	case "gunicorn":
		return c.gunicorn()
	case "hypercorn":
		return c.hypercorn()
	case "uvicorn":
		return c.uvicorn()
	case "uwsgi":
		return c.uwsgi()
	case "puma":
		return c.puma()
	case "java":
		return c.java()
	case "php-fpm":
		return &App{Kind: "php-fpm", At: c.at}
	case "catalina.sh", "startup.sh":
		return &App{Kind: "Tomcat", At: c.at}
	case "node", "nodejs", "nodemon", "ts-node", "tsx", "bun", "deno", "pm2", "pm2-runtime":
		return c.node()
	}
	return c.plain()
}

// programName cuts the folder, the version and ".exe" off a program's path.
func programName(text string) string {
	name := strings.TrimSuffix(path.Base(strings.ReplaceAll(text, `\`, "/")), ".exe")
	if name == "manage.py" || name == "artisan" {
		return name
	}
	if short := strings.TrimRight(name, "0123456789."); short == "python" || short == "php" || short == "php-fpm" {
		return short
	}
	return name
}

func isShell(program string) bool {
	switch program {
	case "sh", "bash", "ash", "dash", "zsh":
		return true
	}
	return false
}

// wrappers are programs that run the command behind them: behind this word, if there is one.
var wrappers = map[string]string{
	"exec": "", "env": "", "cross-env": "", "nohup": "", "command": "", "time": "", "dumb-init": "", "tini": "",
	"npx": "", "bunx": "", "dotenv": "", "dotenvx": "run", "ddtrace-run": "", "opentelemetry-instrument": "",
	"bundle": "exec", "poetry": "run", "pipenv": "run", "uv": "run", "pdm": "run", "pnpm": "exec", "yarn": "exec",
	"newrelic-admin": "run-program", "doppler": "run", "gosu": "*", "su-exec": "*",
}

// unwrap takes the assignments and the programs that only run another one off a command.
func unwrap(words []Value, env *environ) []Value {
	for len(words) > 0 {
		if name, value, ok := assignment(words[0]); ok {
			env.own[name] = fillShell(value, env)
			words = words[1:]
			continue
		}
		behind, ok := wrappers[programName(words[0].Text)]
		if !ok {
			return words
		}
		words = withoutOptions(words[1:])
		if behind != "" && len(words) > 0 {
			if behind != "*" && words[0].Text != behind {
				return nil
			}
			words = withoutOptions(words[1:])
		}
	}
	return nil
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
			short := len(name) == 2
			switch {
			case arg.Text == name && i+1 < len(c.args):
				list = append(list, c.args[i+1])
			case !short && strings.HasPrefix(arg.Text, name+"="):
				list = append(list, arg.after(name+"="))
			case short && len(arg.Text) > 2 && strings.HasPrefix(arg.Text, name):
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
	for _, arg := range c.args {
		if !strings.HasPrefix(arg.Text, "-") {
			return arg
		}
	}
	return Value{}
}

// has reports whether one of the arguments is the word.
func (c command) has(word string) bool {
	return slices.ContainsFunc(c.args, func(arg Value) bool { return arg.Text == word })
}

// http returns an HTTP server with the addresses.
func (c command) http(kind string, binds ...Bind) *App {
	return &App{Kind: kind, At: c.at, Binds: binds}
}

// usualBind returns the address where a program listens when none is written.
func (c command) usualBind(host string, port int) Bind {
	return Bind{Addr: proxy.Address{Host: host, Port: port, At: c.at}, Protocol: proxy.HTTP, Default: true}
}

// python reads "python -m program ..." and "python manage.py ...".
func (c command) python() *App {
	for i, arg := range c.args {
		inner := command{env: c.env}
		switch {
		case arg.Text == "-m" && i+1 < len(c.args):
			inner.program, inner.at, inner.args = c.args[i+1].Text, c.args[i+1].At, c.args[i+2:]
		case !strings.HasPrefix(arg.Text, "-"):
			inner.program, inner.at, inner.args = programName(arg.Text), arg.At, c.args[i+1:]
		default:
			continue
		}
		if inner.program == "python" {
			return nil
		}
		return inner.app()
	}
	return nil
}

// php reads "php -S address" and "php artisan ...".
func (c command) php() *App {
	if addr := c.option("-S"); addr.isSet() {
		return c.http("php", Bind{Addr: hostPort(addr, -1), Protocol: proxy.HTTP})
	}
	if len(c.args) > 0 && programName(c.args[0].Text) == "artisan" {
		return command{program: "artisan", at: c.args[0].At, args: c.args[1:], env: c.env}.app()
	}
	return nil
}

func (c command) gunicorn() *App {
	s := gunicornSettings{
		binds: c.options("-b", "--bind"), timeout: c.option("-t", "--timeout"), keepAlive: c.option("--keep-alive"),
		class: c.option("-k", "--worker-class"), threads: c.option("--threads"), umask: c.option("-m", "--umask"),
		field: c.option("--limit-request-field_size"), user: c.option("-u", "--user"), group: c.option("-g", "--group"),
		tls: c.option("--certfile").isSet(), whole: !c.option("-c", "--config").isSet(),
	}
	app := s.app(c.at)
	if len(s.binds) == 0 && s.whole {
		app.Binds = []Bind{c.portOr("127.0.0.1", gunicornPort, "PORT")}
	}
	return app
}

// portOr returns the address that an environment variable makes for a port on all addresses, or the usual one.
func (c command) portOr(host string, port int, variable string) Bind {
	if value := c.env.get(variable); value.isSet() {
		return Bind{Addr: portAddress(value), Protocol: proxy.HTTP}
	}
	return c.usualBind(host, port)
}

func (c command) hypercorn() *App {
	app := c.http("hypercorn")
	for _, bind := range c.options("-b", "--bind") {
		app.Binds = append(app.Binds, gunicornBind(bind))
	}
	config := c.option("-c", "--config").isSet()
	if len(app.Binds) == 0 && !config {
		app.Binds = []Bind{c.usualBind("127.0.0.1", gunicornPort)}
	}
	if keep := c.option("--keep-alive"); keep.isSet() {
		app.Idle = seconds(keep)
	} else if !config {
		app.Idle = byDefault(hypercornKeepAlive)
	}
	return app
}

func (c command) uvicorn() *App {
	app := c.plain()
	for i := range app.Binds {
		app.Binds[i].TLS = c.option("--ssl-keyfile").isSet()
		if app.Binds[i].Addr.Socket != "" {
			app.Binds[i].Mode = uvicornMode
		}
	}
	app.Idle = byDefault(uvicornKeepAlive)
	if keep := c.option("--timeout-keep-alive"); keep.isSet() {
		app.Idle = seconds(keep)
	}
	return app
}

func (c command) uwsgi() *App {
	var options []iniPair
	for i, arg := range c.args {
		name, isLong := strings.CutPrefix(arg.Text, "--")
		if arg.Text == "-s" {
			name, isLong = "socket", true
		}
		if !isLong {
			continue
		}
		pair := iniPair{key: name, at: arg.At, value: Value{At: arg.At}}
		if j := strings.IndexByte(name, '='); j >= 0 {
			pair.key, pair.value = name[:j], arg.after("--"+name[:j+1])
		} else if i+1 < len(c.args) && !strings.HasPrefix(c.args[i+1].Text, "-") {
			pair.value = c.args[i+1]
		}
		options = append(options, pair)
	}
	return uwsgiApp(c.at, options)
}

// puma reads the addresses of its command line; those of config/puma.rb are not known.
func (c command) puma() *App {
	app := c.http("puma")
	for _, bind := range c.options("-b", "--bind") {
		app.Binds = append(app.Binds, pumaBind(bind))
	}
	if port := c.option("-p", "--port"); port.isSet() {
		app.Binds = append(app.Binds, Bind{Addr: portAddress(port), Protocol: proxy.HTTP})
	}
	return app
}

// pumaBind reads "tcp://host:port", "ssl://host:port?key=..." or "unix://path?umask=0111".
func pumaBind(v Value) Bind {
	b := Bind{Protocol: proxy.HTTP}
	if i := strings.IndexByte(v.Text, '?'); i >= 0 {
		v = v.part(0, i)
	}
	switch {
	case strings.HasPrefix(v.Text, "unix://"):
		b.Addr = socketAddress(v.after("unix://"))
	case strings.HasPrefix(v.Text, "ssl://"):
		b.Addr, b.TLS = hostPort(v.after("ssl://"), -1), true
	case strings.HasPrefix(v.Text, "tcp://"):
		b.Addr = hostPort(v.after("tcp://"), -1)
	default:
		b.Addr = proxy.Address{Port: -1, Dynamic: true, At: v.At}
	}
	return b
}

// java reads what Spring takes from the command line and the environment.
func (c command) java() *App {
	app := c.http("java")
	host := c.option("-Dserver.address", "--server.address")
	port := c.option("-Dserver.port", "--server.port")
	if !port.isSet() {
		port = c.env.get("SERVER_PORT")
	}
	if port.isSet() {
		app.Binds = []Bind{{Addr: joinAddress(host, port), Protocol: proxy.HTTP}}
	}
	return app
}

// node reads a program of the user's own: the port is an argument behind its name, or in the environment.
func (c command) node() *App {
	app := c.http("node")
	port := c.env.get("PORT")
	for i, arg := range c.args {
		if !strings.HasPrefix(arg.Text, "-") {
			c.args = c.args[i+1:]
			if written := c.option("--port", "-p"); written.isSet() && isPortWord(written) {
				port = written
			}
			break
		}
	}
	if port.isSet() {
		app.Binds = []Bind{{Addr: portAddress(port), Protocol: proxy.HTTP}}
	}
	return app
}

// isPortWord reports whether a value can be a port.
func isPortWord(v Value) bool { return v.Dynamic || isDigits(v.Text) }

// plainServer is a program whose address is in options for the host and the port.
type plainServer struct {
	program, sub string // sub: an argument that must be there; "" when none must
	kind         string
	host, port   []string // options
	socket       string   // likewise; "" for none
	address      string   // option that takes both, or "0" for the argument behind sub
	env          string   // the variable that may hold the port
	usualHost    string   // "" for all addresses
	usualPort    int
}

// plainServers are told apart by program and sub, the first that fits. Their usual addresses are what each one's
// manual or --help says.
var plainServers = []plainServer{
	{program: "uvicorn", kind: "uvicorn", host: []string{"--host"}, port: []string{"--port"}, socket: "--uds", usualHost: "127.0.0.1", usualPort: 8000},
	{program: "daphne", kind: "daphne", host: []string{"-b", "--bind"}, port: []string{"-p", "--port"}, socket: "-u", usualHost: "127.0.0.1", usualPort: 8000},
	{program: "waitress-serve", kind: "waitress", host: []string{"--host"}, port: []string{"--port"}, socket: "--unix-socket", address: "--listen", usualPort: 8080},
	{program: "flask", sub: "run", kind: "flask", host: []string{"-h", "--host"}, port: []string{"-p", "--port"}, env: "FLASK_RUN_PORT", usualHost: "127.0.0.1", usualPort: 5000},
	{program: "fastapi", sub: "run", kind: "uvicorn", host: []string{"--host"}, port: []string{"--port"}, env: "PORT", usualPort: 8000},
	{program: "fastapi", sub: "dev", kind: "uvicorn", host: []string{"--host"}, port: []string{"--port"}, env: "PORT", usualHost: "127.0.0.1", usualPort: 8000},
	{program: "streamlit", sub: "run", kind: "streamlit", host: []string{"--server.address"}, port: []string{"--server.port"}, usualPort: 8501},
	{program: "manage.py", sub: "runserver", kind: "django", address: "0", usualHost: "127.0.0.1", usualPort: 8000},
	{program: "http.server", kind: "http.server", host: []string{"-b", "--bind"}, address: "0", usualPort: 8000},
	{program: "artisan", sub: "serve", kind: "php", host: []string{"--host"}, port: []string{"--port"}, usualHost: "127.0.0.1", usualPort: 8000},
	{program: "rails", sub: "server", kind: "rails", host: []string{"-b", "--binding"}, port: []string{"-p", "--port"}, env: "PORT", usualPort: 3000},
	{program: "rails", sub: "s", kind: "rails", host: []string{"-b", "--binding"}, port: []string{"-p", "--port"}, env: "PORT", usualPort: 3000},
	{program: "rackup", kind: "rack", host: []string{"-o", "--host"}, port: []string{"-p", "--port"}, usualHost: "localhost", usualPort: 9292},
	{program: "next", sub: "start", kind: "next", host: []string{"-H", "--hostname"}, port: []string{"-p", "--port"}, env: "PORT", usualPort: 3000},
	{program: "next", sub: "dev", kind: "next", host: []string{"-H", "--hostname"}, port: []string{"-p", "--port"}, env: "PORT", usualPort: 3000},
	{program: "nuxt", kind: "nuxt", host: []string{"-H", "--host", "--hostname"}, port: []string{"-p", "--port"}, env: "PORT", usualHost: "localhost", usualPort: 3000},
	{program: "vite", sub: "preview", kind: "vite", host: []string{"--host"}, port: []string{"--port"}, usualHost: "localhost", usualPort: 4173},
	{program: "vite", sub: "build", kind: ""},
	{program: "vite", kind: "vite", host: []string{"--host"}, port: []string{"--port"}, usualHost: "localhost", usualPort: 5173},
	{program: "astro", sub: "preview", kind: "astro", host: []string{"--host"}, port: []string{"--port"}, usualHost: "localhost", usualPort: 4321},
	{program: "astro", sub: "dev", kind: "astro", host: []string{"--host"}, port: []string{"--port"}, usualHost: "localhost", usualPort: 4321},
	{program: "serve", kind: "serve", port: []string{"-p", "--port"}, address: "-l", usualPort: 3000},
	{program: "http-server", kind: "http-server", host: []string{"-a"}, port: []string{"-p", "--port"}, env: "PORT", usualPort: 8080},
	{program: "react-scripts", sub: "start", kind: "react-scripts", env: "PORT", usualPort: 3000},
	{program: "vue-cli-service", sub: "serve", kind: "vue-cli-service", host: []string{"--host"}, port: []string{"--port"}, usualPort: 8080},
	{program: "ng", sub: "serve", kind: "ng", host: []string{"--host"}, port: []string{"--port"}, usualHost: "localhost", usualPort: 4200},
	{program: "remix-serve", kind: "remix-serve", env: "PORT", usualPort: 3000},
}

// plain reads a program that is among the plain servers.
func (c command) plain() *App {
	for i := range plainServers {
		s := &plainServers[i]
		if s.program == c.program && (s.sub == "" || c.has(s.sub)) {
			return c.plainApp(s)
		}
	}
	return nil
}

func (c command) plainApp(s *plainServer) *App {
	if s.kind == "" || s.program == "nuxt" && !isNuxtServer(c.operand().Text) {
		return nil
	}
	app := c.http(s.kind, c.plainBind(s))
	if s.program == "next" {
		app.Idle = inUnits(c.option("--keepAliveTimeout"), time.Millisecond)
	}
	return app
}

// isNuxtServer reports whether a subcommand of nuxt serves.
func isNuxtServer(sub string) bool {
	switch sub {
	case "", "start", "dev", "preview":
		return true
	}
	return false
}

// plainBind finds the address: a socket, an address as a whole, or a host and a port apart.
func (c command) plainBind(s *plainServer) Bind {
	b := Bind{Protocol: proxy.HTTP}
	if path := c.socketOption(s); path.isSet() {
		b.Addr = socketAddress(path)
		return b
	}
	host, port := c.hostOption(s), c.option(s.port...)
	if addr := c.wholeAddress(s); isPortWord(addr) && !strings.Contains(addr.Text, ":") {
		port = addr
	} else if addr.isSet() {
		return urlBind(addr, s.usualPort)
	}
	if !port.isSet() && s.env != "" {
		port = c.env.get(s.env)
	}
	if !host.isSet() && !port.isSet() {
		return c.usualBind(s.usualHost, s.usualPort)
	}
	b.Addr = joinAddress(host, port)
	if !host.isSet() {
		b.Addr.Host = s.usualHost
	}
	if !port.isSet() {
		b.Addr.Port = s.usualPort
	}
	return b
}

func (c command) socketOption(s *plainServer) Value {
	if s.socket == "" {
		return Value{}
	}
	return c.option(s.socket)
}

// hostOption returns the host; an option for it without a value, as vite has, stands for all addresses.
func (c command) hostOption(s *plainServer) Value {
	for i, arg := range c.args {
		last := i+1 == len(c.args) || strings.HasPrefix(c.args[i+1].Text, "-")
		if arg.Text == "--host" && last && s.host != nil {
			return Value{At: arg.At}
		}
	}
	return c.option(s.host...)
}

// wholeAddress returns the address that one option or argument holds.
func (c command) wholeAddress(s *plainServer) Value {
	switch s.address {
	case "":
		return Value{}
	case "0":
		return c.addressOperand()
	case "-l":
		return c.option("-l", "--listen")
	}
	return c.option(s.address)
}

// addressOperand returns the argument that ends in a port.
func (c command) addressOperand() Value {
	for _, arg := range c.args {
		port := arg.Text[strings.LastIndexByte(arg.Text, ':')+1:]
		if !strings.HasPrefix(arg.Text, "-") && (arg.Dynamic || isDigits(port)) {
			return arg
		}
	}
	return Value{}
}

// urlBind reads "host:port", "tcp://host:port" or "unix:path" of an HTTP server.
func urlBind(v Value, usualPort int) Bind {
	b := Bind{Protocol: proxy.HTTP}
	switch {
	case strings.HasPrefix(v.Text, "unix:"):
		b.Addr = socketAddress(v.after("unix:"))
	case strings.HasPrefix(v.Text, "tcp://"):
		b.Addr = hostPort(v.after("tcp://"), usualPort)
	default:
		b.Addr = hostPort(v, usualPort)
	}
	return b
}
