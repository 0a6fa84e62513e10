package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-dead-neighbour",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.DeadNeighbour),
	Doc: lint.Doc{
		Title: `an upstream at an address that no machine has`,
		Why: `The address lies in a network of this machine, and nobody there answers for it (ARP, or neighbour discovery in IPv6): after some three
seconds the system gives up. It is the surest sign of an address that has gone stale. nginx answers 502 with "connect() failed (113: No
route to host)", HAProxy 503.`,
		How: `Write the address that the backend has now, or better a name that is kept up to date.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 dead-neighbour took=3.07s
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
			HAProxy: `# live: 10.0.0.7:8080 dead-neighbour took=3.07s
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
			Cloudflared: `# live: 10.0.0.7:8080 dead-neighbour took=3.07s
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
			"https://man7.org/linux/man-pages/man7/arp.7.html",
		},
		Since: "0.2.0",
	},
})
