package rules

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// needPorts returns the HAProxy backends in mode http with a server that dials asks about, each with the first
// listeners that lead there. Left out are those that may be meant to take over the client's port: what listens on a
// range, and where a line sets the port.
func needPorts(c *proxy.Config, asks func(*proxy.Endpoint) bool) map[*proxy.Upstream][]*proxy.Listener {
	wanted := map[*proxy.Upstream][]*proxy.Listener{}
	meant := map[*proxy.Upstream]bool{}
	for _, u := range c.Upstreams {
		if u.Protocol == proxy.HTTP && !u.Plain && slices.ContainsFunc(u.Endpoints, asks) {
			wanted[u] = nil
			meant[u] = setsPort(u.Stmt)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	for _, r := range c.Routes {
		if _, found := wanted[r.To]; !found {
			continue
		}
		meant[r.To] = meant[r.To] || setsPort(r.Section) || slices.ContainsFunc(r.From, hasManyPorts)
		if len(wanted[r.To]) < maxRelated {
			wanted[r.To] = append(wanted[r.To], r.From...)
		}
	}
	for u, listeners := range wanted {
		if meant[u] || len(listeners) == 0 {
			delete(wanted, u)
		}
	}
	return wanted
}

// setsPort reports whether a line of a HAProxy section gives the connection another port than the client asked for.
func setsPort(section *syntax.Stmt) bool {
	return slices.ContainsFunc(section.Block.Stmts, func(s *syntax.Stmt) bool {
		return s.Arg(1) == "set-dst-port" || s.Arg(2) == "set-dst-port"
	})
}

// hasManyPorts reports whether a listener has no port that could be told: it is a range or a variable.
func hasManyPorts(l *proxy.Listener) bool { return l.Addr.Dynamic || l.Addr.Port < 0 }

// takesClientAddress reports whether HAProxy dials the address that the client asked for.
func takesClientAddress(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || host == "*" || err == nil && addr.IsUnspecified()
}

// lacksCheckPort reports whether a health check finds no port to connect to in a server without one.
func lacksCheckPort(e *proxy.Endpoint) bool {
	return e.Check != nil && e.Check.Port.Value == 0 && !e.Check.Port.Dynamic && e.Check.Port.Origin != proxy.Unknown &&
		!hasWord(e.Stmt, "addr")
}

// checksElsewhere reports whether lines of a HAProxy section tell its checks where to connect.
func checksElsewhere(section *syntax.Stmt) bool {
	return slices.ContainsFunc(section.Block.Stmts, func(s *syntax.Stmt) bool {
		switch s.Name() {
		case "tcp-check", "http-check":
			return s.Arg(1) == "connect"
		case "default-server":
			return hasWord(s, "addr")
		}
		return false
	})
}

// defaultsCheckElsewhere reports whether a defaults section does so for others.
func defaultsCheckElsewhere(tree *syntax.Tree) bool {
	found := false
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		found = found || s.Name() == "defaults" && s.Block != nil && checksElsewhere(s)
		return false
	})
	return found
}

func hasWord(s *syntax.Stmt, word string) bool {
	for i := 1; i <= s.Args(); i++ {
		if s.Arg(i) == word {
			return true
		}
	}
	return false
}

// isAddress reports whether a host is an IP address, rather than a name.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isOwnHost reports whether a host is the proxy's own, by its loopback address.
func isOwnHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

// isService reports whether a host is a name that DNS gives a port with (SRV).
func isService(host string) bool { return strings.HasPrefix(host, "_") }
