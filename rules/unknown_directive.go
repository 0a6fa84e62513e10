package rules

import "github.com/proxylint/proxylint/lint"

var _ = register(lint.Rule{
	ID:       "unknown-directive",
	Family:   lint.Reading,
	Severity: lint.Warning,
	Symptom:  "start failure",
	Tunnels:  true,
	Run:      reportProblems("unknown-directive"),
	Doc: lint.Doc{
		Title: "a name that no known module or version has",
		Why: `A proxy does not pass over a name it does not know: nginx says "unknown directive", HAProxy "unknown keyword",
and neither starts; cloudflared does, and passes over the key of an ingress rule with a warning. A reload keeps the old configuration running, a restart leaves nothing listening.

It is a warning, not an error, because the name may belong to a module built into your nginx, or to a HAProxy
release that is newer than this linter. Most often it is a slip of the finger, or a directive of a dynamic module
whose load_module line did not come along to the new machine.`,
		How: `Write the name that was meant. A directive of a module of your own needs that module's load_module line, or
an nginx that was built with it.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pas http://10.0.0.10:8080;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    blance leastconn
    server app1 10.0.0.10:8080 check
    server app2 10.0.0.11:8080 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:8080
    originRequest:
      noTlsVerify: true
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    balance leastconn
    server app1 10.0.0.10:8080 check
    server app2 10.0.0.11:8080 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:8080
    originRequest:
      noTLSVerify: true
  - service: http_status:404
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/dirindex.html",
			"https://docs.haproxy.org/3.2/configuration.html#4.1",
		},
		Since: "0.1.0",
	},
})
