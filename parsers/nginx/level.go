package nginx

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// level is one block on the way from the main context to a location, with what it sets itself.
type level struct {
	up     *level
	stmt   *syntax.Stmt   // the block; nil for the main context and for what a fragment lies in
	own    []*syntax.Stmt // the settings written in it, in order, through includes
	sets   []assignment   // the variables that it and its "if" blocks set, in order
	opaque bool           // an include that was not read, or the unseen block itself, may set anything
	views  []moduleView
	client *proxy.Timeouts // towards clients, as an inner level sees them
}

// assignment is one "set"; a conditional one stands in an "if" block of the level.
type assignment struct {
	stmt        *syntax.Stmt
	conditional bool
}

// module is what speaks to a backend; its directives begin with its name: "proxy_", "fastcgi_".
type module string

const streamProxy module = "stream proxy"

func (m module) prefix() string {
	if m == streamProxy {
		return "proxy_"
	}
	return string(m) + "_"
}

// find returns the setting of that name in effect at l, and the level that writes it. known is false
// where an unread include or an unseen outer block may write it nearer.
func (l *level) find(name string) (stmt *syntax.Stmt, at *level, known bool) {
	for at = l; at != nil; at = at.up {
		for i := len(at.own) - 1; i >= 0; i-- {
			if at.own[i].Args() > 0 && at.own[i].Name() == name {
				return at.own[i], at, true
			}
		}
		if at.opaque {
			return nil, nil, false
		}
	}
	return nil, nil, true
}

// setting returns what is in effect at l for the i-th argument of a directive.
func setting[T any](l *level, name string, i int, parse func(string) (T, bool), builtin T) proxy.Setting[T] {
	stmt, at, known := l.find(name)
	switch {
	case !known:
		return proxy.Setting[T]{}
	case stmt == nil || i > stmt.Args():
		return proxy.Setting[T]{Value: builtin, Origin: proxy.Default}
	}
	s := proxy.Setting[T]{Origin: proxy.Inherited, At: stmt.Ref(i)}
	if at == l {
		s.Origin = proxy.Explicit
	}
	text := stmt.Arg(i)
	value, ok := parse(text)
	if !ok || strings.Contains(text, "$") || isTemplate(text) {
		s.Dynamic = true
		return s
	}
	s.Value = value
	return s
}

// view is what a level makes of one module's settings, whether written there or inherited. Levels share
// every part of which they write nothing with the level around.
type view struct {
	hop       proxy.Hop
	inherited *view // the same as a level below sees it
}

type moduleView struct {
	module module
	view   *view
}

// view returns the settings of a module in effect at l.
func (l *level) view(m module) *view {
	for _, mine := range l.views {
		if mine.module == m {
			return mine.view
		}
	}
	written := l.written(m.prefix())
	if written == 0 {
		return l.up.view(m).below()
	}
	v := &view{}
	if l.up != nil {
		v.hop = l.up.view(m).below().hop
	}
	l.read(&v.hop, m, written)
	l.views = append(l.views, moduleView{m, v})
	return v
}

// part is a set of the parts that a module's settings fall into.
type part uint8

const (
	timeouts part = 1 << iota
	buffers
	headers
	retry
	tls
	version
	allParts = 1<<iota - 1
)

// written returns the parts of which the level writes something itself, or may do so unseen.
func (l *level) written(prefix string) part {
	if l.up == nil || l.opaque {
		return allParts
	}
	var parts part
	for _, s := range l.own {
		if name, ok := strings.CutPrefix(s.Name(), prefix); ok {
			parts |= partOf(name)
		}
	}
	return parts
}

// partOf returns the part that a setting belongs to, by its name without the module's prefix.
func partOf(name string) part {
	switch {
	case strings.HasPrefix(name, "next_upstream"):
		return retry
	case strings.HasSuffix(name, "timeout"):
		return timeouts
	case strings.Contains(name, "buffer"):
		return buffers
	case name == "set_header" || name == "param":
		return headers
	case strings.HasPrefix(name, "ssl_"):
		return tls
	case name == "http_version":
		return version
	}
	return 0
}

