package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
)

var _ = register(lint.Rule{
	ID:       "inv-container-index-name",
	Family:   lint.Inventory,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      invContainerIndexName,
	Doc: lint.Doc{
		Title: "the name that compose makes up for a container",
		Why: `Compose names its containers after the project, the service and a number: shop-app-1. The project's name is the folder's, unless
somebody sets another, and with the older docker-compose the name had underscores. In another folder, in CI or after an update the
name is another one, and nginx does not start ("host not found in upstream"), HAProxy neither. With several replicas the number
leads to one of them only.`,
		How: `Write the service's name, which is the same everywhere and leads to all its replicas, or give the container a name with
"container_name".`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://shop-app-1:8000;
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
    server app1 shop-app-1:8000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        location / {
            set $backend app;
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
    server app1 app:8000 check resolvers docker init-addr last,libc,none
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
    command: gunicorn --bind 0.0.0.0:8000 app:app
`}},
		Links: []string{
			"https://docs.docker.com/compose/how-tos/networking/",
			"https://docs.docker.com/compose/how-tos/project-name/",
		},
		Since: "0.1.0",
	},
})

func invContainerIndexName(_ context.Context, p *lint.Pass) {
	reportInCompose(p, func(dialed peer, home *inventory.Service) *lint.Diagnostic { return indexName(p, dialed, home) },
		upstreamTypo, hostInvalid, hostReserved)
}

// indexName finds the name of a container that nobody gave to it.
func indexName(p *lint.Pass, dialed peer, home *inventory.Service) *lint.Diagnostic {
	host := inventory.HostKey(dialed.addr.Host)
	s := indexedService(home.Project, host)
	answer := home.Lookup(host)
	if s == nil || answer.Found() || len(answer.Apart) > 0 || !isComposeName(p, dialed, home) {
		return nil
	}
	d := &lint.Diagnostic{
		Severity: lint.Warning,
		Symptom:  dialed.failure(),
		At:       dialed.addr.HostAt,
		Message:  fmt.Sprintf("%s is a name that compose makes of the project's name, which changes with its folder", dialed.addr.Host),
		Hint:     s.Name,
		Related:  []lint.Related{{At: s.At, Message: "the service"}},
		Fix:      repair(dialed.addr.HostAt, s.Name, false),
	}
	return d
}

// indexedService returns the service that a name of the form PROJECT-SERVICE-NUMBER or PROJECT_SERVICE_NUMBER is about;
// nil for any other.
func indexedService(project *inventory.Project, host string) *inventory.Service {
	for _, sep := range []string{"-", "_"} {
		i := strings.LastIndex(host, sep)
		if i < 0 || !isDigits(host[i+1:]) {
			continue
		}
		for _, s := range project.Services {
			if before, found := strings.CutSuffix(host[:i], sep+strings.ToLower(s.Name)); found && before != "" {
				return s
			}
		}
	}
	return nil
}
