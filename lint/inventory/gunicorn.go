package inventory

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

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
		binds: set["bind"], timeout: one("timeout"), keepAlive: one("keepalive"),
		class: one("worker_class"), threads: one("threads"), umask: one("umask"),
		field: one("limit_request_field_size"), user: one("user"), group: one("group"),
		tls: one("certfile").isSet(),
	}
	r.apps = append(r.apps, s.app(f.Ref(syntax.Span{})))
}

// gunicornSettings are what a configuration or a command line says, as written.
type gunicornSettings struct {
	binds                 []Value
	timeout, keepAlive    Value
	class, threads, umask Value
	field, user, group    Value
	tls                   bool
	whole                 bool // there is no other place that says more
}

// app makes the facts of the settings. A worker of the class "sync" is killed when a request takes too long, and
// keeps no connection; of the others it is the other way round.
func (s gunicornSettings) app(at syntax.Ref) *App {
	app := &App{Kind: "gunicorn", At: at, User: s.user, Worker: s.class}
	for _, value := range s.binds {
		bind := gunicornBind(value)
		bind.TLS = s.tls
		if bind.Addr.Socket != "" {
			bind.Owner, bind.Group = s.user, s.group
			bind.Mode, bind.ModeAt = gunicornMode, syntax.Ref{}
			s.mask(&bind)
		}
		app.Binds = append(app.Binds, bind)
	}
	isSync := s.class.Text == "sync" || !s.class.isSet()
	hasThreads := s.threads.isSet() && s.threads.Text != "1"
	switch {
	case s.class.Dynamic || s.threads.Dynamic:
	case isSync && !hasThreads:
		app.Kill = seconds(s.timeout)
		if !s.timeout.isSet() && (s.whole || s.class.isSet()) {
			app.Kill = byDefault(gunicornTimeout)
		}
	case isSync || keepsAlive(s.class.Text):
		app.Idle = seconds(s.keepAlive)
		if !s.keepAlive.isSet() {
			app.Idle = byDefault(gunicornKeepAlive)
		}
	}
	if !strings.Contains(s.class.Text, "uvicorn") && !s.class.Dynamic {
		app.Header = byteLimit(s.field)
		if !s.field.isSet() && (s.whole || s.class.isSet()) {
			app.Header = byDefault(int64(gunicornField))
		}
	}
	return app
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

// gunicornBind reads "host:port", "unix:path" and the other forms of gunicorn's bind.
func gunicornBind(v Value) Bind {
	b := Bind{Protocol: proxy.HTTP}
	switch {
	case strings.HasPrefix(v.Text, "unix://"):
		b.Addr = socketAddress(v.after("unix://"))
	case strings.HasPrefix(v.Text, "unix:"):
		b.Addr = socketAddress(v.after("unix:"))
	case strings.HasPrefix(v.Text, "fd://"):
		b.Addr = proxy.Address{Port: -1, Dynamic: true, At: v.At}
	case strings.HasPrefix(v.Text, "tcp://"):
		b.Addr = hostPort(v.after("tcp://"), gunicornPort)
	default:
		b.Addr = hostPort(v, gunicornPort)
	}
	return b
}
