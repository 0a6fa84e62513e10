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
	ID:       "no-usable-server",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Symptom:  "503",
	Run:      noUsableServer,
	Doc: lint.Doc{
		Title: "a pool in which no server can take a request",
		Why: `nginx refuses an upstream group without servers, even if nothing passes to it ("no servers are inside upstream"),
and one with backup servers only ("no servers in upstream"). A group whose servers are all marked down it accepts; every
request then gets a 502 at once, with "no live upstreams" in the error log.

HAProxy accepts all of it and says nothing: a backend with no server line, with all servers disabled, or with weight 0 on all
of them answers every request with 503. Backup servers alone do serve there.

Left out are HAProxy backends that answer by themselves (stats, return, redirect, deny, an errorfile of their own), those made of
server-template lines or of placeholders that a controller fills in, and those that no route names.`,
		How: `Give the pool a server that may be used: take off down, disabled or backup, or give a weight above 0.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:8080 down;
        server 10.0.0.11:8080 down;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
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
    server app1 10.0.0.10:8080 check disabled
    server app2 10.0.0.11:8080 check disabled
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:8080;
        server 10.0.0.11:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
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
    server app1 10.0.0.10:8080 check
    server app2 10.0.0.11:8080 check disabled
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-disabled",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-weight",
		},
		Since: "0.1.0",
	},
})

func noUsableServer(_ context.Context, p *lint.Pass) {
	routed := map[*proxy.Upstream]bool{}
	for _, r := range p.Config.Routes {
		routed[r.To] = true
	}
	if p.Config.Dialect == syntax.Nginx {
		inGroups := lazyGroupLines(p.Config.Tree)
		for _, u := range p.Config.Upstreams {
			if !u.Implicit && !u.Open && !slices.ContainsFunc(u.Endpoints, isReady) {
				reportGroup(p, u, inGroups()[u.Stmt], routed[u])
			}
		}
		return
	}
	for _, u := range p.Config.Upstreams {
		if routed[u] && !u.Open && serves(u.Stmt, u.Protocol) && !answers(u.Stmt) {
			reportBackend(p, u)
		}
	}
	reportBareListens(p)
}

// reportGroup tells of an nginx group. An unused one that nginx accepts does no harm.
func reportGroup(p *lint.Pass, u *proxy.Upstream, lines []*syntax.Stmt, routed bool) {
	d := lint.Diagnostic{Severity: lint.Error, Symptom: "start failure", At: u.At}
	up := func(e *proxy.Endpoint) bool { return !e.Down }
	switch {
	case slices.ContainsFunc(lines, mayFill):
		return
	case len(u.Endpoints) == 0:
		if slices.ContainsFunc(lines, func(s *syntax.Stmt) bool { return s.Name() == "server" }) {
			return // one without an address
		}
		d.Message = fmt.Sprintf("upstream %s has no server", u.Name)
		d.Hint = "server ADDRESS;"
	case !slices.ContainsFunc(u.Endpoints, func(e *proxy.Endpoint) bool { return !e.Backup }):
		d.Message = fmt.Sprintf("upstream %s has only backup servers, and nginx wants another first", u.Name)
		d.Hint = serverLine(u.Endpoints[0], u.Endpoints[0].Addr.At.Text(), "", "backup")
		d.Related = optionPlaces(u.Endpoints, "backup")
	case !slices.ContainsFunc(u.Endpoints, up) && routed:
		d.Severity, d.Symptom = lint.Warning, answered(u.Protocol, "502")
		d.Message = fmt.Sprintf("every server of upstream %s is down", u.Name)
		d.Hint = serverLine(u.Endpoints[0], u.Endpoints[0].Addr.At.Text(), "", "down")
		d.Related = optionPlaces(u.Endpoints, "down")
	default:
		return
	}
	p.Report(d)
}

// isReady reports whether a server takes requests from the start.
func isReady(e *proxy.Endpoint) bool { return !e.Backup && !e.Down }

// mayFill reports whether a directive of a group may bring servers, as those of many other modules do.
func mayFill(s *syntax.Stmt) bool {
	switch s.Name() {
	case "server", "include", "zone", "ip_hash", "hash", "least_conn", "least_time", "random", "sticky", "queue", "ntlm",
		"resolver", "resolver_timeout", "check", "check_http_send", "check_http_expect_alive":
		return false
	}
	return !strings.HasPrefix(s.Name(), "keepalive")
}

// optionPlaces returns where the first servers have an option; where it came from elsewhere, the server.
func optionPlaces(endpoints []*proxy.Endpoint, option string) []lint.Related {
	var places []lint.Related
	for _, e := range endpoints[:min(len(endpoints), maxRelated)] {
		at := e.Stmt.Ref(1)
		for i := 2; i <= e.Stmt.Args(); i++ {
			if e.Stmt.Arg(i) == option {
				at = e.Stmt.Ref(i)
			}
		}
		places = append(places, lint.Related{At: at, Message: option})
	}
	return places
}

// reportBackend tells of a HAProxy backend that requests come to.
func reportBackend(p *lint.Pass, u *proxy.Upstream) {
	d := lint.Diagnostic{At: u.At, Symptom: answered(u.Protocol, "503")}
	disabled, idle := 0, 0
	for _, e := range u.Endpoints {
		switch {
		case e.Slots > 0:
			return
		case e.Down:
			disabled++
		case e.Weight.Written() && !e.Weight.Dynamic && e.Weight.Value == 0:
			idle++
		default:
			return
		}
	}
	switch {
	case len(u.Endpoints) == 0 && isManaged(u.Stmt.File), areSlots(u.Endpoints):
		return
	case len(u.Endpoints) == 0:
		d.Message = fmt.Sprintf("%s has no server", sectionName(u.Stmt))
		d.Hint = "server NAME ADDRESS:PORT check"
	case idle == 0:
		d.Message = fmt.Sprintf("every server of %s is disabled", sectionName(u.Stmt))
		d.Related = optionPlaces(u.Endpoints, "disabled")
	case disabled == 0:
		d.Message = fmt.Sprintf("every server of %s has weight 0", sectionName(u.Stmt))
		d.Related = weightPlaces(u.Endpoints)
	default:
		d.Message = fmt.Sprintf("every server of %s is disabled or has weight 0", sectionName(u.Stmt))
		d.Related = weightPlaces(u.Endpoints)
	}
	p.Report(d)
}

func weightPlaces(endpoints []*proxy.Endpoint) []lint.Related {
	var places []lint.Related
	for _, e := range endpoints {
		if !e.Down && len(places) < maxRelated {
			places = append(places, lint.Related{At: e.Weight.At, Message: "weight 0"})
		}
	}
	return places
}

// isManaged reports whether HAProxy's Data Plane API writes the file, which adds servers while HAProxy runs.
func isManaged(f *syntax.File) bool { return strings.HasPrefix(f.Src, "# _version=") }

// areSlots reports whether disabled servers are there for a controller to fill in: several with one address, one
// without an address, or one with a name such as the Data Plane API gives.
func areSlots(endpoints []*proxy.Endpoint) bool {
	seen := map[string]bool{}
	for _, e := range endpoints {
		address := e.Addr.At.Text()
		if seen[address] || e.Addr.Host == "0.0.0.0" || strings.HasPrefix(e.Name, "SRV_") {
			return true
		}
		seen[address] = true
	}
	return false
}

// answers reports whether a HAProxy section has something to say to a request that no server gets.
func answers(section *syntax.Stmt) bool {
	return slices.ContainsFunc(section.Block.Stmts, func(s *syntax.Stmt) bool {
		if !s.When.Live() {
			return false
		}
		switch name := s.Name(); name {
		case "use-server": // of servers that are added while running
			return true
		case "stats", "redirect", "errorfile", "errorfiles", "errorloc", "errorloc302", "errorloc303", "http-error", "monitor-uri":
			return true
		case "http-request", "tcp-request":
			for i := 1; i <= min(s.Args(), 2); i++ {
				if isFinal(s.Arg(i)) {
					return true
				}
			}
		}
		return false
	})
}

// isFinal reports whether an action ends the way of a request.
func isFinal(action string) bool {
	switch action {
	case "return", "redirect", "deny", "reject", "tarpit", "silent-drop", "auth", "use-service":
		return true
	}
	return strings.HasPrefix(action, "lua.")
}

// reportBareListens tells of listen sections that neither have servers nor lead anywhere.
func reportBareListens(p *lint.Pass) {
	known := map[*syntax.Stmt]bool{}
	for _, r := range p.Config.Routes {
		known[r.Section] = true
	}
	for _, u := range p.Config.Upstreams {
		known[u.Stmt] = true
	}
	statsAnywhere := hasStatsDefaults(p.Config.Tree)
	for _, l := range p.Config.Listeners {
		s := l.Section
		if known[s] || s.Name() != "listen" || statsAnywhere || !serves(s, l.Protocol) || answers(s) || isManaged(s.File) {
			continue
		}
		known[s] = true
		p.Report(lint.Diagnostic{
			Symptom: answered(l.Protocol, "503"),
			At:      s.Ref(1),
			Message: fmt.Sprintf("%s has no server and leads to no backend", sectionName(s)),
			Hint:    "server NAME ADDRESS:PORT check",
		})
	}
}

func hasStatsDefaults(tree *syntax.Tree) bool {
	found := false
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if s.Name() == "defaults" && s.Block != nil {
			found = found || slices.ContainsFunc(s.Block.Stmts, func(line *syntax.Stmt) bool { return line.Name() == "stats" })
		}
		return false
	})
	return found
}
