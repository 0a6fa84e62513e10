package rules

import "github.com/proxylint/proxylint/lint"

var _ = register(lint.Rule{
	ID:       "syntax",
	Family:   lint.Reading,
	Severity: lint.Error,
	Symptom:  "start failure",
	Tunnels:  true,
	Run:      reportProblems("syntax"),
	Doc: lint.Doc{
		Title: "text that the proxy cannot read",
		Why: `A proxy takes its configuration whole or not at all: one open quote, one stray brace, and none of it
is loaded. A reload then leaves the old workers serving the old configuration, so the fault goes unnoticed until the
next restart or reboot. After that nothing listens, and clients get "connection refused".

The line in the proxy's own message is where its reader gave up, often far below the fault: nginx tells of a brace
left open at the end of the file. The finding stands on the fault, and says where the proxy would stop. All
faults are told at once; nginx stops at the first, HAProxy after twenty.`,
		How: `Mend the words the finding stands on. Run "nginx -t" or "haproxy -c -f haproxy.cfg" before every reload,
and let the service unit do so too (ExecReload).`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        add_header X-Served-By "edge-1;
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
    http-response set-header X-Served-By "edge-1
    default_backend app

backend app
    server app1 10.0.0.10:8080 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
   service: http://10.0.0.10:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        add_header X-Served-By "edge-1";
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
    http-response set-header X-Served-By "edge-1"
    default_backend app

backend app
    server app1 10.0.0.10:8080 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:8080
  - service: http_status:404
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/beginners_guide.html#conf_structure",
			"https://docs.haproxy.org/3.2/configuration.html#2.2",
		},
		Since: "0.1.0",
	},
})
