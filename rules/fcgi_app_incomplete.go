package rules

import (
	"context"
	"fmt"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "fcgi-app-incomplete",
	Family:   lint.Pools,
	Severity: lint.Error,
	Dialect:  syntax.HAProxy,
	Symptom:  "start failure",
	Run:      fcgiAppIncomplete,
	Doc: lint.Doc{
		Title: "FastCGI without a docroot, or without proto fcgi",
		Why: `A FastCGI backend takes three things: an fcgi-app section with a "docroot", "use-fcgi-app" in the backend, and
"proto fcgi" on its servers. HAProxy does not start when the docroot is missing, even of an application that nothing uses ("no docroot
configured"), or when no server of the backend has "proto fcgi" ("FCGI app configured but no FCGI server found").

As a warning: a backend where only some servers have it. HAProxy starts, and speaks HTTP to the others: PHP-FPM closes such
a connection, and the client gets a 502.`,
		How: `Write the folder that the scripts stand in, as the FastCGI server sees it, and "proto fcgi" on each server or on a
"default-server" line above them.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend php

backend php
    use-fcgi-app php
    server php1 10.0.0.10:9000

fcgi-app php
    docroot /var/www/html
    index index.php
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend php

backend php
    use-fcgi-app php
    server php1 10.0.0.10:9000 proto fcgi

fcgi-app php
    docroot /var/www/html
    index index.php
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#10.1.1-docroot",
			"https://docs.haproxy.org/3.2/configuration.html#10.1.2-use-fcgi-app",
		},
		Since: "0.1.0",
	},
})

func fcgiAppIncomplete(_ context.Context, p *lint.Pass) {
	if !mentions(p.Config.Tree, "fcgi-app") {
		return
	}
	for _, f := range p.Config.Tree.Roots {
		for _, s := range f.Stmts {
			if s.Block != nil && s.Name() == "fcgi-app" && s.When.Live() {
				reportDocroot(p, s)
			}
		}
	}
	for _, u := range p.Config.Upstreams {
		if use, known := lastLine("use-fcgi-app", u.Stmt); use != nil && known && !u.Open && !hasUnseenDefaults(u) {
			reportFCGIServers(p, u, use)
		}
	}
}

// reportDocroot tells of an application without a docroot.
func reportDocroot(p *lint.Pass, app *syntax.Stmt) {
	has := slices.ContainsFunc(app.Block.Stmts, func(s *syntax.Stmt) bool {
		return s.Name() == "docroot" && s.When.Live() || hasOpenWord(s)
	})
	if has || app.When != nil {
		return
	}
	p.Report(lint.Diagnostic{
		At:      app.Ref(1),
		Message: fmt.Sprintf("%s has no docroot", sectionName(app)),
		Hint:    "docroot /var/www/html",
	})
}

// reportFCGIServers tells of the servers of a FastCGI backend that HTTP is spoken to.
func reportFCGIServers(p *lint.Pass, u *proxy.Upstream, use *syntax.Stmt) {
	var plain []*proxy.Endpoint
	for _, e := range u.Endpoints {
		switch {
		case hasOpenWord(e.Stmt) || e.Stmt.When != nil:
			return
		case e.Proto != "fcgi":
			plain = append(plain, e)
		}
	}
	switch {
	case len(plain) == 0: // without any server it is no-usable-server's
	case len(plain) == len(u.Endpoints):
		first := plain[0]
		p.Report(lint.Diagnostic{
			At:      use.Ref(0),
			Message: fmt.Sprintf("no server of %s has proto fcgi, which use-fcgi-app %s needs", sectionName(u.Stmt), use.Arg(1)),
			Hint:    serverLine(first, first.Addr.At.Text(), "proto fcgi"),
			Related: []lint.Related{{At: first.Stmt.Ref(1), Message: "this server is meant for HTTP"}},
		})
	default:
		for _, e := range plain {
			p.Report(lint.Diagnostic{
				Severity: lint.Warning,
				Symptom:  "502",
				At:       e.Stmt.Ref(1),
				Message:  fmt.Sprintf("server %s gets HTTP: it has no proto fcgi, as others of %s have", e.Name, sectionName(u.Stmt)),
				Hint:     serverLine(e, e.Addr.At.Text(), "proto fcgi"),
				Related:  []lint.Related{{At: use.Ref(1), Message: "the application"}},
			})
		}
	}
}
