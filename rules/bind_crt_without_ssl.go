package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "bind-crt-without-ssl",
	Family:   lint.Pools,
	Severity: lint.Error,
	Dialect:  syntax.HAProxy,
	Symptom:  "TLS handshake failure",
	Run:      bindCrtWithoutSSL,
	Doc: lint.Doc{
		Title: "a bind with a certificate, and without ssl",
		Why: `The options crt and crt-list only say where the certificates are: it is "ssl" that makes a bind speak TLS. Without it HAProxy
reads and checks the certificate, haproxy -c is content, and the port speaks plain HTTP. Browsers end at
"ERR_SSL_PROTOCOL_ERROR", curl at "wrong version number".

It is a warning in mode tcp, where the clients' TLS may go through to the servers and the certificate is merely unused.`,
		How: `Write "ssl" before "crt". Where plain HTTP is meant, leave the certificate out.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :443 crt /etc/haproxy/www.pem
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`},
		// without a certificate, since HAProxy refuses a file that is not there
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#5.1-ssl",
			"https://docs.haproxy.org/3.2/configuration.html#5.1-crt",
		},
		Since: "0.1.0",
	},
})

func bindCrtWithoutSSL(_ context.Context, p *lint.Pass) {
	var last *syntax.Stmt
	for _, l := range p.Config.Listeners {
		if l.Stmt == last { // the next address of the same line
			continue
		}
		last = l.Stmt
		at := certificateOption(l)
		if l.TLS || at.IsZero() || hasWord(l.Stmt, "ssl") || hasOpenWord(l.Stmt) {
			continue
		}
		write := "ssl " + at.Text()
		d := lint.Diagnostic{
			At:      at,
			Message: fmt.Sprintf("without ssl, %s has no effect: bind %s speaks no TLS", at.Text(), l.Stmt.Arg(1)),
			Hint:    fmt.Sprintf("bind %s %s ...", l.Stmt.Arg(1), write),
		}
		if l.Protocol == proxy.HTTP {
			d.Fix = repair(at, write, false)
		} else { // the servers may speak TLS with the clients
			d.Severity, d.Symptom = lint.Warning, "no effect"
		}
		p.Report(d)
	}
}

// certificateOption returns the first option of a bind line that names certificates; zero where none does.
func certificateOption(l *proxy.Listener) syntax.Ref {
	for i := 2; i < l.Stmt.Args(); i++ {
		if option := l.Stmt.Arg(i); (option == "crt" || option == "crt-list") && l.Stmt.Arg(i-1) != "name" {
			return l.Stmt.Ref(i)
		}
	}
	return syntax.Ref{}
}
