package inventory

import (
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// program is a server that a command starts, and how the command says where it listens and what limits it.
type program struct {
	names    []string       // of the program, or of the module behind "python -m"
	sub      []string       // words of which one must follow; "" for none; nil: any may
	kind     string         // App.Kind
	family   string         // what it is written for, where that says something of it
	protocol proxy.Protocol // HTTP unless written

	bind       []string // options for an address as a whole; each adds one
	socket     []string // for the path of a unix socket
	host, port []string // for one of these
	operand    bool     // an argument may be [HOST:]PORT
	script     bool     // an argument is the user's program, and only options behind it are for that one
	tls        []string // options that make it speak TLS
	config     []string // options that name a file, which may say more

	hostVar, portVar string // environment variables for the same
	ownVar           string // the port's variable, where it is set for this very command: else it may be meant for others
	ownIsWide        bool   // and then all addresses are meant

	usualHost  string      // where it listens when nothing is written; "" for all addresses
	usualPort  int         // 0: not certain; a file of the working folder may say it
	socketMode fs.FileMode // 0: not known

	idle     []string // options for the time after which an idle connection is closed
	idleUnit time.Duration
}

// programs are told apart by name and sub, the first that fits. What stands in them is what each one's manual or
// --help says.
var programs = []program{
	// https://docs.gunicorn.org/en/stable/settings.html; its limits are in gunicornSettings
	{names: []string{"gunicorn"}, kind: "gunicorn", family: "python", bind: []string{"-b", "--bind"}, tls: []string{"--certfile"},
		config: []string{"-c", "--config"}, ownVar: "PORT", ownIsWide: true, usualHost: "127.0.0.1", usualPort: gunicornPort},
	// https://www.uvicorn.org/settings/
	{names: []string{"uvicorn"}, kind: "uvicorn", family: "python", socket: []string{"--uds"}, host: []string{"--host"},
		port: []string{"--port"}, tls: []string{"--ssl-keyfile"}, hostVar: "UVICORN_HOST", portVar: "UVICORN_PORT",
		usualHost: "127.0.0.1", usualPort: 8000, socketMode: uvicornMode,
		idle: []string{"--timeout-keep-alive"}, idleUnit: time.Second},
	// https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html
	{names: []string{"hypercorn"}, kind: "hypercorn", family: "python", bind: []string{"-b", "--bind"}, tls: []string{"--certfile"},
		config: []string{"-c", "--config"}, usualHost: "127.0.0.1", usualPort: 8000,
		idle: []string{"--keep-alive"}, idleUnit: time.Second},
	// https://github.com/django/daphne#running
	{names: []string{"daphne"}, kind: "daphne", family: "python", socket: []string{"-u", "--unix-socket"},
		host: []string{"-b", "--bind"}, port: []string{"-p", "--port"}, usualHost: "127.0.0.1", usualPort: 8000},
	// https://docs.pylonsproject.org/projects/waitress/en/stable/runner.html
	{names: []string{"waitress-serve"}, kind: "waitress", family: "python", bind: []string{"--listen"},
		socket: []string{"--unix-socket"}, host: []string{"--host"}, port: []string{"--port"}, usualPort: 8080},
	// https://fastapi.tiangolo.com/fastapi-cli/
	{names: []string{"fastapi"}, sub: []string{"run"}, kind: "uvicorn", family: "python", host: []string{"--host"},
		port: []string{"--port"}, portVar: "PORT", usualPort: 8000},
	{names: []string{"fastapi"}, sub: []string{"dev"}, kind: "uvicorn", family: "python", host: []string{"--host"},
		port: []string{"--port"}, portVar: "PORT", usualHost: "127.0.0.1", usualPort: 8000},
	// https://flask.palletsprojects.com/en/stable/cli/
	{names: []string{"flask"}, sub: []string{"run"}, kind: "Flask", family: "python", host: []string{"-h", "--host"},
		port: []string{"-p", "--port"}, hostVar: "FLASK_RUN_HOST", portVar: "FLASK_RUN_PORT",
		usualHost: "127.0.0.1", usualPort: 5000},
	// https://docs.djangoproject.com/en/stable/ref/django-admin/#runserver
	{names: []string{"manage.py", "django-admin"}, sub: []string{"runserver"}, kind: "Django", family: "python", operand: true,
		usualHost: "127.0.0.1", usualPort: 8000},
	// https://docs.python.org/3/library/http.server.html#command-line-interface
	{names: []string{"http.server"}, kind: "http.server", family: "python", operand: true, host: []string{"-b", "--bind"},
		usualPort: 8000},
	// https://docs.streamlit.io/develop/api-reference/configuration/config.toml
	{names: []string{"streamlit"}, sub: []string{"run"}, kind: "Streamlit", family: "python", host: []string{"--server.address"},
		port: []string{"--server.port"}, hostVar: "STREAMLIT_SERVER_ADDRESS", portVar: "STREAMLIT_SERVER_PORT"},
	{names: []string{"uwsgi"}, kind: "uwsgi", family: "python", config: []string{"--ini", "--xml", "--yaml", "--json"}},

	// https://www.php.net/manual/en/features.commandline.webserver.php
	{names: []string{"php"}, kind: "php", bind: []string{"-S"}},
	{names: []string{"artisan"}, sub: []string{"serve"}, kind: "php", host: []string{"--host"}, port: []string{"--port"},
		hostVar: "SERVER_HOST", portVar: "SERVER_PORT", usualHost: "127.0.0.1", usualPort: 8000},
	{names: []string{"php-fpm"}, kind: "php-fpm"},
	{names: []string{"apache2-foreground", "httpd-foreground"}, kind: "Apache"},

	// https://guides.rubyonrails.org/command_line.html, https://puma.io/puma/; config/puma.rb may say more
	{names: []string{"rails"}, sub: []string{"server", "s"}, kind: "Rails", host: []string{"-b", "--binding"},
		port: []string{"-p", "--port"}, portVar: "PORT"},
	{names: []string{"puma"}, kind: "puma", bind: []string{"-b", "--bind"}, port: []string{"-p", "--port"}},
	{names: []string{"rackup"}, kind: "rack", host: []string{"-o", "--host"}, port: []string{"-p", "--port"}},

	// https://nextjs.org/docs/app/api-reference/cli/next
	{names: []string{"next"}, sub: []string{"start", "dev"}, kind: "next", family: "node", host: []string{"-H", "--hostname"},
		port: []string{"-p", "--port"}, portVar: "PORT", usualPort: 3000,
		idle: []string{"--keepAliveTimeout"}, idleUnit: time.Millisecond},
	// https://nuxt.com/docs/api/commands/dev
	{names: []string{"nuxt", "nuxi"}, sub: []string{"", "start", "dev", "preview"}, kind: "nuxt", family: "node",
		host: []string{"-H", "--host", "--hostname"}, port: []string{"-p", "--port"}, portVar: "PORT"},
	// https://vite.dev/guide/cli.html
	{names: []string{"vite"}, sub: []string{"", "dev", "serve", "preview"}, kind: "vite", family: "node",
		host: []string{"--host"}, port: []string{"--port"}},
	// https://docs.astro.build/en/reference/cli-reference/
	{names: []string{"astro"}, sub: []string{"dev", "preview"}, kind: "astro", family: "node", host: []string{"--host"},
		port: []string{"--port"}},
	// https://angular.dev/cli/serve
	{names: []string{"ng"}, sub: []string{"serve"}, kind: "ng", family: "node", host: []string{"--host"}, port: []string{"--port"}},
	// https://cli.vuejs.org/guide/cli-service.html
	{names: []string{"vue-cli-service"}, sub: []string{"serve"}, kind: "vue-cli-service", family: "node",
		host: []string{"--host"}, port: []string{"--port"}},
	// https://create-react-app.dev/docs/advanced-configuration/
	{names: []string{"react-scripts"}, sub: []string{"start"}, kind: "react-scripts", family: "node", hostVar: "HOST", portVar: "PORT",
		usualPort: 3000},
	// https://github.com/vercel/serve
	{names: []string{"serve"}, kind: "serve", family: "node", bind: []string{"-l", "--listen"}, port: []string{"-p", "--port"},
		portVar: "PORT", usualPort: 3000},
	// https://github.com/http-party/http-server
	{names: []string{"http-server"}, kind: "http-server", family: "node", host: []string{"-a"}, port: []string{"-p", "--port"},
		portVar: "PORT", usualPort: 8080},
	// https://github.com/typicode/json-server/tree/v0
	{names: []string{"json-server"}, kind: "json-server", family: "node", host: []string{"-H", "--host"}, port: []string{"-p", "--port"}},
	// https://github.com/remix-run/remix/tree/main/packages/remix-serve
	{names: []string{"remix-serve"}, kind: "remix-serve", family: "node", portVar: "PORT", usualPort: 3000},
	{names: []string{"node", "nodejs", "nodemon", "ts-node", "tsx", "pm2", "pm2-runtime"}, kind: "node", family: "node",
		script: true, host: []string{"--host"}, port: []string{"-p", "--port"}, ownVar: "PORT"},
	{names: []string{"bun", "deno"}, kind: "bun", script: true, host: []string{"--host"}, port: []string{"-p", "--port"}, ownVar: "PORT"},

	// https://docs.spring.io/spring-boot/appendix/application-properties/, https://quarkus.io/guides/http-reference,
	// https://docs.micronaut.io/latest/guide/configurationreference.html
	{names: []string{"java"}, kind: "java", host: []string{"-Dserver.address", "--server.address"},
		port:   []string{"-Dserver.port", "--server.port", "-Dquarkus.http.port", "-Dmicronaut.server.port", "-Dhttp.port"},
		ownVar: "SERVER_PORT"},
	{names: []string{"catalina.sh", "startup.sh"}, kind: "Tomcat"},

	// https://redis.io/docs/latest/operate/oss_and_stack/management/config/
	{names: []string{"redis-server", "valkey-server"}, kind: "redis", protocol: proxy.TCP, port: []string{"--port"}},
	// https://docs.memcached.org/serverguide/configuring/
	{names: []string{"memcached"}, kind: "memcached", protocol: proxy.Memcached, host: []string{"-l"}, port: []string{"-p"}},
	// https://www.mongodb.com/docs/manual/reference/program/mongod/
	{names: []string{"mongod"}, kind: "mongod", protocol: proxy.TCP, port: []string{"--port"}},
	// https://dev.mysql.com/doc/refman/8.4/en/server-options.html
	{names: []string{"mysqld"}, kind: "mysqld", protocol: proxy.TCP, port: []string{"--port"}},
}

// isProgram reports whether a name is that of a program known here.
func isProgram(name string) bool {
	return slices.ContainsFunc(programs, func(p program) bool { return slices.Contains(p.names, name) })
}

// familyOf returns what the servers of a kind are written for; "" when that says nothing of them.
func familyOf(kind string) string {
	if i := slices.IndexFunc(programs, func(p program) bool { return p.kind == kind }); i >= 0 {
		return programs[i].family
	}
	return ""
}

// known returns what is known of a command's program; nil when it starts no server.
func (c command) known() *program {
	for i := range programs {
		p := &programs[i]
		if slices.Contains(p.names, c.program) && (p.sub == nil || c.has(p.sub)) {
			return p
		}
	}
	return nil
}

// app returns the server that a command starts; nil when it starts none that is known.
func (c command) app() *App {
	if isInterpreter(c.program) && !c.option("-S").isSet() {
		inner, ok := c.interpreted()
		if !ok {
			return nil
		}
		return inner.app()
	}
	p := c.known()
	if p == nil {
		return nil
	}
	if p.script && len(c.operands()) > 0 {
		c.args = c.operands()[1:]
	}
	app := &App{Kind: p.kind, At: c.at, Binds: c.binds(p)}
	switch p.kind {
	case "gunicorn":
		c.gunicornSettings(p).complete(app)
	case "uwsgi":
		c.uwsgi(p, app)
	default:
		c.setLimits(p, app)
	}
	return app
}

// setLimits sets the limits of a program: what is written, or else what it does by default.
func (c command) setLimits(p *program, app *App) {
	if !c.option(p.config...).isSet() {
		app.setKnownLimits()
	}
	if idle := c.option(p.idle...); idle.isSet() {
		app.Idle = inUnits(idle, p.idleUnit)
	}
}

// binds returns where a program listens, as far as its command and environment say.
func (c command) binds(p *program) []Bind {
	list := c.writtenBinds(p)
	for i := range list {
		b := &list[i]
		b.TLS = b.TLS || c.option(p.tls...).isSet()
		if b.Protocol = p.protocol; b.Protocol == proxy.UnknownProtocol {
			b.Protocol = proxy.HTTP
		}
		if b.Addr.Socket != "" {
			b.Mode = p.socketMode
		}
	}
	return list
}

// writtenBinds finds the addresses: as a whole, or host and port apart, or the usual ones.
func (c command) writtenBinds(p *program) []Bind {
	var list []Bind
	for _, v := range c.options(p.bind...) {
		list = append(list, serverBind(v, p.usualPort))
	}
	for _, v := range c.options(p.socket...) {
		list = append(list, Bind{Addr: socketAddress(v)})
	}
	if len(list) > 0 || c.option("--fd").isSet() {
		return list
	}
	host, port := c.hostOption(p), c.portOption(p)
	if p.operand {
		if port = c.addressOperand(p); strings.Contains(port.Text, ":") {
			return []Bind{serverBind(port, p.usualPort)}
		}
	}
	if !host.isSet() {
		host = c.env.written(p.hostVar)
	}
	if !port.isSet() {
		port = c.env.written(p.portVar)
	}
	own := c.env.own[p.ownVar]
	if !port.isSet() && own.isSet() {
		port = own
	}
	if port.isSet() {
		return []Bind{{Addr: p.address(host, port, port == own)}}
	}
	if p.usualPort == 0 || c.env.written(p.ownVar).isSet() || c.option(p.config...).isSet() {
		return nil
	}
	b := Bind{Addr: proxy.Address{Host: p.usualHost, Port: p.usualPort, At: c.at}, Default: !host.isSet()}
	if host.isSet() {
		b.Addr.Host, b.Addr.Dynamic = "", host.Dynamic
		setHost(&b.Addr, host)
	}
	return []Bind{b}
}

// address returns the address of a port and a host, which may not be written.
func (p *program) address(host, port Value, isOwn bool) proxy.Address {
	addr := joinAddress(host, port)
	if !host.isSet() && !(isOwn && p.ownIsWide) {
		addr.Host = p.usualHost
	}
	return addr
}

// hostOption returns the host; an option for it without a value, as vite has, stands for all addresses.
func (c command) hostOption(p *program) Value {
	for i, arg := range c.args {
		isLast := i+1 == len(c.args) || isOption(c.args[i+1])
		if arg.Text == "--host" && isLast && p.host != nil {
			return Value{At: arg.At}
		}
	}
	return c.option(p.host...)
}

// portOption returns the port, the last one that can be one.
func (c command) portOption(p *program) Value {
	for _, v := range slices.Backward(c.options(p.port...)) {
		if v.Dynamic || isDigits(v.Text) {
			return v
		}
	}
	return Value{}
}

// addressOperand returns the argument that is a port, or an address with one.
func (c command) addressOperand(p *program) Value {
	for i, arg := range c.args {
		port := arg.Text[strings.LastIndexByte(arg.Text, ':')+1:]
		isHost := i > 0 && slices.Contains(p.host, c.args[i-1].Text)
		if !isOption(arg) && !isHost && (arg.Dynamic || isDigits(port)) {
			return arg
		}
	}
	return Value{}
}
