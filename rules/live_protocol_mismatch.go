package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-protocol-mismatch",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.OtherProtocol, probe.Closed),
	Doc: lint.Doc{
		Title: `an upstream that speaks another protocol than the configuration`,
		Why: `The port is open, and what answers there is not what the configuration speaks: TLS where plain HTTP is sent, FastCGI or uwsgi behind
proxy_pass, HTTP/2 alone, a database, or a listener that waits for the PROXY protocol's header first. The client gets 502, or 400 from the
backend.

It is an error where the answer shows what is spoken there, and a warning where the connection is closed without one.`,
		How: `Speak to it what it speaks, or write the port of the service that was meant.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:9000 other-protocol speaks=FastCGI code=L7RSP
events {}
http {
    upstream app {
        server 10.0.0.7:9000;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: 10.0.0.7:8443 other-protocol speaks=TLS code=L7RSP
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:8443 check
`,
			Cloudflared: `# live: 10.0.0.7:8080 other-protocol speaks=TLS code=L7RSP
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.7:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `# live: 10.0.0.7:9000 ok
events {}
http {
    upstream app {
        server 10.0.0.7:9000;
    }
    server {
        listen 8080;
        location / {
            fastcgi_param SCRIPT_FILENAME /srv/index.php;
            fastcgi_pass app;
        }
    }
}
`,
			HAProxy: `# live: 10.0.0.7:8443 ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:8443 ssl verify required ca-file @system-ca check
`,
			Cloudflared: `# live: 10.0.0.7:8080 ok
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.7:8080
  - service: http_status:404
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://docs.haproxy.org/3.0/management.html#9.3",
		},
		Since: "0.2.0",
	},
})
