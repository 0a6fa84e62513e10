package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "timeout-too-long",
	Family:   lint.Timeouts,
	Severity: lint.Info,
	Symptom:  "slow failover",
	Run:      timeoutTooLong,
	Doc: lint.Doc{
		Title: "a backend that is down is waited for too long, or a POST may be sent twice",
		Why: `A host that is up takes a connection within milliseconds. A long connect timeout only adds to the time until the next
server is tried, once for each that is down: HAProxy makes 1 + retries attempts, nginx one for each server of the group. Load
balancers and CDNs in front give up after 60 to 100 seconds, and people earlier. Above 75s the time in nginx means nothing:
the kernel gives up on its own after 67 to 134 seconds, and the answer is 502 rather than 504.

By default neither proxy sends a POST again once a server has it. With "non_idempotent" in proxy_next_upstream, or
HAProxy's "retry-on" for what happens after the request was sent, the next server gets it too, and an order may be placed
twice.`,
		How: `Connect in a few seconds, and let the read timeout (HAProxy: "timeout server") take as long as the slowest answer. Leave
out "non_idempotent"; in HAProxy add "http-request disable-l7-retry if METH_POST".`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_connect_timeout 300s;
            proxy_read_timeout 300s;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 60s
    timeout client 60s
    timeout server 60s

frontend www
    bind :8080
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
            proxy_connect_timeout 5s;
            proxy_read_timeout 300s;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_connect_timeout",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20connect",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-retry-on",
		},
		Since: "0.1.0",
	},
})

const (
	longConnect   = 30 * time.Second
	kernelConnect = 75 * time.Second // "cannot usually exceed", says the manual of nginx
	edgePatience  = time.Minute      // the least that load balancers and CDNs wait by default
	maxTries      = 100              // more are not counted
)

func timeoutTooLong(_ context.Context, p *lint.Pass) {
	told := map[syntax.Ref]bool{}
	report := func(d *lint.Diagnostic) {
		if d != nil && !told[d.At] {
			told[d.At] = true
			p.Report(*d)
		}
	}
	safe := p.Config.Dialect == syntax.HAProxy && sparesPosts(p.Config.Tree)
	for _, r := range p.Config.Routes {
		if r.To == nil {
			continue
		}
		report(longPass(p.Config.Dialect, r))
		if p.Config.Dialect == syntax.Nginx {
			report(repeatedPost(r))
		} else if !safe {
			report(retriedPost(r))
		}
	}
}

// longPass tells of the time that it takes to connect.
func longPass(dialect syntax.Dialect, r *proxy.Route) *lint.Diagnostic {
	t := r.Hop.Timeouts.Connect
	if !isWritten(t) || t.Value <= edgePatience/maxTries || farServer(r.To) == nil {
		return nil // within a host, a connection is refused at once
	}
	name, hint := "timeout connect", "timeout connect 5s"
	tries := 1 + retriesOf(r)
	if dialect == syntax.Nginx {
		name = passTimeout(r, "connect_timeout")
		hint = name + " 5s;"
		tries = triesOf(r)
	}
	d := &lint.Diagnostic{At: t.At, Hint: hint, Related: []lint.Related{{At: r.At, Message: "where it applies"}}}
	switch total := t.Value * time.Duration(tries); {
	case t.Value > kernelConnect && dialect == syntax.Nginx:
		d.Symptom = "502"
		d.Message = fmt.Sprintf("%s %s is longer than the kernel tries to connect, which gives up after 67 to 134s", name, t.At.Text())
	case t.Value > longConnect:
		d.Message = fmt.Sprintf("%s %s is how long a request is held by each server that is down", name, t.At.Text())
	case total > edgePatience && tries > 1:
		d.Message = fmt.Sprintf("%s %s for each of %d tries is %s, longer than many load balancers and clients wait",
			name, t.At.Text(), tries, brief(total))
	default:
		return nil
	}
	return d
}

// triesOf returns how many servers nginx tries to connect to in turn; 1 where that is not known.
func triesOf(r *proxy.Route) int {
	retry := r.Hop.Retry
	if !retriesTimeouts(retry) || retry.Tries.Dynamic || retry.Timeout.Dynamic || retry.Timeout.Value > 0 {
		return 1
	}
	most := maxTries
	if n := retry.Tries.Value; n > 0 && n < maxTries {
		most = int(n)
	}
	return inUse(r.To, most)
}

// retriesTimeouts reports whether nginx goes on to the next server when one does not answer in time.
func retriesTimeouts(retry *proxy.Retry) bool {
	if retry.On.Dynamic || retry.On.Origin == proxy.Unknown {
		return false
	}
	words := strings.Fields(retry.On.Value)
	return slices.Contains(words, "timeout") || slices.Contains(words, "on")
}

// retriesOf returns how often HAProxy tries again to connect; 0 where that is not known.
func retriesOf(r *proxy.Route) int {
	tries := r.Hop.Retry.Tries
	if tries.Dynamic || tries.Origin == proxy.Unknown || tries.Value < 0 {
		return 0
	}
	return int(min(tries.Value, maxTries))
}

const twice = "a POST carried out twice"

// repeatedPost tells of an nginx pass that sends requests again though they may have been carried out.
func repeatedPost(r *proxy.Route) *lint.Diagnostic {
	const word = "non_idempotent"
	on := r.Hop.Retry.On
	if !on.Written() || on.Dynamic || inUse(r.To, 2) < 2 && !r.To.Open || !slices.Contains(strings.Fields(on.Value), word) {
		return nil
	}
	name := passTimeout(r, "next_upstream")
	from := strings.Index(on.At.File.Src[on.At.Span.Start:], word)
	return &lint.Diagnostic{
		Symptom: twice,
		At:      on.At.Sub(from, from+len(word)),
		Message: fmt.Sprintf("%s %s also sends a POST to the next server, though the first may have carried it out", name, word),
		Hint:    name + " " + strings.Join(strings.Fields(strings.Replace(on.Value, word, "", 1)), " ") + ";",
	}
}

// retriedPost tells the same of a HAProxy backend.
func retriedPost(r *proxy.Route) *lint.Diagnostic {
	on := r.Hop.Retry.On
	if r.To.Protocol != proxy.HTTP || !on.Written() || on.Dynamic || retriesOf(r) == 0 {
		return nil
	}
	for _, word := range strings.Fields(on.At.Text()) {
		switch word {
		case "none", "conn-failure", "0rtt-rejected":
			continue
		}
		from := strings.Index(on.At.Text(), word)
		return &lint.Diagnostic{
			Symptom: twice,
			At:      on.At.Sub(from, from+len(word)),
			Message: fmt.Sprintf("retry-on %s also sends a POST again, though the server may have carried it out", word),
			Hint:    "http-request disable-l7-retry if METH_POST",
		}
	}
	return nil
}

// sparesPosts reports whether a HAProxy configuration says which requests are not to be sent again.
func sparesPosts(tree *syntax.Tree) bool {
	spares := false
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		spares = spares || s.Name() == "http-request" && s.Arg(1) == "disable-l7-retry"
		return !spares
	})
	return spares
}
