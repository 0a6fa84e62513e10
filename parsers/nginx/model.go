package nginx

import (
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxRereads bounds how often the model reads a statement on average, counting an included file once for
// every way that leads to it. Files that include each other twice over have ways without number.
const maxRereads = 20

// build makes the neutral model of a tree.
func build(tree *syntax.Tree) *proxy.Config {
	b := builder{
		Config:     &proxy.Config{Dialect: syntax.Nginx, Tree: tree},
		tree:       tree,
		resolvers:  map[*syntax.Stmt]*proxy.Resolver{},
		parameters: map[string]*typedServer{},
		left:       1000 + maxRereads*count(tree),
	}
	l := &level{opaque: tree.Fragment}
	list := tree.Roots[0].Stmts
	if len(tree.Around) == 0 {
		b.main(l, b.flatten(list, l))
		return b.Config
	}
	for range tree.Around {
		l = &level{up: l, opaque: true}
	}
	switch tree.Around[0] {
	case "stream":
		b.streams = newGroups()
		b.stream(tree.Around, l, list)
	case "http":
		b.https = newGroups()
		b.http(tree.Around, l, list)
	}
	return b.Config
}

// count returns the number of statements in all files of a tree.
func count(tree *syntax.Tree) int {
	n := 0
	for _, f := range tree.Files {
		n += countIn(f.Stmts)
	}
	return n
}

func countIn(list []*syntax.Stmt) int {
	n := len(list)
	for _, s := range list {
		if s.Block != nil {
			n += countIn(s.Block.Stmts)
		}
	}
	return n
}

// builder fills the model, block by block.
type builder struct {
	*proxy.Config
	tree       *syntax.Tree
	https      *groups
	streams    *groups
	resolvers  map[*syntax.Stmt]*proxy.Resolver
	parameters map[string]*typedServer // of server lines, as written
	left       int
}

// groups are the upstreams and the variables of one http or stream block.
type groups struct {
	named    map[string]*proxy.Upstream
	implicit map[endpointKey]*proxy.Upstream // of literal passes
	runtime  []runtimeTarget
	maps     map[string]*syntax.Stmt // map, geo and split_clients blocks by variable
}

func newGroups() *groups {
	return &groups{
		named:    map[string]*proxy.Upstream{},
		implicit: map[endpointKey]*proxy.Upstream{},
		maps:     map[string]*syntax.Stmt{},
	}
}

// flatten returns the statements of a block in order, those of included files among them, and keeps
// in the level what it sets.
func (b *builder) flatten(list []*syntax.Stmt, l *level) []*syntax.Stmt {
	flat := b.expand(nil, list, l)
	l.opaque = l.opaque || l.stmt != nil && l.stmt.File.IsOpen()
	for _, s := range flat {
		name := s.Name()
		if s.Block == nil && isSetting(name) {
			l.own = append(l.own, s)
		}
		switch {
		case name == "set" && s.Args() == 2:
			l.sets = append(l.sets, assignment{s, s.File.IsOpen()})
		case name == "if" && s.Block != nil:
			for _, inner := range b.expand(nil, s.Block.Stmts, &level{}) {
				if inner.Name() == "set" && inner.Args() == 2 {
					l.sets = append(l.sets, assignment{inner, true})
				}
			}
		}
	}
	return flat
}

func (b *builder) expand(flat, list []*syntax.Stmt, l *level) []*syntax.Stmt {
	if b.left -= len(list); b.left < 0 {
		return flat
	}
	if len(b.tree.Includes) == 0 && len(b.tree.Unread) == 0 && flat == nil {
		return list
	}
	for _, s := range list {
		if _, unread := b.tree.Unread[s]; unread && !setsNothing(s.Arg(1)) {
			l.opaque = true
		}
		flat = append(flat, s)
		for _, f := range b.tree.Includes[s] {
			l.opaque = l.opaque || f.IsOpen()
			flat = b.expand(flat, f.Stmts, l)
		}
	}
	return flat
}

// isSetting reports whether a directive is one whose value in effect the model may ask for.
func isSetting(name string) bool {
	prefix, _, found := strings.Cut(name, "_")
	if !found {
		return name == "resolver" || name == "http2"
	}
	switch prefix {
	case "proxy", "fastcgi", "uwsgi", "scgi", "grpc", "memcached":
		return true
	}
	return isClientTimeout(name) || name == "large_client_header_buffers"
}

func (b *builder) main(l *level, list []*syntax.Stmt) {
	for _, s := range list {
		if s.Block == nil {
			continue
		}
		inner := &level{up: l, stmt: s}
		switch s.Name() {
		case "http":
			b.https = newGroups()
			b.http([]string{"http"}, inner, s.Block.Stmts)
		case "stream":
			b.streams = newGroups()
			b.stream([]string{"stream"}, inner, s.Block.Stmts)
		}
	}
}

// http reads the statements of an http block, or of a fragment that lies in one: around names the
// blocks down to it.
func (b *builder) http(around []string, l *level, list []*syntax.Stmt) {
	flat := b.flatten(list, l)
	switch around[len(around)-1] {
	case "http":
		b.collect(b.https, flat, l, proxy.HTTP)
		for _, s := range flat {
			if s.Block != nil && s.Name() == "server" {
				b.server(&level{up: l, stmt: s}, s)
			}
		}
	case "upstream":
		b.servers(&proxy.Upstream{Protocol: proxy.HTTP, Open: true}, flat)
	default:
		b.locations(&site{}, l, flat)
	}
	b.share(b.https)
}

// stream reads the statements of a stream block, or of a fragment that lies in one.
func (b *builder) stream(around []string, l *level, list []*syntax.Stmt) {
	flat := b.flatten(list, l)
	if around[len(around)-1] == "server" {
		b.streamServer(l, nil, flat)
		return
	}
	b.collect(b.streams, flat, l, proxy.TCP)
	for _, s := range flat {
		if s.Block != nil && s.Name() == "server" {
			inner := &level{up: l, stmt: s}
			b.streamServer(inner, s, b.flatten(s.Block.Stmts, inner))
		}
	}
	b.share(b.streams)
}

// collect reads the upstream groups and the maps of a block before its servers: a server may name
// what stands below it.
func (b *builder) collect(g *groups, flat []*syntax.Stmt, l *level, protocol proxy.Protocol) {
	for _, s := range flat {
		if s.Block == nil || s.Args() == 0 {
			continue
		}
		switch s.Name() {
		case "upstream":
			u := b.upstream(s, l, protocol)
			u.Survey()
			b.Upstreams = append(b.Upstreams, u)
			if _, taken := g.named[strings.ToLower(u.Name)]; !taken {
				g.named[strings.ToLower(u.Name)] = u
			}
		case "map", "geo", "split_clients":
			g.maps[strings.TrimPrefix(s.Arg(s.Args()), "$")] = s
		}
	}
}

func (b *builder) upstream(s *syntax.Stmt, outer *level, protocol proxy.Protocol) *proxy.Upstream {
	u := &proxy.Upstream{Name: s.Arg(1), At: s.Ref(1), Stmt: s, Protocol: protocol}
	l := &level{up: outer, stmt: s}
	flat := b.flatten(s.Block.Stmts, l)
	u.Open = l.opaque
	u.Resolver = b.resolver(l)
	b.servers(u, flat)
	return u
}

// servers reads the inside of an upstream group.
func (b *builder) servers(u *proxy.Upstream, flat []*syntax.Stmt) {
	u.Balance = proxy.Setting[string]{Value: "round-robin", Origin: proxy.Default}
	u.Keepalive.Origin = proxy.Default
	u.Idle = proxy.Setting[time.Duration]{Value: time.Minute, Origin: proxy.Default}
	for _, s := range flat {
		switch name := s.Name(); name {
		case "server":
			if s.Args() > 0 {
				u.Endpoints = append(u.Endpoints, b.endpoint(s))
			}
		case "least_conn", "ip_hash", "hash", "random", "least_time", "fair":
			u.Balance = proxy.Setting[string]{Value: name, Origin: proxy.Explicit, At: s.Ref(0)}
		case "keepalive":
			n, ok := parseInt(s.Arg(1))
			u.Keepalive = proxy.Setting[int64]{Value: n, Origin: proxy.Explicit, Dynamic: !ok, At: s.Ref(1)}
		case "keepalive_timeout":
			d, ok := parseTime(s.Arg(1))
			u.Idle = proxy.Setting[time.Duration]{Value: d, Origin: proxy.Explicit, Dynamic: !ok, At: s.Ref(1)}
		case "zone":
			if s.Args() > 0 {
				u.Zone = s.Ref(1)
			}
		default:
			// Lua picks the peer, and dyups and its kind put servers in: what the file shows is not all.
			if strings.HasPrefix(name, "balancer_by_lua") || name == "dyups_interface" || name == "state" {
				u.Open = true
			}
		}
	}
}

// noOptions are shared by the endpoints with no limit of connections: the rest is HAProxy's.
var noOptions = &proxy.ServerOptions{MaxConns: proxy.Setting[int64]{Origin: proxy.Default}}

// endpoint reads one "server" line of a group.
func (b *builder) endpoint(s *syntax.Stmt) *proxy.Endpoint {
	e := &proxy.Endpoint{
		ServerOptions: noOptions,
		Stmt:          s,
		Addr:          parseAddress(markVariables(s.Arg(1)), 0, wordPlace(s, 1)),
		Weight:        proxy.Setting[int64]{Value: 1, Origin: proxy.Default},
	}
	if s.Args() > 1 {
		b.options(e, s)
	}
	return e
}

// site is one server block and those who listen for it.
type site struct {
	section   *syntax.Stmt
	listeners []*proxy.Listener
}

func (b *builder) server(l *level, s *syntax.Stmt) {
	flat := b.flatten(s.Block.Stmts, l)
	site := &site{section: s, listeners: b.listeners(l, s, flat, proxy.HTTP)}
	b.Listeners = append(b.Listeners, site.listeners...)
	b.locations(site, l, flat)
}

// locations reads what stands in a server, a location, an "if" or a limit_except block.
func (b *builder) locations(site *site, l *level, flat []*syntax.Stmt) {
	for _, s := range flat {
		name := s.Name()
		if s.Block == nil {
			if m, ok := strings.CutSuffix(name, "_pass"); ok && s.Args() > 0 && isModule(m) {
				b.pass(site, l, s, module(m))
			}
			continue
		}
		switch name {
		case "location", "if", "limit_except":
			inner := &level{up: l, stmt: s}
			b.locations(site, inner, b.flatten(s.Block.Stmts, inner))
		}
	}
}

func isModule(name string) bool {
	switch name {
	case "proxy", "fastcgi", "uwsgi", "scgi", "grpc", "memcached":
		return true
	}
	return false
}

func (b *builder) streamServer(l *level, s *syntax.Stmt, flat []*syntax.Stmt) {
	site := &site{section: s}
	if s != nil {
		site.listeners = b.listeners(l, s, flat, proxy.TCP)
		b.Listeners = append(b.Listeners, site.listeners...)
	}
	for _, s := range flat {
		if s.Block == nil && s.Args() > 0 && s.Name() == "proxy_pass" {
			b.pass(site, l, s, streamProxy)
		}
	}
}

// listeners reads the listen directives of a server; without any, nginx listens on port 80.
func (b *builder) listeners(l *level, section *syntax.Stmt, flat []*syntax.Stmt, protocol proxy.Protocol) []*proxy.Listener {
	var names []syntax.Ref
	var list []*proxy.Listener
	tls := false
	for _, s := range flat {
		switch s.Name() {
		case "server_name":
			for i := range s.Args() {
				names = append(names, s.Ref(i+1))
			}
		case "ssl":
			tls = s.Arg(1) == "on"
		case "listen":
			if s.Args() > 0 {
				list = append(list, listener(s, section, protocol))
			}
		}
	}
	if len(list) == 0 && protocol == proxy.HTTP && !l.opaque {
		list = []*proxy.Listener{{Addr: proxy.Address{Port: 80}, Section: section, Protocol: protocol}}
	}
	timeouts := l.clientTimeouts()
	http2 := setting(l, "http2", 1, parseFlag, false).Value
	header := setting(l, "large_client_header_buffers", 2, parseSize, 8<<10)
	for _, listener := range list {
		listener.Names = names
		listener.TLS = listener.TLS || tls
		listener.HTTP2 = listener.HTTP2 || http2
		listener.Timeouts = timeouts
		listener.Header = header
	}
	return list
}

func listener(s, section *syntax.Stmt, protocol proxy.Protocol) *proxy.Listener {
	l := &proxy.Listener{Stmt: s, Section: section, Protocol: protocol, Addr: listenAddress(s)}
	for i := 2; i <= s.Args(); i++ {
		switch s.Arg(i) {
		case "ssl", "quic":
			l.TLS = true
		case "http2":
			l.HTTP2 = true
		case "proxy_protocol":
			l.ProxyProtocol = true
		case "udp":
			l.Protocol = proxy.UDP
		}
	}
	return l
}

// listenAddress reads the address of a listen directive, which may be a port alone; without a port it
// is 80 (ngx_http_core_module, "listen").
func listenAddress(s *syntax.Stmt) proxy.Address {
	text := markVariables(s.Arg(1))
	at := wordPlace(s, 1)
	first, _, _ := strings.Cut(text, "-") // a range of ports is written 8000-8010
	if port := parsePort(first); port >= 0 {
		return proxy.Address{Port: port, At: at(0, len(text)), PortAt: at(0, len(text))}
	}
	a := parseAddress(text, 0, at)
	if a.Port < 0 && a.PortAt.IsZero() && a.Socket == "" {
		a.Port = 80
	}
	return a
}

// resolver returns the resolver directive in effect.
func (b *builder) resolver(l *level) proxy.Setting[*proxy.Resolver] {
	stmt, at, known := l.find("resolver")
	if !known {
		return proxy.Setting[*proxy.Resolver]{}
	}
	if stmt == nil {
		return proxy.Setting[*proxy.Resolver]{Origin: proxy.Default}
	}
	s := proxy.Setting[*proxy.Resolver]{Origin: proxy.Inherited, At: stmt.Ref(1)}
	if at == l {
		s.Origin = proxy.Explicit
	}
	if b.resolvers[stmt] == nil {
		b.resolvers[stmt] = readResolver(stmt)
		b.Resolvers = append(b.Resolvers, b.resolvers[stmt])
	}
	s.Value = b.resolvers[stmt]
	return s
}

func readResolver(s *syntax.Stmt) *proxy.Resolver {
	r := &proxy.Resolver{Stmt: s, At: s.Ref(1), Valid: proxy.Setting[time.Duration]{Origin: proxy.Default}}
	for i := 1; i <= s.Args(); i++ {
		text := s.Arg(i)
		if value, ok := strings.CutPrefix(text, "valid="); ok {
			d, known := parseTime(value)
			r.Valid = proxy.Setting[time.Duration]{Value: d, Origin: proxy.Explicit, Dynamic: !known, At: s.Ref(i)}
			continue
		}
		if !strings.Contains(text, "=") {
			r.Servers = append(r.Servers, parseAddress(markVariables(text), 0, wordPlace(s, i)))
		}
	}
	return r
}

// routeMatch returns what chooses the requests that reach a level: its location, and whether an "if" or
// limit_except lies between.
func routeMatch(l *level) proxy.Match {
	inIf := false
	for ; l != nil && l.stmt != nil; l = l.up {
		switch l.stmt.Name() {
		case "if", "limit_except":
			inIf = true
		case "location":
			m := locationMatch(l.stmt)
			m.If = inIf
			return m
		}
	}
	return proxy.Match{Kind: proxy.MatchAll, If: inIf}
}

// locationMatch reads the modifier and the pattern of a location; the two may stand in one word
// (ngx_http_core_module, "location").
func locationMatch(s *syntax.Stmt) proxy.Match {
	if s.Args() == 0 {
		return proxy.Match{}
	}
	last := s.Args()
	text, at := s.Arg(last), s.Ref(last)
	modifier := s.Arg(1)
	if last == 1 {
		for _, m := range []string{"=", "^~", "~*", "~", "@"} {
			if pattern, ok := strings.CutPrefix(text, m); ok {
				modifier, text, at = m, pattern, wordPlace(s, 1)(len(m), len(text))
				break
			}
		}
	}
	m := proxy.Match{Kind: proxy.MatchPrefix, Text: text, At: at}
	switch modifier {
	case "=":
		m.Kind = proxy.MatchExact
	case "~", "~*":
		m.Kind = proxy.MatchRegex
	case "@":
		m.Kind = proxy.MatchNamed
	}
	return m
}
