package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "live-keepalive-race",
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502 for POST",
	Live:     true,
	Run:      liveKeepaliveRace,
	Doc: lint.Doc{
		Title: `an upstream that closes idle connections sooner than the proxy`,
		Why: `nginx keeps idle connections to the upstream for keepalive_timeout (60 s by default) and sends the next request over one of them. When
the backend closes them sooner, a request can meet a connection that is just being closed. nginx sends a GET once more to another server or
connection, but not a POST, LOCK or PATCH: the client gets 502, now and then, and only under load. What the backend says in a Keep-Alive
header, or did with a connection held open, was measured.`,
		How: `Have the backend keep idle connections longer than the proxy, or the proxy shorter: "keepalive_timeout 4s;" in the upstream block for a
backend that closes after 5 s.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 ok idle=5s
events {}
http {
    upstream app {
        server 10.0.0.7:8080;
        keepalive 16;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://app;
        }
    }
}
`,
		},
		Good: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 ok idle=5s
events {}
http {
    upstream app {
        server 10.0.0.7:8080;
        keepalive 16;
        keepalive_timeout 4s;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://app;
        }
    }
}
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream",
		},
		Since: "0.2.0",
	},
})

func liveKeepaliveRace(_ context.Context, p *lint.Pass) {
	for _, r := range p.Live.Of(p.Config) {
		kept := r.Limits.Idle
		for _, try := range r.Tries {
			if !try.OK() || kept.Value <= 0 || try.Idle <= 0 || try.Idle > kept.Value {
				continue
			}
			how := "closes"
			if try.IdleSaid {
				how = "says that it closes"
			}
			d := lint.Diagnostic{
				At:      r.Pool.At,
				Message: fmt.Sprintf("%s %s idle connections after %s, and nginx keeps them for %s", r.Dialed(try), how, try.Idle.Round(time.Millisecond), kept.Value),
			}
			if !kept.At.IsZero() {
				d.At = kept.At
			}
			if shorter := try.Idle.Truncate(time.Second) - time.Second; shorter > 0 {
				d.Hint = fmt.Sprintf("keepalive_timeout %ds;", int(shorter.Seconds()))
			}
			p.Report(d)
			break
		}
	}
}
