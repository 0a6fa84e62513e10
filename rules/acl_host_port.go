package rules

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "acl-host-port",
	Family:   lint.Pools,
	Severity: lint.Info,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      aclHostPort,
	Doc: lint.Doc{
		Title: "a Host header compared whole, though clients may send a port with it",
		Why: `A client writes into the Host header the name and, unless it is the scheme's own, the port of the address it was given:
"Host: app.acme.net:8443". "hdr(host) -i app.acme.net" compares all of it, so such a request matches nothing and goes to the
default_backend; without one it gets a 503.

On ports 80 and 443 only few clients send the port, and the finding is an info. On any other port every browser
does, and it is a warning.`,
		How: `Compare the name alone: "hdr(host),field(1,:) -i app.acme.net", or since 2.7 "hdr(host),host_only -i app.acme.net".`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    use_backend app if { hdr(host) -i app.acme.net }
    default_backend site

backend app
    server app1 10.0.0.10:8080 check

backend site
    server site1 10.0.0.11:8080 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    use_backend app if { hdr(host),field(1,:) -i app.acme.net }
    default_backend site

backend app
    server app1 10.0.0.10:8080 check

backend site
    server site1 10.0.0.11:8080 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#7.3.6-req.hdr",
			"https://docs.haproxy.org/3.2/configuration.html#7.3.1-host_only",
			"https://www.rfc-editor.org/rfc/rfc9110#section-7.2",
		},
		Since: "0.1.0",
	},
})

func aclHostPort(_ context.Context, p *lint.Pass) {
	routes := p.Config.Routes
	for i := 0; i < len(routes); { // those of one section follow each other
		section := routes[i].Section
		n := i + 1
		for n < len(routes) && routes[n].Section == section {
			n++
		}
		list := routes[i:n]
		i = n
		if p.Config.Wants(section.File) && takesHTTP(section, list[0].From) {
			reportWholeHosts(p, section, list)
		}
	}
}

func takesHTTP(section *syntax.Stmt, from []*proxy.Listener) bool {
	return len(from) > 0 && from[0].Protocol == proxy.HTTP && serves(section, proxy.HTTP)
}

// reportWholeHosts tells of the comparisons that lead to a backend, once for a section.
func reportWholeHosts(p *lint.Pass, section *syntax.Stmt, routes []*proxy.Route) {
	whole := wholeHosts(section, routes)
	if len(whole) == 0 || rewritesHost(section) {
		return
	}
	first := whole[0]
	_, value := first.values()
	name := first.line.Arg(value)
	d := lint.Diagnostic{
		At:      first.line.Ref(first.at),
		Message: fmt.Sprintf("%s is compared with its port, if a client sends one: %s:%d is not %[2]s", first.line.Arg(first.at), name, samplePort(routes[0].From)),
	}
	if at, port := unusualPort(routes[0].From); port > 0 {
		d.Severity = lint.Warning
		d.Message = fmt.Sprintf("clients of port %d send it in the Host header, and %s:%[1]d is not %[2]s", port, name)
		d.Related = []lint.Related{{At: at, Message: "where clients connect"}}
	}
	if last := routes[len(routes)-1]; last.Match.Kind == proxy.MatchAll {
		d.Symptom = "wrong backend"
	}
	sample := first.line.Ref(first.at)
	d.Hint = lineWith(first.line, sample, sample.Text()+",field(1,:)")
	var more []syntax.Ref
	for _, c := range whole[1:] {
		more = append(more, c.line.Ref(c.at))
	}
	d.Related = append(d.Related, alsoAt(more, "here too")...)
	p.Report(d)
}

// wholeHosts returns the comparisons of a whole Host header that use_backend lines stand on.
func wholeHosts(section *syntax.Stmt, routes []*proxy.Route) []criterion {
	var acls sectionACLs
	var whole []criterion
	var seen map[string]bool
	for _, r := range routes {
		i := conditionAt(r.Stmt)
		if i == 0 || r.Stmt.Arg(i) != "if" {
			continue
		}
		for t := range aclTerms(r.Stmt, i) {
			if t.not || seen[t.name] {
				continue
			}
			if t.name != "" {
				if acls == nil {
					acls, seen = aclsOf(section), map[string]bool{}
				}
				seen[t.name] = true
			}
			if tests := acls.of(r.Stmt, t); heedPort(tests) {
				whole = append(whole, tests...)
			}
		}
	}
	return whole
}

// heedPort reports whether all lines of an ACL compare the whole Host header, and none thinks of a port.
func heedPort(tests []criterion) bool {
	for _, c := range tests {
		if !c.comparesHost() {
			return false
		}
		_, first := c.values()
		for i := first; i < c.end; i++ {
			if value := c.line.Arg(i); strings.Contains(value, ":") || isUnsettled(c.line, i) {
				return false
			}
		}
	}
	return len(tests) > 0
}

// rewritesHost reports whether a section may take the port off the header before it is compared.
func rewritesHost(section *syntax.Stmt) bool {
	for _, s := range section.Block.Stmts {
		if s.Name() == "http-request" && strings.EqualFold(s.Arg(2), "host") || strings.HasPrefix(s.Name(), "reqi") || strings.HasPrefix(s.Name(), "reqr") {
			return true
		}
	}
	return false
}

// unusualPort returns the first port that is in every client's URL. Where something else stands between the clients and
// HAProxy, they may well use another.
func unusualPort(from []*proxy.Listener) (at syntax.Ref, port int) {
	for _, l := range from {
		a := l.Addr
		if l.ProxyProtocol || isOpen(a) || a.Socket != "" || a.Port <= 0 || isLoopbackHost(a.Host) {
			continue
		}
		if a.Port != httpPort && a.Port != httpsPort && port == 0 {
			at, port = a.PortAt, a.Port
		}
	}
	return at, port
}

// samplePort returns the port that stands in an example: 80 where none but that is listened on.
func samplePort(from []*proxy.Listener) int {
	if slices.ContainsFunc(from, func(l *proxy.Listener) bool { return l.Addr.Port != httpPort }) {
		return httpsPort
	}
	return httpPort
}

func isLoopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
