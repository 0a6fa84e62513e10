package logs

import (
	"regexp"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// nginxSite finds what a group of nginx' lines is about: by the address, else by the name of the group, else by the
// server and the path of the request.
func (m *siteMap) nginxSite(g *Group, site *Site) {
	sections := m.serversNamed(g.Sample.Server)
	var routes []*proxy.Route
	for _, section := range sections {
		routes = append(routes, m.routes[section]...)
	}
	asked := chosen(routes, g.Sample.Path())
	if g.Target == "" && len(g.Routes) > 1 {
		asked = nil
	}
	if asked != nil {
		alike := likeIt(asked, routes)
		if slices.ContainsFunc(alike, func(r *proxy.Route) bool { return r.To != asked.To }) {
			asked = nil // which of them is not known without the address
		}
		routes = slices.Concat(alike, routes)
	}
	if spots := m.located(g.Target); g.Target != "" && len(spots) > 0 {
		var s spot
		s, site.Route = nearest(spots, routes)
		site.Upstream, site.Endpoint = s.upstream, s.endpoint
		return
	}
	if list := m.upstreams[g.Target]; g.Target != "" && len(list) > 0 {
		var s spot
		s, site.Route = nearest(poolsOnly(list), routes)
		site.Upstream = s.upstream
		return
	}
	if site.Route = asked; asked != nil && asked.To != nil {
		if site.Endpoint = resolvedFrom(g.Target, asked.To); site.Endpoint != nil || !asked.To.Implicit {
			site.Upstream = asked.To
		}
	}
	if site.Route == nil && len(sections) > 0 {
		site.Section = sections[0]
	}
	host, _ := splitPort(g.Target)
	site.Now = m.leadsElsewhere(site.Endpoint, g.Target)
	if site.Now != "" || site.Endpoint == nil && isLiteral(host) && !m.mayReach(routes) {
		site.Stale = g.Target
	}
}

func poolsOnly(list []*proxy.Upstream) []spot {
	var spots []spot
	for _, u := range list {
		spots = append(spots, spot{upstream: u})
	}
	return spots
}

// resolvedFrom returns the server whose name an address must have come from: the only one of that port that is no
// address itself.
func resolvedFrom(target string, u *proxy.Upstream) *proxy.Endpoint {
	const most = 1000
	host, port := splitPort(target)
	if !isLiteral(host) || port < 0 || u.Open || len(u.Endpoints) > most {
		return nil
	}
	var only *proxy.Endpoint
	for _, e := range u.Endpoints {
		if e.Addr.Socket != "" || isLiteral(e.Addr.Host) || !e.Addr.Dynamic && e.Addr.Port >= 0 && e.Addr.Port != port {
			continue
		}
		if only != nil {
			return nil
		}
		only = e
	}
	return only
}

// mayReach reports whether routes may lead to an address that is written nowhere; those of no server are all.
func (m *siteMap) mayReach(routes []*proxy.Route) bool {
	if len(routes) == 0 {
		routes = m.all
	}
	return m.partial || len(routes) == 0 ||
		slices.ContainsFunc(routes, func(r *proxy.Route) bool { return r.Dynamic || r.To == nil || m.uncertain[r.To] })
}

// serversNamed returns the blocks of the server that answers for a name: one with the name itself, else with the longest
// wildcard (ngx_http_core_module, server_name); of a stream that which listens on an address.
func (m *siteMap) serversNamed(server string) []*syntax.Stmt {
	if server == "" {
		return nil // the log does not tell
	}
	name, port := splitPort(server)
	if sections := m.sections[joinPort(name, port)]; len(sections) > 0 {
		return sections
	}
	sections := m.sections[name]
	for rest := name; len(sections) == 0; {
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			break
		}
		if sections = m.sections["*."+after]; len(sections) == 0 {
			sections = m.sections["."+rest]
		}
		rest = after
	}
	if len(sections) == 0 {
		return m.sections[""] // those without a name, whose log lines have the host that the client asked for
	}
	return sections
}

// chosen returns the route whose location a path leads to; nil where that is not certain, or no such location passes
// requests on (ngx_http_core_module, location).
func chosen(routes []*proxy.Route, path string) *proxy.Route {
	var best *proxy.Route
	var patterns []*proxy.Route
	for _, r := range routes {
		switch text := r.Match.Text; {
		case r.Match.Kind == proxy.MatchExact && text == path:
			return r
		case r.Match.Kind == proxy.MatchRegex:
			patterns = append(patterns, r)
		case r.Match.Kind == proxy.MatchAll && best == nil,
			r.Match.Kind == proxy.MatchPrefix && strings.HasPrefix(path, text) && (best == nil || len(text) > len(best.Match.Text)):
			best = r
		}
	}
	if best != nil && stopsSearch(best.Match.At) {
		return best
	}
	const most = 200
	if len(patterns) > most {
		return nil
	}
	for _, r := range patterns {
		fits, known := fitsPattern(r.Match, path)
		if !known {
			return nil
		}
		if fits {
			return r
		}
	}
	return best
}

// likeIt returns the routes of the same location, among them the route itself: an "if" or a variable may choose.
func likeIt(r *proxy.Route, routes []*proxy.Route) []*proxy.Route {
	var alike []*proxy.Route
	for _, o := range routes {
		if o.Match.Kind == r.Match.Kind && o.Match.Text == r.Match.Text {
			alike = append(alike, o)
		}
	}
	return alike
}

// stopsSearch reports whether a location has the modifier ^~, so that patterns are not looked at.
func stopsSearch(pattern syntax.Ref) bool {
	return pattern.File != nil && strings.HasSuffix(strings.TrimRight(pattern.File.Src[:pattern.Span.Start], " \t\"'"), "^~")
}

// fitsPattern reports whether a path fits a location's pattern, if that is one that Go knows, too.
func fitsPattern(m proxy.Match, path string) (fits, known bool) {
	const longest = 1000
	if len(m.Text) > longest {
		return false, false
	}
	prefix := ""
	if strings.HasSuffix(strings.TrimRight(m.At.File.Src[:m.At.Span.Start], " \t\"'"), "~*") {
		prefix = "(?i)"
	}
	pattern, err := regexp.Compile(prefix + m.Text)
	return err == nil && pattern.MatchString(path), err == nil
}
