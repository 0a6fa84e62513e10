package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-tls-handshake",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.TLSFailed, probe.TLSClientNeeded, probe.TLSUntrusted),
	Doc: lint.Doc{
		Title: `an upstream with which no TLS connection comes about`,
		Why: `The handshake as the proxy makes it fails: the backend wants a server name (SNI) that is not sent, has no protocol version or cipher in
common, asks for a client certificate, or shows a certificate whose issuer the proxy does not trust. nginx answers 502 with
"SSL_do_handshake() failed" or "certificate verify error" in its error log, HAProxy 503.`,
		How: `For nginx mostly "proxy_ssl_server_name on;", which is off by default, for HAProxy "sni str(NAME)"; else the CA file
(proxy_ssl_trusted_certificate, ca-file) or the client certificate.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:443 tls-failed code=L6RSP detail="remote error: tls: unrecognized name"
events {}
http {
    upstream app {
        server 10.0.0.7:443;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass https://app;
        }
    }
}
`,
			HAProxy: `# live: 10.0.0.7:443 tls-failed code=L6RSP detail="remote error: tls: unrecognized name"
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:443 ssl verify none check
`,
			Cloudflared: `# live: 10.0.0.7:443 tls-failed code=L6RSP detail="remote error: tls: unrecognized name"
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
    server app1 10.0.0.7:443 ssl verify none sni str(app.example) check check-sni app.example
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
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_server_name",
			"https://docs.haproxy.org/3.0/configuration.html#5.2-sni",
		},
		Since: "0.2.0",
	},
})
