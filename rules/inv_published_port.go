package rules

import (
	"context"
	"fmt"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
)

var _ = register(lint.Rule{
	ID:       "inv-published-port",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Run:      invPublishedPort,
	Doc: lint.Doc{
		Title: "the port that compose publishes on the host, instead of the container's",
		Why: `In "ports: 8080:80" the first number is a port of the machine, the second that of the container. Containers speak to
each other on the container's port; nobody listens on the other one there, the connection is refused, and the client gets 502
from nginx and 503 from HAProxy.

It is told where the proxy is dialing a service of its own project on the published port and nothing shows that the container
listens on that port too. Where a file that was not read may change the container's port, it is a warning.`,
		How: `Write the container's port, the second number of the mapping.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://app:8081;
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
    server app1 app:8081 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://app:8081
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
    ports:
      - "8081:8000"
`}},
		Links: []string{
			"https://docs.docker.com/compose/how-tos/networking/",
			"https://docs.docker.com/reference/compose-file/services/#ports",
		},
		Since: "0.1.0",
	},
})

func invPublishedPort(_ context.Context, p *lint.Pass) {
	reportInCompose(p, func(dialed peer, home *inventory.Service) *lint.Diagnostic { return hostSidePort(p, dialed, home) })
}

// hostSidePort finds a port that only the host has.
func hostSidePort(p *lint.Pass, dialed peer, home *inventory.Service) *lint.Diagnostic {
	port, at := dialedPort(p.Config, dialed)
	services := dialedServices(dialed.addr.Host, home)
	if port <= 0 || len(services) == 0 {
		return nil
	}
	d := &lint.Diagnostic{Severity: lint.Error, Symptom: dialed.unanswered(), At: at}
	var right []int
	for _, s := range services {
		mappings := mappedFrom(s, port)
		if len(mappings) == 0 || listensOnPort(p, s, port) {
			return nil
		}
		for _, m := range mappings {
			right = append(right, m.Container)
			d.Related = append(d.Related, lint.Related{At: m.At,
				Message: fmt.Sprintf("service %s: port %d of the host leads to port %d of the container", s.Name, m.Host, m.Container)})
		}
		if hidesPorts(s) {
			d.Severity = lint.Warning
		}
	}
	slices.Sort(right)
	right = slices.Compact(right)
	d.Message = fmt.Sprintf("port %d is the host's: service %s listens on %s", port, services[0].Name, orPorts(right))
	if at == dialed.addr.HostAt {
		d.Message = fmt.Sprintf("port %d, dialed for want of another, is the host's: service %s listens on %s", port, services[0].Name, orPorts(right))
	}
	if len(right) == 1 {
		d.Hint = hostPort(dialed.addr, right[0])
		d.Fix = writePort(dialed, right[0], d.Severity == lint.Error)
	}
	return d
}

// mappedFrom returns the mappings of a port of the host to another one of a container.
func mappedFrom(s *inventory.Service, port int) []inventory.Published {
	var list []inventory.Published
	for _, m := range s.Published {
		if m.Host == port && m.Container > 0 && m.Container != port && !m.UDP {
			list = append(list, m)
		}
	}
	return list
}
