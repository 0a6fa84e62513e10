package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "check-port-differs",
	Family:   lint.Ports,
	Severity: lint.Info,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      checkPortDiffers,
	Doc: lint.Doc{
		Title: "a health check on another port than requests go to",
		Why: `With "check port" HAProxy judges a server by another port than the one users are sent to. Where the application is
dead and the other port still answers, the server counts as up and requests get a 503; where the other port is dead, a
server that works is taken out. It is right for applications that answer health checks on a port of their own, and
wrong where the port of the application changed and the check was left behind.

Left out are HTTP checks in mode tcp, which need a port of their own, and the ports of "tcp-check connect" and
"http-check connect".`,
		How: `Leave "port" out, so that the check goes where requests go. Keep it where that port answers for the whole
application, and not only for itself.`,
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
    server app1 10.0.0.10:3000 check port 3001
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
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{"https://docs.haproxy.org/3.2/configuration.html#5.2-port"},
		Since: "0.1.0",
	},
})

// portPair is a port that requests go to, and one that the check goes to instead.
type portPair struct{ traffic, check int64 }

func checkPortDiffers(_ context.Context, p *lint.Pass) {
	for _, u := range p.Config.Upstreams {
		if u.CheckPort {
			reportCheckPorts(p, u)
		}
	}
}

// reportCheckPorts tells of a backend's servers, once for each pair of ports. An HTTP check of what speaks something
// else needs a port of its own, and steps of a check that connect elsewhere were written one by one.
func reportCheckPorts(p *lint.Pass, u *proxy.Upstream) {
	if u.Check != nil && (u.Check.Port.Written() || u.Check.Protocol == proxy.HTTP && u.Protocol != proxy.HTTP) {
		return
	}
	var seen map[portPair]bool
	for _, e := range u.Endpoints {
		if !checksOtherPort(e) {
			continue
		}
		port := e.Check.Port
		pair := portPair{int64(e.Addr.Port), port.Value}
		if seen[pair] {
			continue
		}
		if seen == nil {
			seen = map[portPair]bool{}
		}
		seen[pair] = true
		d := lint.Diagnostic{
			At:      port.At,
			Symptom: answered(u.Protocol, "503"),
			Message: fmt.Sprintf("the check goes to port %d, while requests go to port %d of server %s", pair.check, pair.traffic, e.Name),
		}
		if !sameLine(port.At, e.Addr.At) {
			d.Related = []lint.Related{{At: e.Addr.PortAt, Message: "where requests go"}}
		}
		p.Report(d)
	}
}

// checksOtherPort reports whether a server's check goes to another port than requests do.
func checksOtherPort(e *proxy.Endpoint) bool {
	if e.Check == nil || !e.Check.Port.Written() || e.Addr.Port <= 0 || isOpen(e.Addr) {
		return false
	}
	port := e.Check.Port
	return !port.Dynamic && port.Value > 0 && port.Value <= maxPort && port.Value != int64(e.Addr.Port)
}
