package rules

import (
	"context"
	"fmt"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "max-conns-no-queue",
	Family:   lint.Pools,
	Severity: lint.Info,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      maxConnsNoQueue,
	Doc: lint.Doc{
		Title: "every server of a group has max_conns, and nothing waits when all are taken",
		Why: `With max_conns nginx sends a server no more than so many requests at a time. When every server of the group has as many as
it may, the next request does not wait: it gets a 502 at once, with "no live upstreams" in the error log. Only the commercial
NGINX Plus has a queue.

Without a zone in the group each worker process counts for itself.`,
		How: `Choose limits that a busy hour does not reach, or add a backup server without max_conns that asks people to come back. In
NGINX Plus write "queue NUMBER;" into the group.`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000 max_conns=1;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000 max_conns=1;
        server 10.0.0.11:3000 backup;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#max_conns",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#queue",
		},
		Since: "0.1.0",
	},
})

func maxConnsNoQueue(_ context.Context, p *lint.Pass) {
	lines := lazyGroupLines(p.Config.Tree)
	routesTo := lazyRoutesTo(p.Config)
	for _, u := range p.Config.Upstreams {
		if u.Implicit || u.Open || !slices.ContainsFunc(u.Endpoints, isInUse) || slices.ContainsFunc(u.Endpoints, takesMore) ||
			len(routesTo(u)) == 0 || slices.ContainsFunc(lines()[u.Stmt], isQueue) {
			continue
		}
		var limits []syntax.Ref
		for _, e := range u.Endpoints {
			if !e.Down {
				limits = append(limits, e.MaxConns.At)
			}
		}
		whose := "the only server of " + u.Name
		if len(limits) > 1 {
			whose = "every server of " + u.Name
		}
		p.Report(lint.Diagnostic{
			Symptom: answered(u.Protocol, "502"),
			At:      limits[0],
			Message: fmt.Sprintf("%s has a max_conns: what comes while all are taken fails at once, as nginx has no queue", whose),
			Hint:    "server ADDRESS backup;",
			Related: alsoAt(limits[1:], "and this"),
		})
	}
}

// takesMore reports whether a server takes as many connections as come, as far as can be known.
func takesMore(e *proxy.Endpoint) bool {
	return !e.Down && (e.MaxConns.Dynamic || e.MaxConns.Value <= 0 || isOpen(e.Addr))
}

func isQueue(s *syntax.Stmt) bool { return s.Name() == "queue" }
