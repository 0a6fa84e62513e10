package logs

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Site is what a group is about in a configuration. Parts that can't be told are nil.
type Site struct {
	Endpoint *proxy.Endpoint
	Upstream *proxy.Upstream
	Route    *proxy.Route
	Section  *syntax.Stmt      // the server block or frontend, where no route is known
	Stale    string            // the address or names in the log that the configuration does not have, or no longer leads to
	Now      string            // where the name of the server leads, if Stale is where it led
	Findings []lint.Diagnostic // those that explain the cause: what dialing found, then the nearest first
	Dialed   []*probe.Result   // what came of its servers, where they were dialed
}

// At returns the place that a group stands on; zero: there is none.
func (s *Site) At() syntax.Ref {
	switch {
	case s.Endpoint != nil && s.Upstream.Implicit && s.Route != nil && s.Route.Stmt != s.Endpoint.Stmt:
		return s.Route.At // a pass through a variable shares the upstream of one to the same address
	case s.Endpoint != nil:
		return s.Endpoint.Addr.At
	case s.Upstream != nil:
		return s.Upstream.At
	case s.Route != nil:
		return s.Route.At
	case s.Section != nil:
		return s.Section.Ref(0)
	case len(s.Findings) > 0:
		return s.Findings[0].At
	}
	return syntax.Ref{}
}

// Around is what groups are joined with.
type Around struct {
	Configs []*proxy.Config
	Found   []lint.Diagnostic              // what is found in them, by file and place, free of secrets
	Live    []lint.Diagnostic              // what dialing found, likewise
	Dialed  *probe.Results                 // nil: nothing was dialed
	Host    func(name string) []netip.Addr // the addresses of a name, where they are known
}

// Join finds the site of every group, as far as there is a configuration of its proxy.
func (s *Summary) Join(around Around) {
	explainer := explainer{found: newFindings(around.Found), live: newFindings(around.Live)}
	dialed := dialedAt(around.Dialed)
	wanted := map[string]bool{}
	for _, g := range s.groups {
		host, port := splitPort(g.Target)
		wanted[host], wanted[joinPort(host, port)] = true, true
	}
	maps := map[syntax.Dialect]*siteMap{}
	for _, config := range around.Configs {
		if maps[config.Dialect] == nil {
			maps[config.Dialect] = newSiteMap(wanted, around.Host)
		}
		maps[config.Dialect].add(config)
	}
	for _, g := range s.groups {
		dialect := syntax.HAProxy
		if g.Sample.Source == NginxError || g.Sample.Source == NginxAccess {
			dialect = syntax.Nginx
		}
		m := maps[dialect]
		if m == nil || g.Target == other { // which stands for many places
			continue
		}
		site := &Site{}
		if dialect == syntax.Nginx {
			m.nginxSite(g, site)
		} else {
			m.haproxySite(g, site)
		}
		site.Findings = explainer.explain(g, site, m.files)
		for _, at := range site.servers() {
			site.Dialed = append(site.Dialed, dialed[at]...)
		}
		g.Site = site
	}
}

// spot is a server with the pool that it is in; of a group's name, the pool alone.
type spot struct {
	upstream *proxy.Upstream
	endpoint *proxy.Endpoint
}

// siteMap finds parts of the configurations of one dialect.
type siteMap struct {
	host      func(name string) []netip.Addr
	wanted    map[string]bool              // keys of the addresses that the logs have: a configuration may have a million
	addresses map[string][]spot            // by host:port, host or unix:path
	upstreams map[string][]*proxy.Upstream // by name
	sections  map[string][]*syntax.Stmt    // by server name, or by a frontend's name
	routes    map[*syntax.Stmt][]*proxy.Route
	all       []*proxy.Route
	uncertain map[*proxy.Upstream]bool // those that may hold addresses which are not written there
	files     map[string]bool          // paths
	partial   bool                     // the configurations may have parts that were not read
}

func newSiteMap(wanted map[string]bool, host func(name string) []netip.Addr) *siteMap {
	if host == nil {
		host = func(string) []netip.Addr { return nil }
	}
	return &siteMap{
		host: host, wanted: wanted, uncertain: map[*proxy.Upstream]bool{}, addresses: map[string][]spot{}, upstreams: map[string][]*proxy.Upstream{},
		sections: map[string][]*syntax.Stmt{}, routes: map[*syntax.Stmt][]*proxy.Route{}, files: map[string]bool{},
	}
}

