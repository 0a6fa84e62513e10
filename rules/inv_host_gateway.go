package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
)

var _ = register(lint.Rule{
	ID:       "inv-host-gateway",
	Family:   lint.Inventory,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      invHostGateway,
	Doc: lint.Doc{
		Title: "host.docker.internal without extra_hosts",
		Why: `Docker Desktop gives every container the name host.docker.internal for the machine. Docker on Linux servers does so only where
extra_hosts asks for it. Without that nginx does not start ("host not found in upstream"), HAProxy neither; where
the name is looked up later, requests get 502 or 503.`,
		How: `Add "extra_hosts: host.docker.internal:host-gateway" to the proxy's service. It does no harm in Docker
Desktop. Or write the machine's address in its network. nginx's resolver does not know what extra_hosts adds: the name must not
come through a variable.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://host.docker.internal:8000;
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
    server app1 host.docker.internal:8000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:8000;
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
    server app1 10.0.0.10:8000 check
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
`}},
		Links: []string{
			"https://docs.docker.com/reference/compose-file/services/#extra_hosts",
			"https://docs.docker.com/reference/cli/docker/container/run/#add-host",
		},
		Since: "0.1.0",
	},
})

func invHostGateway(_ context.Context, p *lint.Pass) {
	reportInCompose(p, func(dialed peer, home *inventory.Service) *lint.Diagnostic { return unknownGateway(p, dialed, home) })
}

// unknownGateway finds a name of the machine that only Docker Desktop knows unasked.
func unknownGateway(p *lint.Pass, dialed peer, home *inventory.Service) *lint.Diagnostic {
	host := inventory.HostKey(dialed.addr.Host)
	if host != "host.docker.internal" && host != "gateway.docker.internal" {
		return nil
	}
	answer := home.Lookup(host)
	owner := home.NetworkOwner()
	if owner == nil || answer.Found() || len(answer.Apart) > 0 || home.Loose || owner.Loose || p.Inventory.Host(host) != nil {
		return nil
	}
	d := &lint.Diagnostic{
		Severity: lint.Warning,
		Symptom:  dialed.failure(),
		At:       dialed.addr.HostAt,
		Message:  fmt.Sprintf("only Docker Desktop knows %s unasked: service %s has no extra_hosts for it", host, home.Name),
		Hint:     fmt.Sprintf("extra_hosts: [\"%s:host-gateway\"] in service %s", host, owner.Name),
		Related:  []lint.Related{{At: owner.At, Message: "the service"}},
	}
	if owner.Mode.Text == "host" {
		d.Hint = "127.0.0.1, since the service has the host's network"
	}
	return d
}
