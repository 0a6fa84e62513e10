package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-timeout",
	Severity: lint.Warning,
	Symptom:  "504",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.TimedOut),
	Doc: lint.Doc{
		Title: `an upstream that does not answer a connection`,
		Why: `Nothing came back until the time for a connection was over: a firewall drops what is sent there, the machine is gone behind a router, or
the backend's queue of connections is full. Each request waits for the proxy's connect timeout; then nginx answers 504, HAProxy 503.

It is a warning, since the way from here may be another one than the proxy's; with --strict-live it is an error.`,
		How: `Open the firewall between the two, write the address that the backend has now, or find out why it takes no connections.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 timed-out took=4s
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
			HAProxy: `# live: 10.0.0.7:8080 timed-out took=4s
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
			Cloudflared: `# live: 10.0.0.7:8080 timed-out took=4s
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
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_connect_timeout",
			"https://docs.haproxy.org/3.0/configuration.html#4.2-timeout%20connect",
		},
		Since: "0.2.0",
	},
})
