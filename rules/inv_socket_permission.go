package rules

import (
	"context"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "inv-socket-permission",
	Family:   lint.Inventory,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      invSocketPermission,
	Doc: lint.Doc{
		Title: "the application's socket is closed to the proxy's user",
		Why: `Connecting to a unix socket needs the right to write to it. When the application's files make the socket for others than
the proxy's "user" (SocketMode=, SocketUser= and SocketGroup= of a systemd unit, chmod-socket and chown-socket of uWSGI, umask,
user and group of gunicorn), nginx answers 502, with "Permission denied" in the error log, HAProxy 503.

It is a warning, since the proxy's user may have been added to the group, which no file here shows. Silent where the configuration
names no user, where owner or mode are not known, and where the mode lets everybody in. What php-fpm does is
inv-fpm-socket-permission's to tell.`,
		How: `Give the socket the proxy's group and mode 0660.`,
		Bad: lint.Example{
			Nginx: `user www-data;
events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://unix:/run/app.sock;
        }
    }
}
`,
			HAProxy: `global
    user haproxy
    group haproxy

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 unix@/run/app.sock check
`,
		},
		Good: lint.Example{
			Nginx: `user www-data;
events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://unix:/run/web.sock;
        }
    }
}
`,
			HAProxy: `global
    user haproxy
    group www-data

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 unix@/run/web.sock check
`,
		},
		Beside: []lint.File{
			{Name: "app.socket", Text: `[Socket]
ListenStream=/run/app.sock
SocketUser=app
SocketGroup=app
SocketMode=0660
`},
			{Name: "web.socket", Text: `[Socket]
ListenStream=/run/web.sock
SocketUser=app
SocketGroup=www-data
SocketMode=0660
`},
		},
		Links: []string{
			"https://www.freedesktop.org/software/systemd/man/latest/systemd.socket.html#SocketMode=",
			"https://uwsgi-docs.readthedocs.io/en/latest/Options.html#chmod-socket",
			"https://nginx.org/en/docs/ngx_core_module.html#user",
			"https://docs.haproxy.org/3.2/configuration.html#3.1-user",
		},
		Since: "0.1.0",
	},
})

func invSocketPermission(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.HAProxy && hasChroot(p.Config.Tree) {
		return
	}
	reportKeptOut(p, func(app *inventory.App) bool { return !isFPM(app) })
}
