package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "keepalive-without-http11",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502 under load",
	Run:      keepaliveWithoutHTTP11,
	Doc: lint.Doc{
		Title: "connections that a group is told to keep are closed after each request",
		Why: `"keepalive" in an upstream group only keeps connections that the request leaves open. HTTP/1.0 does not, nor does
"Connection: close", and before 1.29.7 nginx sends both unless told otherwise. Each request then makes a connection of its
own; under load the local ports run out ("cannot assign requested address"), and clients get 502.

The usual map for WebSockets, with close for requests without an Upgrade header, has the same effect on all plain requests.

It is a warning where nginx is known to be older than 1.29.7, and where 1.0 or close is written. Where the version is not
known, what is only missing is an info.`,
		How: `Write "proxy_http_version 1.1;" and an empty Connection beside the pass. In the map for WebSockets, give plain
requests an empty value too.`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream app {
        server 127.0.0.1:3000;
        keepalive 32;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection close;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    upstream app {
        server 127.0.0.1:3000;
        keepalive 32;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
            proxy_set_header Host $host;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_http_version",
		},
		Since: "0.1.0",
	},
})

func keepaliveWithoutHTTP11(_ context.Context, p *lint.Pass) {
	var maps map[string]*syntax.Stmt
	told := map[*proxy.Upstream]bool{}
	seen := map[syntax.Ref]bool{}
	for _, r := range p.Config.Routes {
		if r.Hop.Protocol != proxy.HTTP || !keepsIdle(r.To) {
			continue
		}
		if maps == nil {
			maps = upgradeMaps(p.Config.Tree)
		}
		d := writtenClose(r, maps)
		if d == nil && !told[r.To] {
			if d = closedByDefault(p.Config, r); d != nil {
				told[r.To] = true
			}
		}
		if d != nil && !seen[d.At] {
			seen[d.At] = true
			d.Related = append(d.Related, lint.Related{At: r.To.Keepalive.At, Message: fmt.Sprintf("keepalive %d", r.To.Keepalive.Value)})
			p.Report(*d)
		}
	}
}

// keepsIdle reports whether a group is told to keep connections.
func keepsIdle(u *proxy.Upstream) bool {
	return u != nil && u.Keepalive.Written() && !u.Keepalive.Dynamic && u.Keepalive.Value > 0
}

// writtenClose tells of a setting that closes every connection; nil when there is none.
func writtenClose(r *proxy.Route, maps map[string]*syntax.Stmt) *lint.Diagnostic {
	if version := r.Hop.HTTPVersion; version.Written() && version.Value == "1.0" {
		return &lint.Diagnostic{
			At:      version.At,
			Message: fmt.Sprintf("HTTP/1.0 leaves no connection for the keepalive of %s to keep", r.To.Name),
			Hint:    "proxy_http_version 1.1;",
			Fix:     repair(version.At, "1.1", false),
		}
	}
	header := connectionHeader(r.Hop.Headers)
	if header == nil {
		return nil
	}
	if strings.EqualFold(header.Value, "close") {
		return &lint.Diagnostic{
			At:      header.At,
			Message: fmt.Sprintf("Connection %s leaves no connection for the keepalive of %s to keep", header.Value, r.To.Name),
			Hint:    `proxy_set_header Connection "";`,
		}
	}
	line := maps[strings.Trim(header.Value, "${}")]
	if line == nil || !strings.HasPrefix(header.Value, "$") {
		return nil
	}
	return &lint.Diagnostic{
		At:      line.Ref(1),
		Message: fmt.Sprintf("requests without an upgrade get Connection close, which leaves the keepalive of %s nothing to keep", r.To.Name),
		Hint:    "'' '';",
		Related: []lint.Related{{At: header.At, Message: "used here"}},
		Fix:     repair(line.Ref(1), "''", false),
	}
}

func connectionHeader(h *proxy.Headers) *proxy.Header {
	for i := range h.Set {
		if strings.EqualFold(h.Set[i].Name, "Connection") {
			return &h.Set[i]
		}
	}
	return nil
}

// upgradeMaps returns, by variable, the line of each map from $http_upgrade that says close where there is no upgrade.
func upgradeMaps(tree *syntax.Tree) map[string]*syntax.Stmt {
	maps := map[string]*syntax.Stmt{}
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		up := scope.Stmt
		if up == nil || up.Name() != "map" {
			return s.Name() == "http" || s.Name() == "map" && s.Arg(1) == "$http_upgrade"
		}
		variable := strings.TrimPrefix(up.Arg(2), "$")
		switch {
		case s.Name() == "" && strings.EqualFold(s.Arg(1), "close"):
			maps[variable] = s
		case s.Name() == "":
			delete(maps, variable)
		}
		return false
	})
	return maps
}

// closedByDefault tells of what closes every connection because nobody wrote anything else; nil when nothing does.
func closedByDefault(c *proxy.Config, r *proxy.Route) *lint.Diagnostic {
	version := r.Hop.HTTPVersion
	if c.Version.AtLeast(persistent) || version.Dynamic || version.Written() && version.Value != "1.1" {
		return nil
	}
	var missing []string
	if version.Origin == proxy.Default {
		missing = append(missing, "proxy_http_version 1.1;")
	}
	if r.Hop.Headers.Origin != proxy.Unknown && connectionHeader(r.Hop.Headers) == nil {
		missing = append(missing, `proxy_set_header Connection "";`)
	}
	if len(missing) == 0 {
		return nil
	}
	what := `"Connection: close" is`
	if len(missing) == 2 {
		what = `HTTP/1.0 and "Connection: close" are`
	} else if strings.HasPrefix(missing[0], "proxy_http_version") {
		what = "HTTP/1.0 is"
	}
	d := &lint.Diagnostic{
		At:      r.At,
		Message: fmt.Sprintf("the keepalive of %s has nothing to keep: %s nginx %s's default", r.To.Name, what, c.Version),
		Hint:    strings.Join(missing, " "),
	}
	if !c.Version.Known() {
		d.Severity = lint.Info
		d.Message = fmt.Sprintf("the keepalive of %s has nothing to keep before nginx 1.29.7: %s the default", r.To.Name, what)
	}
	return d
}
