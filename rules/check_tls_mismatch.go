package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "check-tls-mismatch",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503: all servers down",
	Run:      checkTLSMismatch,
	Doc: lint.Doc{
		Title: "a health check that is not encrypted as requests are",
		Why: `A check on a server with "ssl" is encrypted too, but for one thing: with a "port" or "addr" of its own it is plain, unless
"check-ssl" says otherwise. An HTTP check in plain text of a port that expects TLS gets a 400 or nothing. The reverse is "check-ssl"
towards a port where requests go in plain text. Either way all servers are down and requests get a 503.

The name that "sni" sends is that of requests alone: before 3.3, checks send one only with "check-sni". A server that serves several names
then shows another certificate than users see, which "verify required" refuses, or ends the handshake. As an info where the name is a
private one, chosen by a sample, or where the version of HAProxy is not known.`,
		How: `Write "check-ssl" beside "port" where that port speaks TLS, leave it out where it does not, and give checks the name with
"check-sni".`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk GET /health
    default-server ssl verify required ca-file @system-ca sni str(app.internal)
    server app1 10.0.0.10:443 check port 443
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk GET /health
    default-server ssl verify required ca-file @system-ca sni str(app.internal)
    server app1 10.0.0.10:443 check check-sni app.internal
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#5.2-check-ssl",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-check-sni",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-port",
		},
		Since: "0.1.0",
	},
})

func checkTLSMismatch(_ context.Context, p *lint.Pass) {
	var defaults map[*syntax.Stmt]*syntax.Stmt
	lines := newServerLines(p.Config.Tree)
	found := newCauses(p)
	for _, u := range p.Config.Upstreams {
		if !mayMismatch(u) || hasUnseenDefaults(u) {
			continue
		}
		if defaults == nil {
			defaults = defaultsOf(p.Config.Tree)
		}
		if checkConnects(u, defaults[u.Stmt]) {
			continue
		}
		for _, e := range u.Endpoints {
			switch {
			case e.Check == nil || isOpen(e.Addr) || e.Check.Port.Dynamic:
			case e.TLS != nil && !e.Check.TLS:
				addPlainCheck(found, u, e)
			case e.TLS == nil && e.Check.TLS:
				addEncryptedCheck(found, lines, u, e)
			case e.TLS != nil && !p.Config.Version.AtLeast(sniFromHost):
				addNamelessCheck(found, lines, p.Config, u, e)
			}
		}
	}
	found.report()
}

// mayMismatch reports whether TLS is spoken with a checked server of a backend.
func mayMismatch(u *proxy.Upstream) bool {
	for _, e := range u.Endpoints {
		if e.Check != nil && (e.TLS != nil || e.Check.TLS) {
			return true
		}
	}
	return false
}

// checkPortOf returns the port that a server's check goes to.
func checkPortOf(e *proxy.Endpoint) int {
	if e.Check.Port.Written() {
		return int(e.Check.Port.Value)
	}
	return e.Addr.Port
}

// addPlainCheck tells of a check in plain text of a TLS port. One that only connects does not see the difference.
func addPlainCheck(found *causes, u *proxy.Upstream, e *proxy.Endpoint) {
	port := checkPortOf(e)
	if e.Check.Protocol != proxy.HTTP || port != e.Addr.Port && !isTLSPort(port) || port <= 0 {
		return
	}
	at := e.Check.At
	if e.Check.Port.Written() {
		at = e.Check.Port.At
	}
	found.add(cause{upstream: u.Name}, at, func() lint.Diagnostic {
		return lint.Diagnostic{
			Symptom: answered(u.Protocol, "503: all servers down"),
			Message: fmt.Sprintf("the check of server %s goes to port %d in plain text, where TLS is spoken", e.Name, port),
			Hint:    "check-ssl",
			Related: []lint.Related{{At: e.TLS.At, Message: "does not count for a check with port or addr"}},
		}
	})
}

// addEncryptedCheck tells of a check with TLS where requests go in plain text. In mode tcp they may bring TLS themselves;
// port-scheme-mismatch tells of plain text to port 443.
func addEncryptedCheck(found *causes, lines *serverLines, u *proxy.Upstream, e *proxy.Endpoint) {
	port := checkPortOf(e)
	same := u.Protocol == proxy.HTTP && port == e.Addr.Port && !isTLSPort(port)
	at, _ := lines.word(e, "check-ssl")
	if port != httpPort && !same || port <= 0 || at.IsZero() {
		return
	}
	if elsewhere, _ := lines.word(e, "addr"); !elsewhere.IsZero() {
		return
	}
	found.add(cause{upstream: u.Name}, at, func() lint.Diagnostic {
		d := lint.Diagnostic{
			Symptom: answered(u.Protocol, "503: all servers down"),
			Message: fmt.Sprintf("check-ssl speaks TLS to port %d of server %s, where requests go in plain text", port, e.Name),
			Hint:    serverLine(e, e.Addr.At.Text(), "", "check-ssl"),
		}
		if !same {
			d.Message = fmt.Sprintf("check-ssl speaks TLS to port %d of server %s, %s", port, e.Name, spoken[httpPort])
		}
		return d
	})
}

// addNamelessCheck tells of a check that does not send the name that requests do.
func addNamelessCheck(found *causes, lines *serverLines, c *proxy.Config, u *proxy.Upstream, e *proxy.Endpoint) {
	sni := e.TLS.SNI
	verifies := e.TLS.Verify.Value && !e.TLS.Verify.Dynamic && e.TLS.Verify.Origin != proxy.Unknown
	name := sniName(e.TLS)
	_, refused := refusesWithoutSNI(name)
	if !sni.Written() || !sni.Value || !verifies && !refused {
		return
	}
	if at, _ := lines.word(e, "check-sni"); !at.IsZero() {
		return
	}
	severity := lint.Info
	if c.Version.Known() && isPublicName(name) {
		severity = lint.Warning
	}
	found.add(cause{upstream: u.Name, severity: severity}, e.Check.At, func() lint.Diagnostic {
		d := lint.Diagnostic{
			Symptom: answered(u.Protocol, "503: all servers down"),
			Message: fmt.Sprintf("the check of server %s sends no server name, while requests send %s", e.Name, sni.At.Text()),
			Hint:    "check-sni " + name,
			Related: []lint.Related{{At: sni.At, Message: "the name of requests alone"}},
		}
		if name == "" {
			d.Hint += "NAME"
		}
		if !c.Version.Known() {
			d.Message += fmt.Sprintf(" (before HAProxy %d.%d)", sniFromHost[0], sniFromHost[1])
		}
		return d
	})
}

// sniName returns the one name that requests send; "" where a sample chooses it.
func sniName(tls *proxy.TLS) string {
	if tls.Name.Dynamic {
		return ""
	}
	return tls.Name.Value
}
