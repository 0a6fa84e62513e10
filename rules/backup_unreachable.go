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
	ID:       "backup-unreachable",
	Family:   lint.Pools,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "start failure",
	Run:      backupUnreachable,
	Doc: lint.Doc{
		Title: `a backup server below "hash", "ip_hash" or "random"`,
		Why: `The balancing methods hash, ip_hash and random know no backup servers. nginx refuses the parameter on every server line
below them ("balancing method does not support parameter "backup""), and does not start. Above the method it does not notice.`,
		How: `Take off "backup", which makes the server one of the others, or choose another method: round robin, which needs no
directive, or least_conn.`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream app {
        ip_hash;
        server 10.0.0.10:3000;
        server 10.0.0.11:3000 backup;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    upstream app {
        least_conn;
        server 10.0.0.10:3000;
        server 10.0.0.11:3000 backup;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://nginx.org/en/docs/stream/ngx_stream_upstream_module.html#server",
		},
		Since: "0.1.0",
	},
})

func backupUnreachable(_ context.Context, p *lint.Pass) {
	lines := lazyGroupLines(p.Config.Tree)
	for _, u := range p.Config.Upstreams {
		if u.Stmt == nil || !u.Balance.Written() || !slices.ContainsFunc(u.Endpoints, isBackup) {
			continue
		}
		method, refused := refusedBackups(lines()[u.Stmt])
		if len(refused) == 0 {
			continue
		}
		p.Report(lint.Diagnostic{
			At:      refused[0],
			Message: fmt.Sprintf("upstream %s balances by %s, which knows no backup servers", u.Name, method.Name()),
			Hint:    "least_conn;",
			Related: append([]lint.Related{{At: method.Ref(0), Message: "the method"}}, alsoAt(refused[1:], "refused too")...),
		})
	}
}

func isBackup(e *proxy.Endpoint) bool { return e.Backup }

// refusedBackups returns where "backup" stands below a method that does not know it, and that method.
func refusedBackups(lines []*syntax.Stmt) (by *syntax.Stmt, refused []syntax.Ref) {
	var method *syntax.Stmt
	for _, s := range lines {
		name := s.Name()
		if isBalanceMethod(name) {
			method = s
		}
		if name != "server" || method == nil || knowsBackups(method.Name()) {
			continue
		}
		for i := 2; i <= s.Args(); i++ {
			if s.Arg(i) == "backup" {
				if by == nil {
					by = method
				}
				refused = append(refused, s.Ref(i))
			}
		}
	}
	return by, refused
}

func knowsBackups(method string) bool {
	return method != "hash" && method != "ip_hash" && method != "random"
}
