package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "redispatch-missing",
	Family:   lint.Pools,
	Severity: lint.Info,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      redispatchMissing,
	Doc: lint.Doc{
		Title: "retries that go to the same dead server again",
		Why: `When a server does not take a connection, HAProxy tries again up to "retries" times (3), a second apart. Without "option
redispatch" every try goes to the same server: until the health check has noticed, each request that is its turn ends in a 503, though
the others would have answered. With "retries 0" there is no second try at all.

It is told once for each defaults section. A backend that says "no option redispatch" means it.`,
		How: `Write "option redispatch" into the defaults section: the last try then goes to another server, or with "option redispatch 1"
every one.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
    server app2 10.0.0.11:3000 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    option redispatch 1

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
    server app2 10.0.0.11:3000 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-option%20redispatch",
			"https://docs.haproxy.org/3.2/configuration.html#4-retries",
		},
		Since: "0.1.0",
	},
})

func redispatchMissing(_ context.Context, p *lint.Pass) {
	var defaults map[*syntax.Stmt]*syntax.Stmt
	found := newCauses(p)
	seen := map[*proxy.Upstream]bool{}
	for _, r := range p.Config.Routes {
		u, retry := r.To, r.Hop.Retry
		if u == nil || seen[u] {
			continue
		}
		seen[u] = true
		never := retry.Tries.Written() && !retry.Tries.Dynamic && retry.Tries.Value == 0
		if !never && retry.Redispatch.Origin != proxy.Default || !hasChoice(u) || !serves(u.Stmt, u.Protocol) {
			continue
		}
		if never {
			found.add(cause{at: retry.Tries.At}, retry.Tries.At, func() lint.Diagnostic { return withoutRetries(u, retry) })
			continue
		}
		if defaults == nil {
			defaults = defaultsOf(p.Config.Tree)
		}
		key := cause{}
		if from := defaults[u.Stmt]; from != nil {
			key.at = from.Ref(0)
		}
		found.add(key, u.At, func() lint.Diagnostic { return stuckRetries(u, key.at) })
	}
	found.report()
}

// hasChoice reports whether a backend has two servers or more that requests are shared between.
func hasChoice(u *proxy.Upstream) bool {
	n := 0
	for _, e := range u.Endpoints {
		if !isInService(e) {
			continue
		}
		if n++; n == 2 || e.Slots > 1 {
			return true
		}
	}
	return false
}

func withoutRetries(u *proxy.Upstream, retry *proxy.Retry) lint.Diagnostic {
	d := lint.Diagnostic{
		Symptom: answered(u.Protocol, "503"),
		Message: fmt.Sprintf("with retries %s a request whose server takes no connection never reaches another of %s", retry.Tries.At.Text(), sectionName(u.Stmt)),
		Hint:    "retries 3",
	}
	if retry.Tries.Origin == proxy.Inherited {
		d.Related = heirs([]*syntax.Stmt{u.Stmt})
	}
	return d
}

func stuckRetries(u *proxy.Upstream, from syntax.Ref) lint.Diagnostic {
	d := lint.Diagnostic{
		Symptom: answered(u.Protocol, "503"),
		Message: fmt.Sprintf("a request whose server of %s takes no connection is not given to another: option redispatch is not set", sectionName(u.Stmt)),
		Hint:    "option redispatch 1",
	}
	if !from.IsZero() {
		d.Related = []lint.Related{{At: from, Message: "nor in the defaults section that applies"}}
	}
	return d
}
