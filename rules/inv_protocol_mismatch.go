package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "inv-protocol-mismatch",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "502",
	Run:      invProtocolMismatch,
	Doc: lint.Doc{
		Title: "the backend speaks another protocol than the proxy, as its own files show",
		Why: `A request goes to a port or socket where the files around the configuration show another protocol: proxy_pass to the
"socket" of uWSGI or to php-fpm, uwsgi_pass to its "http-socket", HTTP to Tomcat's AJP connector or to a database. The backend
closes the connection or answers something else, and the client gets 502.

It is an error where a mount or a COPY shows in which container the configuration runs and the name leads to one of its project's
services, and a warning where the files merely lie together, or where a file that may say more was not read.`,
		How: `Use the directive of the backend's protocol, or dial the port on which it speaks the one you use. Beside
fastcgi_pass and uwsgi_pass, include fastcgi_params or uwsgi_params.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://127.0.0.1:3031;
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
    server app1 127.0.0.1:3031 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            uwsgi_param REQUEST_METHOD $request_method;
            uwsgi_param REQUEST_URI $request_uri;
            uwsgi_pass 127.0.0.1:3031;
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
    server app1 127.0.0.1:3032 check
`,
		},
		Beside: []lint.File{{Name: "uwsgi.ini", Text: `[uwsgi]
socket = 127.0.0.1:3031
http-socket = 127.0.0.1:3032
module = app:application
`}},
		Links: []string{
			"https://uwsgi-docs.readthedocs.io/en/latest/ThingsToKnow.html",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-mode",
		},
		Since: "0.1.0",
	},
})

func invProtocolMismatch(_ context.Context, p *lint.Pass) {
	around := surroundingsOf(p)
	if around == nil {
		return
	}
	told := map[syntax.Ref]bool{}
	for u := range appUses(p.Config) {
		asked := u.protocol()
		if u.route != nil && !u.route.Hop.Scheme.IsZero() && schemes[u.route.Stmt.Name()] == nil {
			continue // malformed-upstream-address tells of that
		}
		found := around.spokenAt(u.endpoint.Addr)
		if !contradicts(asked, found.protocol) {
			continue
		}
		d := lint.Diagnostic{
			Severity: found.severity,
			At:       u.endpoint.Addr.At,
			Message:  fmt.Sprintf("%s goes to %s, but %s", asked, u.endpoint.Addr.At.Text(), found.why),
			Related:  found.related,
		}
		if u.route != nil {
			d.At = u.route.Stmt.Ref(0)
			d.Message = fmt.Sprintf("%s speaks %s, but %s", u.route.Stmt.Name(), asked, found.why)
			if pass := passOf[found.protocol]; pass != "" {
				d.Hint = fmt.Sprintf("%s %s;", pass, passTarget(u.route, found.protocol))
			}
			if !sameLine(u.endpoint.Addr.At, d.At) {
				d.Related = append([]lint.Related{{At: u.endpoint.Addr.At, Message: "the backend"}}, d.Related...)
			}
		} else if found.protocol == proxy.FastCGI {
			d.Hint = serverLine(u.endpoint, u.endpoint.Addr.At.Text(), "proto fcgi") + " (and use-fcgi-app NAME)"
		} else if found.protocol == proxy.TCP {
			d.Hint = "mode tcp"
		}
		if !told[d.At] {
			told[d.At] = true
			p.Report(d)
		}
	}
}
