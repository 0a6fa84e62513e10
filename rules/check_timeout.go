package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "check-timeout",
	Family:   lint.Timeouts,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "flapping",
	Run:      checkTimeout,
	Doc: lint.Doc{
		Title: "a health check that must be answered within less than a second",
		Why: `Without "timeout check" a health check has the time of "inter" to connect, ask and get its answer. With "inter 500ms"
a server that needs 600 ms for its health page, as any may under load or during garbage collection, is down after three
checks and up after two others: it flaps, and when all do there is nobody left to answer, a 503. A "timeout check" below a second
does the same.

Numbers without a unit are left to timeout-unit.`,
		How: `Set "timeout check" to a few seconds: it may well be longer than "inter", which only says how often to ask.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk
    http-check send meth GET uri /health
    server app1 10.0.0.10:3000 check inter 300ms
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk
    http-check send meth GET uri /health
    timeout check 3s
    server app1 10.0.0.10:3000 check inter 300ms
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20check",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-inter",
		},
		Since: "0.1.0",
	},
})

func checkTimeout(_ context.Context, p *lint.Pass) {
	told := map[syntax.Ref]bool{}
	for _, u := range p.Config.Upstreams {
		limit := u.Timeouts.Check
		for _, e := range u.Endpoints {
			d := shortCheck(u, e)
			if d != nil && !told[d.At] {
				told[d.At] = true
				p.Report(*d)
			}
			if limit.Written() && e.Check != nil {
				break // one server tells what there is to be told
			}
		}
	}
}

// shortCheck tells of the time in which a server must answer its check; nil where it is long enough or not known.
func shortCheck(u *proxy.Upstream, e *proxy.Endpoint) *lint.Diagnostic {
	limit := u.Timeouts.Check
	switch {
	case e.Check == nil:
		return nil
	case isShort(syntax.HAProxy, limit):
		return &lint.Diagnostic{
			At:      limit.At,
			Message: fmt.Sprintf("timeout check %s takes a server for down that answers its check later than that", limit.At.Text()),
			Hint:    "timeout check 3s",
			Related: []lint.Related{{At: e.Check.At, Message: "a check that it applies to"}},
		}
	case limit.Origin != proxy.Default || e.Check.Protocol != proxy.HTTP || !isShort(syntax.HAProxy, e.Check.Interval):
		return nil
	}
	inter := e.Check.Interval
	return &lint.Diagnostic{
		At:      inter.At,
		Message: fmt.Sprintf("inter %s is all the time that the check has, since no timeout check is set in %s", inter.At.Text(), sectionName(u.Stmt)),
		Hint:    "timeout check 3s",
		Related: []lint.Related{{At: u.At, Message: "the section that lacks timeout check"}},
	}
}
