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

To connect it never has longer than "inter", and a lost packet is sent again after one second. With "fall 1" the first that is lost takes
the server down, whatever the check asks.

Without a unit, "inter 100" is 100 milliseconds. Numbers below 100 are left to timeout-unit.`,
		How: `Set "timeout check" to a few seconds: it may well be longer than "inter", which only says how often to ask. Leave "fall" at 3,
which is the default, where checks are that frequent.`,
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
	lines := newServerLines(p.Config.Tree)
	for _, u := range p.Config.Upstreams {
		for _, e := range u.Endpoints {
			if e.Check == nil {
				continue
			}
			for _, d := range []*lint.Diagnostic{shortLimit(u, e), shortInterval(u, e, lines)} {
				if d != nil && !told[d.At] {
					told[d.At] = true
					p.Report(*d)
				}
			}
		}
	}
}

// shortLimit tells of a timeout check in which a server can hardly answer; nil where it is long enough or not known.
func shortLimit(u *proxy.Upstream, e *proxy.Endpoint) *lint.Diagnostic {
	limit := u.Timeouts.Check
	if !isShort(syntax.HAProxy, limit) {
		return nil
	}
	return &lint.Diagnostic{
		At:      limit.At,
		Message: fmt.Sprintf("timeout check %s takes a server for down that answers its check later than that", limit.At.Text()),
		Hint:    "timeout check 3s",
		Related: []lint.Related{{At: e.Check.At, Message: "a check that it applies to"}},
	}
}

// shortInterval tells of a time between checks in which a server must answer, or take a connection at the first try; nil
// where it is long enough or not known.
func shortInterval(u *proxy.Upstream, e *proxy.Endpoint, lines *serverLines) *lint.Diagnostic {
	inter, limit := e.Check.Interval, u.Timeouts.Check
	if !isWritten(inter) || inter.Value >= synRetry || isDigits(inter.At.Text()) && inter.Value < 100*time.Millisecond {
		return nil
	}
	written := inter.At.Text()
	if isDigits(written) {
		written += " (ms)"
	}
	if limit.Origin == proxy.Default && e.Check.Protocol == proxy.HTTP {
		return &lint.Diagnostic{
			At:      inter.At,
			Message: fmt.Sprintf("inter %s is all the time that the check has, since no timeout check is set in %s", written, sectionName(u.Stmt)),
			Hint:    "timeout check 3s",
			Related: []lint.Related{{At: u.At, Message: "the section that lacks timeout check"}},
		}
	}
	if at, fall := lines.word(e, "fall"); !at.IsZero() && fall.Text() == "1" && !isHere(e.Addr) {
		return &lint.Diagnostic{
			At:      inter.At,
			Message: fmt.Sprintf("inter %s with fall 1: one lost packet, which is sent again after 1s, takes server %s down", written, e.Name),
			Hint:    "fall 3",
			Related: []lint.Related{{At: at, Message: "the first check that fails counts"}},
		}
	}
	return nil
}
