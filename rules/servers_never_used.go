package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "servers-never-used",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "wrong backend",
	Run:      serversNeverUsed,
	Doc: lint.Doc{
		Title: "a listen section whose requests all go elsewhere than to its servers",
		Why: `A listen section sends to its own servers what no use_backend line takes. A default_backend, written there or
inherited from defaults, takes all of that, and so does a use_backend without a condition: the servers are checked, look
healthy in the statistics, and never get a request. HAProxy warns of the first at its start.`,
		How: `Delete the default_backend, or the server lines. Where the line stands in defaults, put it in the frontends that
need it.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

listen www
    bind :8080
    default_backend old
    server app1 10.0.0.10:8080 check

backend old
    server old1 10.0.0.11:8080 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

listen www
    bind :8080
    use_backend old if { path_beg /old/ }
    server app1 10.0.0.10:8080 check

backend old
    server old1 10.0.0.11:8080 check
`},
		Links: []string{"https://docs.haproxy.org/3.2/configuration.html#4.2-default_backend"},
		Since: "0.1.0",
	},
})

func serversNeverUsed(_ context.Context, p *lint.Pass) {
	var taken map[*syntax.Stmt]*proxy.Route // by listen section, the route that takes all
	for _, r := range p.Config.Routes {
		if r.Section.Name() != "listen" || r.Stmt == r.Section || r.To == nil || taken[r.Section] != nil {
			continue
		}
		if r.Match.Kind == proxy.MatchAll || r.Stmt.When == nil && alwaysHolds(r.Stmt) {
			if taken == nil {
				taken = map[*syntax.Stmt]*proxy.Route{}
			}
			taken[r.Section] = r
		}
	}
	if taken == nil || p.Config.Tree.Fragment {
		return
	}
	for _, r := range p.Config.Routes {
		if r.Dynamic {
			return // it may lead to any of them
		}
		if r.To != nil && r.Stmt != r.Section { // a listen section's way to its own servers is the one in question
			delete(taken, r.To.Stmt)
		}
	}
	for _, u := range p.Config.Upstreams {
		r := taken[u.Stmt]
		if r == nil || len(u.Endpoints) == 0 || r.Stmt.When != nil && r.Stmt.When != u.Endpoints[0].Stmt.When || !serves(u.Stmt, u.Protocol) {
			continue
		}
		d := lint.Diagnostic{
			At: r.At,
			Message: fmt.Sprintf("%s %s takes all requests of %s, and its own %s",
				r.Stmt.Name(), r.Name, sectionName(u.Stmt), neverGets(len(u.Endpoints))),
			Related: []lint.Related{{At: u.Endpoints[0].Stmt.Ref(1), Message: "never used"}},
		}
		if r.Stmt.Parent != u.Stmt {
			d.At = u.At
			d.Related = append(d.Related, lint.Related{At: r.At, Message: "inherited from here"})
		}
		p.Report(d)
	}
}

func neverGets(servers int) string {
	if servers == 1 {
		return "server never gets one"
	}
	return fmt.Sprintf("%d servers never get one", servers)
}
