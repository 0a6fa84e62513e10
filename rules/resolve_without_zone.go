package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "resolve-without-zone",
	Family:   lint.Addresses,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "start failure",
	Run:      resolveWithoutZone,
	Doc: lint.Doc{
		Title: `"resolve" on a server without the zone and the resolver that it needs`,
		Why: `With "resolve" nginx looks the server's name up again while it runs. It keeps what it finds in shared memory, so the
group must have a zone, and it asks only the servers of a resolver directive, so one must be in scope. Without either nginx
does not start.

The parameter is in nginx from 1.27.3 on; before that only in the commercial NGINX Plus, and nginx refuses it with
"invalid parameter". Tell the version to have that checked.`,
		How: `Give the group "zone NAME 64k;" and a resolver, in the group itself or in the http or stream block. For an nginx before
1.27.3 let the name come through a variable instead.`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream app {
        server app.example.net:3000 resolve;
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
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        location / {
            set $backend app;
            proxy_pass http://$backend:3000;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#zone",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolver",
		},
		Since: "0.1.0",
	},
})

// sinceResolve is the nginx that has "resolve".
var sinceResolve = proxy.Version{1, 27, 3}

func resolveWithoutZone(_ context.Context, p *lint.Pass) {
	for _, u := range p.Config.Upstreams {
		if u.Plain {
			continue
		}
		var marks []syntax.Ref
		for _, e := range u.Endpoints {
			if e.Resolve && isHostName(e.Addr.Host) {
				marks = append(marks, resolveMark(e.Stmt))
			}
		}
		if len(marks) > 0 {
			reportResolve(p, u, marks)
		}
	}
}

func resolveMark(s *syntax.Stmt) syntax.Ref {
	for i := 2; i <= s.Args(); i++ {
		if s.Arg(i) == "resolve" {
			return s.Ref(i)
		}
	}
	return s.Ref(1)
}

// reportResolve tells what a group lacks, at the first of its servers that need it.
func reportResolve(p *lint.Pass, u *proxy.Upstream, marks []syntax.Ref) {
	d := lint.Diagnostic{At: marks[0], Related: places(marks[1:], "needed here too")}
	noZone := u.Zone.IsZero() && !u.Open
	noResolver := u.Resolver.Origin == proxy.Default
	zone, resolver := fmt.Sprintf("zone %s 64k;", u.Name), "resolver ADDRESS;"
	switch {
	case p.Config.Version.Before(sinceResolve):
		d.Message = fmt.Sprintf(`nginx %s does not know "resolve", which came with %s`, p.Config.Version, sinceResolve)
		d.Hint = "a variable in the pass, and a resolver"
	case noZone && noResolver:
		d.Message = fmt.Sprintf(`"resolve" needs a zone and a resolver, and upstream %s has neither`, u.Name)
		d.Hint = zone + " " + resolver
	case noZone:
		d.Message = fmt.Sprintf(`"resolve" needs a zone, and upstream %s has none`, u.Name)
		d.Hint = zone
	case noResolver:
		d.Message = fmt.Sprintf(`"resolve" needs a resolver, and none is in scope of upstream %s`, u.Name)
		d.Hint = resolver
	default:
		return
	}
	p.Report(d)
}
