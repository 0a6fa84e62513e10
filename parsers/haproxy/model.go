package haproxy

import (
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// defaultBufferSize is HAProxy's tune.bufsize (manual 3.2).
const defaultBufferSize = 16384

// builder turns sections into the neutral model.
type builder struct {
	config *proxy.Config
	env    env
	faulty map[*syntax.Stmt]bool

	servers, binds *optionTable
	addresses      addressReader
	buffers        *proxy.Buffers
	verify         proxy.Setting[bool] // what "ssl-server-verify" of the global section says
	resolvers      map[string]*proxy.Resolver
	pools          map[string]*pool
	endpoints      chunks[proxy.Endpoint]
	checks         chunks[proxy.Check]
	plans          []*proxy.CheckPlan // of the section being read
	scratch        settings           // of the backend being read: nothing inherits from it
	noHeaders      *proxy.Headers
	hasGlobal      bool
}

// pool is an upstream, and how routes speak to it.
type pool struct {
	upstream *proxy.Upstream
	headers  *proxy.Headers
	retry    *proxy.Retry
	used     bool // worth being in the model: it has servers, or a route leads to it
}

// build fills in the configuration. Resolvers come first, since servers may name those below them;
// routes come last.
func (b *builder) build(sections []*section) {
	b.addresses = addressReader{env: b.env, faulty: b.faulty}
	b.noHeaders = &proxy.Headers{Origin: proxy.Default}
	b.resolvers, b.pools = map[string]*proxy.Resolver{}, map[string]*pool{}
	b.globals(sections)
	for _, s := range sections {
		if s.kind == Resolvers {
			b.resolver(s)
		}
	}
	b.systemResolvers()
	for _, s := range sections {
		if s.kind&proxies != 0 {
			b.settle(s)
		}
		if s.kind&(Backend|Listen) != 0 {
			b.pool(s)
		}
	}
	for _, s := range sections {
		if s.kind&(Frontend|Listen) != 0 {
			b.frontend(s)
		}
	}
	for _, s := range sections {
		if s.pool != nil && s.pool.used {
			s.pool.upstream.Survey()
			b.config.Upstreams = append(b.config.Upstreams, s.pool.upstream)
		}
	}
}

// live calls fn for the lines of a section that may be read.
func live(s *section, fn func(*syntax.Stmt)) {
	for _, stmt := range s.stmt.Block.Stmts {
		if stmt.When.Live() {
			fn(stmt)
		}
	}
}

// globals reads what the global sections say to all proxies.
func (b *builder) globals(sections []*section) {
	origin := proxy.Default
	if b.config.Tree.Fragment {
		origin = proxy.Unknown
	}
	b.buffers = &proxy.Buffers{Size: proxy.Setting[int64]{Value: defaultBufferSize, Origin: origin}}
	b.verify = proxy.Setting[bool]{Value: true, Origin: origin}
	for _, s := range sections {
		if s.kind != Global {
			continue
		}
		b.hasGlobal = true
		live(s, func(stmt *syntax.Stmt) {
			switch stmt.Name() {
			case "tune.bufsize":
				b.buffers.Size = b.number(stmt, 1)
			case "ssl-server-verify":
				b.verify = explicit(stmt.Arg(1) != "none", stmt.Ref(1))
				inherit(&b.verify)
			}
		})
	}
}

func (b *builder) resolver(s *section) {
	r := &proxy.Resolver{Name: s.name, Stmt: s.stmt, At: s.stmt.Ref(1)}
	r.Valid.Origin = proxy.Default
	live(s, func(stmt *syntax.Stmt) {
		switch stmt.Name() {
		case "nameserver":
			if stmt.Args() >= 2 {
				b.addresses.read(stmt, 2, false, func(addr proxy.Address) { r.Servers = append(r.Servers, addr) })
			}
		case "parse-resolv-conf":
			r.System = true
		case "hold":
			if stmt.Arg(1) == "valid" {
				r.Valid = b.duration(stmt, 2)
			}
		}
	})
	b.resolvers[r.Name] = r
	b.config.Resolvers = append(b.config.Resolvers, r)
}

// systemResolvers adds the section named "default" that HAProxy has since 2.6 without its being
// written: it asks what /etc/resolv.conf names.
func (b *builder) systemResolvers() {
	const name = "default"
	if b.resolvers[name] == nil && !b.config.Version.Before(proxy.Version{2, 6}) {
		b.resolvers[name] = &proxy.Resolver{Name: name, System: true}
	}
}

// settle works out what a proxy section has in effect.
func (b *builder) settle(s *section) {
	switch {
	case s.from != nil:
		if s.from.inherited == nil {
			s.from.inherited = s.from.settings.asInherited()
		}
		s.settings = &b.scratch
		if s.kind != Backend {
			s.settings = &settings{}
		}
		*s.settings = *s.from.inherited
	case s.fromWord != 0:
		s.settings = builtIn(proxy.Unknown)
	case s.stmt.File.IsOpen(), s.kind != Defaults && !b.hasGlobal: // its defaults section may be in another file
		s.settings = builtIn(proxy.Unknown)
	default:
		s.settings = builtIn(proxy.Default)
		s.settings.server.tls.Verify = b.verify
	}
	if s.kind&(Defaults|Frontend) == 0 {
		return // pool applies the lines, since servers take what stands above them
	}
	live(s, func(stmt *syntax.Stmt) { s.settings.apply(b, stmt) })
}

// pool reads the backend side of a section.
func (b *builder) pool(s *section) {
	u := &proxy.Upstream{Name: s.name, At: s.stmt.Ref(1), Stmt: s.stmt, Open: s.stmt.File.IsOpen()}
	u.Endpoints = make([]*proxy.Endpoint, 0, serverLines(s))
	headers := b.noHeaders
	live(s, func(stmt *syntax.Stmt) {
		u.Open = u.Open || b.faulty[stmt]
		switch stmt.Name() {
		case "server", "server-template":
			if e := b.endpoint(&s.settings.server, stmt); e != nil {
				u.Endpoints = append(u.Endpoints, e)
			}
		case "http-request":
			headers = b.header(headers, stmt)
		default:
			s.settings.apply(b, stmt)
		}
	})
	set := s.settings
	u.Protocol, u.Balance, u.Timeouts, u.Check = set.protocol, set.balance, set.timeouts, set.wholeCheck()
	u.Checking = set.checking
	u.Keepalive = set.server.keepalive
	u.Open = u.Open || set.open
	b.describeChecks(u.Check)
	used := s.kind == Backend || u.Open || len(u.Endpoints) > 0
	s.pool = &pool{upstream: u, headers: headers, retry: set.retry, used: used}
	if b.pools[s.name] == nil {
		b.pools[s.name] = s.pool
	}
}

// serverLines counts the lines that make an endpoint.
func serverLines(s *section) int {
	n := 0
	live(s, func(stmt *syntax.Stmt) {
		if isServer(stmt.Name()) {
			n++
		}
	})
	return n
}

func isServer(name string) bool { return name == "server" || name == "server-template" }

// describeChecks tells the checks of the servers what their section says of them.
func (b *builder) describeChecks(section *proxy.Check) {
	for _, plan := range b.plans {
		plan.Protocol = proxy.TCP
		if section != nil {
			plan.Protocol, plan.Method, plan.URI, plan.Host = section.Protocol, section.Method, section.URI, section.Host
			plan.TLS = plan.TLS || section.TLS
			if section.Port.Written() {
				plan.Port = section.Port
			}
		}
	}
	b.plans = b.plans[:0]
}

// maxHeaders bounds the headers kept of one section. HAProxy itself refuses a request of more
// (tune.http.maxhdr).
const maxHeaders = 101

// header returns the headers with the one that a line sets, if it sets it whatever the request is.
func (b *builder) header(h *proxy.Headers, stmt *syntax.Stmt) *proxy.Headers {
	if stmt.Arg(1) != "set-header" || stmt.Args() != 3 || stmt.When != nil || len(h.Set) == maxHeaders {
		return h
	}
	if h == b.noHeaders {
		h = &proxy.Headers{Origin: proxy.Explicit}
	}
	h.Set = append(h.Set, proxy.Header{Name: stmt.Arg(2), Value: stmt.Arg(3), At: stmt.Ref(2)})
	return h
}

// frontend reads the client side of a section: what it listens on, and where it leads.
func (b *builder) frontend(s *section) {
	headers := b.noHeaders
	var listeners []*proxy.Listener
	var uses []*syntax.Stmt
	live(s, func(stmt *syntax.Stmt) {
		switch stmt.Name() {
		case "bind":
			listeners = b.bind(listeners, s, stmt)
		case "use_backend":
			if stmt.Args() > 0 {
				uses = append(uses, stmt)
			}
		case "http-request":
			if s.kind == Frontend {
				headers = b.header(headers, stmt)
			}
		}
	})
	b.config.Listeners = append(b.config.Listeners, listeners...)
	routes := routes{builder: b, section: s, from: listeners, headers: headers}
	for _, stmt := range uses {
		routes.add(backendUse{stmt, 1}, matchOf(stmt, 2))
	}
	if s.settings.backend.stmt != nil {
		routes.add(s.settings.backend, proxy.Match{})
	} else if s.kind == Listen {
		routes.addOwn()
	}
}

// bind appends a listener for each address of a bind line.
func (b *builder) bind(list []*proxy.Listener, s *section, stmt *syntax.Stmt) []*proxy.Listener {
	if stmt.Args() == 0 {
		return list
	}
	first := len(list)
	b.addresses.read(stmt, 1, true, func(addr proxy.Address) {
		list = append(list, &proxy.Listener{
			Addr: addr, Stmt: stmt, Section: s.stmt, Protocol: s.settings.protocol, Timeouts: s.settings.timeouts,
		})
	})
	b.binds.each(stmt, 2, func(o option) {
		for _, l := range list[first:] {
			switch o.name {
			case "ssl":
				l.TLS = true
			case "accept-proxy":
				l.ProxyProtocol = true
			case "alpn", "proto":
				l.HTTP2 = strings.Contains(stmt.Arg(o.value), "h2")
			}
		}
	})
	return list
}

// routes adds the routes of one section to the model.
type routes struct {
	builder *builder
	section *section
	from    []*proxy.Listener
	headers *proxy.Headers // what the frontend itself sets
}

// add makes a route of a use_backend or default_backend line.
func (r *routes) add(use backendUse, match proxy.Match) {
	b := r.builder
	name := use.stmt.Arg(use.word)
	route := &proxy.Route{Match: match, Stmt: use.stmt, At: use.stmt.Ref(use.word)}
	// a name made by a log-format string is looked up for every request
	if strings.Contains(name, "%") || isTemplate(name) || b.dynamic(use.stmt, use.word) {
		route.Dynamic = true
		r.finish(route, nil)
		return
	}
	route.Name = name
	r.finish(route, b.pools[name])
}

// addOwn leads a listen section to its own servers.
func (r *routes) addOwn() {
	if s := r.section; s.pool.used {
		r.finish(&proxy.Route{Stmt: s.stmt, At: s.stmt.Ref(1), Name: s.name}, s.pool)
	}
}

func (r *routes) finish(route *proxy.Route, p *pool) {
	b := r.builder
	route.From, route.Section = r.from, r.section.stmt
	route.Hop = proxy.Hop{
		Protocol: r.section.settings.protocol, Timeouts: &proxy.Timeouts{}, Buffers: b.buffers,
		Headers: r.headers, Retry: &proxy.Retry{},
	}
	if p != nil {
		p.used = true
		route.To = p.upstream
		route.Hop = proxy.Hop{
			Protocol: p.upstream.Protocol, Timeouts: p.upstream.Timeouts, Buffers: b.buffers,
			Headers: p.headers, Retry: p.retry,
		}
		if len(r.headers.Set) > 0 {
			route.Hop.Headers = &proxy.Headers{Origin: proxy.Explicit, Set: slices.Concat(r.headers.Set, p.headers.Set)}
		}
	}
	b.config.Routes = append(b.config.Routes, route)
}

// matchOf returns the condition that starts at word i; a line without one matches everything.
func matchOf(stmt *syntax.Stmt, i int) proxy.Match {
	if i >= len(stmt.Words) {
		return proxy.Match{}
	}
	at := stmt.Ref(i)
	at.Span.End = stmt.End
	return proxy.Match{Kind: proxy.MatchIf, Text: at.Text(), At: at}
}

// chunks holds many values of one type in few allocations. A big configuration has millions of them.
type chunks[T any] struct{ last []T }

func (c *chunks[T]) add(value T) *T {
	const first, most = 16, 1024
	if len(c.last) == cap(c.last) {
		c.last = make([]T, 0, min(max(first, 2*cap(c.last)), most))
	}
	c.last = append(c.last, value)
	return &c.last[len(c.last)-1]
}
