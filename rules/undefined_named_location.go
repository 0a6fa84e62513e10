package rules

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/spell"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "undefined-named-location",
	Family:   lint.Pools,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "500",
	Run:      undefinedNamedLocation,
	Doc: lint.Doc{
		Title: "a named location that its server does not have",
		Why: `try_files and error_page may hand a request on to a named location, "location @name", of the same server. nginx
looks for it only when a request comes there: the configuration loads, and the client gets a 500 ("could not find
named location"). Names are compared letter by letter, and one in another server does not count. An error_page in the http
block needs the location in every server that inherits it.

auth_request takes no named location: it asks for the path "@name" as it is, which no location serves, and every request
gets a 500.`,
		How: `Write the name as it stands on its location line, or add the location to the server. For auth_request make it
"location = /auth" with "internal".`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            try_files $uri @backend;
        }
        location @app {
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            try_files $uri @app;
        }
        location @app {
            proxy_pass http://10.0.0.10:8080;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#location",
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#try_files",
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#error_page",
			"https://nginx.org/en/docs/http/ngx_http_auth_request_module.html#auth_request",
		},
		Since: "0.1.0",
	},
})

// namedPlace is a name with the @ before it, and the statement that has it.
type namedPlace struct {
	name string
	at   syntax.Ref
	stmt *syntax.Stmt
}

// namedLocations are the named locations that one server has and uses.
type namedLocations struct {
	has    map[string]syntax.Ref
	used   []namedPlace
	hidden bool // the server may have more
}

func undefinedNamedLocation(_ context.Context, p *lint.Pass) {
	tree := p.Config.Tree
	servers := readNamedLocations(tree)
	if servers == nil || isTemplatedTree(tree) {
		return
	}
	all := map[string]syntax.Ref{}
	complete := !tree.Fragment
	for _, s := range servers {
		maps.Copy(all, s.has)
		complete = complete && !s.hidden
	}
	for scope, s := range servers {
		switch {
		case s.hidden, scope == nil && !complete:
		case scope == nil:
			reportNamed(p, s.used, all, nil)
		default:
			reportNamed(p, s.used, s.has, all)
		}
	}
}

// readNamedLocations returns the named locations by server; nil stands for what is outside of all. It returns nil where
// nothing uses one, or not all is seen.
func readNamedLocations(tree *syntax.Tree) map[*syntax.Scope]*namedLocations {
	servers := map[*syntax.Scope]*namedLocations{}
	of := func(scope *syntax.Scope) *namedLocations {
		for scope != nil && (scope.Stmt == nil || scope.Stmt.Name() != "server") {
			scope = scope.Up
		}
		if servers[scope] == nil {
			servers[scope] = &namedLocations{has: map[string]syntax.Ref{}}
		}
		return servers[scope]
	}
	uses, entered := false, 0
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		name := s.Name()
		switch name {
		case "include":
			entered += len(tree.Includes[s])
			if hidesLines(tree, s) && (scope.Stmt == nil || scope.Stmt.Name() != "location") { // none stands in a location
				of(scope).hidden = true
			}
		case "location":
			if strings.HasPrefix(s.Arg(1), "@") {
				last := s.Args()
				of(scope).has["@"+strings.TrimPrefix(s.Arg(last), "@")] = s.Ref(last)
			}
		case "try_files", "error_page", "auth_request":
			last := s.Args()
			if target := s.Arg(last); last > 0 && strings.HasPrefix(target, "@") && target == literal(s.Ref(last)) && !isPlaceholder(target) {
				server := of(scope)
				server.used = append(server.used, namedPlace{target, s.Ref(last), s})
				uses = true
			}
		}
		return !holdsNoDirectives(name)
	})
	if !uses || entered >= maxEntered {
		return nil
	}
	return servers
}

// reportNamed tells of the names that are not among those that a server has, once for each.
func reportNamed(p *lint.Pass, used []namedPlace, has, all map[string]syntax.Ref) {
	places := map[string][]syntax.Ref{}
	var missing []namedPlace
	for _, u := range used {
		if u.stmt.Name() == "auth_request" {
			p.Report(lint.Diagnostic{
				At:      u.at,
				Message: fmt.Sprintf("auth_request asks for the path %s: it takes no named location", u.name),
				Hint:    fmt.Sprintf("auth_request /%s;", strings.TrimPrefix(u.name, "@")),
			})
			continue
		}
		if _, found := has[u.name]; found {
			continue
		}
		if places[u.name] == nil {
			missing = append(missing, u)
		}
		places[u.name] = append(places[u.name], u.at)
	}
	for i, u := range missing {
		d := lint.Diagnostic{
			At:      u.at,
			Message: fmt.Sprintf("this server has no location %s", u.name),
			Hint:    fmt.Sprintf("location %s { ... }", u.name),
			Related: alsoAt(places[u.name][1:], "used here too"),
		}
		if all == nil {
			d.Message = fmt.Sprintf("no server has a location %s", u.name)
		} else if at, found := all[u.name]; found {
			d.Related = append(d.Related, lint.Related{At: at, Message: "another server has one"})
		}
		if meant, unique := "", false; i < maxGuesses {
			meant, unique = spell.Nearest(u.name, slices.Sorted(maps.Keys(has)))
			if meant != "" {
				d.Hint = fmt.Sprintf("%s ... %s;", u.stmt.Name(), meant)
			}
			if meant != "" && len(places[u.name]) == 1 {
				d.Fix = repair(u.at, meant, unique)
			}
		}
		p.Report(d)
	}
}
