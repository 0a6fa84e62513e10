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
	ID:       "map-without-default",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "500",
	Run:      mapWithoutDefault,
	Doc: lint.Doc{
		Title: "a map that picks the backend and has no default",
		Why: `A map without a default line gives its variable the empty string for every value that it does not list. In a pass
that is a target without a host: each such request is answered with 500, and the error log says "no host in upstream" or "invalid
URL prefix".

The rule speaks where the map is of something that the client writes, such as a header, and the host of the target is the
variable alone. A pattern that matches everything is as good as a default, but for the empty value of a header, cookie or argument
that is absent: nginx tries no pattern on that. A map that lists all names of the server, and a variable that an "if" tests are left
out.`,
		How: `Give the map a default, or answer the rest yourself: if ($backend = "") { return 404; }.`,
		Bad: lint.Example{Nginx: `events {}
http {
    map $http_x_version $backend {
        blue  10.0.0.10:8080;
        green 10.0.0.11:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://$backend;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    map $http_x_version $backend {
        default 10.0.0.10:8080;
        blue    10.0.0.10:8080;
        green   10.0.0.11:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://$backend;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_map_module.html#map",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
		},
		Since: "0.1.0",
	},
})

// table is a map block, and what its lines say.
type table struct {
	stmt  *syntax.Stmt
	keys  map[string]bool // in lower case
	first string          // the first value
	whole bool            // it has a default, or may have
	any   bool            // it has a pattern for everything but the empty value
}

func mapWithoutDefault(_ context.Context, p *lint.Pass) {
	if !looksUp(p.Config) {
		return
	}
	tables := tablesOf(p.Config.Tree)
	for _, r := range p.Config.Routes {
		if !r.Runtime || r.Hop.Protocol == proxy.TCP || len(tables) == 0 {
			continue
		}
		at, ok := variableInHost(r.At)
		if !ok || !isWholeHost(r.At, at) {
			continue
		}
		name := strings.Trim(at.Text(), "${}")
		t := tables[name]
		if t == nil || t.whole || !t.mayMiss(r) {
			continue
		}
		delete(tables, name)
		message := "where the map of %s lists no value, $%s is empty, and so is the host of the target"
		if t.any {
			message = "where %s is empty the map tries no pattern, $%s is empty, and so is the host of the target"
		}
		p.Report(lint.Diagnostic{
			At:      t.stmt.Ref(2),
			Message: fmt.Sprintf(message, t.stmt.Arg(1), name),
			Hint:    fmt.Sprintf("default %s;", t.first),
			Related: []lint.Related{{At: r.At, Message: "the target"}},
		})
	}
}

// isWholeHost reports whether a variable is all of a target's host.
func isWholeHost(target, variable syntax.Ref) bool {
	before, after := around(target, variable)
	return before == "" && (after == "" || strings.ContainsAny(after[:1], `:/?$"'`))
}

// tablesOf returns the maps by variable, but those of variables that something else sets or tests.
func tablesOf(tree *syntax.Tree) map[string]*table {
	tables := map[string]*table{}
	byStmt := map[*syntax.Stmt]*table{}
	handled := map[string]bool{}
	code := false
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		if t := byStmt[scope.Stmt]; t != nil {
			_, unread := tree.Unread[s]
			t.add(s, unread)
			return false
		}
		name := s.Name()
		switch {
		case name == "map" && s.Block != nil && s.Args() == 2:
			variable := strings.TrimPrefix(s.Arg(2), "$")
			if tables[variable] != nil {
				handled[variable] = true
			}
			t := &table{stmt: s, keys: map[string]bool{}}
			tables[variable], byStmt[s] = t, t
		case name == "if":
			for i := 1; i <= s.Args(); i++ {
				markVariable(handled, s.Arg(i))
			}
		case name == "geo" || name == "split_clients":
			markVariable(handled, s.Arg(s.Args()))
		case strings.HasPrefix(name, "set") || strings.HasSuffix(name, "_set"):
			markVariable(handled, s.Arg(1))
		}
		code = code || strings.Contains(name, "_by_lua")
		return !holdsNoDirectives(name) || name == "map"
	})
	for name := range handled {
		delete(tables, name)
	}
	if code {
		return nil
	}
	return tables
}

// markVariable marks the variable that a word names, if it does.
func markVariable(marked map[string]bool, word string) {
	if _, after, found := strings.Cut(word, "$"); found {
		name, _, _ := strings.Cut(strings.TrimPrefix(after, "{"), "}")
		marked[strings.TrimRight(name, ")")] = true
	}
}

// add takes over one line of the map.
func (t *table) add(s *syntax.Stmt, unread bool) {
	switch key := s.Name(); key {
	case "default":
		t.whole = true
	case "include":
		t.whole = t.whole || unread
	case "hostnames", "volatile":
	default:
		t.whole = t.whole || s.Args() != 1
		t.any = t.any || matchesAll(key)
		if t.first == "" {
			t.first = s.Arg(1)
		}
		t.keys[strings.ToLower(key)] = true
	}
}

// matchesAll reports whether a key of a map is a pattern for every value.
func matchesAll(key string) bool {
	pattern, isPattern := strings.CutPrefix(key, "~")
	pattern = strings.Trim(strings.TrimPrefix(pattern, "*"), "^$")
	switch pattern {
	case "", ".", ".*", ".+", "(.*)", "(.+)":
		return isPattern
	}
	return false
}

// mayMiss reports whether requests of a route may hold what the map does not list. That is so for what the client
// writes, but not where a location or server_name lets only what is listed through.
func (t *table) mayMiss(r *proxy.Route) bool {
	source := strings.Trim(t.stmt.Arg(1), "${}")
	switch {
	case t.any && (t.keys[""] || !mayBeAbsent(source)):
		return false
	case source == "host" || source == "http_host":
		return !t.listsNames(r.From)
	case source == "uri" || source == "request_uri" || source == "document_uri":
		return r.Match.Kind == proxy.MatchPrefix && r.Match.Text == "/" && !r.Match.If
	case source == "remote_addr" || source == "remote_user":
		return true
	}
	return isFromRequest(source) && source != "http_upgrade"
}

// mayBeAbsent reports whether a variable holds a part of the request that need not be there.
func mayBeAbsent(variable string) bool {
	return variable != "host" && variable != "http_host" && isFromRequest(variable)
}

// listsNames reports whether all names of a server are keys of the map.
func (t *table) listsNames(listeners []*proxy.Listener) bool {
	for _, l := range listeners {
		for _, name := range l.Names {
			if !t.keys[strings.ToLower(name.Text())] {
				return false
			}
		}
		if len(l.Names) == 0 {
			return false
		}
	}
	return len(listeners) > 0
}
