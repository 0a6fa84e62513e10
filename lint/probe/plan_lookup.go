package probe

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// lookup says how the proxy finds the addresses of a server.
func (pl *planner) lookup(u *proxy.Upstream, e *proxy.Endpoint, r *proxy.Route) Lookup {
	if _, err := netip.ParseAddr(e.Addr.Host); err == nil || e.Addr.Socket != "" {
		return Lookup{}
	}
	l := Lookup{How: Libc, Declared: pl.declared(e.Addr.Host)}
	resolver := e.Resolver
	perRequest := u.Implicit && r != nil && r.Runtime && u.Stmt == r.Stmt // else it shares the addresses of a literal pass
	switch pl.config.Dialect {
	case syntax.Cloudflared:
		l.How = OnDial
	case syntax.Nginx:
		l.How = AtStart
		switch {
		case e.Resolve:
			resolver = u.Resolver
		case perRequest:
			resolver = r.Resolver
		}
	}
	if resolver.Value == nil {
		if e.Resolve || perRequest {
			l.How = ByDNS // and there is nobody to ask
		}
		return l
	}
	l.byDNS(resolver.Value)
	l.At = resolver.At
	if pl.config.Dialect == syntax.HAProxy {
		l.haproxyOptions(e)
	}
	return l
}

// byDNS takes over the servers of a resolver.
func (l *Lookup) byDNS(r *proxy.Resolver) {
	l.How, l.System, l.Timeout = ByDNS, r.System, 30*time.Second
	for _, s := range r.Servers {
		if s.Dynamic || s.Host == "" {
			continue
		}
		port := 53
		if s.Port > 0 {
			port = s.Port
		}
		l.Servers = append(l.Servers, net.JoinHostPort(s.Host, strconv.Itoa(port)))
	}
	if r.Stmt == nil || r.Stmt.File.Dialect != syntax.Nginx {
		return
	}
	for i := range r.Stmt.Args() {
		switch r.Stmt.Arg(i + 1) {
		case "ipv4=off":
			l.NoIPv4 = true
		case "ipv6=off":
			l.NoIPv6 = true
		}
	}
}

// haproxyOptions reads what the server line says of its lookup (manual 5.3, "Server IP address resolution using DNS").
func (l *Lookup) haproxyOptions(e *proxy.Endpoint) {
	l.Slots = e.Slots
	l.SRV = e.Slots > 0 && strings.HasPrefix(e.Addr.Host, "_")
	l.Timeout = time.Second
	var words []string
	for i := range e.Stmt.Args() {
		words = append(words, e.Stmt.Arg(i+1))
	}
	if i := slices.Index(words, "resolve-prefer"); i >= 0 && i+1 < len(words) {
		switch words[i+1] {
		case "ipv4":
			l.Prefer = 4
		case "ipv6":
			l.Prefer = 6
		}
	}
}

// declared returns where a compose file or a manifest declares a name; the zero place when none does.
func (pl *planner) declared(host string) syntax.Ref {
	if pl.facts == nil {
		return syntax.Ref{}
	}
	if home := pl.facts.Home(pl.config); home != nil && home.Service != nil {
		answer := home.Service.Lookup(host)
		for _, s := range slices.Concat(answer.Services, answer.Apart) {
			return s.At
		}
		return syntax.Ref{}
	}
	for _, p := range pl.facts.Projects {
		for _, s := range p.Services {
			if strings.EqualFold(s.Name, host) || strings.EqualFold(s.OtherName.Text, host) {
				return s.At
			}
		}
	}
	if answer, isService := pl.facts.Cluster.Lookup(host, ""); isService {
		for _, s := range slices.Concat(answer.Services, answer.Elsewhere) {
			return s.At
		}
	}
	return syntax.Ref{}
}
