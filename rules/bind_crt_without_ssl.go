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
	Symptom:  "TLS handshake failure",
	Run:      bindCrtWithoutSSL,
	Doc: lint.Doc{
		Title: "a listener with a certificate, and without ssl",
		Why: `The options crt and crt-list only say where the certificates are: it is "ssl" that makes a bind speak TLS. Without it HAProxy
reads and checks the certificate, haproxy -c is content, and the port speaks plain HTTP. Browsers end at
"ERR_SSL_PROTOCOL_ERROR", curl at "wrong version number".

It is a warning in mode tcp, where the clients' TLS may go through to the servers and the certificate is merely unused.

nginx does the same with an ssl_certificate in a server whose "listen 443" does not say "ssl". Another server with "ssl" on
that port would make it speak TLS for both, so that it is a warning where not all files are in sight.`,
		How: `HAProxy: write "ssl" before "crt". nginx: write "ssl" after the port. Where plain HTTP is meant, leave the certificate out.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 443;
        ssl_certificate /etc/nginx/www.pem;
        ssl_certificate_key /etc/nginx/www.key;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`, HAProxy: `defaults
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
		// without a certificate, since both refuse a file that is not there
		Good: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`, HAProxy: `defaults
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
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#listen",
		},
		Since: "0.1.0",
	},
})

func bindCrtWithoutSSL(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.HAProxy {
		reportPlainBinds(p)
		return
	}
	reportPlainListens(p)
}

func reportPlainBinds(p *lint.Pass) {
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

// altHTTPSPort is where TLS is usual, though plain HTTP is met there, too.
const altHTTPSPort = 8443

// reportPlainListens tells of nginx servers that have a certificate, and none of whose listeners speaks TLS.
func reportPlainListens(p *lint.Pass) {
	certificates, on := ownCertificates(p.Config.Tree)
	if len(certificates) == 0 || on {
		return
	}
	speaking := map[int]bool{} // one listen with ssl is enough for a port
	encrypted := map[*syntax.Stmt]bool{}
	plain := map[*syntax.Stmt][]*proxy.Listener{}
	for _, l := range p.Config.Listeners {
		speaking[l.Addr.Port] = speaking[l.Addr.Port] || l.TLS
		encrypted[l.Section] = encrypted[l.Section] || l.TLS || l.Stmt != nil && hasOpenWord(l.Stmt)
	}
	var order []*syntax.Stmt
	for _, l := range p.Config.Listeners {
		if certificates[l.Section] == nil || encrypted[l.Section] || speaking[l.Addr.Port] || l.Protocol != proxy.HTTP ||
			l.Addr.Port != httpsPort && l.Addr.Port != altHTTPSPort {
			continue
		}
		if plain[l.Section] == nil {
			order = append(order, l.Section)
		}
		plain[l.Section] = append(plain[l.Section], l)
	}
	whole := seesGroups(p.Config.Tree)
	for _, server := range order {
		reportPlainListen(p, certificates[server], plain[server], whole)
	}
}

// ownCertificates returns the ssl_certificate line of each server that has one and shows all of its lines, and whether
// "ssl on" may hold for all servers.
func ownCertificates(tree *syntax.Tree) (certificates map[*syntax.Stmt]*syntax.Stmt, on bool) {
	certificates = map[*syntax.Stmt]*syntax.Stmt{}
	hidden := map[*syntax.Stmt]bool{}
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		_, unread := tree.Unread[s]
		switch server := serverOf(scope); {
		case server == nil || scope.Stmt != server:
			on = on || s.Name() == "ssl" && s.Arg(1) == "on"
		case s.Name() == "ssl_certificate" && certificates[server] == nil:
			certificates[server] = s
		case unread:
			hidden[server] = true
		}
		return s.Name() == "http" || s.Name() == "server"
	})
	for server := range hidden {
		delete(certificates, server)
	}
	return certificates, on
}

func reportPlainListen(p *lint.Pass, certificate *syntax.Stmt, listens []*proxy.Listener, whole bool) {
	first := listens[0].Addr
	d := lint.Diagnostic{
		At:      first.At,
		Message: fmt.Sprintf("without ssl, %s has no effect: listen %s speaks no TLS", certificate.Name(), first.At.Text()),
		Hint:    fmt.Sprintf("listen %s ssl;", first.At.Text()),
		Related: []lint.Related{{At: certificate.Ref(1), Message: "the certificate"}},
		Fix:     &lint.Fix{Title: `write "ssl"`},
	}
	if !whole || first.Port != httpsPort {
		d.Severity = lint.Warning
	}
	for i, l := range listens {
		at := l.Addr.At
		d.Fix.Edits = append(d.Fix.Edits, lint.Edit{At: at, New: at.Text() + " ssl"})
		if i > 0 && i <= maxRelated {
			d.Related = append(d.Related, lint.Related{At: at, Message: "here too"})
		}
	}
	p.Report(d)
}