func (m *siteMap) add(config *proxy.Config) {
	m.partial = m.partial || config.Tree.Fragment || len(config.Tree.Unread) > 0
	for _, file := range config.Tree.Files {
		m.files[file.Path] = true
		m.partial = m.partial || file.IsOpen()
	}
	ports := defaultPorts(config)
	for _, u := range config.Upstreams {
		m.upstreams[u.Name] = append(m.upstreams[u.Name], u)
		m.uncertain[u] = m.isUncertain(u)
		for _, e := range u.Endpoints {
			for _, key := range addressKeys(e.Addr, ports[u], m.host) {
				if m.wanted[key] {
					m.addresses[key] = append(m.addresses[key], spot{u, e})
				}
			}
		}
	}
	for _, l := range config.Listeners {
		switch {
		case config.Dialect == syntax.HAProxy:
			m.addSection(l.Section.Arg(1), l.Section)
		case l.Protocol == proxy.TCP || l.Protocol == proxy.UDP:
			m.addSection(streamKey(l.Addr), l.Section)
		case len(l.Names) == 0:
			m.addSection("", l.Section)
		}
		for _, name := range l.Names {
			m.addSection(strings.ToLower(strings.Trim(name.Text(), `"'`)), l.Section)
		}
	}
	for _, r := range config.Routes {
		m.all = append(m.all, r)
		m.routes[r.Section] = append(m.routes[r.Section], r)
	}
}

// addSection adds a section once, though it may have many listeners one after the other.
func (m *siteMap) addSection(name string, section *syntax.Stmt) {
	if list := m.sections[name]; len(list) == 0 || list[len(list)-1] != section {
		m.sections[name] = append(list, section)
	}
}

// streamKey returns what stands for the server_name in messages of a stream: the address that is listened on.
func streamKey(a proxy.Address) string {
	switch {
	case a.Socket != "":
		return "unix:" + a.Socket
	case a.Host == "" || a.Host == "*":
		return joinPort("0.0.0.0", a.Port)
	}
	return joinPort(hostKey(a.Host), a.Port)
}

// defaultPorts returns the ports of nginx' servers where none is written: 80, and 443 of a pass to https that names no
// group (ngx_http_proxy_module, proxy_pass). HAProxy's have the client's.
func defaultPorts(config *proxy.Config) map[*proxy.Upstream]int {
	ports := map[*proxy.Upstream]int{}
	if config.Dialect == syntax.HAProxy {
		return ports
	}
	for _, u := range config.Upstreams {
		ports[u] = 80
	}
	for _, r := range config.Routes {
		if r.To != nil && r.To.Implicit && r.Hop.TLS != nil {
			ports[r.To] = 443
		}
	}
	return ports
}

// addressKeys returns the texts by which a log may name an address: names with and without a port. The port is that of
// an address without one; 0: it may be any.
func addressKeys(a proxy.Address, port int, host func(string) []netip.Addr) []string {
	switch {
	case a.Dynamic:
		return nil
	case a.Socket != "":
		return []string{"unix:" + a.Socket}
	case a.Port >= 0:
		port = a.Port
	}
	hosts := []string{hostKey(a.Host)}
	if !isLiteral(a.Host) {
		for _, addr := range host(a.Host) {
			hosts = append(hosts, addr.Unmap().String())
		}
	}
	var keys []string
	for _, h := range hosts {
		if port > 0 {
			keys = append(keys, joinPort(h, port))
		}
		if port == 0 || !isLiteral(h) {
			keys = append(keys, h)
		}
	}
	return keys
}

// located returns the servers that an address of a log may be.
func (m *siteMap) located(address string) []spot {
	host, port := splitPort(address)
	if found := m.addresses[joinPort(host, port)]; port >= 0 && found != nil {
		return found
	}
	return m.addresses[host]
}

// nearest chooses among servers the first that one of the routes leads to, else the first.
func nearest(spots []spot, routes []*proxy.Route) (spot, *proxy.Route) {
	in := map[*proxy.Upstream]spot{}
	for _, s := range slices.Backward(spots) {
		in[s.upstream] = s
	}
	for _, r := range routes {
		if s, ok := in[r.To]; ok {
			return s, r
		}
	}
	return spots[0], nil
}

// isUncertain reports whether a pool may hold addresses that its servers do not show: those of names that nothing is known
// of, among others.
func (m *siteMap) isUncertain(u *proxy.Upstream) bool {
	return u.Open || slices.ContainsFunc(u.Endpoints, func(e *proxy.Endpoint) bool {
		return e.Addr.Dynamic || e.Addr.Socket == "" && !isLiteral(e.Addr.Host) && len(m.host(e.Addr.Host)) == 0
	})
}

// leadsElsewhere tells where the name of a server leads, if not to the address that was logged; "": there, or it is not
// known.
func (m *siteMap) leadsElsewhere(e *proxy.Endpoint, logged string) string {
	host, _ := splitPort(logged)
	if e == nil || e.Addr.Dynamic || !isLiteral(host) || isLiteral(e.Addr.Host) {
		return ""
	}
	var addrs []string
	for _, addr := range m.host(e.Addr.Host) {
		addrs = append(addrs, addr.Unmap().String())
	}
	if len(addrs) == 0 || slices.Contains(addrs, host) {
		return ""
	}
	const most = 4
	return e.Addr.Host + " is " + strings.Join(addrs[:min(most, len(addrs))], ", ")
}
