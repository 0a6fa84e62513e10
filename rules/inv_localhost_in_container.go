package rules

import (
	"context"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "inv-localhost-in-container",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Run:      invLocalhostInContainer,
	Doc: lint.Doc{
		Title: "localhost inside the proxy's own container",
		Why: `In a container 127.0.0.1 and localhost are the container itself, neither the machine nor another container. A proxy in a container
of its own that dials them finds nobody: the connection is refused, 502 from nginx and 503 from HAProxy.

It is told where the container runs an image that holds the proxy and nothing else, on a network of its own, and neither the
configuration's own listeners nor any fact about the container shows a server on that port. Where a part of the configuration
was not seen, which may listen there, it is a warning.`,
		How: `Write the name of the service. For a server on the machine itself: host.docker.internal, with "extra_hosts:
host.docker.internal:host-gateway" in the proxy's service.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://127.0.0.1:8000;
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
    server app1 127.0.0.1:8000 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://localhost:8000
  - service: http_status:404
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
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://app:8000
  - service: http_status:404
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
  cloudflared:
    image: cloudflare/cloudflared:latest
    command: tunnel run
    volumes:
      - ./cloudflared.yaml:/etc/cloudflared/config.yml:ro
  app:
    build: ./app
    command: gunicorn --bind 0.0.0.0:8000 app:app
`}},
		Links: []string{
			"https://docs.docker.com/compose/how-tos/networking/",
			"https://docs.docker.com/engine/network/",
		},
		Since: "0.1.0",
	},
})

func invLocalhostInContainer(_ context.Context, p *lint.Pass) {
	reportInCompose(p, func(dialed peer, home *inventory.Service) *lint.Diagnostic { return alone(p, dialed, home) })
}

// strandedInContainer returns a function that tells whether a server is the proxy's own container, where nobody listens.
func strandedInContainer(p *lint.Pass) func(peer) bool {
	homes := homesOf(p)
	return func(dialed peer) bool {
		return homes != nil && judgeInCompose(p, homes, dialed, func(dialed peer, home *inventory.Service) *lint.Diagnostic {
			return alone(p, dialed, home)
		}) != nil
	}
}

// alone finds a server that is to be in the proxy's own container, in which there is nothing but the proxy.
func alone(p *lint.Pass, dialed peer, home *inventory.Service) *lint.Diagnostic {
	port, _ := dialedPort(p.Config, dialed)
	owner := home.NetworkOwner()
	if port <= 0 || !isOwnHost(dialed.addr.Host) || owner == nil || len(owner.Joins) == 0 || !runsProxyAlone(p.Config.Dialect, home) {
		return nil
	}
	for _, s := range home.Beside() {
		if listensOnPort(p, s, port) || s != home {
			return nil
		}
	}
	d := &lint.Diagnostic{
		Severity: lint.Error,
		Symptom:  dialed.unanswered(),
		At:       dialed.addr.HostAt,
		Message: fmt.Sprintf("%s is the container of service %s itself, in which nothing listens on port %d",
			dialed.addr.Host, home.Name, port),
		Hint: fmt.Sprintf("SERVICE:%d", port),
	}
	if p.Config.Tree.Fragment || len(p.Config.Tree.Unread) > 0 {
		d.Severity = lint.Warning
	}
	meant := listeningOn(home, port)
	if len(meant) > 0 {
		s, known := meant[0].service, meant[0].port
		d.Hint = net.JoinHostPort(s.Name, strconv.Itoa(known.Number))
		d.Related = []lint.Related{{At: known.At, Message: fmt.Sprintf("service %s: %s", s.Name, known.Why)}}
	}
	if len(meant) == 1 {
		d.Fix = repair(d.At, meant[0].service.Name, false)
		if number := meant[0].port.Number; number != port {
			d.Fix.Edits = append(d.Fix.Edits, writePort(dialed, number, false).Edits...)
		}
	}
	return d
}

// meantService is a service that listens on the port that is dialed, or that the host forwards it to.
type meantService struct {
	service *inventory.Service
	port    inventory.Port
}

// listeningOn returns the services that a service reaches and that may be meant by a port.
func listeningOn(home *inventory.Service, port int) []meantService {
	var list []meantService
	for _, s := range home.Project.Services {
		if s == home || !slices.Contains(home.Lookup(s.Name).Services, s) {
			continue
		}
		wanted := port
		if mappings := mappedFrom(s, port); len(mappings) == 1 {
			wanted = mappings[0].Container
		}
		if i := slices.IndexFunc(s.Ports, func(known inventory.Port) bool { return known.Number == wanted }); i >= 0 {
			list = append(list, meantService{s, s.Ports[i]})
		}
	}
	return list
}

// loneImages are images that run the proxy and nothing else, by their name without registry and tag.
var loneImages = map[syntax.Dialect][]string{
	syntax.Nginx:       {"nginx", "nginxinc/nginx-unprivileged", "openresty/openresty", "bitnami/nginx", "bitnamilegacy/nginx"},
	syntax.HAProxy:     {"haproxy", "haproxytech/haproxy-alpine", "haproxytech/haproxy-debian", "haproxytech/haproxy-ubuntu", "bitnami/haproxy", "bitnamilegacy/haproxy"},
	syntax.Cloudflared: {"cloudflare/cloudflared"},
}

// runsProxyAlone reports whether a container holds a proxy and nothing else, by its image and command.
func runsProxyAlone(dialect syntax.Dialect, s *inventory.Service) bool {
	if hidesPorts(s) || len(s.Apps) > 0 || s.BaseImage().Dynamic {
		return false
	}
	if !slices.Contains(loneImages[dialect], s.BaseName()) {
		return false
	}
	if len(s.Args) == 0 {
		return true
	}
	switch path.Base(s.Args[0].Text) {
	case "nginx", "nginx-debug", "openresty", "haproxy", "docker-entrypoint.sh", "cloudflared", "tunnel":
		return !s.Args[0].Dynamic
	}
	return false
}
