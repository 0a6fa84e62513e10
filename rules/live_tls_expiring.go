package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/proxylint/proxylint/lint"
)

var _ = register(lint.Rule{
	ID:       "live-tls-expiring",
	Severity: lint.Warning,
	Symptom:  "502 soon",
	Tunnels:  true,
	Live:     true,
	Run:      liveTLSExpiring,
	Doc: lint.Doc{
		Title: `an upstream whose certificate expires within two weeks`,
		Why: `The proxy verifies the backend's certificate, and in at most 14 days it is not valid any more: from then on every connection fails. It
is an info where the proxy does not verify, since nothing breaks there but a backend that nobody looks after.`,
		How: `Renew the certificate at the backend, and have the renewal reload it.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:443 ok expires=2026-07-08
events {}
http {
    upstream app {
        server 10.0.0.7:443;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
            proxy_ssl_name app.example;
            proxy_pass https://app;
        }
    }
}
`,
			HAProxy: `# live: 10.0.0.7:443 ok expires=2026-07-08
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:443 ssl verify required ca-file @system-ca check
`,
			Cloudflared: `# live: 10.0.0.7:443 ok expires=2026-07-08
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: https://10.0.0.7:443
    originRequest:
      originServerName: shop.acme.dev
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `# live: 10.0.0.7:443 ok expires=2026-09-08
events {}
http {
    upstream app {
        server 10.0.0.7:443;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
            proxy_ssl_name app.example;
            proxy_pass https://app;
        }
    }
}
`,
			HAProxy: `# live: 10.0.0.7:443 ok expires=2026-09-08
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:443 ssl verify required ca-file @system-ca check
`,
			Cloudflared: `# live: 10.0.0.7:443 ok expires=2026-09-08
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: https://10.0.0.7:443
    originRequest:
      originServerName: shop.acme.dev
  - service: http_status:404
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify",
			"https://docs.haproxy.org/3.0/configuration.html#5.2-verify",
		},
		Since: "0.2.0",
	},
})

// expiresSoon is how long before its end a certificate is told of.
const expiresSoon = 14 * 24 * time.Hour

func liveTLSExpiring(_ context.Context, p *lint.Pass) {
	for _, r := range p.Live.Of(p.Config) {
		for _, try := range r.Tries {
			left := try.Expires.Sub(p.Live.Began)
			if !try.OK() || try.Expires.IsZero() || left > expiresSoon {
				continue
			}
			d := lint.Diagnostic{
				At: r.TLS.At, Severity: lint.Warning, Symptom: unavailable(r.Dialect, r.Protocol, " soon"),
				Message: fmt.Sprintf("the certificate of %s is valid until %s, for %d days more", r.Dialed(try), try.Expires.Format(time.DateOnly), int(left.Hours()/24)),
			}
			if left < 0 {
				d.Message = fmt.Sprintf("the certificate of %s was valid until %s", r.Dialed(try), try.Expires.Format(time.DateOnly))
			}
			if !r.TLS.Verify {
				d.Severity, d.Symptom = lint.Info, lint.NoSymptom
			}
			p.Report(d)
			break
		}
	}
}
