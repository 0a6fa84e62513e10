package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "edge-header-limit",
	Family:   lint.Edge,
	Severity: lint.Info,
	Symptom:  "502 or 520",
	Run:      edgeHeaderLimit,
	Doc: lint.Doc{
		Title: "more room for a response's headers than the edge in front has",
		Why: `A buffer for the headers of responses is made large when some did not fit: too many cookies, a token in each. Then this proxy
passes them on, and the edge in front refuses them: an Application Load Balancer of AWS takes 32 K of headers, which nobody can change,
and answers 502 to more; Cloudflare takes 128 KB and answers 520. As documented in February 2026.`,
		How: `Make the headers smaller: fewer and shorter cookies, and what they hold kept on the server. With a buffer of the edge's size this
proxy logs which responses are too big.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_buffer_size 64k;
            proxy_buffers 8 64k;
            proxy_busy_buffers_size 128k;
            proxy_set_header X-Request-Id $http_x_amzn_trace_id;
            proxy_set_header Host $host;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `global
    tune.bufsize 65536

defaults
    mode http
    timeout connect 5s
    timeout client 70s
    timeout server 30s

frontend www
    bind :8080
    http-request set-header X-Request-Id %[req.hdr(X-Amzn-Trace-Id)]
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_buffer_size 32k;
            proxy_buffers 8 32k;
            proxy_busy_buffers_size 64k;
            proxy_set_header X-Request-Id $http_x_amzn_trace_id;
            proxy_set_header Host $host;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `global
    tune.bufsize 32768

defaults
    mode http
    timeout connect 5s
    timeout client 70s
    timeout server 30s

frontend www
    bind :8080
    http-request set-header X-Request-Id %[req.hdr(X-Amzn-Trace-Id)]
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
			"https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size",
			"https://docs.haproxy.org/3.2/configuration.html#3.2-tune.bufsize",
		},
		Since: "0.1.0",
	},
})

func edgeHeaderLimit(_ context.Context, p *lint.Pass) {
	signs := edgeSignsOf(p)
	if signs.none() {
		return
	}
	told := map[syntax.Ref]bool{}
	line, _ := lastLine("tune.bufsize", globalSections(p.Config.Tree)...)
	for _, r := range p.Config.Routes {
		size, at := r.Hop.Buffers.Size, r.Hop.Buffers.Size.At
		if p.Config.Dialect == syntax.HAProxy && line != nil {
			n, ok := wholeArgument(line)
			size, at = proxy.Setting[int64]{Value: int64(n), Origin: proxy.Explicit, Dynamic: !ok}, line.Ref(1)
		}
		if !size.Written() || size.Dynamic || told[at] || r.Hop.Protocol == proxy.TCP {
			continue
		}
		for _, sign := range signs.edgesOfRoute(r) {
			if sign.header == 0 || size.Value <= sign.header {
				continue
			}
			told[at] = true
			p.Report(lint.Diagnostic{
				Symptom: sign.tooBig,
				At:      at,
				Message: fmt.Sprintf("%s lets responses with more than %dk of headers pass, which get %s from %s", at.Text(), sign.header>>10, sign.tooBig, sign.name),
				Related: []lint.Related{sign.related()},
			})
			break
		}
	}
}
