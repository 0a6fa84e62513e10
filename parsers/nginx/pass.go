package nginx

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// pass adds the routes of one *_pass directive: one for every text that its word may be.
func (b *builder) pass(site *site, l *level, s *syntax.Stmt, m module) {
	g := b.https
	if m == streamProxy {
		g = b.streams
	}
	match := routeMatch(l)
	resolver := b.resolver(l)
	literal := strings.IndexByte(s.Arg(1), '$') < 0
	hop := l.view(m).hop
	hop.SendProxy = proxy.Setting[bool]{Origin: proxy.Default}
	if m == streamProxy {
		hop.SendProxy = setting(l, "proxy_protocol", 1, parseSending, false)
	}
	for _, t := range b.alternatives(g, l, s, 1, 0) {
		r := &proxy.Route{
			From: site.listeners, Match: match, Stmt: s, Section: site.section, At: s.Ref(1),
			Runtime: !literal, Resolver: resolver, Hop: hop,
		}
		b.target(g, l, r, m, t)
		b.Routes = append(b.Routes, r)
	}
}

// target fills in where a route leads and what is spoken there.
func (b *builder) target(g *groups, l *level, r *proxy.Route, m module, t text) {
	value, at := t.String(), t.place(r.At)
	scheme, rest := cutScheme(value)
	offset := len(value) - len(rest)
	address, uri := cutURI(rest, m)

	r.Hop.Protocol = protocols[m]
	asked := r.At
	if scheme != "" {
		r.Hop.Scheme = at(0, len(scheme))
		asked = r.Hop.Scheme
	}
	r.Hop.TLS = encryption(l, r.Hop.TLS, m, scheme, asked)
	r.Hop.URI = proxy.Setting[string]{Origin: proxy.Default}
	if uri != "" {
		from := len(value) - len(uri)
		r.Hop.URI = proxy.Setting[string]{
			Value: uri, Origin: proxy.Explicit, Dynamic: isTemplate(uri), At: at(from, from+len(uri)),
		}
	}

	addr := parseAddress(address, offset, at)
	if syntax.HasFilling(scheme) {
		r.Dynamic = true
		return
	}
	if u := g.named[strings.ToLower(addr.Host)]; u != nil && addr.PortAt.IsZero() {
		r.To = u
		return
	}
	if isUnknown(addr) {
		r.Dynamic = true
		return
	}
	if r.Runtime {
		g.runtime = append(g.runtime, runtimeTarget{r, addr})
		return
	}
	r.To = b.implicit(r, addr)
	key := keyOf(r, addr)
	if g.implicit[key] == nil {
		g.implicit[key] = r.To
	}
}

var protocols = map[module]proxy.Protocol{
	"proxy": proxy.HTTP, "fastcgi": proxy.FastCGI, "uwsgi": proxy.UWSGI, "scgi": proxy.SCGI,
	"grpc": proxy.GRPC, "memcached": proxy.Memcached, streamProxy: proxy.TCP,
}

// encryption returns how a pass encrypts; nil where it does not. at is what asks for it.
func encryption(l *level, settings *proxy.TLS, m module, scheme string, at syntax.Ref) *proxy.TLS {
	on := scheme == "https" || scheme == "grpcs" || scheme == "suwsgi"
	if m == streamProxy {
		asked := setting(l, "proxy_ssl", 1, parseFlag, false)
		on, at = asked.Value, asked.At
	}
	if !on {
		return nil
	}
	tls := *settings
	tls.At = at
	return &tls
}

// cutScheme splits "http://" and its like off a pass target; a scheme that is not known gives "".
func cutScheme(s string) (scheme, rest string) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found || scheme == "unix" || strings.ContainsAny(scheme, "/:[") { // unix:///path is a socket
		return "", s
	}
	return scheme, rest
}

// cutURI splits the path off an address. Only proxy_pass takes one.
func cutURI(s string, m module) (address, uri string) {
	if m != "proxy" {
		return s, ""
	}
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		// http://unix:/socket:/uri
		if i := strings.IndexByte(path, ':'); i >= 0 {
			return s[:len("unix:")+i], path[i+1:]
		}
		return s, ""
	}
	if i := strings.IndexAny(s, "/?"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// isUnknown reports whether an address names no host, or one that is not known.
func isUnknown(a proxy.Address) bool {
	name := a.Host + a.Socket
	return name == "" || strings.Contains(name, unknownPart) || isTemplate(name)
}

// runtimeTarget is a route whose host nginx looks up for every request.
type runtimeTarget struct {
	route *proxy.Route
	addr  proxy.Address
}

// share settles where routes with variables lead: nginx takes the upstream of a literal pass to the same
// host and port, with the addresses of the start, where there is one (ngx_http_proxy_module, proxy_pass).
func (b *builder) share(g *groups) {
	for _, k := range g.runtime {
		k.route.To = g.implicit[keyOf(k.route, k.addr)]
		if k.route.To == nil {
			k.route.To = b.implicit(k.route, k.addr)
		}
	}
}

// endpointKey is what makes nginx take two passes for one upstream.
type endpointKey struct {
	host, socket string
	port         int
}

func keyOf(r *proxy.Route, addr proxy.Address) endpointKey {
	port := addr.Port
	if addr.PortAt.IsZero() {
		port = 80
		if r.Hop.TLS != nil {
			port = 443
		}
	}
	return endpointKey{strings.ToLower(addr.Host), addr.Socket, port}
}

// implicit makes the upstream of one server that a plain address stands for.
func (b *builder) implicit(r *proxy.Route, addr proxy.Address) *proxy.Upstream {
	u := &proxy.Upstream{
		Name: addr.At.Text(), At: addr.At, Stmt: r.Stmt, Implicit: true, Protocol: r.Hop.Protocol,
		Balance:   proxy.Setting[string]{Value: "round-robin", Origin: proxy.Default},
		Keepalive: proxy.Setting[int64]{Origin: proxy.Default},
		Endpoints: []*proxy.Endpoint{{
			ServerOptions: noOptions, Stmt: r.Stmt, Addr: addr,
			Weight: proxy.Setting[int64]{Value: 1, Origin: proxy.Default},
		}},
	}
	u.Survey()
	b.Upstreams = append(b.Upstreams, u)
	return u
}
