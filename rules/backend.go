package rules

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// secured is one connection that is to be encrypted: an nginx pass to the servers of a pool, or a HAProxy server.
type secured struct {
	tls      *proxy.TLS
	upstream *proxy.Upstream
	servers  []*proxy.Endpoint // in use, with addresses that are known; never empty
	route    *proxy.Route      // nil for a HAProxy server
}

// securedBackends yields the encrypted connections of which the other end is known. port-scheme-mismatch tells of those
// to port 80, where no handshake gets as far as a name or a certificate.
func securedBackends(c *proxy.Config) iter.Seq[secured] {
	return func(yield func(secured) bool) {
		if c.Dialect == syntax.HAProxy {
			for _, u := range c.Upstreams {
				if !u.TLS || !serves(u.Stmt, u.Protocol) {
					continue
				}
				for i, e := range u.Endpoints {
					if e.TLS != nil && mayHandshake(e) && !yield(secured{e.TLS, u, u.Endpoints[i : i+1], nil}) {
						return
					}
				}
			}
			return
		}
		usable := map[*proxy.Upstream][]*proxy.Endpoint{}
		for _, r := range c.Routes {
			if r.To == nil || r.Hop.TLS == nil {
				continue
			}
			servers, seen := usable[r.To]
			if !seen {
				for _, e := range r.To.Endpoints {
					// without a port a group's server has 80, of which upstream-default-port tells
					if mayHandshake(e) && (r.To.Implicit || !e.Addr.PortAt.IsZero()) {
						servers = append(servers, e)
					}
				}
				usable[r.To] = servers
			}
			if len(servers) > 0 && !yield(secured{r.Hop.TLS, r.To, servers, r}) {
				return
			}
		}
	}
}

// mayHandshake reports whether a server that may be encrypted is used at a host that is known.
func mayHandshake(e *proxy.Endpoint) bool {
	return !e.Down && e.Addr.Host != "" && !isOpen(e.Addr) && e.Addr.Port != httpPort
}

// target names the other end.
func (s secured) target() string {
	if s.route == nil || s.upstream.Implicit {
		return s.servers[0].Addr.Host
	}
	return "group " + s.upstream.Name
}

// directive returns the name of the pass's setting, such as "proxy_ssl_name" for "name".
func (s secured) directive(setting string) string {
	module, _, _ := strings.Cut(s.route.Stmt.Name(), "_")
	return module + "_ssl_" + setting
}

// spoken names what the connection is asked for with.
func (s secured) spoken() string {
	switch {
	case s.route == nil:
		return "ssl"
	case literal(s.route.Hop.Scheme) != "":
		return s.route.Hop.Scheme.Text()
	}
	return "TLS"
}

// failure is what the client gets when the handshake fails.
func (s secured) failure() lint.Symptom {
	switch {
	case s.upstream.Protocol == proxy.TCP:
		return "connection closed"
	case s.route == nil:
		return "503"
	}
	return "502"
}

// isLocal reports whether all of the connection's ends are on the proxy's own host.
func (s secured) isLocal() bool {
	for _, e := range s.servers {
		addr, err := netip.ParseAddr(e.Addr.Host)
		if err == nil && !addr.IsLoopback() || err != nil && !strings.EqualFold(e.Addr.Host, "localhost") {
			return false
		}
	}
	return true
}

// isPublicName reports whether a host is a name that the DNS of the world may know.
func isPublicName(host string) bool {
	if !isHostName(host) {
		return false
	}
	host = inventory.HostKey(host)
	dot := strings.LastIndexByte(host, '.')
	if dot < 0 {
		return false
	}
	switch host[dot+1:] {
	case "local", "internal", "lan", "home", "corp", "private", "intranet", "localdomain", "svc", "consul", "docker",
		"arpa", "test", "localhost":
		return false
	}
	return true
}

// groupIsHost reports whether an upstream group's name is also that of its host, so that it is right in a header
// or a handshake: a name with a dot, or that of all servers.
func groupIsHost(u *proxy.Upstream) bool {
	if strings.Contains(u.Name, ".") {
		return true
	}
	for _, e := range u.Endpoints {
		if !strings.EqualFold(e.Addr.Host, u.Name) {
			return false
		}
	}
	return len(u.Endpoints) > 0
}

// setsHeader returns the header of that name; nil where the list does not set it. nginx leaves one with an
// empty value out, which is a way to set it too.
func setsHeader(list []proxy.Header, name string) *proxy.Header {
	for i := range list {
		if strings.EqualFold(list[i].Name, name) {
			return &list[i]
		}
	}
	return nil
}

// isSubrequest reports whether a location takes off the request's body, as that of an auth_request does: what
// answers there seldom asks for a host.
func isSubrequest(h *proxy.Headers) bool {
	length := setsHeader(h.Set, "Content-Length")
	return length != nil && length.Value == ""
}

// cause is what findings that are one have in common.
type cause struct {
	upstream string // the pool's name
	at       syntax.Ref
	severity lint.Severity // zero: the rule's own
}

// causes gathers findings that have one cause in several places.
type causes struct {
	pass  *lint.Pass
	order []*lint.Diagnostic
	first map[cause]*lint.Diagnostic
	more  map[*lint.Diagnostic]int

	last    *lint.Diagnostic // that of lastKey: servers of one pool follow each other
	lastKey cause
}

func newCauses(p *lint.Pass) *causes {
	return &causes{pass: p, first: map[cause]*lint.Diagnostic{}, more: map[*lint.Diagnostic]int{}}
}

// add takes in a finding. Of those with the same key the first is described, with the others' places.
func (c *causes) add(key cause, at syntax.Ref, describe func() lint.Diagnostic) {
	if !c.pass.Config.Wants(at.File) {
		return
	}
	first := c.last
	if first == nil || key != c.lastKey {
		first = c.first[key]
		c.last, c.lastKey = first, key
	}
	switch {
	case first == nil:
		d := describe()
		d.At = at
		if key.severity != 0 {
			d.Severity = key.severity
		}
		c.first[key], c.last = &d, &d
		c.order = append(c.order, &d)
	case first.At == at:
	case c.more[first] < maxRelated:
		c.more[first]++
		first.Related = append(first.Related, lint.Related{At: at, Message: "here too"})
	default:
		c.more[first]++
	}
}

func (c *causes) report() {
	for _, d := range c.order {
		if hidden := c.more[d] - maxRelated; hidden > 0 {
			last := &d.Related[len(d.Related)-1]
			last.Message = fmt.Sprintf("here too, and in %d more %s", hidden, plural(hidden, "place"))
		}
		c.pass.Report(*d)
	}
}
