package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-tls-expired",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.TLSExpired),
	Doc: lint.Doc{
		Title: `an upstream whose certificate is not valid any more, and is verified`,
		Why: `The proxy verifies the backend's certificate, and the day is outside the time that it is valid for. Every connection fails: nginx
answers 502 with "certificate verify error: (10:certificate has expired)", HAProxy 503.`,
		How: `Renew the certificate at the backend, and have the renewal reload it.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:443 tls-expired code=L6RSP expires=2026-06-01
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
			HAProxy: `# live: 10.0.0.7:443 tls-expired code=L6RSP expires=2026-06-01
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
			Cloudflared: `# live: 10.0.0.7:443 tls-expired code=L6RSP expires=2026-06-01
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
			Nginx: `# live: 10.0.0.7:443 ok expires=2027-06-01
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
			HAProxy: `# live: 10.0.0.7:443 ok expires=2027-06-01
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
			Cloudflared: `# live: 10.0.0.7:443 ok
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
