package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
)

var _ = register(lint.Rule{
	ID:       "inv-network-disjoint",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Run:      invNetworkDisjoint,
	Doc: lint.Doc{
		Title: "a service that shares no network with the proxy",
		Why: `A service that lists networks is on those alone, and its name is known on those alone. A proxy on other networks cannot look
it up: nginx does not start ("host not found in upstream"), HAProxy neither, and where the name is looked up later requests get 502
or 503. The same holds for a service with "network_mode", which has the network of the host or of another container and no name.

Where the proxy is on a network that is external or something of the project was not read, the name may be known after all:
an info.`,
		How: `Put both services on one network.`,
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
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://app:8000
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
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://api:8000
  - service: http_status:404
`,
		},
		Beside: []lint.File{{Name: "compose.yml", Text: `services:
  nginx:
    image: nginx:latest
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf:ro
    networks: [front]
  haproxy:
    image: haproxy:latest
    volumes:
      - ./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro
    networks: [front]
  cloudflared:
    image: cloudflare/cloudflared:latest
    command: tunnel run
    volumes:
      - ./cloudflared.yaml:/etc/cloudflared/config.yml:ro
    networks: [front]
  app:
    build: ./app
    networks: [back]
  api:
    build: ./api
    networks: [front, back]
networks:
  front:
  back:
`}},
		Links: []string{
			"https://docs.docker.com/compose/how-tos/networking/",
			"https://docs.docker.com/reference/compose-file/services/#networks",
		},
		Since: "0.1.0",
	},
})

func invNetworkDisjoint(_ context.Context, p *lint.Pass) {
	reportInCompose(p, func(dialed peer, home *inventory.Service) *lint.Diagnostic { return outOfReach(p, dialed, home) })
}

// outOfReach finds the name of a service that is not known where it is used.
func outOfReach(p *lint.Pass, dialed peer, home *inventory.Service) *lint.Diagnostic {
	host := dialed.addr.Host
	owner := home.NetworkOwner()
	answer := home.Lookup(host)
	if owner == nil || answer.Found() || len(answer.Apart) == 0 || p.Inventory.Host(host) != nil || asksElsewhere(dialed) {
		return nil
	}
	if len(owner.Joins) == 0 && owner.Mode.Text != "host" {
		return nil // Docker's default bridge has rules of its own
	}
	target := answer.Apart[0]
	d := &lint.Diagnostic{
		Severity: lint.Error,
		Symptom:  dialed.failure(),
		At:       dialed.addr.HostAt,
		Message:  fmt.Sprintf("service %s shares no network with %s, so its name is not known there", target.Name, home.Name),
		Related:  []lint.Related{networkOf(home), networkOf(target)},
	}
	switch {
	case len(owner.Joins) == 0:
		d.Severity = lint.Warning
		d.Message = fmt.Sprintf("service %s has the host's network, in which names of services such as %s are not known", home.Name, host)
		d.Hint = hostAddress(target)
	case slices.Contains(home.Lookup(target.Name).Services, target):
		d.Message = fmt.Sprintf("service %s is not named %s on any network that %s is on", target.Name, host, home.Name)
		d.Hint = target.Name
		d.Fix = repair(d.At, target.Name, false)
	case len(target.Joins) > 0:
		d.Hint = fmt.Sprintf("networks: [%s] in service %s", strings.Join(append(joinedNetworks(owner), target.Joins[0].Network.Name), ", "), owner.Name)
	}
	if len(gapsOf(p.Inventory, home)) > 0 {
		d.Severity = lint.Info
	}
	return d
}

// networkOf tells which networks a service is on.
func networkOf(s *inventory.Service) lint.Related {
	if len(s.Joins) == 0 {
		return lint.Related{At: s.Mode.At, Message: fmt.Sprintf("service %s has network_mode %s", s.Name, onLine(s.Mode.Text))}
	}
	names := joinedNetworks(s)
	return lint.Related{At: s.Joins[0].At,
		Message: fmt.Sprintf("service %s is on %s %s", s.Name, plural(len(names), "network"), andList(names))}
}

func joinedNetworks(s *inventory.Service) []string {
	var names []string
	for _, join := range s.Joins {
		names = append(names, join.Network.Name)
	}
	return names
}

// hostAddress returns where the host reaches a service; "" when it publishes no port, or several.
func hostAddress(s *inventory.Service) string {
	if len(s.Published) != 1 || s.Published[0].Host < 0 {
		return ""
	}
	return fmt.Sprintf("127.0.0.1:%d", s.Published[0].Host)
}
