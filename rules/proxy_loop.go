package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "proxy-loop",
	Family:   lint.Ports,
	Severity: lint.Error,
	Symptom:  "500 or 502",
	Run:      proxyLoop,
	Doc: lint.Doc{
		Title: "a proxy passes requests to itself",
		Why: `The address that requests are passed to is one that this very configuration listens on, and what answers there passes them to
the same address again. One request becomes as many connections as the proxy has: nginx answers 500 or 502 when its worker_connections
are spent, HAProxy 504 after "timeout server", and while that lasts other clients wait or get the same. Mostly the port of the
application was meant, or inside a container 127.0.0.1 was taken for the host.

Known to lead back are addresses that are listened on as written, loopback addresses where all addresses are listened on, and names
that the hosts file given maps to such. The rule is silent where the second time may go another way: another server_name, another
location or path, a condition, a rewrite, a rule about the client's address. It is a warning where the pool has other servers,
and where the file is a part of a configuration of which another part may answer.`,
		How: `Write the address and port that the application listens on.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://127.0.0.1:8080;
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
    default_backend app

backend app
    server app1 127.0.0.1:8080
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://127.0.0.1:3000;
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
    default_backend app

backend app
    server app1 127.0.0.1:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://nginx.org/en/docs/http/request_processing.html",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
		},
		Since: "0.1.0",
	},
})

// landing is a server that is a listener of the same configuration.
type landing struct {
	endpoint  *proxy.Endpoint
	listeners []*proxy.Listener
	alone     bool // the pool has no other server
}

const (
	maxCircle = 8 // servers that a circle is followed through
	maxNear   = 8 // servers of one pool that are looked at
)

func proxyLoop(_ context.Context, p *lint.Pass) {
	landings := landingsOf(p)
	if len(landings) == 0 {
		return
	}
	ways := newWays(p.Config, landings)
	told := map[*proxy.Route]bool{}
	for _, r := range p.Config.Routes {
		if told[r] {
			continue
		}
		for _, l := range landings[r] {
			circle, severity := ways.circle(r, l)
			if circle == nil {
				continue
			}
			for _, passed := range circle {
				told[passed] = true
			}
			reportLoop(p, circle, l, severity)
			break
		}
	}
}

// landingsOf returns the servers of this configuration that it listens on itself, by the routes that lead there.
func landingsOf(p *lint.Pass) map[*proxy.Route][]landing {
	heard := earsOf(p.Config)
	found := map[*proxy.Route][]landing{}
	near := map[*proxy.Upstream][]*proxy.Endpoint{}
	for _, r := range p.Config.Routes {
		if r.To == nil || r.To.Open || r.Runtime || r.Match.If || !slices.ContainsFunc(r.From, isStream) {
			continue
		}
		servers, known := near[r.To]
		if !known {
			servers = heard.near(r.To, maxNear)
			near[r.To] = servers
		}
		if list := landingsOn(p, heard, r, servers); len(list) > 0 {
			found[r] = list
		}
	}
	return found
}

func landingsOn(p *lint.Pass, heard ears, r *proxy.Route, servers []*proxy.Endpoint) []landing {
	var list []landing
	for _, e := range servers {
		listeners := heard.reach(r, e, p.Inventory)
		if p.Config.Dialect == syntax.HAProxy && takesClientAddress(e.Addr.Host) && e.Addr.Socket == "" {
			listeners = ownPort(r, e)
		}
		if len(listeners) > 0 {
			list = append(list, landing{e, listeners, inUse(r.To, 2) < 2})
		}
	}
	return list
}

func isStream(l *proxy.Listener) bool { return l.Protocol != proxy.UDP }

// ownPort returns the listeners of a route that a server without an address has the port of: HAProxy then dials the
// address that the client came to.
func ownPort(r *proxy.Route, e *proxy.Endpoint) []*proxy.Listener {
	for _, l := range r.From {
		if l.Addr.Port != e.Addr.Port || isOpen(e.Addr) || isOpen(l.Addr) || l.Addr.Port <= 0 {
			return nil
		}
	}
	return r.From
}

// ways tell where a request goes next.
type ways struct {
	config   *proxy.Config
	landings map[*proxy.Route][]landing
	routes   map[*syntax.Stmt][]*proxy.Route // of the sections that are led to
	barred   map[*syntax.Stmt]bool           // nginx: passes whose way holds a directive that may end or turn it
	partial  bool                            // other files may hold more servers
	heard    map[*proxy.Listener]*audience   // by the first listener of an address
	steady   map[steadiness]bool
}

// steadiness asks of a HAProxy section whether it treats a request alike twice; only: where it has one way to go.
type steadiness struct {
	section *syntax.Stmt
	only    bool
}

func newWays(c *proxy.Config, landings map[*proxy.Route][]landing) *ways {
	w := &ways{
		config: c, landings: landings, routes: map[*syntax.Stmt][]*proxy.Route{}, barred: map[*syntax.Stmt]bool{},
		partial: !seesGroups(c.Tree), heard: map[*proxy.Listener]*audience{}, steady: map[steadiness]bool{},
	}
	for _, r := range c.Routes {
		w.routes[r.Section] = append(w.routes[r.Section], r)
	}
	if c.Dialect == syntax.Nginx {
		w.bar()
	}
	return w
}

// bar finds the passes that a request may not get to a second time, by what stands in the blocks around them.
func (w *ways) bar() {
	turns := map[*syntax.Stmt]bool{}
	passes := map[*syntax.Stmt][]*syntax.Scope{}
	for r := range w.landings {
		passes[r.Stmt] = nil
	}
	w.config.Tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		if _, unread := w.config.Tree.Unread[s]; unread && !holdsTables(s.Arg(1)) || turnsRequests(s) {
			turns[scope.Stmt] = true
		}
		if _, wanted := passes[s]; wanted {
			passes[s] = append(passes[s], scope)
		}
		return !holdsNoDirectives(s.Name())
	})
	for s, scopes := range passes {
		for _, scope := range scopes {
			for ; scope != nil && scope.Stmt != nil && scope.Stmt.Name() != "http"; scope = scope.Up {
				w.barred[s] = w.barred[s] || turns[scope.Stmt]
			}
		}
	}
}

// turnsRequests reports whether a directive of nginx may let one request pass and not the next, or sends it elsewhere.
func turnsRequests(s *syntax.Stmt) bool {
	switch name := s.Name(); name {
	case "internal", "rewrite", "return", "if", "try_files", "deny", "auth_request", "ssl_verify_client", "proxy_method",
		"proxy_pass_request_headers", "js_content", "js_access":
		return true
	default:
		return strings.Contains(name, "_by_lua")
	}
}

// circle returns the routes that a request passes from r until it comes to r again; nil where it does not, or may not.
func (w *ways) circle(r *proxy.Route, l landing) ([]*proxy.Route, lint.Severity) {
	var passed []*proxy.Route
	severity := lint.Error
	at := r
	for len(passed) < maxCircle {
		next, sure := w.next(r, at, l)
		if next == nil {
			return nil, 0
		}
		if !sure || !l.alone {
			severity = lint.Warning
		}
		passed = append(passed, at)
		if next == r {
			return passed, severity
		}
		if at = next; len(w.landings[at]) == 0 {
			return nil, 0
		}
		l = w.landings[at][0]
	}
	return nil, 0
}

// next returns the route that a request of one route takes where it lands; nil where that is not known. sure is false
// where another file may have an answer.
func (w *ways) next(first, at *proxy.Route, l landing) (next *proxy.Route, sure bool) {
	if !w.keepsRequest(at) {
		return nil, false
	}
	there := w.audienceOf(l.listeners)
	if !there.understands(at, l.endpoint) {
		return nil, false
	}
	if w.config.Dialect == syntax.Nginx && at == first && there.sections[at.Section] {
		answered, sure := w.answeredHere(at, there)
		if !answered {
			return nil, false
		}
		return at, sure
	}
	if len(there.sections) != 1 {
		return nil, false
	}
	sure = w.config.Dialect == syntax.HAProxy || !w.partial
	if there.usual == first.Section {
		return first, sure
	}
	routes := w.routes[there.usual]
	if len(routes) != 1 || routes[0].Match.If || !takesAll(routes[0].Match) {
		return nil, false
	}
	return routes[0], sure
}

// audience is who listens on one address, and by what they are chosen.
type audience struct {
	sections map[*syntax.Stmt]bool
	named    map[string]*syntax.Stmt // by their names, in lower case
	patterns []*syntax.Stmt          // those that names are compared with; two are enough
	usual    *syntax.Stmt            // who answers for a name that none has
	first    *proxy.Listener
	mixed    bool // not all of them speak the same
}

func (w *ways) audienceOf(listeners []*proxy.Listener) *audience {
	there := w.heard[listeners[0]]
	if there != nil {
		return there
	}
	there = &audience{sections: map[*syntax.Stmt]bool{}, named: map[string]*syntax.Stmt{}, first: listeners[0]}
	w.heard[listeners[0]] = there
	for _, l := range listeners {
		there.add(l)
	}
	return there
}

func (there *audience) add(l *proxy.Listener) {
	there.sections[l.Section] = true
	there.mixed = there.mixed || l.TLS != there.first.TLS || l.ProxyProtocol != there.first.ProxyProtocol || l.Protocol != there.first.Protocol
	if there.usual == nil || l.Stmt != nil && (hasWord(l.Stmt, "default_server") || hasWord(l.Stmt, "default")) {
		there.usual = l.Section
	}
	for _, at := range l.Names {
		name := strings.ToLower(literal(at))
		switch {
		case name == "" || strings.ContainsAny(name, "*~") || strings.HasPrefix(name, "."):
			if len(there.patterns) < 2 && !slices.Contains(there.patterns, l.Section) {
				there.patterns = append(there.patterns, l.Section)
			}
		case there.named[name] == nil:
			there.named[name] = l.Section
		}
	}
}

// understands reports whether a route speaks what is spoken there.
func (there *audience) understands(r *proxy.Route, e *proxy.Endpoint) bool {
	tls, sent := r.Hop.TLS != nil || e.TLS != nil, r.Hop.SendProxy.Value || e.SendProxy != 0
	return !there.mixed && there.first.TLS == tls && there.first.ProxyProtocol == sent &&
		carries(there.first.Protocol) && carries(r.Hop.Protocol)
}

func carries(p proxy.Protocol) bool { return p == proxy.HTTP || p == proxy.TCP }

func takesAll(m proxy.Match) bool {
	return m.Kind == proxy.MatchAll || m.Kind == proxy.MatchPrefix && m.Text == "/"
}

// keepsRequest reports whether a request leaves a route as it came, so that it goes the same way again.
func (w *ways) keepsRequest(r *proxy.Route) bool {
	if w.config.Dialect == syntax.HAProxy {
		only := len(w.routes[r.Section]) == 1
		return w.isSteady(steadiness{r.Section, only}) && w.isSteady(steadiness{r.To.Stmt, only})
	}
	uri := r.Hop.URI
	return !w.barred[r.Stmt] && r.Match.Kind != proxy.MatchNamed && !uri.Dynamic && (!uri.Written() || uri.Value == r.Match.Text)
}

func (w *ways) isSteady(key steadiness) bool {
	answer, known := w.steady[key]
	if !known {
		answer = isSteady(key.section, key.only)
		w.steady[key] = answer
	}
	return answer
}

// answeredHere reports whether the server block of a pass is the one that answers where its requests land, among those
// that listen there (nginx, "How nginx processes a request"), and whether no other file may hold a better one.
func (w *ways) answeredHere(r *proxy.Route, there *audience) (answered, sure bool) {
	if len(there.sections) == 1 && !w.partial {
		return true, true
	}
	header := setsHeader(r.Hop.Headers.Set, "Host")
	if header != nil && keepsHost(header.Value) {
		named := hasName(r, there)
		return named || there.usual == r.Section, named || !w.partial
	}
	host := r.To.Endpoints[0].Addr.Host
	chosen := header != nil && header.Value != "$proxy_host" // which is the default
	switch {
	case chosen:
		host = header.Value
	case !r.To.Implicit:
		host = r.To.Name
	}
	if strings.Contains(host, "$") {
		return false, false
	}
	if section := there.named[strings.ToLower(host)]; section != nil {
		return section == r.Section, true
	}
	if slices.ContainsFunc(there.patterns, func(s *syntax.Stmt) bool { return s != r.Section }) {
		return false, false
	}
	// a name that is nowhere in sight may be in another file
	return there.usual == r.Section && (!chosen || !w.partial), !w.partial
}

// keepsHost reports whether a Host header is the one that the client sent.
func keepsHost(value string) bool {
	return value == "$http_host" || value == "$host" || strings.HasPrefix(value, "$host:")
}

// hasName reports whether the server block of a pass is chosen by a name where its requests land.
func hasName(r *proxy.Route, there *audience) bool {
	return slices.ContainsFunc(r.From[0].Names, func(at syntax.Ref) bool {
		name := strings.ToLower(literal(at))
		return isHostName(name) && there.named[name] == r.Section
	})
}

// isSteady reports whether a HAProxy section treats a request that comes a second time, from this host, as it did the
// first time. Where it has only one way to go, it matters no more what a request looks like.
func isSteady(section *syntax.Stmt, only bool) bool {
	for _, s := range section.Block.Stmts {
		switch s.Name() {
		case "acl":
			if !isSteadySample(s.Arg(2)) {
				return false
			}
		case "use-server", "dispatch", "source":
			return false
		case "use_backend", "redirect", "http-request", "tcp-request":
			if endsOrTurns(s, only) {
				return false
			}
		}
	}
	return true
}

// endsOrTurns reports whether a line may treat a request otherwise the second time, or none comes past it.
func endsOrTurns(s *syntax.Stmt, only bool) bool {
	conditional := false
	for i := 1; i <= s.Args(); i++ {
		switch word := s.Arg(i); {
		case word == "if" || word == "unless":
			conditional = true
		case word == "{" && !isSteadySample(strings.TrimPrefix(s.Arg(i+1), "!")):
			return true
		case word == "LOCALHOST" || strings.HasPrefix(word, "set-dst") || strings.HasPrefix(word, "lua.") || word == "use-service":
			return true
		case !only && (strings.HasPrefix(word, "set-") || strings.HasPrefix(word, "replace-")):
			return true
		}
	}
	if conditional {
		return false
	}
	return s.Name() == "redirect" || s.Name() != "use_backend" && (isFinal(s.Arg(1)) || isFinal(s.Arg(2)))
}

// isSteadySample reports whether a sample is a part of the request that a proxy passes on as it is.
func isSteadySample(sample string) bool {
	name, _, _ := strings.Cut(strings.ToLower(sample), ",")
	for _, prefix := range []string{"path", "url", "base", "req.ssl_sni", "req_ssl_", "method"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.HasPrefix(strings.TrimPrefix(name, "req."), "hdr") && strings.HasSuffix(name, "(host)")
}

func reportLoop(p *lint.Pass, circle []*proxy.Route, l landing, severity lint.Severity) {
	r, listener := circle[0], l.listeners[0]
	d := lint.Diagnostic{
		Severity: severity,
		At:       l.endpoint.Addr.At,
		Message:  fmt.Sprintf("%s is where this %s listens itself", l.endpoint.Addr.At.Text(), r.Section.Name()),
		Hint:     loopHint(r, l.endpoint),
		Related:  []lint.Related{{At: listenerPlace(listener), Message: "listens here"}},
	}
	if len(circle) > 1 {
		d.Message = fmt.Sprintf("%s is listened on here, and requests come back from there", l.endpoint.Addr.At.Text())
		d.Related = append(d.Related, lint.Related{At: circle[1].At, Message: "the way back"})
	}
	if p.Config.Dialect == syntax.HAProxy {
		d.Message += ": a request goes round until a timeout or a maxconn ends it"
		d.Symptom = "504"
	} else {
		d.Message += ": a request goes round until worker_connections are spent"
	}
	if r.Hop.Protocol == proxy.TCP {
		d.Symptom = "connection closed"
		d.Message = strings.Replace(d.Message, "a request", "a connection", 1)
	}
	if r.At != d.At && !holds(r.At, d.At) {
		d.Related = append(d.Related, lint.Related{At: r.At, Message: "the way there"})
	}
	p.Report(d)
}

func loopHint(r *proxy.Route, e *proxy.Endpoint) string {
	host := e.Addr.Host
	if host == "" || isAddress(host) && strings.Contains(host, ":") {
		host = ownHost
	}
	const end = ", with the port of the application"
	if r.Stmt.File.Dialect == syntax.HAProxy || !r.To.Implicit {
		return serverLine(e, host+":PORT", "") + end
	}
	scheme := ""
	if at := r.Hop.Scheme; !at.IsZero() {
		scheme = at.Text() + "://"
	}
	return fmt.Sprintf("%s %s%s:PORT%s", r.Stmt.Name(), scheme, host, end)
}
