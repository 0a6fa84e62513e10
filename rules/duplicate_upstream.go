package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "duplicate-upstream",
	Family:   lint.Addresses,
	Severity: lint.Error,
	Symptom:  "start failure",
	Run:      duplicateUpstream,
	Doc: lint.Doc{
		Title: "two upstream groups, backends or servers of one name",
		Why: `nginx stops at the second upstream block of a name ("duplicate upstream"), whatever its case; http and stream
have names of their own. The two often stand in different files, or in one that is included twice.

HAProxy stops where two backends, two frontends, or a listen section and one of either have one name, and where
two servers of a backend have. There case counts.`,
		How: `Give one of them another name, or make one of the two.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:8080;
    }
    upstream app {
        server 10.0.0.11:8080;
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
    server app1 10.0.0.10:8080 check
    server app1 10.0.0.11:8080 check
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
            proxy_pass http://app;
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
    default_backend app

backend app
    server app1 10.0.0.10:8080 check
    server app2 10.0.0.11:8080 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#upstream",
			"https://docs.haproxy.org/3.2/configuration.html#4",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
		},
		Since: "0.1.0",
	},
})

func duplicateUpstream(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.Nginx {
		duplicateGroups(p)
		return
	}
	duplicateSections(p)
	first := map[string]*proxy.Endpoint{}
	for _, u := range p.Config.Upstreams {
		clear(first)
		duplicateServers(p, u, first)
	}
}

func duplicateGroups(p *lint.Pass) {
	first := map[groupKey]*proxy.Upstream{}
	for _, u := range p.Config.Upstreams {
		if u.Implicit || isPlaceholder(u.Name) {
			continue
		}
		key := keyOf(u.Name, u.Protocol)
		if first[key] == nil {
			first[key] = u
			continue
		}
		if !syntax.Together(first[key].At, u.At) {
			continue
		}
		d := lint.Diagnostic{
			At:      u.At,
			Message: fmt.Sprintf("a second upstream is named %s", u.Name),
			Related: []lint.Related{{At: first[key].At, Message: "the first"}},
		}
		if u.Stmt == first[key].Stmt {
			d.Message = fmt.Sprintf("upstream %s is read twice: its file is included more than once", u.Name)
			d.Related = includesOf(p.Config.Tree, u.At.File)
		}
		p.Report(d)
	}
}

// includesOf returns the statements that bring in a file.
func includesOf(tree *syntax.Tree, f *syntax.File) []lint.Related {
	var related []lint.Related
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		for _, included := range tree.Includes[s] {
			if included == f && len(related) < maxRelated {
				related = append(related, lint.Related{At: s.Ref(0), Message: "included here"})
			}
		}
		return true
	})
	return related
}

// duplicateSections tells of HAProxy sections of one name. A listen section is a frontend and a backend at once.
func duplicateSections(p *lint.Pass) {
	type side struct{ kind, name string }
	first := map[side]*syntax.Stmt{}
	p.Config.Tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		kind, name := s.Name(), s.Ref(1)
		sides := []side{{kind, s.Arg(1)}}
		switch {
		case s.Args() == 0, literal(name) == "", isPlaceholder(s.Arg(1)), !s.When.Live():
			return false
		case kind == "listen":
			sides = []side{{"frontend", s.Arg(1)}, {"backend", s.Arg(1)}}
		case kind != "frontend" && kind != "backend":
			return false
		}
		var earlier *syntax.Stmt
		for _, side := range sides {
			if first[side] == nil {
				first[side] = s
			} else if earlier == nil && first[side].When == s.When { // else in another arm of an .if
				earlier = first[side]
			}
		}
		if earlier != nil && syntax.Together(earlier.Ref(1), name) {
			p.Report(lint.Diagnostic{
				At:      name,
				Message: fmt.Sprintf("a second section has the name %s", s.Arg(1)),
				Related: []lint.Related{{At: earlier.Ref(1), Message: "the first"}},
			})
		}
		return false
	})
}

// duplicateServers tells of servers of one pool that share a name; first is an empty map to work in.
func duplicateServers(p *lint.Pass, u *proxy.Upstream, first map[string]*proxy.Endpoint) {
	for _, e := range u.Endpoints {
		if e.Slots > 0 {
			continue
		}
		earlier := first[e.Name]
		if earlier == nil {
			first[e.Name] = e
			continue
		}
		if at := e.Stmt.Ref(1); earlier.Stmt.When == e.Stmt.When && literal(at) != "" && !isPlaceholder(e.Name) &&
			syntax.Together(earlier.Stmt.Ref(1), at) {
			p.Report(lint.Diagnostic{
				At:      at,
				Message: fmt.Sprintf("a second server of %s is named %s", u.Name, e.Name),
				Related: []lint.Related{{At: earlier.Stmt.Ref(1), Message: "the first"}},
			})
		}
	}
}
