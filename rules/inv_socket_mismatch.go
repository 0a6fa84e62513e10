package rules

import (
	"context"
	"path"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "inv-socket-mismatch",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "502",
	Run:      invSocketMismatch,
	Doc: lint.Doc{
		Title: "the application listens on another socket than the proxy asks",
		Why: `The proxy sends requests to a unix socket that nobody opens: nginx answers 502, with "No such file or directory" in the
error log, HAProxy 503. Where the application listens is read from its own files and commands beside the configuration: gunicorn,
uWSGI and other servers, units of systemd, the commands of a compose project.

It is an error where a mount or a COPY shows in which container the configuration runs, and the application shares the volume of
the socket or is alone in making it. Where the files merely lie together it is a warning, and only for sockets of the same name in
two folders, or of two names in the same folder below /run. What php-fpm does is inv-fpm-socket-mismatch's to tell.`,
		How: `Write the path that the application opens. Between containers, give both the volume in which the socket lies.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://unix:/run/gunicorn.sock;
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
    server app1 unix@/run/gunicorn.sock check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://unix:/run/app/gunicorn.sock;
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
    server app1 unix@/run/app/gunicorn.sock check
`,
		},
		Beside: []lint.File{{Name: "app.service", Text: `[Service]
User=app
Group=www-data
RuntimeDirectory=app
ExecStart=/srv/app/bin/gunicorn --bind unix:/run/app/gunicorn.sock app.wsgi
`}},
		Links: []string{
			"https://docs.gunicorn.org/en/stable/deploy.html#systemd",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
		},
		Since: "0.1.0",
	},
})

func invSocketMismatch(_ context.Context, p *lint.Pass) {
	around := surroundingsOf(p)
	if around == nil || p.Config.Dialect == syntax.HAProxy && hasChroot(p.Config.Tree) {
		return
	}
	for u := range appUses(p.Config) {
		if protocol := u.protocol(); protocol != proxy.TCP && !isFPMSocket(u.endpoint.Addr.Socket) {
			if d := around.unheardSocket(u, speaks(protocol), sameSocketName); d != nil {
				p.Report(*d)
			}
		}
	}
}

// sameSocketName reports whether two paths differ in their folder or in their name alone.
func sameSocketName(a, b string) bool {
	a, b = socketFile(a), socketFile(b)
	dir := path.Dir(a)
	return path.Base(a) == path.Base(b) || dir == path.Dir(b) && path.Dir(dir) == "/run"
}
