package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "check-type-mismatch",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503: all servers down",
	Run:      checkTypeMismatch,
	Doc: lint.Doc{
		Title: "a health check in another protocol than its port speaks",
		Why: `"option httpchk" sends an HTTP request to the port of each server, or to that of "check port". A database, a mail server or a
port that expects TLS does not answer it as HAProxy wants, so all servers are down: requests get a 503, and connections in mode tcp
are closed. The same goes for mysql-check, pgsql-check, redis-check, smtpchk, ldap-check and ssl-hello-chk towards a port of
something else.

An option of the defaults section counts for all backends in reach, whatever their mode. The rule goes by well-known
ports.`,
		How: `Take the check that fits, such as "option mysql-check" or "option tcp-check"; give the HTTP check the "port" where HTTP is spoken, or
"check-ssl" where it is TLS.`,
		Bad: lint.Example{HAProxy: `defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    option httpchk

frontend db
    bind :8080
    default_backend db

backend db
    server db1 10.0.0.10:3306 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend db
    bind :8080
    default_backend db

backend db
    option mysql-check user haproxy
    server db1 10.0.0.10:3306 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-option%20httpchk",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-option%20mysql-check",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-port",
		},
		Since: "0.1.0",
	},
})

func checkTypeMismatch(_ context.Context, p *lint.Pass) {
	var defaults map[*syntax.Stmt]*syntax.Stmt
	found := newCauses(p)
	for _, u := range p.Config.Upstreams {
		if u.Check == nil || !serves(u.Stmt, u.Protocol) {
			continue
		}
		asks, known := checkKind(u.Check)
		if !known {
			continue
		}
		for _, e := range u.Endpoints {
			if e.Check == nil || isOpen(e.Addr) || e.Check.Port.Dynamic {
				continue
			}
			says := spokenInstead(u, e, asks)
			if says == "" {
				continue
			}
			if defaults == nil {
				defaults = defaultsOf(p.Config.Tree)
			}
			if checkConnects(u, defaults[u.Stmt]) {
				break
			}
			at := e.Addr.PortAt
			if e.Check.Port.Written() {
				at = e.Check.Port.At
			}
			found.add(cause{upstream: u.Name}, at, func() lint.Diagnostic {
				return lint.Diagnostic{
					Symptom: answered(u.Protocol, "503: all servers down"),
					Message: fmt.Sprintf("option %s asks port %d of server %s, which is that of %s", u.Check.At.Text(), checkPortOf(e), e.Name, says),
					Hint:    fittingCheck(says, asks),
					Related: []lint.Related{{At: u.Check.At, Message: "the kind of check"}},
				}
			})
		}
	}
	found.report()
}

// checkKind returns who answers a backend's kind of check, as owner names them; known is false where anyone may.
func checkKind(check *proxy.Check) (asks string, known bool) {
	if check.Protocol == proxy.HTTP {
		return "HTTP", true
	}
	switch check.At.Text() {
	case "mysql-check":
		return "MySQL", true
	case "pgsql-check":
		return "PostgreSQL", true
	case "redis-check":
		return "Redis", true
	case "smtpchk":
		return "SMTP", true
	case "ldap-check":
		return "LDAP", true
	case "ssl-hello-chk":
		return "TLS", true
	}
	return "", false
}

// spokenInstead returns what is spoken on the port that a check goes to; "" where it may be what the check asks for.
func spokenInstead(u *proxy.Upstream, e *proxy.Endpoint, asks string) string {
	port := checkPortOf(e)
	says := owner(port)
	switch {
	case port <= 0, port == fpmPort, port == 2181, port == 8009, port == 9092:
		return "" // what answers health checks stands there too, as Patroni does on 8009
	case port == httpPort:
		says = "HTTP"
	case isTLSPort(port):
		says = "TLS"
	}
	switch {
	case says == asks, e.Check.TLS:
		return ""
	case asks == "HTTP" && (e.TLS != nil || u.Protocol == proxy.HTTP && port == e.Addr.Port):
		return "" // check-tls-mismatch, port-not-http and port-scheme-mismatch tell of these
	case asks == "TLS" && says != "HTTP", asks == "SMTP" && says == "TLS", asks == "LDAP" && says == "TLS":
		return "" // many servers take TLS on the same port
	}
	return says
}

// fittingCheck returns a check that what is spoken on a port answers.
func fittingCheck(says, asks string) string {
	switch says {
	case "HTTP":
		return "option httpchk"
	case "MySQL":
		return "option mysql-check"
	case "PostgreSQL":
		return "option pgsql-check user NAME"
	case "Redis":
		return "option redis-check"
	case "SMTP":
		return "option smtpchk"
	case "TLS":
		if asks == "HTTP" {
			return "check check-ssl verify none"
		}
		return "option ssl-hello-chk"
	}
	return "option tcp-check"
}
