package rules

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
)

var _ = register(lint.Rule{
	ID:       "inv-loopback-bound",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "502",
	Run:      invLoopbackBound,
	Doc: lint.Doc{
		Title: "a backend that listens on 127.0.0.1 of its own container",
		Why: `127.0.0.1 in a container is reached from inside that container alone. A server that binds it, because its command says so or because
that is its default (uvicorn, Flask, Django's runserver), refuses the proxy's connections, published port or not: 502 from nginx, 503
from HAProxy. On the developer's machine the same command works.

Where a file that was not read may set what the server binds, it is a warning.`,
		How: `Let the server bind 0.0.0.0: the container's network is not the machine's.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://app:8000;
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
    server app1 app:8000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        location / {
            set $backend api;
            proxy_pass http://$backend:8000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers docker
    nameserver dns 127.0.0.11:53
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server app1 api:8000 check resolvers docker init-addr last,libc,none
`,
		},
		Beside: []lint.File{{Name: "compose.yml", Text: `services:
  nginx:
    image: nginx:latest
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf:ro
  haproxy:
    image: haproxy:latest
    volumes:
      - ./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro
  app:
    build: ./app
    command: uvicorn app:app --host 127.0.0.1 --port 8000
  api:
    build: ./api
    command: uvicorn api:app --host 0.0.0.0 --port 8000
`}},
		Links: []string{
			"https://docs.docker.com/engine/network/",
			"https://www.uvicorn.org/settings/#socket-binding",
		},
		Since: "0.1.0",
	},
})

func invLoopbackBound(_ context.Context, p *lint.Pass) {
	reportInCompose(p, func(dialed peer, home *inventory.Service) *lint.Diagnostic { return boundToLoopback(p, dialed, home) })
}

// boundToLoopback finds a server that takes connections from its own container alone.
func boundToLoopback(p *lint.Pass, dialed peer, home *inventory.Service) *lint.Diagnostic {
	port, _ := dialedPort(p.Config, dialed)
	services := dialedServices(dialed.addr.Host, home)
	if port <= 0 || len(services) == 0 {
		return nil
	}
	d := &lint.Diagnostic{
		Severity: lint.Error,
		Symptom:  dialed.unanswered(),
		At:       dialed.addr.HostAt,
		Message:  fmt.Sprintf("service %s listens on port %d of 127.0.0.1, inside its own container alone", services[0].Name, port),
		Hint:     fmt.Sprintf("let service %s bind 0.0.0.0:%d", services[0].Name, port),
	}
	for _, s := range services {
		bound, ok := loopbackPort(s, port)
		if !ok || slices.Contains(home.Beside(), s) || bindsUnknown(s) {
			return nil
		}
		d.Related = append(d.Related, lint.Related{At: bound.At, Message: bound.Why})
		if s.Loose {
			d.Severity = lint.Warning
		}
	}
	return d
}

// loopbackPort returns what shows that a container's port is bound to loopback alone.
func loopbackPort(s *inventory.Service, port int) (bound inventory.Port, ok bool) {
	for _, known := range s.Ports {
		switch {
		case known.Number != port:
		case !known.Loopback:
			return bound, false
		case !ok:
			bound, ok = known, true
		}
	}
	return bound, ok && bound.Source >= inventory.ByEnv && !overridden(s)
}

// overridden reports whether the image of php-fpm reads a file after a pool's that binds all addresses: zz-docker.conf
// (https://github.com/docker-library/php).
func overridden(s *inventory.Service) bool {
	return s.BaseName() == "php" && slices.ContainsFunc(s.Apps, func(app *inventory.App) bool {
		return app.Kind == "php-fpm" && path.Base(app.At.File.Path) < "zz-docker.conf"
	})
}
