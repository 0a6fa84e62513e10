package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-socket-permission",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.SocketPermission),
	Doc: lint.Doc{
		Title: `a unix socket that the proxy's user may not connect to`,
		Why: `Connecting needs the right to write to the socket and to pass through the folders above it. nginx answers 502 with "connect() to unix:...
failed (13: Permission denied)", HAProxy 503. When proxylint runs as root, which may connect to all, the modes are judged for the user that
the configuration names.`,
		How: `Give the socket the proxy's group and mode 0660, for php-fpm with listen.group and listen.mode.`,
		Bad: lint.Example{
			Nginx: `# live: /run/app.sock socket-permission
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
			HAProxy: `# live: /run/app.sock socket-permission
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
			Cloudflared: `# live: /run/app.sock socket-permission
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: unix:/run/app.sock
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `# live: /run/app.sock ok
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
			HAProxy: `# live: /run/app.sock ok
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
			Cloudflared: `# live: /run/app.sock ok
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: unix:/run/app.sock
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
