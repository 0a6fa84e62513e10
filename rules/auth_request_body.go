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
	ID:       "auth-request-body",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "500",
	Run:      authRequestBody,
	Doc: lint.Doc{
		Title: "an auth_request that announces a body and sends none",
		Why: `auth_request asks another location before it lets a request pass. That question goes without the body, but with the
client's Content-Length. An authentication service that reads the body waits for bytes that never come; after
proxy_read_timeout the client of a POST gets 500. Any other failure of that service is a 500 too: nginx turns all
but 2xx, 401 and 403 into it.`,
		How: `Clear the header in the location that asks the service. It is customary to say with proxy_pass_request_body
that no body is meant.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            auth_request /auth;
            proxy_pass http://127.0.0.1:3000;
        }
        location = /auth {
            internal;
            proxy_pass http://127.0.0.1:4000;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            auth_request /auth;
            proxy_pass http://127.0.0.1:3000;
        }
        location = /auth {
            internal;
            proxy_pass http://127.0.0.1:4000;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }
    }
}
`},
		Links: []string{"https://nginx.org/en/docs/http/ngx_http_auth_request_module.html"},
		Since: "0.1.0",
	},
})

func authRequestBody(_ context.Context, p *lint.Pass) {
	asked := authRequests(p.Config.Tree)
	if len(asked) == 0 {
		return
	}
	for _, r := range p.Config.Routes {
		question := asked[locationOf{r.Section, r.Match.Text}]
		switch {
		case question == nil, r.Match.If, r.Match.Kind != proxy.MatchExact && r.Match.Kind != proxy.MatchPrefix:
			continue
		case r.Hop.Protocol != proxy.HTTP || r.Hop.Headers.Origin == proxy.Unknown || setsLength(r.Hop.Headers):
			continue
		}
		p.Report(lint.Diagnostic{
			At:      r.Stmt.Ref(0),
			Message: fmt.Sprintf("auth_request %s comes here with the client's Content-Length and without its body", question.Arg(1)),
			Hint:    `proxy_pass_request_body off; proxy_set_header Content-Length "";`,
			Related: []lint.Related{{At: question.Ref(1), Message: "asked here"}},
		})
	}
}

// locationOf is a location of a server; of the one that a fragment lies in, where section is nil.
type locationOf struct {
	section *syntax.Stmt
	text    string
}

// authRequests returns the first auth_request to each location. One outside of all servers is passed over.
func authRequests(tree *syntax.Tree) map[locationOf]*syntax.Stmt {
	asked := map[locationOf]*syntax.Stmt{}
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		if s.Name() != "auth_request" || s.Args() != 1 || strings.Contains(s.Arg(1), "$") {
			return true
		}
		at := scope
		for at != nil && at.Stmt != nil && at.Stmt.Name() != "server" {
			at = at.Up
		}
		uri, _, _ := strings.Cut(s.Arg(1), "?")
		key := locationOf{at.Stmt, uri}
		if asked[key] == nil {
			asked[key] = s
		}
		return true
	})
	return asked
}

// setsLength reports whether the Content-Length of requests is written over.
func setsLength(h *proxy.Headers) bool {
	for _, header := range h.Set {
		if strings.EqualFold(header.Name, "Content-Length") {
			return true
		}
	}
	return false
}
