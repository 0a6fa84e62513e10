package rules

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// ears are the listeners of one configuration by what they take. The key of a unix socket has no port.
type ears struct {
	by    map[socketKey][]*proxy.Listener
	ports map[int]bool
	hosts map[string]bool // the addresses that are listened on one by one
}

// earsOf leaves out what takes datagrams, and what may listen elsewhere than it says or not at all.
func earsOf(c *proxy.Config) ears {
	heard := ears{by: map[socketKey][]*proxy.Listener{}, ports: map[int]bool{}}
	for _, l := range c.Listeners {
		a := l.Addr
		switch {
		case isOpen(a) || l.Protocol == proxy.UDP:
		case c.Dialect == syntax.HAProxy && (l.Stmt.When != nil || !serves(l.Section, l.Protocol) || isApart(l.Stmt)):
		case a.Socket != "":
			heard.add(socketKey{address: a.Socket}, l)
		case a.Port > 0 && a.Port <= maxPort:
			heard.add(socketKey{boundHost(a), a.Port}, l)
		}
	}
	return heard
}

func (heard *ears) add(key socketKey, l *proxy.Listener) {
	if key.address == "localhost" {
		key.address = ownHost
	}
	heard.by[key] = append(heard.by[key], l)
	heard.ports[key.port] = true
	if key.address != "0.0.0.0" && key.address != "::" {
		if heard.hosts == nil {
			heard.hosts = map[string]bool{}
		}
		heard.hosts[key.address] = true
	}
}

// isApart reports whether a bind line takes connections of one interface or network namespace alone, or for other hosts.
func isApart(bind *syntax.Stmt) bool {
	return hasWord(bind, "interface") || hasWord(bind, "namespace") || hasWord(bind, "transparent")
}

// reach returns the listeners that a route's connections to a server end up at; nil where they end up elsewhere, or that
// is not known.
func (heard ears) reach(r *proxy.Route, e *proxy.Endpoint, facts *inventory.Facts) []*proxy.Listener {
	if e.Addr.Socket != "" {
		return heard.by[socketKey{address: e.Addr.Socket}]
	}
	if !heard.mayReach(e) {
		return nil
	}
	s, known := dials(r, e)
	if !known {
		return nil
	}
	return heard.reachHost(e.Addr.Host, s.port, facts)
}

// mayReach reports whether something may listen where a server is. It is quick, and the answer for nearly all servers is no.
func (heard ears) mayReach(e *proxy.Endpoint) bool {
	a := e.Addr
	switch {
	case a.Socket != "":
		return true
	case a.Port > maxPort || a.Port > 0 && !heard.ports[a.Port]:
		return false
	case !isNumeric(a.Host) || strings.HasPrefix(a.Host, "127.") || a.Host == "0.0.0.0" || a.Host == "":
		return true
	}
	return len(heard.hosts) > 0 && heard.hosts[a.Host]
}

// near returns the first servers in use of an upstream that may be reached, up to most.
func (heard ears) near(u *proxy.Upstream, most int) []*proxy.Endpoint {
	var list []*proxy.Endpoint
	for _, e := range u.Endpoints {
		if heard.mayReach(e) && !e.Down && e.Slots == 0 {
			if list = append(list, e); len(list) == most {
				break
			}
		}
	}
	return list
}

// reachHost does so for a host and a port. The kernel prefers a listener of the very address to one of all addresses;
// which addresses are this host's is known of the loopback ones alone.
func (heard ears) reachHost(host string, port int, facts *inventory.Facts) []*proxy.Listener {
	var found []*proxy.Listener
	for i, addr := range addressesOf(host, facts) {
		list := heard.at(addr, port)
		if len(list) == 0 || i > 0 && !slices.Equal(list, found) {
			return nil
		}
		found = list
	}
	return found
}

// at returns the listeners that connections to one address end up at.
func (heard ears) at(addr netip.Addr, port int) []*proxy.Listener {
	list := heard.by[socketKey{addr.String(), port}]
	if len(list) > 0 || !addr.IsLoopback() {
		return list
	}
	all := heard.by[socketKey{"::", port}]
	if addr.Is6() {
		return all
	}
	list = heard.by[socketKey{"0.0.0.0", port}]
	if len(list) == 0 && slices.ContainsFunc(all, takesBothFamilies) {
		return all
	}
	return list
}

// takesBothFamilies reports whether a listener of all IPv6 addresses takes IPv4 too.
func takesBothFamilies(l *proxy.Listener) bool {
	return l.Stmt != nil && (hasWord(l.Stmt, "v4v6") || hasWord(l.Stmt, "ipv6only=off"))
}

// addressesOf returns what a host stands for as far as that is known offline.
func addressesOf(host string, facts *inventory.Facts) []netip.Addr {
	if host == "localhost" {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}
	}
	return facts.Host(host)
}

// listenerWord returns the word of a listen or bind line that turns something on; its address where it has none.
func listenerWord(l *proxy.Listener, word string) syntax.Ref {
	for i := 2; l.Stmt != nil && i <= l.Stmt.Args(); i++ {
		if l.Stmt.Arg(i) == word {
			return l.Stmt.Ref(i)
		}
	}
	return listenerPlace(l)
}

// listenerPlace returns where a listener's address stands; the name of its server block where nobody wrote one.
func listenerPlace(l *proxy.Listener) syntax.Ref {
	if l.Addr.At.IsZero() {
		return l.Section.Ref(0)
	}
	return l.Addr.At
}
