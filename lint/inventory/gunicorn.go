package inventory

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// gunicornPort is where gunicorn listens when an address has no port.
const gunicornPort = 8000

// isGunicornName reports whether a file may be a gunicorn configuration, by its path.
func isGunicornName(path string) bool {
	name, isPython := strings.CutSuffix(filepath.Base(path), ".py")
	rest, ok := strings.CutPrefix(name, "gunicorn")
	return isPython && ok && (strings.Contains(rest, "conf") || strings.Contains(rest, "cfg"))
}

// gunicorn reads a gunicorn configuration: what it assigns as a literal. It is never run.
func (r *reader) gunicorn(f *syntax.File) {
	set := map[string][]Value{}
	for _, a := range pythonAssignments(f) {
		set[a.name] = a.values
	}
	one := func(name string) Value {
		if values := set[name]; len(values) == 1 {
			return values[0]
		}
		return Value{}
	}
	s := gunicornSettings{
		timeout: one("timeout"), keepAlive: one("keepalive"),
		class: one("worker_class"), threads: one("threads"), umask: one("umask"),
		field: one("limit_request_field_size"), user: one("user"), group: one("group"),
	}
	s.whole = s.class.isSet() || s.hasThreads() // else a command may name the class
	app := &App{Kind: "gunicorn", At: f.Ref(syntax.Span{})}
	for _, v := range set["bind"] {
		b := serverBind(v, gunicornPort)
		b.Protocol, b.TLS = proxy.HTTP, one("certfile").isSet()
		app.Binds = append(app.Binds, b)
	}
	s.complete(app)
	r.apps = append(r.apps, app)
}

// gunicornSettings are what a configuration or a command line says, as written.
type gunicornSettings struct {
	timeout, keepAlive    Value
	class, threads, umask Value
	field, user, group    Value
	whole                 bool // what is not written has its default
}

// gunicornSettings returns what a command line says.
func (c command) gunicornSettings(p *program) gunicornSettings {
	return gunicornSettings{
		timeout: c.option("-t", "--timeout"), keepAlive: c.option("--keep-alive"),
		class: c.option("-k", "--worker-class"), threads: c.option("--threads"), umask: c.option("-m", "--umask"),
		field: c.option("--limit-request-field_size"), user: c.option("-u", "--user"), group: c.option("-g", "--group"),
		whole: !c.option(p.config...).isSet(),
	}
}

func (s gunicornSettings) hasThreads() bool { return s.threads.isSet() && s.threads.Text != "1" }

// complete adds the facts of the settings to an App that has its addresses. A worker of the class "sync" is killed
// when a request takes too long, and keeps no connection; of the others it is the other way round.
func (s gunicornSettings) complete(app *App) {
	app.User, app.Worker = s.user, s.class
	for i := range app.Binds {
		if b := &app.Binds[i]; b.Addr.Socket != "" {
			b.Owner, b.Group, b.Mode = s.user, s.group, gunicornMode
			s.mask(b)
		}
	}
	var usual limits
	if s.whole {
		usual = knownLimits["gunicorn"]
	}
	isSync := s.class.Text == "sync" || !s.class.isSet()
	switch {
	case s.class.Dynamic || s.threads.Dynamic:
	case isSync && !s.hasThreads():
		if app.Kill = byDefault(usual.kill); s.timeout.isSet() {
			app.Kill = seconds(s.timeout)
		}
	case isSync || keepsAlive(s.class.Text):
		if app.Idle = byDefault(usual.idle); s.keepAlive.isSet() {
			app.Idle = seconds(s.keepAlive)
		}
	}
	if !strings.Contains(s.class.Text, "uvicorn") && !s.class.Dynamic {
		if app.Header = byDefault(usual.header); s.field.isSet() {
			app.Header = byteLimit(s.field)
		}
	}
}

// keepsAlive reports whether a worker class heeds the keepalive setting.
func keepsAlive(class string) bool {
	return class == "gthread" || class == "gevent" || class == "eventlet" || strings.HasPrefix(class, "uvicorn.workers.")
}

// mask takes the bits of the umask off a socket's mode.
func (s gunicornSettings) mask(b *Bind) {
	if !s.umask.isSet() {
		return
	}
	mask, err := strconv.ParseUint(s.umask.Text, 0, 12)
	if err != nil || s.umask.Dynamic {
		b.Mode = 0
		return
	}
	b.Mode, b.ModeAt = gunicornMode&^fs.FileMode(mask), s.umask.At
}
