package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-socket-missing",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.SocketMissing, probe.SocketNotOne, probe.SocketKind),
	Doc: lint.Doc{
		Title: `a unix socket that is not there`,
		Why: `There is nothing at the path of the socket, or something else than a socket for connections. The backend is not running, or puts its
socket elsewhere, as php-fpm does after an upgrade that has the version in the path. nginx answers 502 with "connect() to unix:... failed
(2: No such file or directory)", HAProxy 503.`,
		How: `Start the backend, or write the path that it makes ("ss -lx" shows it).`,
		Bad: lint.Example{
			Nginx: `# live: /run/app.sock socket-missing
events {}
http {
    upstream app {
        server unix:/run/app.sock;
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
			HAProxy: `# live: /run/app.sock socket-missing
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 unix@/run/app.sock check
`,
			Cloudflared: `# live: /run/app.sock socket-missing
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: unix:/run/app.sock
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `# live: /run/app/app.sock ok
events {}
http {
    upstream app {
        server unix:/run/app/app.sock;
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
			HAProxy: `# live: /run/app/app.sock ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 unix@/run/app/app.sock check
`,
			Cloudflared: `# live: /run/app/app.sock ok
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: unix:/run/app/app.sock
  - service: http_status:404
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://man7.org/linux/man-pages/man7/unix.7.html",
		},
		Since: "0.2.0",
	},
})
