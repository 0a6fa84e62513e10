package rules

import "github.com/proxylint/proxylint/lint"

var _ = register(lint.Rule{
	ID:       "directive-context",
	Family:   lint.Reading,
	Severity: lint.Error,
	Symptom:  "start failure",
	Run:      reportProblems("directive-context"),
	Doc: lint.Doc{
		Title: "a directive where the proxy does not allow it",
		Why: `nginx refuses a directive outside the blocks it was made for ("directive is not allowed here"): proxy_pass
belongs into a location, server lines into an upstream, not into a server block. Such lines usually come from a snippet
that was written for another level, and nginx then does not start.

HAProxy refuses what cannot work, such as a server line in a frontend. Other lines it only ignores, with a warning that
scrolls by at start: a "timeout client" in a backend, a "balance" in a frontend. There the value you believe
in effect is not, and the one from the defaults section, or none, rules; such findings are warnings.`,
		How: `Move the line to a block or section that takes it; the manual names them under "Context" (nginx) and in the
table of keywords (HAProxy).`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        proxy_pass http://10.0.0.10:8080;
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
    server app1 10.0.0.10:8080 check
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
    server app1 10.0.0.10:8080 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://docs.haproxy.org/3.2/configuration.html#4.1",
		},
		Since: "0.1.0",
	},
})
