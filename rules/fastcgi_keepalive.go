package rules

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "fastcgi-keepalive",
	Family:   lint.Protocol,
	Severity: lint.Info,
	Dialect:  syntax.Nginx,
	Symptom:  "no effect",
	Run:      fastcgiKeepalive,
	Doc: lint.Doc{
		Title: "connections that a group is told to keep are closed by the FastCGI server",
		Why: `"keepalive" in an upstream group keeps the connections that the server leaves open. A FastCGI server closes them
after each response, unless "fastcgi_keep_conn on" tells it not to, and that is off by default.`,
		How: `Write "fastcgi_keep_conn on;" beside the pass, or take keepalive away. Each connection that is kept occupies one
PHP-FPM worker.`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream php {
        server 127.0.0.1:9000;
        keepalive 8;
    }
    server {
        listen 8080;
        location ~ \.php$ {
            fastcgi_pass php;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    upstream php {
        server 127.0.0.1:9000;
        keepalive 8;
    }
    server {
        listen 8080;
        location ~ \.php$ {
            fastcgi_pass php;
            fastcgi_keep_conn on;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive",
			"https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_keep_conn",
		},
		Since: "0.1.0",
	},
})

func fastcgiKeepalive(_ context.Context, p *lint.Pass) {
	passes := map[*syntax.Stmt]*proxy.Route{}
	for _, r := range p.Config.Routes {
		if r.Hop.Protocol == proxy.FastCGI && keepsIdle(r.To) {
			passes[r.Stmt] = r
		}
	}
	if len(passes) == 0 || p.Config.Tree.Fragment {
		return
	}
	keepConn := map[*syntax.Scope]*syntax.Stmt{}
	open := map[*syntax.Scope]bool{}
	inside := map[*proxy.Route]*syntax.Scope{}
	var order []*proxy.Route
	p.Config.Tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		if _, unread := p.Config.Tree.Unread[s]; unread && !setsNoKeepConn(s.Arg(1)) {
			open[scope] = true
		}
		if s.Name() == "fastcgi_keep_conn" {
			keepConn[scope] = s
		}
		if r := passes[s]; r != nil {
			order = append(order, r)
			inside[r] = scope
		}
		return true
	})
	told := map[*proxy.Upstream]bool{}
	for _, r := range order {
		written, known := inForce(inside[r], keepConn, open)
		if !known || written != nil && written.Arg(1) != "off" || told[r.To] {
			continue
		}
		told[r.To] = true
		d := lint.Diagnostic{
			At:      r.To.Keepalive.At,
			Message: fmt.Sprintf("keepalive %d keeps nothing: fastcgi_keep_conn is off%s", r.To.Keepalive.Value, byDefault(written)),
			Hint:    "fastcgi_keep_conn on;",
			Related: []lint.Related{{At: r.At, Message: "the pass"}},
		}
		if written != nil {
			d.Related = append(d.Related, lint.Related{At: written.Ref(1), Message: "off here"})
		}
		p.Report(d)
	}
}

// setsNoKeepConn reports whether an include that was not read is of a file that nginx's package ships, none of which
// has fastcgi_keep_conn.
func setsNoKeepConn(path string) bool {
	base := filepath.Base(path)
	return holdsTables(path) || base == "fastcgi_params" || base == "fastcgi.conf"
}

// inForce returns the directive in effect in a block, by what each block writes; nil when none does. known is false
// where a block may write one that is not seen.
func inForce(scope *syntax.Scope, written map[*syntax.Scope]*syntax.Stmt, open map[*syntax.Scope]bool) (s *syntax.Stmt, known bool) {
	for at := scope; at != nil; at = at.Up {
		if s := written[at]; s != nil {
			return s, true
		}
		if open[at] {
			return nil, false
		}
	}
	return nil, true
}

func byDefault(written *syntax.Stmt) string {
	if written == nil {
		return " (default)"
	}
	return ""
}
