package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "single-peer-failure",
	Family:   lint.Pools,
	Severity: lint.Info,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      singlePeerFailure,
	Doc: lint.Doc{
		Title: "one or two failures leave a group without a server, or max_fails does nothing",
		Why: `After max_fails failed tries (1 by default) nginx sends a server nothing for fail_timeout (10 seconds by default). When that
leaves none, every request gets a 502 at once, with "no live upstreams" in the error log, though the servers may be well.

A group of one server is exempt: it is never taken out, and its max_fails means nothing. But servers marked down count as
members: with one server in use beside others that are down, a single slow answer takes the one out. This is a warning.

With two servers and the defaults, a single request is enough as well. When it takes longer than the read timeout at the first,
nginx passes it to the second, and both have failed once.`,
		How: `Give the servers a max_fails that a slow page does not reach, or 0 to never take them out. Comment a server out rather than
marking it down, when only one is left.`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000 down;
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
        server 10.0.0.10:3000 max_fails=0;
        server 10.0.0.11:3000 down;
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
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#max_fails",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#fail_timeout",
		},
		Since: "0.1.0",
	},
})

func singlePeerFailure(_ context.Context, p *lint.Pass) {
	routesTo := lazyRoutesTo(p.Config)
	for _, u := range p.Config.Upstreams {
		n := inUse(u, 3)
		if u.Implicit || u.Open || n == 0 {
			continue
		}
		var d *lint.Diagnostic
		switch {
		case len(u.Endpoints) == 1:
			d = idleMaxFails(u)
		case n == 1:
			d = lastServer(u, routesTo)
		case n == 2 && len(u.Endpoints) == 2:
			d = fragilePair(u, routesTo)
		}
		if d != nil {
			p.Report(*d)
		}
	}
}

func isInUse(e *proxy.Endpoint) bool { return !e.Down }

// idleMaxFails tells of a limit on the only server of a group.
func idleMaxFails(u *proxy.Upstream) *lint.Diagnostic {
	e := u.Endpoints[0]
	limit, known := failLimitOf(e)
	restated := limit.fails == 1 && limit.timeout == "10s" // the defaults, as programs write them
	if !known || limit.failsAt.IsZero() || limit.fails == 0 || restated || !isFixedServer(e) || strings.EqualFold(e.Addr.Host, "localhost") {
		return nil
	}
	return &lint.Diagnostic{
		Symptom: lint.NoSymptom,
		At:      limit.failsAt,
		Message: fmt.Sprintf("%s has no effect on the only server of %s, which is never taken out%s", limit.failsAt.Text(), u.Name, perName(e)),
	}
}

// lastServer tells of a server that a few failures take out, beside others that are down.
func lastServer(u *proxy.Upstream, routesTo func(*proxy.Upstream) []*proxy.Route) *lint.Diagnostic {
	e := u.Endpoints[slices.IndexFunc(u.Endpoints, isInUse)]
	limit, known := failLimitOf(e)
	if !known || limit.fails == 0 || !isFixedServer(e) || len(routesTo(u)) == 0 {
		return nil
	}
	d := &lint.Diagnostic{
		Severity: lint.Warning,
		Symptom:  answered(u.Protocol, "502"),
		At:       e.Addr.At,
		Hint:     serverLine(e, e.Addr.At.Text(), "max_fails=0", "max_fails=VALUE"),
	}
	tries := "one failed try takes"
	if limit.fails > 1 {
		d.Severity, d.At = lint.Info, limit.failsAt
		tries = fmt.Sprintf("%d failed tries within %s take", limit.fails, limit.timeout)
	}
	proviso := perName(e)
	if proviso != "" {
		d.Severity = lint.Info
	}
	var down []*proxy.Endpoint
	for _, other := range u.Endpoints {
		if other != e {
			down = append(down, other)
		}
	}
	others := "the other server is down"
	if len(down) > 1 {
		others = fmt.Sprintf("the other %d are down", len(down))
	}
	d.Message = fmt.Sprintf("%s the last server of %s out for %s, since %s%s", tries, u.Name, limit.timeout, others, proviso)
	d.Related = optionPlaces(down, "down")
	return d
}

// fragilePair tells of two servers that one slow request takes out.
func fragilePair(u *proxy.Upstream, routesTo func(*proxy.Upstream) []*proxy.Route) *lint.Diagnostic {
	first, second := u.Endpoints[0], u.Endpoints[1]
	a, knownA := failLimitOf(first)
	b, knownB := failLimitOf(second)
	if !knownA || !knownB || a.fails != 1 || b.fails != 1 || !isFixedServer(first) || !isFixedServer(second) ||
		u.Protocol == proxy.TCP || first.Addr.At.Text() == second.Addr.At.Text() {
		return nil
	}
	i := slices.IndexFunc(routesTo(u), passesSlowOn)
	if i < 0 {
		return nil
	}
	r := routesTo(u)[i]
	return &lint.Diagnostic{
		At: u.At,
		Message: fmt.Sprintf("one request that both servers of %s answer later than %s takes both out for %s%s", u.Name,
			inEffect(passTimeout(r, "read_timeout"), r.Hop.Timeouts.Read), a.timeout, perName(first, second)),
		Hint: toughened(first) + " " + toughened(second),
	}
}

// toughened returns the line of a server that bears more failures.
func toughened(e *proxy.Endpoint) string {
	return serverLine(e, e.Addr.At.Text(), "max_fails=3", "max_fails=VALUE")
}

// passesSlowOn reports whether nginx asks the next server when one does not answer in time. Where it also does so at an
// answer of 500, next-upstream-off tells of that.
func passesSlowOn(r *proxy.Route) bool {
	retry, read := r.Hop.Retry, r.Hop.Timeouts.Read
	return retriesTimeouts(retry) && !retry.Tries.Dynamic && retry.Tries.Value != 1 && read.Origin != proxy.Unknown && !read.Dynamic &&
		ownFailure(retry.On.Value) == ""
}
