package inventory

import (
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// program is an application server that is started by a command, and the options that say where it listens.
type program struct {
	word       string         // its name in the command, or its module's behind "python -m"
	sub        string         // the word that must follow; "" for none
	first      bool           // it is recognised at the command's beginning alone: the word is a common one
	kind       string         // App.Kind
	protocol   proxy.Protocol // of what it binds
	bind       []string       // options with HOST:PORT, :PORT or a socket
	host, port []string       // options with one of these
	argument   bool           // the word behind may be [HOST:]PORT
	hostVar    string         // environment variables for the same
	portVar    string
	usualHost  string // what it binds when nothing is written; "" when that isn't certain
	usualPort  int    // 0: nothing is known
}

// programs are the servers known by their command, from their manuals.
var programs = []program{
	{word: "gunicorn", kind: "gunicorn", protocol: proxy.HTTP, bind: []string{"-b", "--bind"}},
	{word: "uvicorn", kind: "uvicorn", protocol: proxy.HTTP, bind: []string{"--uds"}, host: []string{"--host"},
		port: []string{"--port"}, hostVar: "UVICORN_HOST", portVar: "UVICORN_PORT", usualHost: "127.0.0.1", usualPort: 8000},
	{word: "hypercorn", kind: "hypercorn", protocol: proxy.HTTP, bind: []string{"-b", "--bind"}},
	{word: "daphne", kind: "daphne", protocol: proxy.HTTP, bind: []string{"-u", "--unix-socket"},
		host: []string{"-b", "--bind"}, port: []string{"-p", "--port"}, usualHost: "127.0.0.1", usualPort: 8000},
	{word: "waitress-serve", kind: "waitress", protocol: proxy.HTTP, bind: []string{"--listen"},
		host: []string{"--host"}, port: []string{"--port"}, usualHost: "0.0.0.0", usualPort: 8080},
	{word: "fastapi", sub: "run", kind: "uvicorn", protocol: proxy.HTTP, host: []string{"--host"},
		port: []string{"--port"}, portVar: "PORT", usualHost: "0.0.0.0", usualPort: 8000},
	{word: "fastapi", sub: "dev", kind: "uvicorn", protocol: proxy.HTTP, host: []string{"--host"},
		port: []string{"--port"}, portVar: "PORT", usualHost: "127.0.0.1", usualPort: 8000},
	{word: "flask", sub: "run", kind: "Flask", protocol: proxy.HTTP, host: []string{"-h", "--host"},
		port: []string{"-p", "--port"}, hostVar: "FLASK_RUN_HOST", portVar: "FLASK_RUN_PORT",
		usualHost: "127.0.0.1", usualPort: 5000},
	{word: "manage.py", sub: "runserver", kind: "Django", protocol: proxy.HTTP, argument: true,
		usualHost: "127.0.0.1", usualPort: 8000},
	{word: "http.server", kind: "http.server", protocol: proxy.HTTP, argument: true, host: []string{"-b", "--bind"},
		usualHost: "0.0.0.0", usualPort: 8000},
	{word: "streamlit", sub: "run", kind: "Streamlit", protocol: proxy.HTTP, host: []string{"--server.address"},
		port: []string{"--server.port"}, hostVar: "STREAMLIT_SERVER_ADDRESS", portVar: "STREAMLIT_SERVER_PORT"},
	{word: "artisan", sub: "serve", kind: "php", protocol: proxy.HTTP, host: []string{"--host"},
		port: []string{"--port"}, hostVar: "SERVER_HOST", portVar: "SERVER_PORT", usualHost: "127.0.0.1", usualPort: 8000},
	{word: "php", kind: "php", protocol: proxy.HTTP, bind: []string{"-S"}},
	{word: "rails", sub: "server", kind: "Rails", protocol: proxy.HTTP, host: []string{"-b", "--binding"},
		port: []string{"-p", "--port"}, portVar: "PORT"},
	{word: "rails", sub: "s", kind: "Rails", protocol: proxy.HTTP, host: []string{"-b", "--binding"},
		port: []string{"-p", "--port"}, portVar: "PORT"},
	{word: "puma", kind: "puma", protocol: proxy.HTTP, bind: []string{"-b", "--bind"}, port: []string{"-p", "--port"}},
	{word: "rackup", kind: "rack", protocol: proxy.HTTP, host: []string{"-o", "--host"}, port: []string{"-p", "--port"}},
	{word: "next", sub: "start", kind: "node", protocol: proxy.HTTP, host: []string{"-H", "--hostname"},
		port: []string{"-p", "--port"}, hostVar: "", portVar: "PORT", usualHost: "0.0.0.0", usualPort: 3000},
	{word: "next", sub: "dev", kind: "node", protocol: proxy.HTTP, host: []string{"-H", "--hostname"},
		port: []string{"-p", "--port"}, portVar: "PORT", usualHost: "0.0.0.0", usualPort: 3000},
	{word: "nuxt", kind: "node", protocol: proxy.HTTP, host: []string{"-H", "--host", "--hostname"},
		port: []string{"-p", "--port"}},
	{word: "vite", kind: "node", protocol: proxy.HTTP, host: []string{"--host"}, port: []string{"--port"}},
	{word: "ng", sub: "serve", kind: "node", protocol: proxy.HTTP, host: []string{"--host"}, port: []string{"--port"}},
	{word: "http-server", kind: "node", protocol: proxy.HTTP, host: []string{"-a"}, port: []string{"-p", "--port"}},
	{word: "json-server", kind: "node", protocol: proxy.HTTP, host: []string{"-H", "--host"}, port: []string{"-p", "--port"}},
	{word: "serve", first: true, kind: "node", protocol: proxy.HTTP, bind: []string{"-l", "--listen"},
		port: []string{"-p", "--port"}},
	{word: "node", kind: "node", protocol: proxy.HTTP, host: []string{"--host"}, port: []string{"--port"}},
	{word: "nodemon", kind: "node", protocol: proxy.HTTP, host: []string{"--host"}, port: []string{"--port"}},
	{word: "java", kind: "java", protocol: proxy.HTTP,
		host: []string{"-Dserver.address", "--server.address"},
		port: []string{"-Dserver.port", "--server.port", "-Dquarkus.http.port", "-Dmicronaut.server.port", "-Dhttp.port"}},
	{word: "redis-server", kind: "redis", protocol: proxy.TCP, port: []string{"--port"}},
	{word: "valkey-server", kind: "redis", protocol: proxy.TCP, port: []string{"--port"}},
	{word: "memcached", kind: "memcached", protocol: proxy.Memcached, host: []string{"-l"}, port: []string{"-p"}},
	{word: "mongod", kind: "mongod", protocol: proxy.TCP, port: []string{"--port"}},
	{word: "mysqld", kind: "mysqld", protocol: proxy.TCP, port: []string{"--port"}},
	{word: "catalina.sh", kind: "Tomcat"},
	{word: "apache2-foreground", kind: "Apache"},
	{word: "httpd-foreground", kind: "Apache"},
	{word: "php-fpm", kind: "php-fpm"},
	{word: "uwsgi", kind: "uwsgi"},
}

// uwsgiSockets are uwsgi's options that open a socket, by what is spoken there.
var uwsgiSockets = map[string]proxy.Protocol{
	"--http": proxy.HTTP, "--http-socket": proxy.HTTP, "-s": proxy.UWSGI, "--socket": proxy.UWSGI,
	"--uwsgi-socket": proxy.UWSGI, "--fastcgi-socket": proxy.FastCGI, "--scgi-socket": proxy.SCGI,
}

// commandApps returns the servers that a command starts: directly, behind a wrapper such as "dumb-init", or in the
// script of a shell.
func commandApps(args []Value, env map[string]Value) []*App {
	var list []*App
	for _, command := range simpleCommands(args, env) {
		if app := commandApp(command, env); app != nil {
			list = append(list, app)
		}
	}
	return list
}

// simpleCommands returns the commands of "sh -c SCRIPT", the shell's variables filled in, or the one command that
// is none.
func simpleCommands(args []Value, env map[string]Value) [][]Value {
	for i, arg := range args {
		switch path.Base(arg.Text) {
		case "sh", "bash", "ash", "dash", "zsh":
		default:
			continue
		}
		for j := i + 1; j+1 < len(args) && strings.HasPrefix(args[j].Text, "-"); j++ {
			if strings.HasSuffix(args[j].Text, "c") && !strings.HasPrefix(args[j].Text, "--") {
				return scriptCommands(args[j+1], env)
			}
		}
	}
	return [][]Value{args}
}

func scriptCommands(script Value, env map[string]Value) [][]Value {
	list := shellCommands(script)
	for _, command := range list {
		for i := range command {
			text, dynamic := expand(command[i].Text, env)
			command[i].Text, command[i].Dynamic = text, dynamic || strings.Contains(text, "`")
		}
	}
	return list
}

// commandApp returns the server that a simple command starts; nil when it starts none that is known.
func commandApp(words []Value, env map[string]Value) *App {
	if len(words) == 0 || isHelper(words) {
		return nil
	}
	for i, word := range words {
		name := path.Base(word.Text)
		for _, p := range programs {
			if rest := words[i+1:]; p.isStarted(name, i, words[:i], rest) {
				return p.app(word, rest, env)
			}
		}
	}
	return nil
}

// isHelper reports whether a command does something else with the names of servers: installs, prints, waits.
func isHelper(words []Value) bool {
	switch path.Base(words[0].Text) {
	case "echo", "printf", "which", "pip", "pip3", "apt", "apt-get", "apk", "curl", "wget", "test", "[", "cp", "mv",
		"chmod", "chown", "mkdir", "cd", "ls", "cat", "grep", "sed", "pkill", "killall":
		return true
	}
	return len(words) > 1 && (words[1].Text == "install" || words[1].Text == "add")
}

// isStarted reports whether a program's name, at an index of a command, starts it.
func (p program) isStarted(name string, index int, before, rest []Value) bool {
	if name != p.word && !(p.word == "php-fpm" && strings.HasPrefix(name, p.word)) {
		return false
	}
	if p.first && index > 0 && path.Base(before[index-1].Text) != "npx" {
		return false
	}
	if p.word == "php" { // else it runs any script
		return len(optionValues(rest, p.bind)) > 0
	}
	for _, word := range rest {
		if p.sub == "" || word.Text == p.sub {
			return true
		}
		if !strings.HasPrefix(word.Text, "-") && p.sub != "" && p.word != "flask" { // flask --app X run
			return false
		}
	}
	return p.sub == ""
}

// app makes the App of a started program.
func (p program) app(name Value, rest []Value, env map[string]Value) *App {
	app := &App{Kind: p.kind, At: name.At}
	if p.word == "uwsgi" {
		app.uwsgiOptions(rest)
		return app
	}
	app.Binds = p.binds(name, rest, env)
	app.limit(rest)
	return app
}

// binds returns where a started program listens, as far as its command and environment say.
func (p program) binds(name Value, rest []Value, env map[string]Value) []Bind {
	var list []Bind
	for _, v := range optionValues(rest, p.bind) {
		list = append(list, Bind{Addr: bindAddress(v), Protocol: p.protocol})
	}
	if len(list) > 0 || has(rest, "--fd") {
		return list
	}
	host, port := p.part(rest, p.host, env[p.hostVar]), p.part(rest, p.port, env[p.portVar])
	if p.argument {
		host, port = argument(rest, host)
	}
	if port.At.File == nil && p.usualPort == 0 {
		return nil
	}
	addr := proxy.Address{Host: p.usualHost, Port: p.usualPort, At: name.At}
	if host.At.File != nil {
		addr.Host, addr.HostAt, addr.Dynamic = unbracketed(host.Text), host.At, host.Dynamic
		if addr.Host == "" || strings.HasPrefix(addr.Host, "-") { // vite --host
			addr.Host = "0.0.0.0"
		}
	}
	if port.At.File != nil {
		addr.Port, addr.PortAt, addr.At = portNumber(port.Text), port.At, port.At
		addr.Dynamic = addr.Dynamic || port.Dynamic
	}
	return append(list, Bind{Addr: addr, Protocol: p.protocol})
}

// argument reads [HOST:]PORT among the words behind a program. host is what an option says of it.
func argument(rest []Value, host Value) (Value, Value) {
	for _, word := range rest {
		i := strings.LastIndexByte(word.Text, ':')
		port := word.cut(i+1, len(word.Text))
		if !word.Dynamic && portNumber(port.Text) < 0 {
			continue
		}
		if i > 0 {
			host = word.cut(0, i)
		}
		return host, port
	}
	return host, Value{}
}

// part returns the value of the last of some options, or else of an environment variable.
func (p program) part(rest []Value, names []string, variable Value) Value {
	if values := optionValues(rest, names); len(values) > 0 {
		return values[len(values)-1]
	}
	return variable
}

// optionValues returns the values of options: "--port 80", "--port=80", "-p80".
func optionValues(words []Value, names []string) []Value {
	var list []Value
	for i, word := range words {
		for _, name := range names {
			rest, found := strings.CutPrefix(word.Text, name)
			short := len(name) == 2 && name[0] == '-'
			switch {
			case !found:
			case rest == "" && i+1 < len(words):
				list = append(list, words[i+1])
			case rest == "":
				list = append(list, Value{At: word.At})
			case strings.HasPrefix(rest, "="):
				list = append(list, word.cut(len(name)+1, len(word.Text)))
			case short && rest != "" && (rest[0] == ':' || '0' <= rest[0] && rest[0] <= '9'):
				list = append(list, word.cut(len(name), len(word.Text)))
			}
		}
	}
	return list
}

func has(words []Value, name string) bool {
	for _, word := range words {
		if word.Text == name || strings.HasPrefix(word.Text, name+"=") {
			return true
		}
	}
	return false
}

// bindAddress reads what a server is told to bind: HOST:PORT, :PORT, PORT, tcp://HOST:PORT, unix:PATH or a path.
// Its Host is "" when none is written.
func bindAddress(v Value) proxy.Address {
	addr := proxy.Address{Port: -1, At: v.At, Dynamic: v.Dynamic || strings.Contains(v.Text, unknownPart)}
	if addr.Dynamic {
		return addr
	}
	for _, scheme := range []string{"tcp://", "http://", "https://"} {
		if strings.HasPrefix(v.Text, scheme) {
			v = v.cut(len(scheme), len(v.Text))
		}
	}
	if i := strings.IndexAny(v.Text, "?"); i >= 0 {
		v = v.cut(0, i)
	}
	if socket, ok := strings.CutPrefix(v.Text, "unix:"); ok || strings.HasPrefix(v.Text, "/") {
		addr.Socket = strings.TrimPrefix(socket, "//")
		return addr
	}
	i := strings.LastIndexByte(v.Text, ':')
	if i >= 0 {
		host := v.cut(0, i)
		addr.Host, addr.HostAt = unbracketed(host.Text), host.At
		if i == 0 || addr.Host == "*" || addr.Host == "+" {
			addr.Host = "0.0.0.0"
		}
	}
	port := v.cut(i+1, len(v.Text))
	addr.Port, addr.PortAt = portNumber(port.Text), port.At
	return addr
}

// isLoopback reports whether an address is reached from the same container or machine alone.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// limit reads how long a server lets requests and idle connections live.
func (a *App) limit(rest []Value) {
	usual := usualLimits[a.Kind]
	a.Kill = limitOf(usual.kill, syntax.Ref{})
	a.Idle = limitOf(usual.idle, syntax.Ref{})
	switch a.Kind {
	case "gunicorn":
		a.gunicornLimits(rest)
	case "uvicorn":
		a.Idle = limitOption(rest, []string{"--timeout-keep-alive"}, a.Idle)
	case "hypercorn":
		a.Idle = limitOption(rest, []string{"--keep-alive"}, a.Idle)
	}
}

// gunicornLimits knows that a configuration file may change everything, and that only the sync worker ends a
// request that takes too long and only the others keep connections
// (https://docs.gunicorn.org/en/stable/settings.html#timeout).
func (a *App) gunicornLimits(rest []Value) {
	if has(rest, "-c") || has(rest, "--config") {
		a.Kill, a.Idle = Limit[time.Duration]{}, Limit[time.Duration]{}
	}
	class := append(optionValues(rest, []string{"-k", "--worker-class"}), Value{Text: "sync"})[0].Text
	if class == "sync" && has(rest, "--threads") {
		class = "gthread"
	}
	a.Kill = limitOption(rest, []string{"-t", "--timeout"}, a.Kill)
	a.Idle = limitOption(rest, []string{"--keep-alive"}, a.Idle)
	if class != "sync" {
		a.Kill = Limit[time.Duration]{}
	} else {
		a.Idle = Limit[time.Duration]{}
	}
	if a.Kill.Value == 0 {
		a.Kill = Limit[time.Duration]{} // switched off
	}
}

// limitOf makes a Limit of a server's value; 0 is none.
func limitOf(d time.Duration, at syntax.Ref) Limit[time.Duration] {
	return Limit[time.Duration]{Value: d, Known: d > 0, At: at}
}

// limitOption reads an option in seconds; without it, other holds.
func limitOption(rest []Value, names []string, other Limit[time.Duration]) Limit[time.Duration] {
	for _, v := range optionValues(rest, names) {
		other = Limit[time.Duration]{At: v.At}
		if n, err := strconv.ParseUint(v.Text, 10, 31); err == nil {
			other.Value, other.Known = time.Duration(n)*time.Second, true
		}
	}
	return other
}

// uwsgiOptions reads uwsgi's command line.
func (a *App) uwsgiOptions(rest []Value) {
	for i, word := range rest {
		name, _, attached := strings.Cut(word.Text, "=")
		protocol, ok := uwsgiSockets[name]
		switch {
		case ok && attached:
			a.Binds = append(a.Binds, Bind{Addr: bindAddress(after(word, "=")), Protocol: protocol})
		case ok && i+1 < len(rest):
			a.Binds = append(a.Binds, Bind{Addr: bindAddress(rest[i+1]), Protocol: protocol})
		}
	}
	a.Kill = limitOption(rest, []string{"-t", "--harakiri"}, a.Kill)
}
