package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
)

var _ = register(lint.Rule{
	ID:       "tls-verify-off",
	Family:   lint.Protocol,
	Severity: lint.Info,
	Symptom:  "none",
	Run:      tlsVerifyOff,
	Doc: lint.Doc{
		Title: "TLS to a backend whose certificate nobody looks at",
		Why: `Without verification the proxy speaks to whoever answers at the address, with any certificate: one that has
expired, that of another host, that of an attacker. Requests succeed, so nothing tells when a name or an address leads to the
wrong machine. nginx does not verify unless told to (proxy_ssl_verify off is the default); in HAProxy "verify none" says so.

Backends on the proxy's own host are left out.`,
		How: `nginx: proxy_ssl_verify on with the certificates of those who may sign in proxy_ssl_trusted_certificate. HAProxy:
verify required with ca-file; @system-ca stands for those that the system trusts.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass https://10.0.0.10;
            proxy_ssl_server_name on;
            proxy_ssl_name api.example.com;
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
    default-server ssl verify none sni str(api.example.com)
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
    default-server ssl verify required ca-file @system-ca sni str(api.example.com)
    server api1 10.0.0.10:443 check check-sni api.example.com
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-verify",
		},
		Since: "0.1.0",
	},
})

func tlsVerifyOff(_ context.Context, p *lint.Pass) {
	found := newCauses(p)
	for s := range securedBackends(p.Config) {
		verify := s.tls.Verify
		if verify.Origin == proxy.Unknown || verify.Dynamic || verify.Value || s.isLocal() {
			continue
		}
		at := verify.At
		if !verify.Written() {
			if lacksSNI(p.Config, s) || groupNameServes(s) != "" {
				continue // sni-missing and tls-name-is-group speak of the same word
			}
			at = s.tls.At
		}
		found.add(cause{upstream: s.upstream.Name}, at, func() lint.Diagnostic { return unverified(s) })
	}
	found.report()
}

func unverified(s secured) lint.Diagnostic {
	d := lint.Diagnostic{
		Message: fmt.Sprintf("the certificate of %s is not verified", s.target()),
		Hint:    "verify required ca-file FILE",
	}
	if s.route != nil {
		d.Message += fmt.Sprintf(": %s off", s.directive("verify"))
		d.Hint = fmt.Sprintf("%s on; %s FILE;", s.directive("verify"), s.directive("trusted_certificate"))
		if !s.tls.Verify.Written() {
			d.Message += " (default)"
		}
	}
	return d
}
