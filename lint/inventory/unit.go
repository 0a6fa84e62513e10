package inventory

import (
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// isUnitName reports whether a file may be a systemd unit, by its path.
func isUnitName(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".socket" || ext == ".service" || isDropIn(path)
}

// isDropIn reports whether a file adds to a unit that stands elsewhere.
func isDropIn(path string) bool {
	folder := filepath.Ext(strings.TrimSuffix(filepath.Dir(path), ".d"))
	return filepath.Ext(path) == ".conf" && strings.HasSuffix(filepath.Dir(path), ".d") &&
		(folder == ".socket" || folder == ".service")
}

// unit reads a systemd unit.
func (r *reader) unit(f *syntax.File) {
	var app *App
	switch {
	case isDropIn(f.Path):
		r.gap(f.Path, "adds to a unit, and is not read with it")
	case filepath.Ext(f.Path) == ".service":
		app = r.service(f)
	case r.siblingUnit(f, ".service") == nil || r.service(r.siblingUnit(f, ".service")) == nil:
		if binds := socketBinds(f); len(binds) > 0 {
			app = &App{Kind: "systemd", Name: unitName(f), At: binds[0].Addr.At, Binds: binds}
		}
	}
	if app != nil {
		r.apps = append(r.apps, app)
	}
}

// unitName returns a unit's name without its kind.
func unitName(f *syntax.File) string {
	return strings.TrimSuffix(filepath.Base(f.Path), filepath.Ext(f.Path))
}

// siblingUnit returns the unit of the same name and another kind beside a unit; nil when there is none.
func (r *reader) siblingUnit(f *syntax.File, kind string) *syntax.File {
	path := filepath.FromSlash(f.Path)
	return r.open(strings.TrimSuffix(path, filepath.Ext(path)) + kind)
}

// unitSection returns the pairs of all the sections of a name in a unit, specifiers such as %i marked as Dynamic.
func unitSection(f *syntax.File, name string) iniSection {
	whole := iniSection{name: name}
	for _, section := range readINI(f, iniStyle{continues: true}) {
		if section.name == name {
			whole.pairs = append(whole.pairs, section.pairs...)
		}
	}
	for i := range whole.pairs {
		whole.pairs[i].value = whole.pairs[i].value.dynamicIf("%")
	}
	return whole
}

// socketBinds returns where a .socket unit listens.
func socketBinds(f *syntax.File) []Bind {
	section := unitSection(f, "Socket")
	var binds []Bind
	for _, pair := range section.pairs {
		if pair.key != "ListenStream" {
			continue
		}
		if pair.value.Text == "" { // takes back what was listed before
			binds = nil
			continue
		}
		b := Bind{Addr: socketUnitAddress(pair.value)}
		if b.Addr.Socket != "" {
			b.Owner, b.Group, b.Mode = section.get("SocketUser"), section.get("SocketGroup"), socketUnitMode
			b.setMode(section.get("SocketMode"))
		}
		binds = append(binds, b)
	}
	return binds
}

// socketUnitAddress reads a ListenStream: a path, a port alone, or an address with a port.
func socketUnitAddress(v Value) proxy.Address {
	switch {
	case strings.HasPrefix(v.Text, "/") || strings.HasPrefix(v.Text, "@"):
		return socketAddress(v)
	case isDigits(v.Text):
		return portAddress(v)
	case v.Dynamic || strings.HasPrefix(v.Text, "vsock:"):
		return proxy.Address{Port: -1, Dynamic: true, At: v.At}
	}
	return hostPort(v, -1)
}

// service reads the server that a .service unit starts; nil when it starts none. What its .socket unit listens on
// is handed to it, so that its own usual address does not count.
func (r *reader) service(f *syntax.File) *App {
	section := unitSection(f, "Service")
	app := execApp(section)
	if app == nil {
		return nil
	}
	app.Name = unitName(f)
	if socket := r.siblingUnit(f, ".socket"); socket != nil {
		app.takeSockets(socketBinds(socket))
	}
	if user := section.get("User"); user.isSet() {
		app.User = user
	}
	app.RuntimeDir = section.get("RuntimeDirectory")
	app.PrivateTmp = privateTmp(section)
	for i := range app.Binds {
		b := &app.Binds[i]
		if b.Addr.Socket != "" && !b.Owner.isSet() && b.Addr.At.File == f {
			b.Owner, b.Group = app.User, section.get("Group")
		}
	}
	return app
}

// execApp returns the server that ExecStart starts in the unit's environment.
func execApp(section iniSection) *App {
	exec := section.get("ExecStart")
	if from := len(exec.Text) - len(strings.TrimLeft(exec.Text, "@-:+!|")); from > 0 {
		exec = exec.part(from, len(exec.Text))
	}
	env := &environ{open: true}
	var words []Value
	for _, pair := range section.pairs {
		if pair.key != "Environment" {
			continue
		}
		for _, word := range shellWords(pair.value) {
			if name, value, ok := word.assigned(); ok {
				env.set(name, value)
				words = append(words, word)
			}
		}
	}
	for _, word := range execWords(exec) {
		words = append(words, env.fill(word))
	}
	return firstApp(commandApps(words, nil))
}

// execWords returns the words of a command over several lines, between which comments may stand.
func execWords(exec Value) []Value {
	var words []Value
	for start := 0; start < len(exec.Text); {
		end := lineEnd(exec.Text, start)
		line := exec.part(start, start+len(strings.TrimRight(exec.Text[start:end], "\\\r")))
		if !isINIComment(line.Text) {
			words = append(words, shellWords(line)...)
		}
		start = end + 1
	}
	return words
}

// takeSockets adds the sockets that systemd opens for the server. gunicorn then opens none of its own.
func (a *App) takeSockets(binds []Bind) {
	if len(binds) == 0 {
		return
	}
	if a.leaveUsual(); a.Kind == "gunicorn" {
		a.Binds = nil
	}
	protocol := proxy.HTTP
	switch a.Kind {
	case "php-fpm":
		protocol = proxy.FastCGI
	case "uwsgi":
		protocol = proxy.UnknownProtocol
	}
	for _, bind := range binds {
		bind.Protocol = protocol
		a.Binds = append(a.Binds, bind)
	}
}

// privateTmp returns the setting that gives a unit a /tmp of its own; DynamicUser= does so too.
func privateTmp(section iniSection) syntax.Ref {
	for _, key := range []string{"PrivateTmp", "DynamicUser"} {
		switch v := section.get(key); strings.ToLower(v.Text) {
		case "yes", "true", "on", "1", "disconnected":
			return v.At
		}
	}
	return syntax.Ref{}
}
