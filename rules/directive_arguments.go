package rules

import "github.com/proxylint/proxylint/lint"

var _ = register(lint.Rule{
	ID:       "directive-arguments",
	Family:   lint.Reading,
	Severity: lint.Error,
	Symptom:  "start failure",
	Tunnels:  true,
	Run:      reportProblems("directive-arguments"),
	Doc: lint.Doc{
		Title: "too few or too many arguments, or a value the directive does not take",
		Why: `Both proxies check the number of arguments and the form of times, sizes and flags when they read the file, and
do not start if one is wrong ("invalid number of arguments", "invalid value", "unexpected character").

The usual slips: a blank between number and unit ("30 s"), a unit that only the other proxy knows (nginx has no "us",
HAProxy no "w" or "y"), "true" for "on", and a list of servers or methods where one is allowed.`,
		How: `Write the number and its unit as one word: 30s, 500ms, 16k.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:8080;
            proxy_read_timeout 30 s;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30 s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:8080 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:8080
    originRequest:
      connectTimeout: 30
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
            proxy_read_timeout 30s;
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
    server app1 10.0.0.10:8080 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:8080
    originRequest:
      connectTimeout: 30s
  - service: http_status:404
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/syntax.html",
			"https://docs.haproxy.org/3.2/configuration.html#2.5",
		},
		Since: "0.1.0",
	},
})
