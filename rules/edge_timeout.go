package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "edge-timeout",
	Family:   lint.Edge,
	Severity: lint.Info,
	Symptom:  "504 or 524",
	Run:      edgeTimeout,
	Doc: lint.Doc{
		Title: "a backend may take longer than the edge in front waits",
		Why: `A CDN or a cloud's load balancer waits for a response for a time of its own. A backend that takes longer is given up there,
whatever time this proxy grants it: the client gets the edge's error page, this proxy logs a request that the client closed (499, or
CD), and the backend works on. Cloudflare waits 120 s, then answers 524 (100 s until 2025; only Enterprise plans can have more). An
Application Load Balancer of AWS waits for 60 s without a byte, then answers 504; a backend service of Google Cloud has 30 s for the
whole response, and CloudFront waits 30 s, unless they are told otherwise, which no file shows here. All as documented in
February 2026.

The rule looks at times that are written, and at passes that are no WebSockets'.`,
		How: `Raise the edge's limit where it can be, answer at once and let the client ask for the result, send something in time, or move what
takes long to a name that does not lead through the edge. A time below the edge's makes this proxy answer, and log, what went wrong.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    set_real_ip_from 173.245.48.0/20;
    real_ip_header CF-Connecting-IP;
    server {
        listen 80;
        location / {
            proxy_read_timeout 300s;
            proxy_pass http://10.0.0.10:3000;
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
    bind :80
    acl from_edge src 173.245.48.0/20
    http-request set-src hdr(CF-Connecting-IP) if from_edge
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    set_real_ip_from 173.245.48.0/20;
    real_ip_header CF-Connecting-IP;
    server {
        listen 80;
        location / {
            proxy_read_timeout 90s;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 90s

frontend www
    bind :80
    acl from_edge src 173.245.48.0/20
    http-request set-src hdr(CF-Connecting-IP) if from_edge
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/",
			"https://developers.cloudflare.com/fundamentals/reference/connection-limits/",
			"https://repost.aws/knowledge-center/504-error-alb",
			"https://repost.aws/knowledge-center/cloudfront-custom-origin-response",
			"https://cloud.google.com/load-balancing/docs/https#timeout-bes",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20server",
		},
		Since: "0.1.0",
	},
})

func edgeTimeout(_ context.Context, p *lint.Pass) {
	signs := edgeSignsOf(p)
	if signs.none() {
		return
	}
	told := map[syntax.Ref]bool{}
	for _, r := range p.Config.Routes {
		read := r.Hop.Timeouts.Read
		if r.Hop.Protocol == proxy.TCP || !isWritten(read) || told[read.At] || idlesByNature(r.Match.Text) || upgradeHeader(r) != nil {
			continue
		}
		for _, sign := range signs.edgesOfRoute(r) {
			if read.Value <= sign.waits {
				continue
			}
			told[read.At] = true
			p.Report(lateForEdge(p.Config.Dialect, r, sign))
			break
		}
	}
}

func lateForEdge(dialect syntax.Dialect, r *proxy.Route, sign edgeSign) lint.Diagnostic {
	read, name := r.Hop.Timeouts.Read, readName(dialect, r)
	end, byDefault := "", " by default"
	if sign.edge == cloudflare {
		byDefault = ""
	}
	if dialect == syntax.Nginx {
		end = ";"
	}
	return lint.Diagnostic{
		Symptom: sign.late,
		At:      read.At,
		Message: fmt.Sprintf("%s %s is longer than %s waits%s: after %s the client gets %s",
			name, read.At.Text(), sign.name, byDefault, seconds(sign.waits), sign.late),
		Hint:    fmt.Sprintf("%s %s%s", name, seconds(sign.waits-max(5*time.Second, sign.waits/10)), end),
		Related: []lint.Related{sign.related()},
	}
}

// seconds writes a time as the manuals of edges do.
func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int64(d/time.Second)) }
