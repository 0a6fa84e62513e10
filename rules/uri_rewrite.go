package rules

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "uri-rewrite",
	Family:   lint.Protocol,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "start failure",
	Run:      uriRewrite,
	Doc: lint.Doc{
		Title: "a path in proxy_pass that nginx refuses, or joins to another one than meant",
		Why: `A path after the address in proxy_pass replaces the part of the request's path that the location matched. Where nothing
says which part that is, in a location given by a regular expression, a named one, or inside if and limit_except, nginx
does not start. A lone "/" is a path too.

The replacement is by letters, not by folders: "location /a/" with "http://app/b" makes /bc of /a/c, and "location /a"
with "http://app/b/" makes /b//c of it. Most backends answer 404 to the first; some take two slashes for one, as nginx does.

When the target holds a variable, nginx replaces nothing: the path as written is all that is sent, whatever was asked for, often with status 200.
And where "rewrite ... break" has changed the path, the one in proxy_pass is passed over.`,
		How: `Let the location and the path both end in a slash, or neither. Where a path is not allowed, or the target
holds a variable, leave it out and change the path with a rewrite.

Locations for one resource (=), targets with a query or with variables in the path, and prefixes that end in the middle of a
word are left alone.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location ~ ^/app/ {
            proxy_pass http://127.0.0.1:3000/;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location /app/ {
            proxy_pass http://127.0.0.1:3000/;
        }
    }
}
`},
		Links: []string{"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass"},
		Since: "0.1.0",
	},
})

func uriRewrite(_ context.Context, p *lint.Pass) {
	known := locationFacts(p.Config)
	for _, r := range p.Config.Routes {
		uri := r.Hop.URI
		if !uri.Written() || uri.Dynamic || isPlaceholder(uri.Value) || isPlaceholder(r.Match.Text) {
			continue
		}
		d := refusedURI(r)
		if d == nil {
			d = known.misjoined(r)
		}
		if d != nil {
			d.At = uri.At
			p.Report(*d)
		}
	}
}

// locationPlace is what a location is found by: where its pattern ends.
type locationPlace struct {
	file *syntax.File
	end  syntax.Pos
}

// locations are what the rule must know of them beside the routes.
type locations struct {
	prefixes func() map[locationOf]bool // prefix locations that are folders and pass requests on
	internal map[locationPlace]bool
	rewrites map[locationPlace][]*syntax.Stmt // those that end in "break"
}

// folders returns the prefix locations that end in a slash and pass requests on.
func folders(c *proxy.Config) map[locationOf]bool {
	found := map[locationOf]bool{}
	for _, r := range c.Routes {
		if r.Match.Kind == proxy.MatchPrefix && strings.HasSuffix(r.Match.Text, "/") {
			found[locationOf{r.Section, r.Match.Text}] = true
		}
	}
	return found
}

func locationFacts(c *proxy.Config) *locations {
	known := &locations{
		prefixes: sync.OnceValue(func() map[locationOf]bool { return folders(c) }),
		internal: map[locationPlace]bool{},
		rewrites: map[locationPlace][]*syntax.Stmt{},
	}
	c.Tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		if scope.Stmt == nil || scope.Stmt.Name() != "location" {
			return true
		}
		words := scope.Stmt.Words
		at := locationPlace{scope.Stmt.File, words[len(words)-1].End}
		switch s.Name() {
		case "internal":
			known.internal[at] = true
		case "rewrite":
			if s.Arg(3) == "break" {
				known.rewrites[at] = append(known.rewrites[at], s)
			}
		}
		return true
	})
	return known
}

// refusedURI tells of a path where nginx allows none (ngx_http_proxy_module, proxy_pass).
func refusedURI(r *proxy.Route) *lint.Diagnostic {
	where := ""
	switch {
	case r.Runtime:
		return nil
	case r.Match.If:
		where = "an if or limit_except block"
	case r.Match.Kind == proxy.MatchRegex:
		where = "a location given by a regular expression"
	case r.Match.Kind == proxy.MatchNamed:
		where = "a named location"
	default:
		return nil
	}
	uri := r.Hop.URI.Value
	rewrite := rewriteInstead(r)
	d := &lint.Diagnostic{
		Message: fmt.Sprintf("no path may follow the address in %s, and %q is one", where, uri),
		Hint:    rewrite + withoutURI(r),
	}
	if uri == "/" || rewrite != "" {
		d.Fix = repair(r.Hop.URI.At, "", uri == "/")
	}
	if rewrite != "" {
		d.Fix.Title = "write " + strings.TrimSpace(rewrite)
		d.Fix.Edits = append(d.Fix.Edits, lint.Edit{At: r.Stmt.Ref(0).Sub(0, 0), New: rewrite})
	}
	return d
}

// rewriteInstead returns the line that does what a refused path was likely meant to do: to take the place of what the
// location begins with, or where that is not plain, to stand before the path that was asked for; "" where no line can.
func rewriteInstead(r *proxy.Route) string {
	uri := r.Hop.URI.Value
	if uri == "/" || strings.Contains(uri, "?") || r.Stmt.Parent == nil || r.Stmt.Parent.Name() == "limit_except" {
		return ""
	}
	switch prefix, isPlain := plainPrefix(r.Match); {
	case r.Match.Kind == proxy.MatchPrefix || r.Match.Kind == proxy.MatchExact:
		return rewriteLine(r)
	case isPlain:
		return fmt.Sprintf("rewrite %s(.*)$ %s$1 break; ", prefix, uri)
	}
	return fmt.Sprintf("rewrite ^(.*)$ %s$1 break; ", strings.TrimSuffix(uri, "/"))
}

