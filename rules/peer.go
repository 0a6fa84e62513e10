package rules

import (
	"iter"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// peer is an address that requests are sent to, as one statement writes it: a server of a group or backend, or
// the target of an nginx pass.
type peer struct {
	addr     proxy.Address
	endpoint *proxy.Endpoint // nil for a pass to a group, and to what is no address at all
	route    *proxy.Route    // the pass; nil for a server line
	group    *proxy.Upstream // nginx: the group that has the host's name, port or not
	pool     *proxy.Upstream // what the server is one of; nil for a pass that leads to none
	unseen   bool            // nginx: a group that is not in sight may have the host's name
}

// peers yields the addresses that can be known offline, apart from those of groups that are plain IPv4 addresses with a
// port: nothing is wrong with their spelling.
func peers(c *proxy.Config) iter.Seq[peer] {
	return func(yield func(peer) bool) {
		for _, u := range c.Upstreams {
			if u.Implicit || u.Plain {
				continue
			}
			for _, e := range u.Endpoints {
				if !isOpen(e.Addr) && !yield(peer{addr: e.Addr, endpoint: e, pool: u}) {
					return
				}
			}
		}
		if c.Dialect == syntax.HAProxy {
			return
		}
		groups := lazyGroups(c)
		for _, r := range c.Routes {
			if p, ok := passPeer(r, groups); ok && !yield(p) {
				return
			}
		}
	}
}

// passPeer returns the target of an nginx pass, or of a tunnel's rule; false where it can't be known offline.
func passPeer(r *proxy.Route, known func() *groups) (p peer, ok bool) {
	p = peer{addr: proxy.Address{Port: -1, At: r.At}, route: r, pool: r.To}
	switch {
	case r.To == nil:
		// the word has no host, or one that is not known
		return p, !r.Runtime && p.text() != "" && !isPlaceholder(p.text())
	case !r.To.Implicit:
		p.group = r.To
		return p, true
	}
	p.endpoint = r.To.Endpoints[0]
	p.addr = p.endpoint.Addr
	p.group = known().named[keyOf(p.addr.Host, r.Hop.Protocol)]
	p.unseen = !known().all
	return p, !isOpen(p.addr)
}

// groupKey is what an nginx group is found by: http and stream have groups of their own.
type groupKey struct {
	name   string
	stream bool
}

func keyOf(name string, p proxy.Protocol) groupKey {
	return groupKey{strings.ToLower(name), p == proxy.TCP}
}

// groups are the upstream groups of an nginx configuration.
type groups struct {
	named map[groupKey]*proxy.Upstream
	all   bool // the tree shows every one
}

// lazyGroups returns a function that gathers the groups when it is first called.
func lazyGroups(c *proxy.Config) func() *groups {
	return sync.OnceValue(func() *groups {
		known := &groups{named: map[groupKey]*proxy.Upstream{}, all: seesGroups(c.Tree)}
		for _, u := range c.Upstreams {
			if !u.Implicit {
				known.named[keyOf(u.Name, u.Protocol)] = u
			}
		}
		return known
	})
}

// isOpen reports whether an address is yet to be filled in, by a variable or by what makes the file.
func isOpen(a proxy.Address) bool {
	return a.Dynamic || isPlaceholder(a.Host) || isPlaceholder(a.Socket) || a.Port < 0 && isPlaceholder(a.PortAt.Text())
}

// isPlaceholder reports whether a text holds a mark that people and their scripts replace: <IP>, %PORT%,
// __HOST__, @HOST@, {host}, [[host]], an ellipsis.
func isPlaceholder(s string) bool {
	if isPlainName(s) {
		return false
	}
	return syntax.HasFilling(s) || strings.ContainsAny(s, "<>{}") || strings.Contains(s, "[[") || strings.Contains(s, "...") || strings.Contains(s, "…") ||
		strings.Count(s, "%") > 1 || strings.Count(s, "@") > 1 || strings.Contains(s, "__")
}

// isPlainName reports whether a text holds letters, digits, single dots and hyphens alone, as nearly all do.
func isPlainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && (c != '.' || i > 0 && s[i-1] == '.') {
			return false
		}
	}
	return true
}

// text returns the address as the proxy reads it; "" where quotes, escapes or variables make that differ from what
// is written.
func (p peer) text() string { return literal(p.addr.At) }

func literal(at syntax.Ref) string {
	text := at.Text()
	if strings.ContainsAny(text, `"'\$`) {
		return ""
	}
	return text
}

func (p peer) dialect() syntax.Dialect { return p.addr.At.File.Dialect }

// protocol is what the proxy speaks to the peer.
func (p peer) protocol() proxy.Protocol {
	switch {
	case p.route != nil:
		return p.route.Hop.Protocol
	case p.pool != nil:
		return p.pool.Protocol
	}
	return proxy.UnknownProtocol
}

// refusal is what a proxy makes of an address it cannot read: it does not start, or answers 500 where a variable brings
// the address with the request.
func (p peer) refusal() lint.Symptom {
	switch {
	case p.dialect() == syntax.Cloudflared:
		return p.unanswered() // the first request shows it
	case p.route != nil && p.route.Runtime:
		return answered(p.protocol(), "500")
	}
	return "start failure"
}

// answered returns what a client gets: a status, as in "502" and "502 after a change"; over plain TCP nothing but the
// end of its connection.
func answered(p proxy.Protocol, status lint.Symptom) lint.Symptom {
	if p != proxy.TCP {
		return status
	}
	return "connection closed" + status[len("502"):]
}

// unavailable is the status of a proxy that reaches no server, as answered returns it.
func unavailable(d syntax.Dialect, p proxy.Protocol, when lint.Symptom) lint.Symptom {
	if d == syntax.HAProxy {
		return answered(p, "503"+when)
	}
	return answered(p, "502"+when)
}

// failure is what comes of a host that nobody can look up.
func (p peer) failure() lint.Symptom {
	switch {
	case p.dialect() == syntax.Cloudflared:
		return p.unanswered() // names are looked up for each connection
	case p.route != nil && p.route.Runtime:
		return answered(p.protocol(), "502")
	case p.endpoint != nil && p.endpoint.NoLibc:
		return answered(p.protocol(), "503")
	}
	return "start failure"
}
