package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-unreachable",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.Unreachable, probe.NoRoute),
	Doc: lint.Doc{
		Title: `an upstream that a router calls unreachable`,
		Why: `A router or a firewall on the way answered that the address can't be reached. nginx answers 502 with "connect() failed (113: No route to
host)" or (101: Network is unreachable), HAProxy 503.

Where this machine itself has no route to the address, it is an info: the proxy's machine may have one.`,
		How: `Write the address that the backend has now, or mend the route or the firewall rule.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 unreachable took=1ms
events {}
http {
    upstream app {
        server 10.0.0.7:8080;
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
			HAProxy: `# live: 10.0.0.7:8080 unreachable took=1ms
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:8080 check
`,
			Cloudflared: `# live: 10.0.0.7:8080 unreachable took=1ms
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.7:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `# live: 10.0.0.8:8080 ok
events {}
http {
    upstream app {
        server 10.0.0.8:8080;
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
			HAProxy: `# live: 10.0.0.8:8080 ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.8:8080 check
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
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://docs.haproxy.org/3.0/management.html#9.3",
		},
		Since: "0.2.0",
	},
})
