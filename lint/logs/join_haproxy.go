package logs

import (
	"cmp"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// haproxySite finds what a group of HAProxy's lines is about, by the names of frontend, backend and server.
func (m *siteMap) haproxySite(g *Group, site *Site) {
	e := &g.Sample
	site.Route = m.routeTo(e.Frontend, e.Backend)
	pools := m.upstreams[e.Backend]
	if e.Backend == "" || len(pools) == 0 {
		if sections := m.sections[cmp.Or(e.Backend, e.Frontend)]; len(sections) > 0 {
			site.Section = sections[0] // a frontend that chose no backend, or that is itself meant
		} else if e.Backend != "" && !m.partial {
			site.Stale = e.Backend
		}
		return
	}
	site.Upstream = pools[0]
	if e.ServerName == "" {
		return
	}
	site.Endpoint = serverNamed(site.Upstream, e.ServerName)
	site.Now = m.leadsElsewhere(site.Endpoint, e.Upstream)
	switch {
	case site.Endpoint == nil:
		if !m.partial && !site.Upstream.Open {
			site.Stale = e.Backend + "/" + e.ServerName
		}
	case site.Now != "" || e.Upstream != "" && isMoved(site.Endpoint, e.Upstream):
		site.Stale = e.Upstream
	}
}

// routeTo returns the line of a frontend that leads to a backend: the first, else nil.
func (m *siteMap) routeTo(frontend, backend string) *proxy.Route {
	for _, section := range m.sections[frontend] {
		for _, r := range m.routes[section] {
			if !r.Dynamic && r.Name == backend {
				return r
			}
		}
	}
	return nil
}

// serverNamed returns the server of a name, or the template that makes it: a server-template's name is followed by a
// number (HAProxy's configuration manual, 4.2).
func serverNamed(u *proxy.Upstream, name string) *proxy.Endpoint {
	var template *proxy.Endpoint
	for _, e := range u.Endpoints {
		if e.Name == name && e.Slots == 0 {
			return e
		}
		if rest, ok := strings.CutPrefix(name, e.Name); ok && e.Slots > 0 {
			if _, isNumber := digits(rest); isNumber {
				template = e
			}
		}
	}
	return template
}

// isMoved reports whether a server is written with another address than the one it was logged with.
func isMoved(e *proxy.Endpoint, logged string) bool {
	host, port := splitPort(logged)
	if e.Addr.Dynamic || !isLiteral(host) || !isLiteral(hostKey(e.Addr.Host)) {
		return false
	}
	return host != hostKey(e.Addr.Host) || port >= 0 && e.Addr.Port >= 0 && port != e.Addr.Port
}
