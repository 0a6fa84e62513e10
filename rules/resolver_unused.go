package rules

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "resolver-unused",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502 after a change",
	Run:      resolverUnused,
	Doc: lint.Doc{
		Title: "a resolver that nothing asks",
		Why: `A resolver directive alone changes nothing about when nginx looks names up. A name that is written out in a pass or in a
group is looked up by the system, once, when nginx starts; "valid=10s" on the resolver does not make nginx look again. After the
address has changed, requests go on to the old one.

The resolver is asked only for targets with variables, for servers marked "resolve", and by OCSP stapling and modules such as Lua
and njs. The rule speaks where none of these is in sight and all that is passed to goes by fixed names.`,
		How: `Let the names come through a variable, or from 1.27.3 on mark the servers with "resolve" in a group that has a zone. If
the names never change their addresses, the resolver can go.`,
		Bad: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        location / {
            proxy_pass http://app:3000;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        location / {
            set $backend app;
            proxy_pass http://$backend:3000;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve",
		},
		Since: "0.1.0",
	},
})

func resolverUnused(_ context.Context, p *lint.Pass) {
	if len(p.Config.Resolvers) == 0 || mayAskResolver(p.Config) {
		return
	}
	names := map[*proxy.Resolver][]nameUse{}
	for _, u := range frozenUses(p.Config) {
		host := u.endpoint.Addr.Host
		if r := resolverOf(u); r != nil && !isPinned(host) && p.Inventory.Host(host) == nil {
			names[r] = append(names[r], u)
		}
	}
	for _, r := range p.Config.Resolvers {
		if len(names[r]) > 0 {
			reportUnused(p, r, names[r])
		}
	}
}

// resolverOf returns the resolver in scope where a name is used; nil where there is none.
func resolverOf(u nameUse) *proxy.Resolver {
	if u.upstream.Implicit || u.upstream.Resolver.Value == nil && u.route != nil {
		return u.route.Resolver.Value
	}
	return u.upstream.Resolver.Value
}

// mayAskResolver reports whether anything may ask a resolver at run time: a target with a variable, a server marked
// "resolve", a module that does, or what the tree does not show.
func mayAskResolver(c *proxy.Config) bool {
	if c.Tree.Fragment || len(c.Tree.Around) > 0 {
		return true
	}
	for s := range c.Tree.Unread {
		if !asksNothing(s.Arg(1)) {
			return true
		}
	}
	for _, r := range c.Routes {
		if r.Runtime {
			return true
		}
	}
	for _, u := range c.Upstreams {
		for _, e := range u.Endpoints {
			if e.Resolve {
				return true
			}
		}
	}
	asks := false
	c.Tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		name := s.Name()
		asks = asks || usesResolver(name) || scope.Stmt != nil && scope.Stmt.Name() == "upstream" && mayFill(s)
		return !asks && !holdsNoDirectives(name)
	})
	return asks
}

// asksNothing reports whether an include that was not read is one of the files that nginx's package ships.
func asksNothing(path string) bool {
	base := filepath.Base(path)
	return holdsTables(path) || base == "fastcgi.conf" || strings.HasSuffix(base, "_params")
}

// holdsNoDirectives reports whether the lines of a block are values rather than directives.
func holdsNoDirectives(block string) bool {
	switch block {
	case "map", "geo", "split_clients", "types", "charset_map":
		return true
	}
	return false
}

// usesResolver reports whether a directive is one of a module that asks the resolver.
func usesResolver(name string) bool {
	switch name {
	case "ssl_stapling", "ssl_ocsp", "mail", "load_module", "health_check", "otel_exporter":
		return true
	}
	for _, prefix := range []string{"js_", "lua_", "perl", "auth_jwt", "acme_", "oidc", "jdomain"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.Contains(name, "_by_lua")
}

func reportUnused(p *lint.Pass, r *proxy.Resolver, names []nameUse) {
	var at []syntax.Ref
	for _, u := range names {
		at = append(at, u.endpoint.Addr.HostAt)
	}
	p.Report(lint.Diagnostic{
		At:      r.Stmt.Ref(0),
		Symptom: answered(names[0].upstream.Protocol, "502 after a change"),
		Message: fmt.Sprintf("nothing asks the resolver %s: names without a variable, such as %q, are looked up only at start", r.At.Text(), names[0].endpoint.Addr.Host),
		Hint:    thawHint(p.Config, names[0]),
		Related: places(at, "looked up at start"),
	})
}
