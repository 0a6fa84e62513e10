package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-http-5xx",
	Severity: lint.Error,
	Symptom:  "503",
	Tunnels:  true,
	Live:     true,
	Run:      liveFault(probe.BadStatus),
	Doc: lint.Doc{
		Title: `an upstream that itself answers 502, 503 or 504`,
		Why: `The backend speaks HTTP and answers a plain GET with a gateway's error: it is overloaded or in maintenance, or it is a proxy whose own
backend fails. Both proxies hand that answer on, so the fault lies one step further than their logs seem to say.`,
		How: `Look at the backend's own log; where it is a proxy, run proxylint with its configuration.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 bad-status code=L7STS status=503
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
			HAProxy: `# live: 10.0.0.7:8080 bad-status code=L7STS status=503
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
			Cloudflared: `# live: 10.0.0.7:8080 bad-status code=L7STS status=503
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.7:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 ok
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
			HAProxy: `# live: 10.0.0.7:8080 ok
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
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream",
			"https://docs.haproxy.org/3.0/management.html#9.3",
		},
		Since: "0.2.0",
	},
})
