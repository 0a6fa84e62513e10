package rules

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "server-port-missing",
	Family:   lint.Ports,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      serverPortMissing,
	Doc: lint.Doc{
		Title: "a server without a port",
		Why: `HAProxy dials such a server on the port that the client connected to. Where that is 443 or 8080, the application
rarely listens there, and requests get a 503. Where the server is on HAProxy's own host, HAProxy dials itself, again and
again, until connections run out.

Where clients come to port 80 only, and without TLS, or to the one that "check port" names, it may well be meant, and is an info.

With "check" it is an error: HAProxy does not start where the address is an IP address ("has neither service port nor
check port"). Where it is a name, the check goes to port 0, the server is taken for down, and every request gets a 503.

Left out are mode tcp, where one port is often passed through on purpose, binds to a range of ports, backends that set the
port with set-dst-port, and names that get their port from DNS (SRV).`,
		How: `Write the port that the application listens on after the address.`,
		Bad: lint.Example{
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10
`,
		},
		Good: lint.Example{
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000
`,
		},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-port",
		},
		Since: "0.1.0",
	},
})

func serverPortMissing(_ context.Context, p *lint.Pass) {
	leading := needPorts(p.Config, lacksPort)
	elsewhere := defaultsCheckElsewhere(p.Config.Tree)
	for _, u := range p.Config.Upstreams {
		if u.Plain || !slices.ContainsFunc(u.Endpoints, isPortless) || !serves(u.Stmt, u.Protocol) {
			continue
		}
		checked := !elsewhere && !checksElsewhere(u.Stmt)
		for _, e := range u.Endpoints {
			switch {
			case !isPortless(e):
			case checked && lacksCheckPort(e):
				reportUncheckable(p, e)
			case lacksPort(e) && !e.Down && leading[u] != nil:
				reportClientPort(p, e, leading[u])
			}
		}
	}
}

// isPortless reports whether a server has no port of its own: none, or one that is counted from the client's.
func isPortless(e *proxy.Endpoint) bool {
	return lacksPort(e) || e.Addr.Port < 0 && strings.HasPrefix(literal(e.Addr.PortAt), "+") && isServerHost(e)
}

// lacksPort reports whether a server has no port at all.
func lacksPort(e *proxy.Endpoint) bool { return e.Addr.PortAt.IsZero() && isServerHost(e) }

// isServerHost reports whether a server is a host that needs a port.
func isServerHost(e *proxy.Endpoint) bool {
	a := e.Addr
	return a.Socket == "" && !isOpen(a) && !takesClientAddress(a.Host) && !isService(a.Host) && malformed(peer{addr: a, endpoint: e}) == nil
}

// reportUncheckable tells of a server whose check has no port to go to.
func reportUncheckable(p *lint.Pass, e *proxy.Endpoint) {
	d := lint.Diagnostic{
		Severity: lint.Error,
		Symptom:  "start failure",
		At:       e.Addr.At,
		Message:  fmt.Sprintf("server %s is checked, and %s has no port that the check could go to", e.Name, e.Addr.At.Text()),
		Hint:     serverLine(e, withPort(e.Addr), ""),
	}
	if !e.Addr.PortAt.IsZero() {
		d.At = e.Addr.PortAt
		d.Message = fmt.Sprintf("server %s is checked, and the check knows no client whose port %s could be added to", e.Name, d.At.Text())
		d.Hint = serverLine(e, e.Addr.At.Text(), "port PORT")
	}
	if !isAddress(e.Addr.Host) {
		d.Symptom = "503"
		if e.NoLibc {
			d.Severity = lint.Warning
		}
	}
	if !sameLine(e.Check.At, d.At) {
		d.Related = []lint.Related{{At: e.Check.At, Message: "check for all servers below"}}
	}
	p.Report(d)
}

// reportClientPort tells of a server that is dialed on the client's port.
func reportClientPort(p *lint.Pass, e *proxy.Endpoint, from []*proxy.Listener) {
	d := lint.Diagnostic{
		Severity: lint.Info,
		At:       e.Addr.At,
		Hint:     serverLine(e, withPort(e.Addr), ""),
		Related:  []lint.Related{{At: from[0].Addr.At, Message: "where clients come in"}},
	}
	if fitsClients(e, from) {
		d.Symptom = lint.NoSymptom
	}
	var ports []string
	for _, l := range from {
		if port := strconv.Itoa(l.Addr.Port); !slices.Contains(ports, port) && len(ports) < maxRelated {
			ports = append(ports, port)
		}
		if d.Symptom != lint.NoSymptom && (l.TLS || l.Addr.Port != httpPort || isOwnHost(e.Addr.Host)) {
			d.Severity = lint.Warning
		}
	}
	d.Message = fmt.Sprintf("server %s has no port: HAProxy dials the one that the client came to, %s", e.Name, strings.Join(ports, " or "))
	p.Report(d)
}

// fitsClients reports whether clients come to one port alone, without TLS, which is that of HTTP or where the server is checked.
func fitsClients(e *proxy.Endpoint, from []*proxy.Listener) bool {
	fits := httpPort
	if e.Check != nil && e.Check.Port.Value > 0 {
		fits = int(e.Check.Port.Value)
	}
	return !isOwnHost(e.Addr.Host) && !slices.ContainsFunc(from, func(l *proxy.Listener) bool { return l.TLS || l.Addr.Port != fits })
}

// withPort returns an address with a place for the port. HAProxy takes the last colon for the port's, so IPv6 needs
// no brackets, but is easier to read with them.
func withPort(a proxy.Address) string {
	if strings.Contains(a.Host, ":") {
		return "[" + a.Host + "]:PORT"
	}
	return a.At.Text() + ":PORT"
}
