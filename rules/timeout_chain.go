package rules

import (
	"context"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "timeout-chain",
	Family:   lint.Timeouts,
	Severity: lint.Warning,
	Symptom:  "504",
	Run:      timeoutChain,
	Doc: lint.Doc{
		Title: "a timeout that ends before the one it depends on",
		Why: `Where one proxy passes requests on to another, the outer one must wait longer than the inner one. Else it answers 504
while the inner one, and the application behind it, still work on the request, and what the inner one would have told about it
is lost. The rule compares the configurations that are read together: an address that one of them dials and exactly one of them
listens on. It is a warning where the longer time is written, an info where it is built in, and where another configuration
listens on the port of a loopback address, since the two may be meant for different hosts. Such a link counts between nginx and HAProxy
alone, whose files lie in one folder, or side by side in nginx and haproxy.

In nginx, proxy_next_upstream_timeout is looked at when a try has failed. Where it is shorter than proxy_connect_timeout, it is
over before the first server that is down has been given up, and no other server is tried: a 504 in spite of all that are up.

In HAProxy's mode tcp, a "timeout client" shorter than "timeout server" is the one that counts when both sides are silent.`,
		How: `Let the outer proxy wait a few seconds longer than the inner one, connect in a fraction of proxy_next_upstream_timeout, and
give both sides of a tcp proxy the same time.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
    }
    server {
        listen 8080;
        location / {
            proxy_connect_timeout 20s;
            proxy_next_upstream_timeout 10s;
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend inside

backend inside
    server inside1 127.0.0.1:8081 check

frontend inside
    bind 127.0.0.1:8081
    default_backend app

backend app
    timeout server 5m
    server app1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
    }
    server {
        listen 8080;
        location / {
            proxy_connect_timeout 3s;
            proxy_next_upstream_timeout 10s;
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend inside

backend inside
    timeout server 310s
    server inside1 127.0.0.1:8081 check

frontend inside
    bind 127.0.0.1:8081
    default_backend app

backend app
    timeout server 5m
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream_timeout",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20server",
		},
		Since: "0.1.0",
	},
})

func timeoutChain(_ context.Context, p *lint.Pass) {
	told := map[syntax.Ref]bool{}
	report := func(d *lint.Diagnostic) {
		if d != nil && !told[d.At] {
			told[d.At] = true
			p.Report(*d)
		}
	}
	for _, r := range p.Config.Routes {
		if p.Config.Dialect == syntax.Nginx {
			report(shortRetries(r))
		} else {
			report(shortClient(r))
		}
	}
	for _, l := range links(p) {
		report(l.compare(p.Config))
	}
}

// shortRetries tells of an nginx pass whose retries are over before the first server that is down is given up.
func shortRetries(r *proxy.Route) *lint.Diagnostic {
	limit, connect := r.Hop.Retry.Timeout, r.Hop.Timeouts.Connect
	if !isWritten(limit) || limit.Value == 0 || connect.Dynamic || connect.Value <= limit.Value ||
		inUse(r.To, 2) < 2 || !retriesTimeouts(r.Hop.Retry) || r.Hop.Retry.Tries.Value == 1 {
		return nil
	}
	d := &lint.Diagnostic{
		At: limit.At,
		Message: fmt.Sprintf("%s %s is over before %s gives up a server that is down, so no other is tried",
			passTimeout(r, "next_upstream_timeout"), limit.At.Text(), inEffect(passTimeout(r, "connect_timeout"), connect)),
		Hint: fmt.Sprintf("%s %s;", passTimeout(r, "connect_timeout"), brief(max(limit.Value/4, synRetry).Round(time.Second))),
	}
	if connect.Written() {
		d.Related = []lint.Related{{At: connect.At, Message: "the time that a server that is down takes"}}
	}
	return d
}

// shortClient tells of a HAProxy frontend in mode tcp that closes what its backend would keep open. In mode http
// HAProxy does not hold the time that a server takes against the client.
func shortClient(r *proxy.Route) *lint.Diagnostic {
	if r.To == nil || r.To.Protocol != proxy.TCP {
		return nil
	}
	read := r.To.Timeouts.Read
	if !isWritten(read) || r.To.Timeouts.Tunnel.Origin != proxy.Default || len(r.To.Endpoints) == 0 {
		return nil
	}
	for _, l := range r.From {
		client := l.Timeouts.Client
		if l.Protocol != proxy.TCP || !isWritten(client) || client.Value == 0 || client.Value >= read.Value || isShort(syntax.HAProxy, client) {
			continue
		}
		return &lint.Diagnostic{
			Severity: lint.Info,
			Symptom:  "connections closed early",
			At:       read.At,
			Message: fmt.Sprintf("timeout server %s has no effect beside the shorter timeout client %s of %s",
				read.At.Text(), client.At.Text(), sectionName(l.Section)),
			Hint:    "timeout client " + read.At.Text(),
			Related: []lint.Related{{At: client.At, Message: "the shorter time"}},
		}
	}
	return nil
}

// socket is what one proxy dials and another listens on. Addresses of the own host are all one.
type socket struct {
	host string
	port int
}

const ownHost = "127.0.0.1"

// hostKey returns a host as both sides write it.
func hostKey(host string) string {
	host = inventory.HostKey(host)
	if addr, err := netip.ParseAddr(host); host == "localhost" || err == nil && addr.IsLoopback() {
		return ownHost
	}
	return host
}

// link is a server that is itself a proxy of this run.
type link struct {
	outer    *proxy.Route
	endpoint *proxy.Endpoint
	inner    *inner
}

// inner is what listens on a socket.
type inner struct {
	config    *proxy.Config
	sections  map[*syntax.Stmt]bool // server blocks and frontends
	maybe     bool                  // an address of the own host, which may not be the host of the other proxy
	ambiguous bool                  // several proxies listen there
	least     *proxy.Route          // the route that waits the shortest; nil: none has a limit
	unknown   bool                  // how long some route waits is not known
}

// links lists the servers of a configuration that are listeners of this run, in the order of its routes.
func links(p *lint.Pass) []link {
	type way struct {
		to       *proxy.Upstream
		timeouts *proxy.Timeouts // in nginx, routes to one group may differ in them
	}
	var routes []*proxy.Route
	heard := sockets(p)
	dialed := map[socket]*inner{}
	seen := map[way]bool{}
	servers := map[*proxy.Upstream][]link{}
	for _, r := range p.Config.Routes {
		if r.To == nil || r.Hop.Protocol != proxy.HTTP || !anyHeard(r, heard) || seen[way{r.To, r.Hop.Timeouts}] {
			continue
		}
		seen[way{r.To, r.Hop.Timeouts}] = true
		routes = append(routes, r)
		if _, done := servers[r.To]; done {
			continue
		}
		servers[r.To] = nil
		for _, e := range r.To.Endpoints {
			s, ok := dials(r, e)
			if !ok || e.Down || !heard[s] {
				continue
			}
			if dialed[s] == nil {
				dialed[s] = &inner{sections: map[*syntax.Stmt]bool{}}
			}
			servers[r.To] = append(servers[r.To], link{endpoint: e, inner: dialed[s]})
		}
	}
	if len(dialed) == 0 {
		return nil
	}
	for _, c := range p.All {
		meet(c, c == p.Config, dialed)
	}
	for u, all := range servers {
		servers[u] = slices.DeleteFunc(all, func(l link) bool { return l.inner.least == nil })
	}
	var list []link
	for _, r := range routes {
		for _, l := range servers[r.To] {
			l.outer = r
			list = append(list, l)
		}
	}
	return list
}

// anyHeard reports whether some server that a route leads to is a listener of this run.
func anyHeard(r *proxy.Route, heard map[socket]bool) bool {
	return slices.ContainsFunc(r.To.Endpoints, func(e *proxy.Endpoint) bool {
		s, ok := dials(r, e)
		return ok && heard[s]
	})
}

// sockets returns what the configurations of this run listen on.
func sockets(p *lint.Pass) map[socket]bool {
	heard := map[socket]bool{}
	for _, c := range p.All {
		for _, l := range c.Listeners {
			if l.Addr.Dynamic || l.Protocol != proxy.HTTP {
				continue
			}
			for _, s := range listensOn(l, c == p.Config) {
				heard[s] = true
			}
		}
	}
	return heard
}

// meet tells those who are dialed what a configuration does on their sockets.
func meet(c *proxy.Config, own bool, dialed map[socket]*inner) {
	met := map[*proxy.Listener][]*inner{}
	for _, l := range c.Listeners {
		if l.Addr.Dynamic || l.Protocol != proxy.HTTP {
			continue
		}
		for _, s := range listensOn(l, own) {
			if in := dialed[s]; in != nil {
				in.ambiguous = in.ambiguous || in.config != nil && in.config != c
				in.config, in.maybe = c, !own && s.host == ownHost
				in.sections[l.Section] = true
				met[l] = append(met[l], in)
			}
		}
	}
	if len(met) == 0 {
		return
	}
	for _, r := range c.Routes {
		for _, l := range r.From {
			for _, in := range met[l] {
				in.add(r)
			}
		}
	}
}

// add takes a route into account.
func (in *inner) add(r *proxy.Route) {
	read := r.Hop.Timeouts.Read
	switch {
	case read.Origin == proxy.Unknown || read.Dynamic:
		in.unknown = true
	case read.Value > 0 && (in.least == nil || read.Value < in.least.Hop.Timeouts.Read.Value):
		in.least = r
	}
}

// dials returns what a server's address stands for; false where it is not known.
func dials(r *proxy.Route, e *proxy.Endpoint) (socket, bool) {
	a := e.Addr
	port := a.Port
	if a.PortAt.IsZero() && r.Stmt.File.Dialect == syntax.Nginx {
		port = httpPort
		if r.To.Implicit && r.Hop.TLS != nil {
			port = httpsPort
		}
	}
	return socket{hostKey(a.Host), port}, !isOpen(a) && a.Host != "" && port > 0 && port < 1<<16
}

// listensOn returns the sockets that a listener is dialed by. A name leads to another proxy only: its own names are
// what it answers to, wherever it runs.
func listensOn(l *proxy.Listener, own bool) []socket {
	host := hostKey(l.Addr.Host)
	switch host {
	case "", "*", "0.0.0.0", "::":
	default:
		return []socket{{host, l.Addr.Port}}
	}
	list := []socket{{ownHost, l.Addr.Port}}
	if own {
		return list
	}
	for _, name := range l.Names {
		list = append(list, socket{hostKey(name.Text()), l.Addr.Port})
	}
	return list
}

// compare tells of an outer proxy that waits shorter than the inner one, whatever that does with a request.
func (l link) compare(c *proxy.Config) *lint.Diagnostic {
	outer, in := l.outer.Hop.Timeouts.Read, l.inner
	if in.unknown || in.ambiguous || in.maybe && !seemOnOneHost(c, in.config) || in.sections[l.outer.Section] ||
		outer.Origin == proxy.Unknown || outer.Dynamic || outer.Value < synRetry {
		return nil
	}
	longer := in.least.Hop.Timeouts.Read
	if longer.Value <= outer.Value {
		return nil
	}
	name, at := readName(c.Dialect, l.outer), l.endpoint.Addr.At
	d := &lint.Diagnostic{
		At: at,
		Message: fmt.Sprintf("%s is over before %s of the proxy on %s",
			inEffect(name, outer), inEffect(readName(in.config.Dialect, in.least), longer), at.Text()),
		Hint:    fmt.Sprintf("%s %ds", name, int64(longer.Value/time.Second)+5),
		Related: []lint.Related{{At: in.least.At, Message: "where the other proxy waits longer"}},
	}
	if c.Dialect == syntax.Nginx {
		d.Hint += ";"
	}
	if outer.Written() {
		d.At = outer.At
	}
	if longer.Written() {
		d.Related[0].At = longer.At
	}
	if in.maybe || !longer.Written() {
		d.Severity = lint.Info
	}
	return d
}

func readName(d syntax.Dialect, r *proxy.Route) string {
	if d == syntax.HAProxy {
		return "timeout server"
	}
	return passTimeout(r, "read_timeout")
}

// seemOnOneHost reports whether two configurations are likely to run on one machine: those of two programs in one folder, or in folders
// of their own side by side, such as /etc/nginx and /etc/haproxy. Those of one program are more often for several machines.
func seemOnOneHost(a, b *proxy.Config) bool {
	if a.Dialect == b.Dialect || len(a.Tree.Roots) == 0 || len(b.Tree.Roots) == 0 {
		return false
	}
	home, other := path.Dir(a.Tree.Roots[0].Path), path.Dir(b.Tree.Roots[0].Path)
	return home == other || path.Dir(home) == path.Dir(other) && path.Base(home) == a.Dialect.String() && path.Base(other) == b.Dialect.String()
}
