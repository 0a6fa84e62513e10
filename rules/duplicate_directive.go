package rules

import (
	"context"

	"github.com/proxylint/proxylint/lint"
)

var _ = register(lint.Rule{
	ID:       "duplicate-directive",
	Family:   lint.Reading,
	Severity: lint.Error,
	Symptom:  "no effect",
	Run:      duplicateDirective,
	Doc: lint.Doc{
		Title: "a directive that may stand once in a block, and stands there twice",
		Why: `Most nginx directives may stand once in each block. nginx stops at the second ("directive is duplicate"), even
where both say the same; a reload keeps the old configuration, a restart leaves nothing listening. What a file holds that is
included counts as if it were written in the block, which is how most duplicates come about.

HAProxy takes the last of two timeouts of a kind in one section, and the first has no effect: a warning, or an info where both
have one value.

A file that a template engine is to fill in is left alone, since two lines may be the arms of a choice.`,
		How: `Keep the one that is meant. Where one stands in an included file, take the other out of the block, or give the
include a block of its own.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_read_timeout 60s;
            proxy_pass http://10.0.0.10:8080;
            proxy_read_timeout 300s;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout server 300s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:8080 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_read_timeout 300s;
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 300s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:8080 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/dirindex.html",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20server",
		},
		Since: "0.1.0",
	},
})

func duplicateDirective(ctx context.Context, p *lint.Pass) {
	told := *p
	told.Report = func(d lint.Diagnostic) {
		if d.Severity == lint.Error {
			d.Symptom = "start failure"
		}
		p.Report(d)
	}
	reportProblems("duplicate-directive")(ctx, &told)
}
