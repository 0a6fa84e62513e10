package inventory

import (
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// isUWSGIName reports whether a file may be a uwsgi configuration, by its path.
func isUWSGIName(path string) bool { return filepath.Ext(path) == ".ini" }

// holdsUWSGI reports whether a text is a uwsgi configuration.
func holdsUWSGI(src string) bool {
	return strings.HasPrefix(src, "[uwsgi]") || strings.Contains(src, "\n[uwsgi]")
}

// uwsgi reads a uwsgi configuration.
func (r *reader) uwsgi(f *syntax.File) {
	var options []iniPair
	var at syntax.Ref
	for _, section := range readINI(f, iniStyle{}) {
		if section.name != "uwsgi" {
			continue
		}
		at = section.at
		options = append(options, section.pairs...)
	}
	if at.IsZero() {
		return
	}
	fillUWSGI(options)
	app := &App{Kind: "uwsgi", At: at}
	app.setUWSGI(options)
	app.Name = strings.TrimSuffix(filepath.Base(f.Path), ".ini")
	for _, option := range options {
		switch option.key {
		case "ini", "include", "inherit":
			r.facts.Gaps = append(r.facts.Gaps, Gap{At: option.value.At, Why: "is another uwsgi configuration, which is not read with this one"})
		}
	}
	r.apps = append(r.apps, app)
}

// fillUWSGI marks the values with placeholders, and those that hold under a condition alone.
func fillUWSGI(options []iniPair) {
	depth := 0
	for i := range options {
		option := &options[i]
		switch {
		case strings.HasPrefix(option.key, "if-") || strings.HasPrefix(option.key, "for"):
			depth++
		case strings.HasPrefix(option.key, "end"):
			depth--
		}
		option.value = option.value.dynamicIf("%", "$(", "@(")
		option.value.Dynamic = option.value.Dynamic || depth > 0
	}
}

// uwsgi adds what a command line says.
func (c command) uwsgi(p *program, app *App) {
	var options []iniPair
	for i, arg := range c.args {
		name, isLong := strings.CutPrefix(arg.Text, "--")
		switch arg.Text {
		case "-s":
			name, isLong = "socket", true
		case "-t":
			name, isLong = "harakiri", true
		}
		if !isLong {
			continue
		}
		pair := iniPair{key: name, at: arg.At, value: Value{At: arg.At}}
		if key, value, ok := arg.assigned(); ok {
			pair.key, pair.value = key[len("--"):], value
		} else if i+1 < len(c.args) && !isOption(c.args[i+1]) {
			pair.value = c.args[i+1]
		}
		options = append(options, pair)
	}
	app.setUWSGI(options)
	isElsewhere := c.option(p.config...).isSet() || strings.HasSuffix(c.operand().Text, ".ini")
	if isElsewhere && app.Header.At.IsZero() {
		app.Header = Limit[int64]{}
	}
}

// setUWSGI adds the facts of options, from a file or a command line.
func (a *App) setUWSGI(options []iniPair) {
	a.setKnownLimits()
	last := map[string]Value{}
	for _, option := range options {
		last[option.key] = option.value
	}
	for _, option := range options {
		if bind, ok := uwsgiBind(option, last); ok {
			a.Binds = append(a.Binds, bind)
		}
	}
	a.User = last["uid"]
	a.Kill = seconds(last["harakiri"])
	if a.hasUWSGIRouter(options) {
		a.limitByRouter(last["http-timeout"])
	}
	if size := last["buffer-size"]; size.isSet() {
		a.Header = byteLimit(size)
	}
}

// hasUWSGIRouter reports whether uwsgi's HTTP router stands before the workers on all of the app's addresses.
func (a *App) hasUWSGIRouter(options []iniPair) bool {
	routers := 0
	for _, option := range options {
		if option.key == "http" || option.key == "https" {
			routers++
		}
	}
	return routers > 0 && routers == len(a.Binds)
}

// limitByRouter sets the time after which the router gives a request up, where it is sooner.
func (a *App) limitByRouter(written Value) {
	limit := byDefault(uwsgiRouterLimit)
	if written.isSet() {
		limit = seconds(written)
	}
	if limit.Known && (!a.Kill.Known || limit.Value < a.Kill.Value) {
		a.Kill = limit
	}
}

// uwsgiBind reads an option that makes uwsgi listen.
func uwsgiBind(option iniPair, last map[string]Value) (Bind, bool) {
	var b Bind
	switch option.key {
	case "socket", "uwsgi-socket":
		b.Protocol = uwsgiProtocol(last["protocol"], last["socket-protocol"])
		if option.key == "uwsgi-socket" {
			b.Protocol = proxy.UWSGI
		}
	case "suwsgi-socket":
		b.Protocol, b.TLS = proxy.UWSGI, true
	case "http", "http-socket", "http11-socket":
		b.Protocol = proxy.HTTP
	case "https", "https-socket":
		b.Protocol, b.TLS = proxy.HTTP, true
	case "fastcgi-socket":
		b.Protocol = proxy.FastCGI
	case "scgi-socket":
		b.Protocol = proxy.SCGI
	default:
		return Bind{}, false
	}
	b.Addr = uwsgiAddress(option.value)
	if b.Addr.Socket != "" {
		b.setUWSGIOwner(last)
	}
	return b, true
}

// uwsgiProtocol returns what plain sockets speak, as one of two options says.
func uwsgiProtocol(written ...Value) proxy.Protocol {
	for _, v := range written {
		if !v.isSet() {
			continue
		}
		switch v.Text {
		case "uwsgi":
			return proxy.UWSGI
		case "http", "http11":
			return proxy.HTTP
		case "fastcgi":
			return proxy.FastCGI
		case "scgi":
			return proxy.SCGI
		}
		return proxy.UnknownProtocol
	}
	return proxy.UWSGI
}

// uwsgiAddress reads an address: one with a colon is of the network, any other the path of a socket. Certificates
// may follow behind commas.
func uwsgiAddress(v Value) proxy.Address {
	if i := strings.IndexByte(v.Text, ','); i >= 0 {
		v = v.part(0, i)
	}
	switch {
	case v.Dynamic || strings.HasPrefix(v.Text, "="):
		return proxy.Address{Port: -1, Dynamic: true, At: v.At}
	case strings.HasPrefix(v.Text, "unix:"):
		return socketAddress(v.after("unix:"))
	case strings.Contains(v.Text, ":"):
		return hostPort(v, -1)
	case v.Text == "" || isDigits(v.Text): // a file descriptor of whoever started it
		return proxy.Address{Port: -1, Dynamic: true, At: v.At}
	}
	return socketAddress(v)
}

// setUWSGIOwner sets who may use a socket.
func (b *Bind) setUWSGIOwner(last map[string]Value) {
	owner := last["chown-socket"]
	if i := strings.IndexByte(owner.Text, ':'); i >= 0 {
		b.Owner, b.Group = owner.part(0, i), owner.part(i+1, len(owner.Text))
	} else {
		b.Owner = owner
	}
	mode := last["chmod-socket"]
	b.setMode(mode)
	if mode.isSet() && !mode.Dynamic && (mode.Text == "" || mode.Text == "true") {
		b.Mode, b.ModeAt = uwsgiMode, mode.At
	}
}
