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
	ID:       "upstream-unused",
	Family:   lint.Addresses,
	Severity: lint.Info,
	Symptom:  "no effect",
	Run:      upstreamUnused,
	Doc: lint.Doc{
		Title: "an upstream group or backend that nothing routes to",
		Why: `A pool that no route names gets no request. Often that is a leftover, whose names nginx and HAProxy still look up
when they start, and whose health checks HAProxy still makes. Sometimes it is the new pool that somebody forgot to switch to: the
old one goes on to serve.

Nothing is said where a route's target is only known at run time, where files are missing that may hold the route, or where another
line has the name in it.`,
		How: `Route to it, or take it out.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream blue {
        server 10.0.0.10:8080;
    }
    upstream green {
        server 10.0.0.20:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://blue;
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
    default_backend blue

backend blue
    server app1 10.0.0.10:8080 check

backend green
    server app1 10.0.0.20:8080 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream green {
        server 10.0.0.20:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://green;
            proxy_set_header Host $host;
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
    default_backend green

backend green
    server app1 10.0.0.20:8080 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#upstream",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-use_backend",
		},
		Since: "0.1.0",
	},
})

func upstreamUnused(_ context.Context, p *lint.Pass) {
	c := p.Config
	if c.Tree.Fragment || len(c.Tree.Unread) > 0 && !seesAll(c.Tree) || len(c.Routes) == 0 {
		return
	}
	routed := map[*proxy.Upstream]bool{}
	for _, r := range c.Routes {
		if r.Dynamic || r.To == nil && r.Name != "" { // undefined-backend tells of the second
			return
		}
		routed[r.To] = true
	}
	for _, t := range typos(p) {
		routed[t.group] = true // it is meant
	}
	bound := map[*syntax.Stmt]bool{} // what a listen section leads to instead is servers-never-used's
	for _, l := range c.Listeners {
		bound[l.Section] = true
	}
	idle := map[string]*proxy.Upstream{}
	agents := hasSPOE(c.Tree)
	for _, u := range c.Upstreams {
		if agents && u.Protocol != proxy.HTTP {
			continue // the file of the filter may name it
		}
		if !u.Implicit && !routed[u] && !bound[u.Stmt] && !u.Open && len(u.Endpoints) > 0 && !isPlaceholder(u.Name) {
			idle[u.Name] = u
		}
	}
	if len(idle) == 0 {
		return
	}
	for _, u := range c.Upstreams {
		if routed[u] {
			delete(idle, u.Name) // duplicate-upstream tells of the second
		}
	}
	forgetNamed(c.Tree, idle)
	for _, u := range c.Upstreams {
		if idle[u.Name] == u {
			p.Report(lint.Diagnostic{At: u.At, Message: fmt.Sprintf("nothing routes to %s %s", u.Stmt.Name(), u.Name)})
		}
	}
}

// seesAll reports whether what was not read can't hold a route.
func seesAll(tree *syntax.Tree) bool {
	for s := range tree.Unread {
		switch name := s.Arg(1); {
		case strings.HasSuffix(name, "mime.types"), strings.HasSuffix(name, "_params"), strings.HasSuffix(name, "fastcgi.conf"):
		default:
			return false
		}
	}
	return true
}

// hasSPOE reports whether a HAProxy section has a filter whose own file names backends.
func hasSPOE(tree *syntax.Tree) bool {
	found := false
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		found = found || s.Name() == "filter" && s.Arg(1) == "spoe"
		return tree.Dialect == syntax.HAProxy && !found
	})
	return found
}

// forgetNamed removes the pools whose name stands in some other line: a script, a stick table, a module's directive.
func forgetNamed(tree *syntax.Tree, idle map[string]*proxy.Upstream) {
	scan := func(text string) {
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isNameRune(r) }) {
			delete(idle, word)
		}
	}
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		name := s.Name()
		switch {
		case name == "upstream" || len(idle) == 0:
			return false
		case s.Block != nil && s.Block.Opaque:
			scan(s.File.Src[s.Block.Open:s.Block.Close])
		case slices.Contains([]string{"backend", "listen", "server", "server_name", "server-template"}, name):
		default:
			for i := 1; i <= s.Args(); i++ {
				scan(s.File.Raw(s.Words[i]))
			}
		}
		return true
	})
}

func isNameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:", r)
}
