package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-tls-name",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.TLSName),
	Doc: lint.Doc{
		Title: `an upstream whose certificate is for another name`,
		Why: `The proxy verifies the certificate, and the name it looks for is not among those in it. For nginx that is proxy_ssl_name, by default the
host in proxy_pass, which for an upstream group is the group's name; for HAProxy verifyhost, or the SNI. nginx answers 502 with "upstream
SSL certificate does not match", HAProxy 503.`,
		How: `Write the name that the certificate has: proxy_ssl_name in nginx, verifyhost or sni in HAProxy.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:443 tls-name code=L6RSP names=app.example
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
            proxy_pass https://app;
        }
    }
}
`,
			HAProxy: `# live: 10.0.0.7:443 tls-name code=L6RSP names=app.example
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:443 ssl verify required ca-file @system-ca verifyhost app check
`,
			Cloudflared: `# live: 10.0.0.7:443 tls-name code=L6RSP names=app.acme.dev
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
			Nginx: `# live: 10.0.0.7:443 ok
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
            proxy_ssl_server_name on;
            proxy_ssl_name app.example;
            proxy_pass https://app;
        }
    }
}
`,
			HAProxy: `# live: 10.0.0.7:443 ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:443 ssl verify required ca-file @system-ca verifyhost app.example check
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
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_name",
			"https://docs.haproxy.org/3.0/configuration.html#5.2-verifyhost",
		},
		Since: "0.2.0",
	},
})
