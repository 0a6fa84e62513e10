package probe

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Plan returns what would be dialed for the configurations, in their order. What can't be known offline (a variable, a
// template's mark) is no target. No network is used.
func Plan(configs []*proxy.Config, facts *inventory.Facts) []*Target {
	var targets []*Target
	for _, c := range configs {
		pl := planner{config: c, facts: facts, seen: map[key]*Target{}, servers: map[*proxy.Upstream]int{}}
		pl.workers, pl.folders = workersOf(c), foldersOf(c)
		for _, r := range c.Routes {
			if r.To != nil {
				pl.pool(r.To, r)
			}
		}
		if c.Dialect == syntax.HAProxy { // it checks the servers of backends that no route leads to, too
			for _, u := range c.Upstreams {
				if _, routed := pl.servers[u]; !routed {
					pl.pool(u, nil)
				}
			}
		}
		targets = append(targets, pl.targets...)
	}
	return targets
}

// planner collects the targets of one configuration.
type planner struct {
	config  *proxy.Config
	facts   *inventory.Facts
	workers workers
	folders folders
	targets []*Target
	seen    map[key]*Target
	servers map[*proxy.Upstream]int // how many are in use
}

// key is what makes two servers one target.
type key struct {
	pool       *proxy.Upstream
	endpoint   *proxy.Endpoint
	port       int
	protocol   proxy.Protocol
	tls, http2 bool
	sni, host  string
	sendProxy  int
	how        How
	resolver   syntax.Ref
}

// pool adds the servers of an upstream as one route reaches them; nil: as health checks do.
func (pl *planner) pool(u *proxy.Upstream, r *proxy.Route) {
	if _, counted := pl.servers[u]; !counted {
		pl.servers[u] = 0
		for _, e := range u.Endpoints {
			if !e.Down {
				pl.servers[u]++
			}
		}
	}
	for _, e := range u.Endpoints {
		if e.Down || e.Addr.Dynamic || e.Addr.Host+e.Addr.Socket == "" {
			continue
		}
		if t := pl.target(u, e, r); t.hasPort() {
			pl.add(t, u, e)
		}
	}
}

func (pl *planner) add(t *Target, u *proxy.Upstream, e *proxy.Endpoint) {
	k := key{
		pool: u, endpoint: e, port: t.Addr.Port, protocol: t.Protocol, tls: t.TLS != nil, http2: t.HTTP2,
		host: t.Host, sendProxy: t.SendProxy, how: t.Lookup.How, resolver: t.Lookup.At,
	}
	if t.TLS != nil {
		k.sni = t.TLS.SNI
	}
	if pl.config.Dialect == syntax.HAProxy {
		k.host = "" // every route to a backend speaks alike
	}
	if known := pl.seen[k]; known != nil {
		known.merge(t)
		return
	}
	pl.seen[k] = t
	pl.targets = append(pl.targets, t)
}

// merge takes over what another route to the same server allows less of.
func (t *Target) merge(other *Target) {
	if at := other.Addr.At; at != t.Addr.At && !slices.Contains(t.Also, at) {
		t.Also = append(t.Also, at)
	}
	if t.Check == nil {
		t.Check = other.Check
	}
	tighten(&t.Limits.Connect, other.Limits.Connect)
	tighten(&t.Limits.Read, other.Limits.Read)
	tighten(&t.Limits.Header, other.Limits.Header)
}

// tighten makes a limit the smaller of two; what is not known is none.
func tighten[T cmp.Ordered](limit *proxy.Setting[T], other proxy.Setting[T]) {
	var none T
	if isKnown(other) && other.Value > none && (!isKnown(*limit) || other.Value < limit.Value) {
		*limit = other
	}
}

func isKnown[T any](s proxy.Setting[T]) bool { return s.Origin != proxy.Unknown && !s.Dynamic }

// target describes one server as a route reaches it.
func (pl *planner) target(u *proxy.Upstream, e *proxy.Endpoint, r *proxy.Route) *Target {
	t := &Target{
		Config: pl.config, Dialect: pl.config.Dialect, Version: pl.config.Version,
		Addr: e.Addr, Server: e.Name, Backup: e.Backup, User: pl.workers.user, Group: pl.workers.group, Chroot: pl.workers.chroot,
		Pool:     Pool{Name: u.Name, At: u.At, Servers: pl.servers[u]},
		Protocol: u.Protocol, SendProxy: int(e.SendProxy), Path: "/",
	}
	hop := proxy.Hop{Protocol: u.Protocol, Timeouts: u.Timeouts}
	if r != nil {
		hop = r.Hop
	}
	t.Lookup = pl.lookup(u, e, r)
	t.Limits = limitsOf(pl.config, u, hop)
	switch pl.config.Dialect {
	case syntax.HAProxy:
		t.asHAProxy(u, e, r)
	case syntax.Cloudflared:
		t.asCloudflared(r)
	default:
		t.asNginx(u, r)
	}
	if e.Check != nil && e.Check.Protocol == proxy.HTTP && e.Check.URI != "" {
		t.Path = e.Check.URI
	}
	if t.TLS != nil {
		t.TLS.locate(pl.folders)
	}
	t.Check = planCheck(t, u, e, r)
	return t
}

