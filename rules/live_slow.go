package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-slow",
	Severity: lint.Warning,
	Symptom:  "504",
	Live:     true,
	Run:      liveSlow,
	Doc: lint.Doc{
		Title: `an upstream whose first byte takes long, measured against the read timeout`,
		Why: `The proxy gives an upstream so long to begin its answer, proxy_read_timeout in nginx, "timeout server" in HAProxy. When the samples took
more than half of it, or when none came at all before proxylint gave up, requests that are harder than a plain GET are going to end in 504.
It is an error where nothing came within the whole timeout.`,
		How: `Find out what makes the backend slow; a longer timeout only hides it from the log.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 ok first=40s
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
			HAProxy: `# live: 10.0.0.7:8080 ok first=20s
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
		},
		Good: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 ok first=20ms
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
			HAProxy: `# live: 10.0.0.7:8080 ok first=20ms
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
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
			"https://docs.haproxy.org/3.0/configuration.html#4.2-timeout%20server",
		},
		Since: "0.2.0",
	},
})

func liveSlow(_ context.Context, p *lint.Pass) {
	pools := newLivePools(p)
	for _, r := range p.Live.Of(p.Config) {
		limit := r.Limits.Read
		if fault, working := verdict(r); fault != nil && working == 0 && fault.Cause == probe.Silent {
			d := pools.finding(r, fault)
			if limit.Value <= 0 || fault.Took < limit.Value {
				d.Severity = min(d.Severity, lint.Warning) // it may yet answer in time
			}
			p.Report(d)
			continue
		}
		for _, try := range r.Tries {
			if !try.OK() || limit.Value <= 0 || try.First*2 <= limit.Value {
				continue
			}
			d := lint.Diagnostic{
				At:      r.Addr.At,
				Symptom: answered(r.Protocol, "504"),
				Message: fmt.Sprintf("the first byte of %s took %s, and the proxy waits %s", r.Dialed(try), try.First.Round(time.Millisecond), limit.Value),
			}
			if !limit.At.IsZero() {
				d.At = limit.At
			}
			p.Report(d)
			break
		}
	}
}
