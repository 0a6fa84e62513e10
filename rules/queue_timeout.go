package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "queue-timeout",
	Family:   lint.Timeouts,
	Severity: lint.Info,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      queueTimeout,
	Doc: lint.Doc{
		Title: "a server with maxconn, and no limit of its own for those who wait",
		Why: `When a server has as many connections as its maxconn says, further requests wait in a queue. Without "timeout queue"
they wait as long as "timeout connect" says, and then get a 503: with the usual few seconds, a short peak is enough.`,
		How: `Say how long a request may wait: longer than "timeout connect" where late answers are better than none, shorter where
clients would rather try again.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 check maxconn 1
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout queue 10s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 check maxconn 1
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20queue",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-maxconn",
		},
		Since: "0.1.0",
	},
})

func queueTimeout(_ context.Context, p *lint.Pass) {
	told := map[syntax.Ref]bool{}
	for _, u := range p.Config.Upstreams {
		queue, connect := u.Timeouts.Queue, u.Timeouts.Connect
		// without "timeout connect" requests wait for ever, which timeout-missing tells of
		if queue.Origin == proxy.Unknown || queue.Dynamic || queue.Value > 0 || connect.Dynamic || connect.Value == 0 ||
			!serves(u.Stmt, u.Protocol) {
			continue
		}
		limited := limitedServer(u)
		if limited == nil || told[limited.MaxConns.At] {
			continue
		}
		at := limited.MaxConns.At
		told[at] = true
		d := lint.Diagnostic{At: at, Hint: "timeout queue 10s", Related: []lint.Related{{At: connect.At, Message: "the limit that applies"}}}
		fate := "get a 503"
		if u.Protocol == proxy.TCP {
			d.Symptom, fate = "connections closed", "are turned away"
		}
		d.Message = fmt.Sprintf("those who wait for maxconn %s %s after timeout connect %s, since no timeout queue is set in %s",
			at.Text(), fate, connect.At.Text(), sectionName(u.Stmt))
		p.Report(d)
	}
}

// limitedServer returns the first server in use that takes a limited number of connections; nil when there is none.
func limitedServer(u *proxy.Upstream) *proxy.Endpoint {
	for _, e := range u.Endpoints {
		if !e.Down && !e.MaxConns.Dynamic && e.MaxConns.Value > 0 {
			return e
		}
	}
	return nil
}
