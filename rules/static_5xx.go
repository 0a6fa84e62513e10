package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "static-5xx",
	Family:   lint.Pools,
	Severity: lint.Info,
	Symptom:  "502/503/504",
	Run:      static5xx,
	Doc: lint.Doc{
		Title: "a proxy that answers 502, 503 or 504 by itself, under no condition",
		Why: `"return 503;" in nginx and "http-request return status 503" in HAProxy answer before any backend is asked. Without a condition
they do so for every request; when they were left behind after some maintenance, the backends' health and logs show nothing.

Left out are those that stand for "nothing here": nginx servers that catch what no other server is for, named and internal
locations, answers with a text or an error_page of their own, and HAProxy sections that have no server and lead to no backend.
These are reported when a pass or servers stand beside them, which are then never used.`,
		How: `Delete it, or put it under a switch: "if" in nginx, with a variable from a map or geo block or a file that may exist; an ACL in
HAProxy.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        server_name app.internal.net;
        location / {
            return 503;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    http-request return status 503
    server app1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        server_name app.internal.net;
        location / {
            if (-f /etc/nginx/maintenance) {
                return 503;
            }
            proxy_set_header Host $host;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    acl maintenance env(MAINTENANCE) -m str on
    http-request return status 503 if maintenance
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_rewrite_module.html#return",
			"https://docs.haproxy.org/3.2/configuration.html#4.4-return",
			"https://docs.haproxy.org/3.2/configuration.html#4.4-deny",
		},
		Since: "0.1.0",
	},
})

func static5xx(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.HAProxy {
		fixedRules(p)
		return
	}
	listeners := sync.OnceValue(func() map[*syntax.Stmt][]*proxy.Listener { return listenersBySection(p.Config) })
	passes := sync.OnceValue(func() map[*syntax.Stmt]*proxy.Route { return firstPasses(p.Config) })
	p.Config.Tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		switch name := s.Name(); name {
		case "http", "server":
			return true
		case "location":
			return !strings.HasPrefix(s.Arg(1), "@")
		case "return":
			if up := scope.Stmt; up != nil && isGatewayStatus(s.Arg(1)) && up.Name() != "http" {
				reportReturn(p, scope, s, listeners, passes)
			}
		}
		return false
	})
}

// isGatewayStatus reports whether a status is one that tells of a backend's fault.
func isGatewayStatus(s string) bool { return s == "502" || s == "503" || s == "504" }

func listenersBySection(c *proxy.Config) map[*syntax.Stmt][]*proxy.Listener {
	listeners := map[*syntax.Stmt][]*proxy.Listener{}
	for _, l := range c.Listeners {
		listeners[l.Section] = append(listeners[l.Section], l)
	}
	return listeners
}

// firstPasses returns the first route out of each server block, frontend or listen section.
func firstPasses(c *proxy.Config) map[*syntax.Stmt]*proxy.Route {
	passes := map[*syntax.Stmt]*proxy.Route{}
	for _, r := range c.Routes {
		if passes[r.Section] == nil {
			passes[r.Section] = r
		}
	}
	return passes
}

// reportReturn tells of a return directly inside a server or location block.
func reportReturn(p *lint.Pass, scope *syntax.Scope, s *syntax.Stmt,
	listeners func() map[*syntax.Stmt][]*proxy.Listener, passes func() map[*syntax.Stmt]*proxy.Route) {
	pass, reached := besideReturn(scope, s)
	if !reached {
		return
	}
	server := serverOf(scope)
	own := hasOwnPage(scope, s.Arg(1))
	if scope.Stmt == server && !own && passes()[server] != nil {
		pass = passes()[server].Stmt.Ref(0)
	}
	d := lint.Diagnostic{
		Symptom: lint.Symptom(s.Arg(1)),
		At:      s.Ref(1),
		Message: fmt.Sprintf("every request to %s gets %s, whatever the state of a backend", blockName(scope.Stmt), s.Arg(1)),
		Hint:    fmt.Sprintf("if (-f /etc/nginx/maintenance) { return %s; }", s.Arg(1)),
	}
	switch {
	case !pass.IsZero():
		d.Message = fmt.Sprintf("every request to %s gets %s, and none comes to %s", blockName(scope.Stmt), s.Arg(1), pass.Text())
		d.Related = []lint.Related{{At: pass, Message: "never used"}}
	case s.Args() > 1, own, server != nil && passes()[server] == nil && catchesAll(listeners()[server]):
		return
	}
	p.Report(d)
}

// besideReturn looks at what stands in a block with a return: a pass that is never used. It is false where the block
// is not for clients, or where something above may end the block before the return.
func besideReturn(scope *syntax.Scope, s *syntax.Stmt) (pass syntax.Ref, reached bool) {
	above, reached := true, true
	scope.Each(func(other *syntax.Stmt) bool {
		switch name := other.Name(); {
		case other == s:
			above = false
		case name == "internal":
			reached = false
		case above && (name == "if" || name == "rewrite" || name == "break" || name == "return" || strings.Contains(name, "_by_lua")):
			reached = false
		case strings.HasSuffix(name, "_pass") && other.Block == nil && pass.IsZero():
			pass = other.Ref(0)
		}
		return reached
	})
	return pass, reached
}

func serverOf(scope *syntax.Scope) *syntax.Stmt {
	for ; scope != nil && scope.Stmt != nil; scope = scope.Up {
		if scope.Stmt.Name() == "server" {
			return scope.Stmt
		}
	}
	return nil
}

// blockName shows a server or location as its line does.
func blockName(s *syntax.Stmt) string {
	if s.Name() == "server" {
		return "this server"
	}
	words := []string{"location"}
	for i := range s.Args() {
		words = append(words, s.Arg(i+1))
	}
	return strings.Join(words, " ")
}

// hasOwnPage reports whether a location or its server has something to say to a status: an error_page for it alone, as
// maintenance has, or a named location.
func hasOwnPage(scope *syntax.Scope, status string) bool {
	found := false
	for ; scope != nil && scope.Stmt != nil && scope.Stmt.Name() != "http"; scope = scope.Up {
		scope.Each(func(s *syntax.Stmt) bool {
			found = found || s.Name() == "error_page" && hasWord(s, status) &&
				(s.Args() == 2 || strings.HasPrefix(s.Arg(2), "=") || strings.HasPrefix(s.Arg(s.Args()), "@"))
			return !found
		})
	}
	return found
}

// catchesAll reports whether a server takes what no other is for: it is a default, or has no name of its own.
func catchesAll(listeners []*proxy.Listener) bool {
	named := false
	for _, l := range listeners {
		if l.Stmt != nil && (hasWord(l.Stmt, "default_server") || hasWord(l.Stmt, "default")) {
			return true
		}
		named = named || slices.ContainsFunc(l.Names, func(name syntax.Ref) bool { return strings.Contains(name.Text(), ".") })
	}
	return !named
}

// fixedRules tells of HAProxy's rules that answer for all servers and backends behind them.
func fixedRules(p *lint.Pass) {
	pools := sync.OnceValue(func() map[*syntax.Stmt]*proxy.Upstream {
		pools := map[*syntax.Stmt]*proxy.Upstream{}
		for _, u := range p.Config.Upstreams {
			if len(u.Endpoints) > 0 && u.Protocol == proxy.HTTP {
				pools[u.Stmt] = u
			}
		}
		return pools
	})
	passes := sync.OnceValue(func() map[*syntax.Stmt]*proxy.Route { return firstPasses(p.Config) })
	p.Config.Tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		if s.Block != nil {
			return slices.Contains([]string{"frontend", "backend", "listen"}, s.Name())
		}
		if s.Name() != "http-request" || s.When != nil || scope.Stmt == nil {
			return false
		}
		status := fixedStatus(s)
		if status.IsZero() || isSettledAbove(scope.Stmt, s) || !serves(scope.Stmt, proxy.HTTP) {
			return false
		}
		if u := pools()[scope.Stmt]; u != nil {
			reportRule(p, s, status, scope.Stmt, lint.Related{At: u.Endpoints[0].Stmt.Ref(0), Message: "never used"})
		} else if r := passes()[scope.Stmt]; r != nil && fromHTTP(r) {
			reportRule(p, s, status, scope.Stmt, lint.Related{At: r.At, Message: "never used"})
		}
		return false
	})
}

func fromHTTP(r *proxy.Route) bool {
	return slices.ContainsFunc(r.From, func(l *proxy.Listener) bool { return l.Protocol == proxy.HTTP })
}

// fixedStatus returns the gateway status with which an http-request line answers every request; a zero place for others.
func fixedStatus(s *syntax.Stmt) syntax.Ref {
	switch s.Arg(1) {
	case "return", "deny", "tarpit":
	default:
		return syntax.Ref{}
	}
	var status syntax.Ref
	for i := 2; i <= s.Args(); i++ {
		switch s.Arg(i) {
		case "if", "unless":
			return syntax.Ref{}
		case "status", "deny_status":
			if isGatewayStatus(s.Arg(i + 1)) {
				status = s.Ref(i + 1)
			}
		}
	}
	return status
}

// isSettledAbove reports whether some requests never come to a line, by an "allow" above it, or none at all.
func isSettledAbove(section, line *syntax.Stmt) bool {
	for _, s := range section.Block.Stmts {
		if s == line {
			break
		}
		if s.Name() == "http-request" && (isFinal(s.Arg(1)) && !hasWord(s, "if") && !hasWord(s, "unless") || s.Arg(1) == "allow") {
			return true
		}
	}
	return false
}

func reportRule(p *lint.Pass, s *syntax.Stmt, status syntax.Ref, section *syntax.Stmt, never lint.Related) {
	behind := "its servers"
	if section.Name() == "frontend" {
		behind = "a backend"
	}
	p.Report(lint.Diagnostic{
		Symptom: lint.Symptom(status.Text()),
		At:      status,
		Message: fmt.Sprintf("every request to %s gets %s, and none comes to %s", sectionName(section), status.Text(), behind),
		Hint:    fmt.Sprintf("http-request %s %s %s if maintenance", s.Arg(1), statusWord(s.Arg(1)), status.Text()),
		Related: []lint.Related{never},
	})
}

// statusWord is the word before the status in an action.
func statusWord(action string) string {
	if action == "return" {
		return "status"
	}
	return "deny_status"
}
