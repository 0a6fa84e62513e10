package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "server-template-static",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503 after a change",
	Run:      serverTemplateStatic,
	Doc: lint.Doc{
		Title: "a server-template without resolvers, whose servers are all one",
		Why: `server-template makes servers out of one name, for a resolvers section to fill with the addresses of the name's
records. Without resolvers HAProxy looks the name up once, when it starts, and gives every one of the servers the first
address: all the load goes to one machine, and when that goes, requests get 503 until a reload. A name such as
_http._tcp.example.com, which stands for SRV records, cannot be looked up that way, and HAProxy does not start.

Templates of an IP address and disabled ones are left out: they are slots for the runtime API.`,
		How: `Name a resolvers section on the line; "init-addr none" or "last,libc,none" lets HAProxy start where the name has no address
yet.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server-template app 3 app:3000 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers dns
    nameserver docker 127.0.0.11:53
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server-template app 3 app:3000 check resolvers dns init-addr none
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server-template",
			"https://docs.haproxy.org/3.2/configuration.html#5.3",
		},
		Since: "0.1.0",
	},
})

func serverTemplateStatic(_ context.Context, p *lint.Pass) {
	for _, u := range p.Config.Upstreams {
		if u.Plain {
			continue
		}
		for _, e := range u.Endpoints {
			// init-addr-none tells of those without libc
			if e.Slots > 0 && e.Resolver.Origin == proxy.Default && !e.NoLibc && !e.Down && !isOpen(e.Addr) && isHostName(e.Addr.Host) {
				reportStatic(p, u, e)
			}
		}
	}
}

func reportStatic(p *lint.Pass, u *proxy.Upstream, e *proxy.Endpoint) {
	section, also := sectionToName(p.Config)
	d := lint.Diagnostic{
		At:      e.Addr.HostAt,
		Symptom: answered(u.Protocol, "503 after a change"),
		Hint:    serverLine(e, e.Addr.At.Text(), "resolvers "+section+" init-addr none", "init-addr VALUE") + also,
	}
	switch {
	case isServiceRecord(e.Addr.Host):
		d.Severity, d.Symptom = lint.Error, "start failure"
		d.Message = fmt.Sprintf("%q stands for SRV records, which only a resolvers section can look up", e.Addr.Host)
	case isPinned(e.Addr.Host) || p.Inventory.Host(e.Addr.Host) != nil:
		return
	case e.Slots == 1:
		d.Message = fmt.Sprintf("without resolvers HAProxy looks up %q only at start", e.Addr.Host)
	default:
		d.Message = fmt.Sprintf("without resolvers HAProxy looks up %q only at start, and gives all %d servers its first address", e.Addr.Host, e.Slots)
	}
	p.Report(d)
}

// isServiceRecord reports whether a name is one of SRV records: _service._protocol.name (RFC 2782).
func isServiceRecord(name string) bool {
	_, rest, found := strings.Cut(name, ".")
	return found && strings.HasPrefix(name, "_") && strings.HasPrefix(rest, "_")
}
