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
	ID:       "balance-order",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502 under load",
	Run:      balanceOrder,
	Doc: lint.Doc{
		Title: `"keepalive" above the balancing method of its group`,
		Why: `Before 1.29.7 the last of keepalive and the balancing method wins: with keepalive above it, a method such as
least_conn takes its place, and no connection is kept. nginx says no more than "load balancing method redefined", a warning. Each
request then makes a connection of its own; under load the local ports run out ("cannot assign requested address"), and clients
get 502.

It is a warning where nginx is known to be older than 1.29.7, and an info where the version is not known.`,
		How: `Write the method first, and keepalive below it.`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream app {
        keepalive 16;
        least_conn;
        server 10.0.0.10:3000;
    }
    server {
        listen 8080;
        location / {
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            proxy_pass http://app;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    upstream app {
        least_conn;
        keepalive 16;
        server 10.0.0.10:3000;
    }
    server {
        listen 8080;
        location / {
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            proxy_pass http://app;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive",
		},
		Since: "0.1.0",
	},
})

func balanceOrder(_ context.Context, p *lint.Pass) {
	version := p.Config.Version
	if version.AtLeast(persistent) {
		return
	}
	lines := lazyGroupLines(p.Config.Tree)
	for _, u := range p.Config.Upstreams {
		if !keepsIdle(u) || !u.Balance.Written() || !isBalanceMethod(u.Balance.Value) {
			continue
		}
		keepalive, method := displaced(lines()[u.Stmt])
		if method == nil {
			continue
		}
		d := lint.Diagnostic{
			At:      keepalive.Ref(0),
			Message: fmt.Sprintf("%s below it takes the place of keepalive %s, so that upstream %s keeps no connection", method.Name(), keepalive.Arg(1), u.Name),
			Hint:    fmt.Sprintf("%s keepalive %s;", methodText(method), keepalive.Arg(1)),
			Related: []lint.Related{{At: method.Ref(0), Message: "takes its place"}},
			Fix:     swapped(keepalive, method, u),
		}
		if !version.Known() {
			d.Severity = lint.Info
			d.Message = "before nginx 1.29.7 " + d.Message
		}
		p.Report(d)
	}
}

// displaced returns the keepalive directive of a group and the first method below it; nil where there is none.
func displaced(lines []*syntax.Stmt) (keepalive, method *syntax.Stmt) {
	for _, s := range lines {
		switch name := s.Name(); {
		case name == "keepalive":
			keepalive = s
		case keepalive != nil && isBalanceMethod(name):
			return keepalive, s
		}
	}
	return nil, nil
}

func methodText(s *syntax.Stmt) string {
	words := []string{s.Name()}
	for i := range s.Args() {
		words = append(words, s.Arg(i+1))
	}
	return strings.Join(words, " ") + ";"
}

// swapped lets two directives change places. Above server lines the method may refuse what stands there.
func swapped(keepalive, method *syntax.Stmt, u *proxy.Upstream) *lint.Fix {
	if keepalive.Parent != method.Parent || keepalive.File != method.File || slices.ContainsFunc(u.Endpoints, isBackup) {
		return nil
	}
	a, b := keepalive.File.Ref(keepalive.Span), method.File.Ref(method.Span)
	return &lint.Fix{
		Title: fmt.Sprintf("write %s above keepalive", method.Name()),
		Edits: []lint.Edit{{At: a, New: b.Text()}, {At: b, New: a.Text()}},
	}
}
