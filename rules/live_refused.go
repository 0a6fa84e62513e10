package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-refused",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.Refused, probe.SocketDead, probe.SocketBusy),
	Doc: lint.Doc{
		Title: `an upstream that refuses the connection`,
		Why: `The proxy's connection is answered with a reset: the backend is not running, listens on another port or on another address, or a
firewall rejects the connection, which looks the same from outside. nginx answers 502 with "connect() failed (111: Connection refused)"
in its error log, HAProxy 503 with the termination state SC.

Where other servers of the same upstream answer, the proxy tries those, and it is a warning; but HAProxy without a health check goes on
sending a share of the requests there. For an address of this machine the ports that are listened on nearby are told.`,
		How: `Start the backend, or write the port that it listens on ("ss -ltnp" on its machine shows it).`,
		Bad: lint.Example{
			Nginx: `# live: 127.0.0.1:8000 refused took=0.2ms nearby=8001:node
events {}
http {
    upstream app {
        server 127.0.0.1:8000;
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
			HAProxy: `# live: 127.0.0.1:8000 refused took=0.2ms nearby=8001:node
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 127.0.0.1:8000 check
`,
			Cloudflared: `# live: 10.0.0.7:8080 refused
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.7:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `# live: 127.0.0.1:8001 ok
events {}
http {
    upstream app {
        server 127.0.0.1:8001;
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
			HAProxy: `# live: 127.0.0.1:8001 ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 127.0.0.1:8001 check
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
