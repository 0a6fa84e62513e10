package rules

import "github.com/proxylint/proxylint/lint"

var _ = register(lint.Rule{
	ID:       lint.IgnoreComment,
	Family:   lint.Proxylint,
	Severity: lint.Warning,
	Symptom:  "no effect",
	Tunnels:  true,
	Doc: lint.Doc{
		Title: "an ignore comment that does not do what it says",
		Why: `"# proxylint:ignore timeout-missing -- reason" accepts the findings of a rule in one statement: the one on the
comment's line, or the next one where the comment stands alone. "# proxylint:ignore-file timeout-missing -- reason", before the first
statement of a file, accepts all of them in the file. Several rules stand with commas between; until=2027-01-31 before the dashes
makes the comment end after that day.

A comment without a reason or with a date that is none accepts nothing, and neither does a rule that does not exist. Of a comment that has
ended the findings are back. Where there is nothing left to ignore, an info says so: the next fault there would go unseen. No comment accepts
findings of this rule.`,
		How: `Give the reason for which the finding is right to be there, and the rule as the finding has it in brackets. Take
the comment out when there is nothing left to ignore.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            # proxylint:ignore port-scheme-mismatch
            proxy_pass https://10.0.0.10:80;
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
    server app1 10.0.0.10:80 check ssl verify none # proxylint:ignore port-scheme-mismatch
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  # proxylint:ignore port-zero -- the port comes later
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
        location / {
            # proxylint:ignore port-scheme-mismatch -- the device speaks TLS on port 80
            proxy_pass https://10.0.0.10:80;
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
    # proxylint:ignore port-scheme-mismatch -- the device speaks TLS on port 80
    server app1 10.0.0.10:80 check ssl verify none
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  # proxylint:ignore port-zero -- switched off for now
  - hostname: shop.acme.dev
    service: http://10.0.0.10:0
  - service: http_status:404
`,
		},
		Links: []string{"https://github.com/proxylint/proxylint#accept-a-finding"},
		Since: "0.1.0",
	},
})