// read resolves those parts of a module's settings one by one.
func (l *level) read(h *proxy.Hop, m module, parts part) {
	p := m.prefix()
	if parts&timeouts != 0 {
		h.Timeouts = l.timeouts(m)
	}
	if parts&buffers != 0 {
		h.Buffers = l.buffers(m)
	}
	if parts&headers != 0 {
		outer := h.Headers
		h.Headers = l.headers(m)
		if outer != nil && h.Headers.Origin == proxy.Explicit {
			h.Headers.Replaced = outer.Set
		}
	}
	if parts&retry != 0 {
		h.Retry = l.retry(m)
	}
	if parts&tls != 0 {
		h.TLS = &proxy.TLS{
			SNI:    setting(l, p+"ssl_server_name", 1, parseFlag, false),
			Name:   setting(l, p+"ssl_name", 1, parseText, ""),
			Verify: setting(l, p+"ssl_verify", 1, parseFlag, false),
			CA:     setting(l, p+"ssl_trusted_certificate", 1, parseText, ""),
			Cert:   setting(l, p+"ssl_certificate", 1, parseText, ""),
			Key:    setting(l, p+"ssl_certificate_key", 1, parseText, ""),

			Versions: l.words(p+"ssl_protocols", ""),
		}
	}
	if parts&version != 0 && m != streamProxy {
		h.HTTPVersion = setting(l, p+"http_version", 1, parseText, "1.0")
	}
}

func (l *level) timeouts(m module) *proxy.Timeouts {
	if m == streamProxy {
		return &proxy.Timeouts{
			Connect: setting(l, "proxy_connect_timeout", 1, parseTime, time.Minute),
			Read:    setting(l, "proxy_timeout", 1, parseTime, 10*time.Minute),
			Send:    setting(l, "proxy_timeout", 1, parseTime, 10*time.Minute),
		}
	}
	p := m.prefix()
	return &proxy.Timeouts{
		Connect: setting(l, p+"connect_timeout", 1, parseTime, time.Minute),
		Read:    setting(l, p+"read_timeout", 1, parseTime, time.Minute),
		Send:    setting(l, p+"send_timeout", 1, parseTime, time.Minute),
	}
}

func (l *level) buffers(m module) *proxy.Buffers {
	if m == streamProxy {
		return &proxy.Buffers{Size: setting(l, "proxy_buffer_size", 1, parseSize, 16<<10)}
	}
	p := m.prefix()
	return &proxy.Buffers{
		Size:      setting(l, p+"buffer_size", 1, parseSize, 4<<10),
		Count:     setting(l, p+"buffers", 1, parseInt, 8),
		Each:      setting(l, p+"buffers", 2, parseSize, 4<<10),
		Busy:      setting(l, p+"busy_buffers_size", 1, parseSize, 8<<10),
		Buffering: setting(l, p+"buffering", 1, parseFlag, true),
	}
}

func (l *level) retry(m module) *proxy.Retry {
	p, builtin := m.prefix(), "error timeout"
	if m == streamProxy {
		builtin = "on"
	}
	return &proxy.Retry{
		On:      l.words(p+"next_upstream", builtin),
		Tries:   setting(l, p+"next_upstream_tries", 1, parseInt, 0),
		Timeout: setting(l, p+"next_upstream_timeout", 1, parseTime, 0),
	}
}

// words returns the setting of a directive that takes several words, joined by blanks. Its place is the first.
func (l *level) words(name, builtin string) proxy.Setting[string] {
	s := setting(l, name, 1, parseText, builtin)
	if s.Written() {
		stmt, _, _ := l.find(name)
		words := make([]string, 0, stmt.Args())
		for i := range stmt.Args() {
			words = append(words, stmt.Arg(i+1))
		}
		s.Value = strings.Join(words, " ")
	}
	return s
}