// hasPort reports whether the configuration or, for SRV records, DNS says which port is meant.
func (t *Target) hasPort() bool {
	return t.Addr.Socket != "" || t.Lookup.SRV || t.Addr.Port > 0 && t.Addr.Port <= math.MaxUint16
}

// limitsOf returns the limits of one hop.
func limitsOf(c *proxy.Config, u *proxy.Upstream, hop proxy.Hop) Limits {
	var l Limits
	if hop.Timeouts != nil {
		l.Connect, l.Read = hop.Timeouts.Connect, hop.Timeouts.Read
	}
	if hop.Buffers != nil {
		l.Header = hop.Buffers.Size
	}
	// nginx 1.29.7 began to keep idle connections without being told to (CHANGES)
	if c.Dialect == syntax.Nginx && (u.Keepalive.Value > 0 || c.Version.AtLeast(proxy.Version{1, 29, 7})) {
		l.Idle = u.Idle
	}
	return l
}

// asNginx fills in what a pass says. A pass tells the port that is meant where none is written.
func (t *Target) asNginx(u *proxy.Upstream, r *proxy.Route) {
	t.Protocol = r.Hop.Protocol
	if len(r.From) > 0 && r.From[0].Protocol == proxy.UDP {
		t.Protocol = proxy.UDP
	}
	if t.Addr.PortAt.IsZero() && t.Addr.Socket == "" {
		t.Addr.Port = 80 // in a group, whatever the scheme is (ngx_http_upstream_module, server)
		if u.Implicit && r.Hop.TLS != nil {
			t.Addr.Port = 443
		}
	}
	t.HTTP2 = r.Hop.Protocol == proxy.GRPC || r.Hop.HTTPVersion.Value == "2"
	if r.Hop.SendProxy.Value && isKnown(r.Hop.SendProxy) {
		t.SendProxy = 1
	}
	host := u.Name
	if u.Implicit {
		host = t.Addr.Host
	}
	t.Host = hostHeader(r, t, host)
	t.TLS = nginxTLS(r.Hop.TLS, host, t)
}

// hostHeader returns the Host header that nginx sends along a route; host is what $proxy_host begins with.
func hostHeader(r *proxy.Route, t *Target, host string) string {
	proxied := host
	if p := t.Addr.PortAt; r.To.Implicit && !p.IsZero() && t.Addr.Port != 80 {
		proxied += ":" + p.Text()
	}
	if r.Hop.Headers == nil {
		return proxied
	}
	for _, h := range r.Hop.Headers.Set {
		if !strings.EqualFold(h.Name, "Host") {
			continue
		}
		switch {
		case !strings.Contains(h.Value, "$"):
			return h.Value
		case h.Value == "$host" || h.Value == "$http_host" || h.Value == "$server_name":
			return cmp.Or(serverName(r.From), proxied)
		}
	}
	return proxied
}

// serverName returns the first name of the listeners that a client may ask for; "" when there is none.
func serverName(listeners []*proxy.Listener) string {
	for _, l := range listeners {
		for _, ref := range l.Names {
			if name := ref.Text(); name != "_" && !strings.ContainsAny(name, "*~$\"'{}") && !strings.HasPrefix(name, ".") {
				return name
			}
		}
	}
	return ""
}

// asHAProxy fills in what a server line says. Without a port HAProxy dials the port that the client came to.
func (t *Target) asHAProxy(u *proxy.Upstream, e *proxy.Endpoint, r *proxy.Route) {
	if t.Addr.Port < 0 && t.Addr.PortAt.IsZero() && r != nil && len(r.From) > 0 {
		t.Addr.Port = r.From[0].Addr.Port
	}
	switch {
	case e.Proto == "fcgi":
		t.Protocol = proxy.FastCGI
	case e.Proto == "h2":
		t.HTTP2 = true
	}
	t.Host = t.Addr.Host
	if r != nil && r.Hop.Headers != nil {
		for _, h := range r.Hop.Headers.Set {
			if strings.EqualFold(h.Name, "Host") && !strings.Contains(h.Value, "%") {
				t.Host = h.Value
			}
		}
	}
	if u.Check != nil && u.Check.Host != "" {
		t.Host = u.Check.Host
	}
	t.TLS = haproxyTLS(e.TLS, t)
	t.HTTP2 = t.HTTP2 || t.TLS != nil && slices.Contains(t.TLS.ALPN, "h2")
}

// workers is what a configuration says of the proxy's workers.
type workers struct{ user, group, chroot string }

func workersOf(c *proxy.Config) workers {
	var w workers
	c.Tree.Walk(func(at *syntax.Scope, s *syntax.Stmt) bool {
		isGlobal := at.Stmt != nil && at.Stmt.Name() == "global"
		switch name := s.Name(); {
		case name == "user" && at.Stmt == nil && c.Dialect == syntax.Nginx:
			w.user, w.group = s.Arg(1), s.Arg(2)
		case name == "user" && isGlobal:
			w.user = s.Arg(1)
		case name == "group" && isGlobal:
			w.group = s.Arg(1)
		case name == "chroot" && isGlobal:
			w.chroot = s.Arg(1)
		}
		return c.Dialect == syntax.HAProxy && s.Name() == "global"
	})
	return w
}
