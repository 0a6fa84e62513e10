package rules

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "listen-conflict",
	Family:   lint.Pools,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "start failure",
	Run:      listenConflict,
	Doc: lint.Doc{
		Title: "two servers contend for one address",
		Why: `Many servers may listen on one address, but some things an address has once. nginx does not start where two of
its listen lines say default_server ("a duplicate default server"), where two carry options of the socket, such as
reuseport, backlog or ipv6only, though they be the same ("duplicate listen options"), or where one server lists the
address twice. In stream, before 1.25.5, an address may have one server only.

A server_name that another server of the address has already is a warning to nginx ("conflicting server name,
ignored"): it starts, and the requests for that name go to the first of the two. So it is with two servers
without any name.`,
		How: `Leave default_server and the options of the socket on one listen line of each address. Give each server names
of its own, or make one of the two.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080 default_server;
        server_name shop.internal;
        location / {
            proxy_pass http://10.0.0.10:8080;
        }
    }
    server {
        listen 8080 default_server;
        server_name admin.internal;
        location / {
            proxy_pass http://10.0.0.11:8080;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080 default_server;
        server_name shop.internal;
        location / {
            proxy_pass http://10.0.0.10:8080;
        }
    }
    server {
        listen 8080;
        server_name admin.internal;
        location / {
            proxy_pass http://10.0.0.11:8080;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#listen",
			"https://nginx.org/en/docs/http/request_processing.html",
			"https://nginx.org/en/docs/stream/ngx_stream_core_module.html#listen",
		},
		Since: "0.1.0",
	},
})

// listenKey is an address that nginx takes for one whatever way it is written.
type listenKey struct {
	host             string // or the path of a socket
	port             int
	stream, datagram bool
}

// nameOnAddress is a server name, in lower case, on one of the addresses.
type nameOnAddress struct {
	address int
	name    string
}

// taken is what the listeners of one address have claimed.
type taken struct {
	number      int
	listeners   map[*syntax.Stmt]*proxy.Listener // the last one, by server
	byDefault   *proxy.Listener
	withOptions *proxy.Listener
	first       *proxy.Listener
}

// contention looks at the listeners of one configuration.
type contention struct {
	pass      *lint.Pass
	taken     map[listenKey]*taken
	names     map[nameOnAddress]claim
	told      map[syntax.Ref]bool
	templated func() bool
	includes  map[*syntax.File][]lint.Related // the statements that bring a file in
}

// claim is a listener with the place of a name of its server; zero for one without names.
type claim struct {
	listener *proxy.Listener
	at       syntax.Ref
}

func listenConflict(_ context.Context, p *lint.Pass) {
	if len(p.Config.Listeners) < 2 {
		return
	}
	c := contention{
		pass:      p,
		taken:     map[listenKey]*taken{},
		names:     map[nameOnAddress]claim{},
		told:      map[syntax.Ref]bool{},
		templated: sync.OnceValue(func() bool { return isTemplatedTree(p.Config.Tree) }),
		includes:  map[*syntax.File][]lint.Related{},
	}
	for _, l := range p.Config.Listeners {
		key, ok := listenKeyOf(l)
		if !ok {
			continue
		}
		t := c.taken[key]
		if t == nil {
			t = &taken{number: len(c.taken), listeners: map[*syntax.Stmt]*proxy.Listener{}, first: l}
			c.taken[key] = t
		} else if !c.meet(key, t, l) {
			continue
		}
		t.listeners[l.Section] = l
		if t.byDefault == nil && !listenWord(l, isDefaultServer).IsZero() {
			t.byDefault = l
		}
		if t.withOptions == nil && !listenWord(l, isSocketOption).IsZero() {
			t.withOptions = l
		}
		c.claimNames(key, t, l)
	}
}

// listenKeyOf returns the address of a listener; false where it is not known, or is a range of ports.
func listenKeyOf(l *proxy.Listener) (key listenKey, ok bool) {
	a := l.Addr
	key = listenKey{stream: l.Protocol != proxy.HTTP, datagram: l.Protocol == proxy.UDP || l.Stmt != nil && hasWord(l.Stmt, "quic")}
	switch {
	case isOpen(a):
		return key, false
	case a.Socket != "":
		key.host = a.Socket
		return key, true
	case a.Port <= 0 || strings.Contains(a.PortAt.Text(), "-"):
		return key, false
	}
	key.host, key.port = strings.ToLower(a.Host), a.Port
	if a.Host == "" || a.Host == "*" {
		key.host = "0.0.0.0"
	} else if addr, err := netip.ParseAddr(a.Host); err == nil {
		key.host = addr.String()
	}
	return key, true
}

// String writes the address as nginx does.
func (k listenKey) String() string {
	if k.port == 0 {
		return "unix:" + k.host
	}
	return net.JoinHostPort(k.host, strconv.Itoa(k.port))
}

// listenWord returns the first parameter of a listen line that is of some kind; a zero place where none is.
func listenWord(l *proxy.Listener, is func(word string) bool) syntax.Ref {
	if l.Stmt == nil {
		return syntax.Ref{}
	}
	for i := 2; i <= l.Stmt.Args(); i++ {
		if is(l.Stmt.Arg(i)) {
			return l.Stmt.Ref(i)
		}
	}
	return syntax.Ref{}
}

func isDefaultServer(word string) bool { return word == "default_server" || word == "default" }

// isSocketOption reports whether a parameter of listen sets an option of the socket, which all servers of its address
// share (ngx_http_core_module, "listen").
func isSocketOption(word string) bool {
	name, _, _ := strings.Cut(word, "=")
	switch name {
	case "setfib", "fastopen", "backlog", "rcvbuf", "sndbuf", "accept_filter", "deferred", "bind", "ipv6only", "reuseport",
		"so_keepalive", "multipath":
		return true
	}
	return false
}

// meet tells of what a listener and those before it on its address may not both have. It returns false where nothing
// else is to be said of the listener.
func (c *contention) meet(key listenKey, t *taken, l *proxy.Listener) bool {
	if key.stream && c.oneServer(key, t, l) {
		return false
	}
	if own := t.listeners[l.Section]; own != nil && l.Stmt != nil && own.Stmt != l.Stmt {
		c.report(own, l, lint.Diagnostic{
			At:      l.Addr.At,
			Message: fmt.Sprintf("this server listens on %s already", key),
			Related: []lint.Related{{At: own.Addr.At, Message: "the first time"}},
		})
		return false
	}
	if at := listenWord(l, isDefaultServer); t.byDefault != nil && !at.IsZero() {
		c.report(t.byDefault, l, lint.Diagnostic{
			At:      at,
			Message: fmt.Sprintf("a second default_server for %s", key),
			Hint:    listenWithout(l, isDefaultServer),
			Related: []lint.Related{{At: listenWord(t.byDefault, isDefaultServer), Message: "the first"}},
		})
		return t.byDefault.Stmt != l.Stmt
	}
	if at := listenWord(l, isSocketOption); t.withOptions != nil && !at.IsZero() {
		c.report(t.withOptions, l, lint.Diagnostic{
			At:      at,
			Message: fmt.Sprintf("a second listen line has options for the socket of %s", key),
			Hint:    listenWithout(l, isSocketOption),
			Related: []lint.Related{{At: listenWord(t.withOptions, isSocketOption), Message: "the first"}},
		})
		return t.withOptions.Stmt != l.Stmt
	}
	return true
}

// oneServer tells of a second server of stream on one address. Since 1.25.5 there may be several, told apart by
// their names.
func (c *contention) oneServer(key listenKey, t *taken, l *proxy.Listener) bool {
	version := c.pass.Config.Version
	named := len(l.Names) > 0 || len(t.first.Names) > 0
	if version.AtLeast(proxy.Version{1, 25, 5}) || !version.Known() && named {
		return false
	}
	d := lint.Diagnostic{
		At:      l.Addr.At,
		Message: fmt.Sprintf("a second server of stream listens on %s", key),
		Related: []lint.Related{{At: t.first.Addr.At, Message: "the first"}},
	}
	if !version.Known() {
		d.Severity = lint.Warning
		d.Message += ": nginx before 1.25.5 does not start, later ones never use it"
	}
	c.report(t.first, l, d)
	return true
}

// listenWithout returns a listen line without the parameters of one kind.
func listenWithout(l *proxy.Listener, is func(word string) bool) string {
	words := []string{"listen"}
	for i := 1; i <= l.Stmt.Args(); i++ {
		if word := l.Stmt.Arg(i); i == 1 || !is(word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ") + ";"
}

// claimNames tells of the names that an earlier server of the address has.
func (c *contention) claimNames(key listenKey, t *taken, l *proxy.Listener) {
	if len(l.Names) == 0 {
		c.claim(key, t, "", claim{l, syntax.Ref{}})
	}
	for _, at := range l.Names {
		name := strings.ToLower(literal(at))
		switch {
		case name == "" || strings.HasPrefix(name, "~") || isPlaceholder(name):
		case strings.HasPrefix(name, "."):
			if c.claim(key, t, name[1:], claim{l, at}) {
				c.claim(key, t, "*"+name, claim{l, at})
			}
		default:
			c.claim(key, t, name, claim{l, at})
		}
	}
}

func (c *contention) claim(key listenKey, t *taken, name string, mine claim) bool {
	on := nameOnAddress{t.number, name}
	first, contested := c.names[on]
	if !contested {
		c.names[on] = mine
		return true
	}
	l := mine.listener
	if first.listener == l || first.listener.Section == l.Section && first.listener.Stmt != l.Stmt {
		return true
	}
	d := lint.Diagnostic{Severity: lint.Warning, Symptom: "wrong virtual host", At: mine.at}
	if name != "" {
		d.Message = fmt.Sprintf("another server on %s has the name %s already: this one gets no request for it", key, mine.at.Text())
		d.Related = []lint.Related{{At: first.at, Message: "the first"}}
	} else if mayHaveName(c.pass.Config.Tree, l) || mayHaveName(c.pass.Config.Tree, first.listener) {
		return false
	} else {
		d.At = placeOf(l)
		d.Message = fmt.Sprintf("a second server without a name listens on %s: it gets no request", key)
		d.Hint = "server_name NAME;"
		d.Related = []lint.Related{{At: placeOf(first.listener), Message: "the first"}}
	}
	c.report(first.listener, l, d)
	return false
}

// mayHaveName reports whether a server without a name may have one in a file that is not here.
func mayHaveName(tree *syntax.Tree, l *proxy.Listener) bool {
	return slices.ContainsFunc(l.Section.Block.Stmts, func(s *syntax.Stmt) bool { return s.Name() == "include" && hidesLines(tree, s) })
}

// placeOf returns where a listener stands; without a listen line, the server.
func placeOf(l *proxy.Listener) syntax.Ref {
	if l.Stmt == nil {
		return l.Section.Ref(0)
	}
	return l.Addr.At
}

// report tells of a word once, and where the two are one line, of the includes that bring it in.
func (c *contention) report(first, second *proxy.Listener, d lint.Diagnostic) {
	if c.told[d.At] || c.templated() {
		return
	}
	c.told[d.At] = true
	if first.Section == second.Section && first.Stmt == second.Stmt {
		d.Message += ", as its file is included more than once"
		d.Hint = ""
		file := second.Section.File
		if c.includes[file] == nil {
			c.includes[file] = includesOf(c.pass.Config.Tree, file)
		}
		d.Related = c.includes[file]
	}
	c.pass.Report(d)
}
