package rules

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "keepalive-race",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502 on POST",
	Run:      keepaliveRace,
	Doc: lint.Doc{
		Title: "connections are kept for longer than the backend keeps them",
		Why: `nginx keeps the idle connections of a group for 60 seconds unless keepalive_timeout says otherwise. The backend closes them
sooner: Node.js and uvicorn after 5 s, gunicorn's threads after 2 s, Tomcat after 20 s, Apache after 5 s. A request that is sent
just as the backend closes gets no answer. nginx sends a GET once more; a POST it does not, and the client gets 502, now and then
and without a trace in the backend's log.

The backend is known from files beside the configuration: a compose project, a unit, a configuration of the server. Its code may
set another time, which no file shows. From 1.29.7 on nginx keeps connections without being told to.`,
		How: `Write a keepalive_timeout in the group that is shorter than the backend's time, or raise the latter above nginx's
(server.keepAliveTimeout in Node.js, --timeout-keep-alive of uvicorn, --keep-alive of gunicorn).`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream app {
        server 127.0.0.1:8000;
        keepalive 16;
    }
    server {
        listen 8080;
        location / {
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            proxy_pass http://app;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    upstream app {
        server 127.0.0.1:8000;
        keepalive 16;
        keepalive_timeout 4s;
    }
    server {
        listen 8080;
        location / {
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            proxy_pass http://app;
        }
    }
}
`},
		Beside: []lint.File{{Name: "app.service", Text: "[Service]\nUser=app\nExecStart=/srv/app/bin/uvicorn --port 8000 --timeout-keep-alive 5 app:app\n"}},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream",
			"https://nodejs.org/api/http.html#serverkeepalivetimeout",
		},
		Since: "0.1.0",
	},
})

func keepaliveRace(_ context.Context, p *lint.Pass) {
	around := surroundingsOf(p)
	if around == nil {
		return
	}
	var maps map[string]*syntax.Stmt
	for u := range appUses(p.Config) {
		idle := u.upstream.Idle
		if u.route.Hop.Protocol != proxy.HTTP || u.upstream.Implicit || idle.Dynamic || u.upstream.Open {
			continue
		}
		last, ok := lastToClose(around.behind(u.endpoint.Addr))
		if !ok || last.Idle.Value > idle.Value {
			continue
		}
		if maps == nil {
			maps = upgradeMaps(p.Config.Tree)
		}
		if keepsConnections(p.Config, u.route, maps) && !resendsPOST(u.route) {
			p.Report(raceFinding(around, u, last))
		}
	}
}

// lastToClose returns the one of some servers that keeps idle connections the longest; false where one's time is not
// known.
func lastToClose(list []backendApp) (longest backendApp, ok bool) {
	for i, b := range list {
		if !b.Idle.Known || b.bind.TLS {
			return backendApp{}, false
		}
		if i == 0 || b.Idle.Value > longest.Idle.Value {
			longest = b
		}
	}
	return longest, len(list) > 0
}

// keepsConnections reports whether a route leaves connections open for others, for certain.
func keepsConnections(c *proxy.Config, r *proxy.Route, maps map[string]*syntax.Stmt) bool {
	byDefault := c.Version.AtLeast(persistent) && r.To.Keepalive.Origin == proxy.Default
	if !keepsIdle(r.To) && !byDefault || writtenClose(r, maps) != nil || closedByDefault(c, r) != nil {
		return false
	}
	return r.Hop.HTTPVersion.Origin != proxy.Unknown && !r.Hop.HTTPVersion.Dynamic && r.Hop.Headers.Origin != proxy.Unknown
}

// resendsPOST reports whether nginx may send requests once more that change something.
func resendsPOST(r *proxy.Route) bool {
	on := r.Hop.Retry.On
	return on.Dynamic || on.Origin == proxy.Unknown || strings.Contains(on.Value, "non_idempotent")
}

func raceFinding(around *surroundings, u appUse, b backendApp) lint.Diagnostic {
	idle, closes := u.upstream.Idle, b.Idle.Value
	d := lint.Diagnostic{
		At: u.upstream.Keepalive.At,
		Message: fmt.Sprintf("idle connections are kept with %s, but %s closes them after %s: a POST that meets this gets a 502",
			inEffect("keepalive_timeout", idle), b.title(), brief(closes)),
		Hint:    fmt.Sprintf("keepalive_timeout %s;", brief(max(closes-time.Second, closes/2))),
		Related: around.chain(b, fmt.Sprintf("%s closes idle connections after %s", b.title(), brief(closes)), b.Idle.At),
	}
	switch {
	case idle.Written():
		d.At = idle.At
	case d.At.IsZero():
		d.At = u.upstream.At
	}
	return d
}
