package rules

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "edge-keepalive",
	Family:   lint.Edge,
	Severity: lint.Warning,
	Symptom:  "502 now and then",
	Run:      edgeKeepalive,
	Doc: lint.Doc{
		Title: "idle connections are closed before the edge in front closes them",
		Why: `A load balancer keeps its connections to this proxy open for the next request: Google's for 600 s, which nobody can change, an
Application Load Balancer of AWS for 60 s and CloudFront for 5 s unless told otherwise (as documented in February 2026). A proxy that
closes an idle connection sooner may do so at the moment when a request is on its way. The client gets 502 from the load balancer, now
and then, and there is no trace of it in this proxy's logs.

nginx closes idle connections after keepalive_timeout (75 s by default), HAProxy after "timeout http-keep-alive", else
"timeout http-request", else "timeout client". Cloudflare is not looked at: it keeps connections for 900 s, and few origins do.`,
		How: `Keep connections for longer than the load balancer does: more than 600 s behind Google's, 65 s behind one of AWS.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    set_real_ip_from 130.211.0.0/22;
    set_real_ip_from 35.191.0.0/16;
    real_ip_header X-Forwarded-For;
    keepalive_timeout 65s;
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:3000;
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
    acl from_edge src 130.211.0.0/22 35.191.0.0/16
    http-request set-src hdr(X-Forwarded-For) if from_edge
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    set_real_ip_from 130.211.0.0/22;
    set_real_ip_from 35.191.0.0/16;
    real_ip_header X-Forwarded-For;
    keepalive_timeout 620s;
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout http-keep-alive 620s
    timeout server 30s

frontend www
    bind :8080
    acl from_edge src 130.211.0.0/22 35.191.0.0/16
    http-request set-src hdr(X-Forwarded-For) if from_edge
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://cloud.google.com/load-balancing/docs/https/request-distribution",
			"https://repost.aws/knowledge-center/elb-alb-troubleshoot-502-errors",
			"https://repost.aws/knowledge-center/cloudfront-custom-origin-response",
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_timeout",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20http-keep-alive",
		},
		Since: "0.1.0",
	},
})

func edgeKeepalive(_ context.Context, p *lint.Pass) {
	signs := edgeSignsOf(p)
	if signs.none() || p.Config.Dialect == syntax.HAProxy && mentions(p.Config.Tree, "httpclose") {
		return
	}
	told := map[syntax.Ref]bool{}
	for _, l := range p.Config.Listeners {
		if l.Protocol != proxy.HTTP || l.Timeouts == nil || isLoopbackHost(l.Addr.Host) || l.Addr.Socket != "" {
			continue
		}
		idle, name := idleTime(p.Config.Dialect, l.Timeouts)
		if idle.Origin == proxy.Unknown || idle.Dynamic || idle.Value == 0 {
			continue
		}
		for _, sign := range signs.before(l.Section) {
			d := closedEarly(p.Config.Dialect, idle, name, sign)
			if idle.Value <= sign.idle && !told[d.At] {
				told[d.At] = true
				p.Report(d)
			}
		}
	}
}

// idleTime returns how long a listener keeps a connection open that has nothing to do, and the name of that setting.
func idleTime(dialect syntax.Dialect, t *proxy.Timeouts) (idle proxy.Setting[time.Duration], name string) {
	switch {
	case dialect == syntax.Nginx:
		return t.KeepAlive, "keepalive_timeout"
	case t.KeepAlive.Origin != proxy.Default:
		return t.KeepAlive, "timeout http-keep-alive"
	case t.HTTPRequest.Origin != proxy.Default:
		return t.HTTPRequest, "timeout http-request"
	}
	return t.Client, "timeout client"
}

func closedEarly(dialect syntax.Dialect, idle proxy.Setting[time.Duration], name string, sign edgeSign) lint.Diagnostic {
	keeps := "keeps"
	if !sign.fixed {
		keeps = "unless told otherwise keeps"
	}
	d := lint.Diagnostic{
		At: sign.at,
		Message: fmt.Sprintf("idle connections are closed after %s, and %s %s them for %s: a request that meets this gets 502",
			inEffect(name, idle), sign.name, keeps, seconds(sign.idle)),
		Hint: "timeout http-keep-alive " + seconds(sign.idle+20*time.Second),
	}
	if dialect == syntax.Nginx {
		d.Hint = strings.Replace(d.Hint, "timeout http-keep-alive", "keepalive_timeout", 1) + ";"
	}
	if idle.Written() {
		d.At, d.Related = idle.At, []lint.Related{sign.related()}
	}
	return d
}