// headers returns the request headers, or the parameters, in effect: a level that sets one loses all
// that outer levels set.
func (l *level) headers(m module) *proxy.Headers {
	name := m.prefix() + "set_header"
	if m == "fastcgi" || m == "uwsgi" || m == "scgi" {
		name = m.prefix() + "param"
	}
	for at := l; at != nil; at = at.up {
		h := &proxy.Headers{Origin: proxy.Inherited}
		if at == l {
			h.Origin = proxy.Explicit
		}
		for _, s := range at.own {
			if s.Args() >= 2 && s.Name() == name {
				h.Set = append(h.Set, proxy.Header{Name: s.Arg(1), Value: s.Arg(2), At: s.Ref(1)})
			}
		}
		switch {
		case at.opaque:
			return &proxy.Headers{Set: h.Set}
		case len(h.Set) > 0:
			return h
		}
	}
	return &proxy.Headers{Origin: proxy.Default}
}

// below returns the view as an inner level sees it: what was explicit is inherited there.
func (v *view) below() *view {
	if v.inherited != nil {
		return v.inherited
	}
	hop := v.hop
	hop.Timeouts = below(hop.Timeouts, inheritTimeouts)
	hop.Buffers = below(hop.Buffers, func(b *proxy.Buffers) {
		inherit(&b.Size)
		inherit(&b.Count)
		inherit(&b.Each)
		inherit(&b.Busy)
		inherit(&b.Buffering)
	})
	hop.Headers = below(hop.Headers, func(h *proxy.Headers) {
		if h.Origin == proxy.Explicit {
			h.Origin = proxy.Inherited
		}
	})
	hop.Retry = below(hop.Retry, func(r *proxy.Retry) {
		inherit(&r.On)
		inherit(&r.Tries)
		inherit(&r.Timeout)
	})
	hop.TLS = below(hop.TLS, func(t *proxy.TLS) {
		inherit(&t.SNI)
		inherit(&t.Name)
		inherit(&t.Verify)
		inherit(&t.CA)
		inherit(&t.Cert)
		inherit(&t.Key)
		inherit(&t.Versions)
	})
	inherit(&hop.HTTPVersion)
	v.inherited = &view{hop: hop}
	v.inherited.inherited = v.inherited
	return v.inherited
}

func below[T any](part *T, inherit func(*T)) *T {
	inner := *part
	inherit(&inner)
	return &inner
}

func inheritTimeouts(t *proxy.Timeouts) {
	inherit(&t.Connect)
	inherit(&t.Read)
	inherit(&t.Send)
	inherit(&t.Client)
	inherit(&t.HTTPRequest)
	inherit(&t.KeepAlive)
}

func inherit[T any](s *proxy.Setting[T]) {
	if s.Origin == proxy.Explicit {
		s.Origin = proxy.Inherited
	}
}

// setsNothing reports whether an include of that name, though it was not read, is known to set nothing
// that the model asks for: nginx's package ships these, and people do not change them.
func setsNothing(name string) bool {
	base := filepath.Base(name)
	switch base {
	case "mime.types", "koi-utf", "koi-win", "win-utf":
		return true
	}
	return strings.Contains(name, "modules-enabled/")
}

// clientTimeouts are the limits towards clients in effect at l (ngx_http_core_module). Levels that
// write none share those of the level around.
func (l *level) clientTimeouts() *proxy.Timeouts {
	if l.up != nil && !l.opaque && !slices.ContainsFunc(l.own, func(s *syntax.Stmt) bool { return isClientTimeout(s.Name()) }) {
		if l.up.client == nil {
			l.up.client = below(l.up.clientTimeouts(), inheritTimeouts)
		}
		return l.up.client
	}
	return &proxy.Timeouts{
		Client:      setting(l, "client_body_timeout", 1, parseTime, time.Minute),
		Send:        setting(l, "send_timeout", 1, parseTime, time.Minute),
		HTTPRequest: setting(l, "client_header_timeout", 1, parseTime, time.Minute),
		KeepAlive:   setting(l, "keepalive_timeout", 1, parseTime, 75*time.Second),
	}
}

func isClientTimeout(name string) bool {
	switch name {
	case "client_body_timeout", "client_header_timeout", "send_timeout", "keepalive_timeout":
		return true
	}
	return false
}