// plainPrefix returns the pattern of a location that is nothing but the start of a path, such as "^/app/".
func plainPrefix(m proxy.Match) (pattern string, ok bool) {
	path, anchored := strings.CutPrefix(m.Text, "^/")
	if m.Kind != proxy.MatchRegex || !anchored {
		return "", false
	}
	for i := range len(path) {
		if c := path[i]; !isWordByte(c) && c != '/' && c != '-' {
			return "", false
		}
	}
	return m.Text, true
}

// withoutURI returns the pass without its path.
func withoutURI(r *proxy.Route) string {
	return fmt.Sprintf("%s %s;", r.Stmt.Name(), strings.TrimSuffix(r.At.Text(), r.Hop.URI.At.Text()))
}

// misjoined tells of a path that becomes another one than meant; nil when it does not.
func (known *locations) misjoined(r *proxy.Route) *lint.Diagnostic {
	at := locationPlace{r.Match.At.File, r.Match.At.Span.End}
	if r.Match.If || known.internal[at] || strings.Contains(r.Hop.URI.Value, "?") {
		return nil
	}
	var d *lint.Diagnostic
	switch rewrites := known.rewrites[at]; {
	case r.Runtime:
		d = unjoined(r)
	case len(rewrites) > 0:
		d = overruled(r, rewrites)
	case r.Match.Kind == proxy.MatchPrefix:
		d = known.slashes(r)
	}
	if d != nil {
		d.Severity = lint.Warning
		if d.Symptom == "" {
			d.Symptom = "404"
		}
	}
	return d
}

// unjoined tells of a target with variables, to whose path nginx appends nothing. Where the location is no
// folder, one resource may be meant.
func unjoined(r *proxy.Route) *lint.Diagnostic {
	uri, text := r.Hop.URI.Value, r.Match.Text
	switch {
	case r.Match.Kind == proxy.MatchPrefix && (strings.HasSuffix(text, "/") || uri == "/"):
	case r.Match.Kind == proxy.MatchRegex && uri == "/" && !strings.HasSuffix(text, "$"):
	default:
		return nil
	}
	d := &lint.Diagnostic{
		Symptom: "the same page for every path",
		Message: fmt.Sprintf("every request to location %s asks for %q: nginx appends nothing to a path after a variable", text, uri),
		Hint:    withoutURI(r),
	}
	if r.Match.Kind == proxy.MatchPrefix {
		d.Hint = rewriteLine(r) + d.Hint
	}
	return d
}

// overruled tells of a path that a rewrite makes void, unless the rewrite adds it.
func overruled(r *proxy.Route, rewrites []*syntax.Stmt) *lint.Diagnostic {
	uri := r.Hop.URI.Value
	if uri == "/" {
		return nil
	}
	for _, s := range rewrites {
		if to := s.Arg(2); strings.HasPrefix(to, "/") && !strings.HasPrefix(to, strings.TrimSuffix(uri, "/")) {
			return &lint.Diagnostic{
				Message: fmt.Sprintf("%q is passed over where the rewrite has changed the path", uri),
				Hint:    fmt.Sprintf("rewrite %s %s%s break; %s", s.Ref(1).Text(), strings.TrimSuffix(uri, "/"), to, withoutURI(r)),
				Related: []lint.Related{{At: s.Ref(2), Message: "the path that is sent"}},
			}
		}
	}
	return nil
}

// slashes tells of a location and a path of which only one is a folder.
func (known *locations) slashes(r *proxy.Route) *lint.Diagnostic {
	from, to := r.Match.Text, r.Hop.URI.Value
	switch inFrom, inTo := strings.HasSuffix(from, "/"), strings.HasSuffix(to, "/"); {
	case inFrom == inTo:
	case inFrom && endsInWord(to):
		return &lint.Diagnostic{
			Message: fmt.Sprintf("location %s and %q make %s of a request for %s", from, to, to+"x", from+"x"),
			Hint:    fmt.Sprintf("%s %s/;", r.Stmt.Name(), r.At.Text()),
			Related: []lint.Related{{At: r.Match.At, Message: "the part that is replaced"}},
			Fix:     repair(r.Hop.URI.At, r.Hop.URI.At.Text()+"/", false),
		}
	case inTo && endsInWord(from) && !known.prefixes()[locationOf{r.Section, from + "/"}]:
		return &lint.Diagnostic{
			Symptom: "404 unless the backend merges slashes",
			Message: fmt.Sprintf("location %s and %q make %s of a request for %s", from, to, to+"/x", from+"/x"),
			Hint:    fmt.Sprintf("location %s/ { %s %s; }", from, r.Stmt.Name(), r.At.Text()),
			Related: []lint.Related{{At: r.Match.At, Message: "the part that is replaced"}},
		}
	}
	return nil
}

// endsInWord reports whether a path ends in a whole name, and not in what begins one, such as "user_".
func endsInWord(path string) bool {
	return path != "" && !strings.ContainsAny(path[len(path)-1:], "_-.=:,~+")
}
