package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "tls-verify-without-ca",
	Family:   lint.Protocol,
	Severity: lint.Error,
	Symptom:  "start failure",
	Run:      tlsVerifyWithoutCA,
	Doc: lint.Doc{
		Title: "a certificate that is to be verified, and nothing to verify it with",
		Why: `nginx with proxy_ssl_verify on and no proxy_ssl_trusted_certificate does not start ("no
proxy_ssl_trusted_certificate for proxy_ssl_verify"). It has no default for it, not even what the system trusts.

HAProxy verifies wherever a server line has ssl, and refuses the line without ca-file ("verify is enabled by default but
no CA file specified"), even when the server is disabled.`,
		How: `Name the file with the certificates of those who may sign. HAProxy knows those of the system as @system-ca. Where
the backend's certificate can't be verified, say so: "verify none" on the server line.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass https://10.0.0.10;
            proxy_ssl_server_name on;
            proxy_ssl_name api.example.com;
            proxy_ssl_verify on;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend api

backend api
    default-server ssl sni str(api.example.com)
    server api1 10.0.0.10:443 check check-sni api.example.com
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass https://10.0.0.10;
            proxy_ssl_server_name on;
            proxy_ssl_name api.example.com;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend api

backend api
    default-server ssl ca-file @system-ca sni str(api.example.com)
    server api1 10.0.0.10:443 check check-sni api.example.com
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_trusted_certificate",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-ca-file",
		},
		Since: "0.1.0",
	},
})

func tlsVerifyWithoutCA(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.HAProxy {
		reportServersWithoutCA(p)
		return
	}
	found := newCauses(p)
	for _, r := range p.Config.Routes {
		if r.Hop.TLS == nil || !verifiesWithNothing(r.Hop.TLS) {
			continue
		}
		at := r.Hop.TLS.Verify.At
		found.add(cause{at: at}, at, func() lint.Diagnostic {
			s := secured{tls: r.Hop.TLS, route: r}
			ca := s.directive("trusted_certificate")
			d := lint.Diagnostic{
				Message: fmt.Sprintf("%s is on, and no %s is set", s.directive("verify"), ca),
				Hint:    ca + " FILE;",
			}
			if !sameLine(at, r.At) {
				d.Related = []lint.Related{{At: r.At, Message: "the pass"}}
			}
			return d
		})
	}
	found.report()
}

// verifiesWithNothing reports whether a certificate is verified without any to hold it against.
func verifiesWithNothing(tls *proxy.TLS) bool {
	return tls.Verify.Origin != proxy.Unknown && tls.Verify.Value && !tls.Verify.Dynamic && tls.CA.Origin == proxy.Default
}

func reportServersWithoutCA(p *lint.Pass) {
	found := newCauses(p)
	for _, u := range p.Config.Upstreams {
		if !u.TLS || !serves(u.Stmt, u.Protocol) {
			continue
		}
		for _, e := range u.Endpoints {
			if e.TLS == nil || !verifiesWithNothing(e.TLS) {
				continue
			}
			at, written := e.TLS.At, e.TLS.Verify.Written()
			if written {
				at = e.TLS.Verify.At
			}
			found.add(cause{at: u.At}, at, func() lint.Diagnostic {
				d := lint.Diagnostic{
					Message: fmt.Sprintf("server %s has ssl without ca-file, and verify is required (default)", e.Name),
					Hint:    "ssl verify required ca-file @system-ca",
				}
				if written {
					d.Message = fmt.Sprintf("server %s has verify required without ca-file", e.Name)
				}
				return d
			})
		}
	}
	found.report()
}
