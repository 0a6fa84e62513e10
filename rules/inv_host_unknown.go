package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/spell"
)

var _ = register(lint.Rule{
	ID:       "inv-host-unknown",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Run:      invHostUnknown,
	Doc: lint.Doc{
		Title: "a host that no service of the compose project has",
		Why: `A container finds the others by the names that compose gives them: of the service, its container_name, its aliases
and links. A name that none of them has is known to nobody: nginx does not start ("host not found in upstream"),
HAProxy neither ("could not resolve address"), and where a variable brings the name or HAProxy waits for it, requests get
502 or 503; cloudflared always looks names up later.

The claim needs a compose file that mounts the configuration or copies it into an image; where the proxy's service is
only the likely one, it is a warning. Names with a dot are not meant, nor those that another name server is asked for. Where
something was not read that may hold the name (see inv-unread), only what looks like a slip is told, as an info.`,
		How: `Write the service's name as it stands in the compose file, or add the name to the service as an alias of its network.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://ap:8000;
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
    server app1 ap:8000 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://apq:8000
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
			"https://docs.docker.com/reference/compose-file/services/#aliases",
		},
		Since: "0.1.0",
	},
})

func invHostUnknown(_ context.Context, p *lint.Pass) {
	reportInCompose(p, func(dialed peer, home *inventory.Service) *lint.Diagnostic { return unknownHost(p, dialed, home) },
		upstreamTypo, hostInvalid, hostReserved)
}

// unknownHost finds a name that is none in the network of the service that dials it.
func unknownHost(p *lint.Pass, dialed peer, home *inventory.Service) *lint.Diagnostic {
	host := inventory.HostKey(dialed.addr.Host)
	answer := home.Lookup(host)
	if answer.Found() || len(answer.Apart) > 0 || !isComposeName(p, dialed, home) || indexedService(home.Project, host) != nil {
		return nil
	}
	near, unique := spell.Nearest(host, serviceNames(home.Project))
	d := &lint.Diagnostic{
		Severity: lint.Error,
		Symptom:  dialed.failure(),
		At:       dialed.addr.HostAt,
		Message:  fmt.Sprintf("no service of the compose project is named %s", dialed.addr.Host),
		Related:  []lint.Related{{At: home.Project.Services[0].At, Message: namedServices(home.Project)}},
	}
	if near != "" {
		d.Hint = fmt.Sprintf("did you mean %s?", near)
	}
	if unique {
		d.Fix = repair(d.At, near, false)
	}
	if len(gapsOf(p.Inventory, home)) > 0 {
		if near == "" {
			return nil
		}
		d.Severity = lint.Info
	}
	return d
}

// isComposeName reports whether a host is a name that only Docker's name server can know, asked from a service that asks it.
func isComposeName(p *lint.Pass, dialed peer, home *inventory.Service) bool {
	host := dialed.addr.Host
	owner := home.NetworkOwner()
	switch {
	case owner == nil || len(owner.Joins) == 0:
		return false // the machine's names are known there, or none
	case !isHostName(host) || strings.Contains(strings.TrimSuffix(host, "."), ".") || isPinned(host):
		return false
	case p.Inventory.Host(host) != nil || asksElsewhere(dialed) || len(owner.DNS) > 0:
		return false
	case dialed.route != nil && dialed.addr.PortAt.IsZero() && !seesGroups(p.Config.Tree):
		return false // it may be a group's
	}
	return !isStackName(home.Project, host)
}

// isStackName reports whether a name is that of a service in a Swarm stack: STACK_SERVICE.
func isStackName(project *inventory.Project, host string) bool {
	_, service, found := strings.Cut(host, "_")
	return found && slices.Contains(serviceNames(project), service)
}

// namedServices lists the services of a project.
func namedServices(project *inventory.Project) string {
	names := serviceNames(project)
	if rest := len(names) - maxNamed; rest > 0 {
		names = append(names[:maxNamed:maxNamed], fmt.Sprintf("%d more", rest))
	}
	if len(names) == 1 {
		return "its only service is " + names[0]
	}
	return "its services are " + andList(names)
}

// maxNamed is how many services a finding names.
const maxNamed = 8
