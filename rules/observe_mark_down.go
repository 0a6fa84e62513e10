package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "observe-mark-down",
	Family:   lint.Pools,
	Severity: lint.Info,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      observeMarkDown,
	Doc: lint.Doc{
		Title: "a server that is taken out for the errors of its application",
		Why: `With "observe layer7" HAProxy watches the answers that users get, and counts each 5xx but 501 and 505 as an error, as well as
answers that are none. After "error-limit" of them in a row (10), "on-error mark-down" takes the server out at once, until its checks have
been answered often enough again. One page that fails for everyone, such as a request that always ends in a 500, so takes out one
server after the other: then all requests get a 503, those too that worked.`,
		How: `Leave it to the health check, or let errors only make it look more closely: "on-error fastinter", the default. To keep mark-down,
set "error-limit" higher than the errors that one client can make.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 check observe layer7 error-limit 5 on-error mark-down
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
    server app1 10.0.0.10:3000 check observe layer7 error-limit 5 on-error fastinter
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#5.2-observe",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-on-error",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-error-limit",
		},
		Since: "0.1.0",
	},
})

// defaultErrorLimit is how many errors in a row HAProxy lets pass (manual 5.2 "error-limit").
const defaultErrorLimit = "10 (default)"

func observeMarkDown(_ context.Context, p *lint.Pass) {
	if !mentions(p.Config.Tree, "mark-down") {
		return
	}
	lines := newServerLines(p.Config.Tree)
	found := newCauses(p)
	for _, u := range p.Config.Upstreams {
		if u.Protocol != proxy.HTTP {
			continue
		}
		for _, e := range u.Endpoints {
			if e.Check == nil {
				continue
			}
			_, action := lines.word(e, "on-error")
			_, layer := lines.word(e, "observe")
			if action.IsZero() || action.Text() != "mark-down" || layer.IsZero() || layer.Text() != "layer7" {
				continue
			}
			found.add(cause{upstream: u.Name}, action, func() lint.Diagnostic {
				limit := defaultErrorLimit
				if _, at := lines.word(e, "error-limit"); !at.IsZero() {
					limit = at.Text()
				}
				d := lint.Diagnostic{
					Message: fmt.Sprintf("errors of the application in a row, error-limit %s, take server %s out although its checks are answered", limit, e.Name),
					Hint:    "on-error fastinter",
				}
				if !sameLine(layer, action) {
					d.Related = []lint.Related{{At: layer, Message: "what is watched"}}
				}
				return d
			})
		}
	}
	found.report()
}
