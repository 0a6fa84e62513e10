package rules

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "inv-ip-conflict",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "wrong backend",
	Run:      invIPConflict,
	Doc: lint.Doc{
		Title: "an address that belongs to another service than the one that is meant",
		Why: `The line calls its server by one name, and the address on it is that of another: of two services that compose pins to addresses, or
that "docker inspect" lists, or of two machines. Requests are answered by the wrong one, or refused.

Two names count: the one on the line itself (HAProxy's server name, a comment of one word), and that of a group or backend with one
server. It is an error where both services have addresses written in a compose file that mounts the configuration, and the
line itself has the name; else a warning. Names of HAProxy servers against machines are told of by server-name-disagrees.`,
		How: `Write the address of the service that is meant, or better its name.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://172.28.0.11:3000; # app
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
    server app 172.28.0.11:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://172.28.0.10:3000; # app
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
    server app 172.28.0.10:3000 check
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
    networks:
      default:
        ipv4_address: 172.28.0.10
  worker:
    build: ./worker
    networks:
      default:
        ipv4_address: 172.28.0.11
networks:
  default:
    ipam:
      config:
        - subnet: 172.28.0.0/16
`}},
		Links: []string{
			"https://docs.docker.com/reference/compose-file/services/#ipv4_address-ipv6_address",
			"https://docs.docker.com/reference/cli/docker/inspect/",
		},
		Since: "0.1.0",
	},
})

func invIPConflict(_ context.Context, p *lint.Pass) {
	reportInCompose(p, func(dialed peer, home *inventory.Service) *lint.Diagnostic {
		addr, err := netip.ParseAddr(dialed.addr.Host)
		if err != nil {
			return nil
		}
		return otherService(home.Project, dialed, plainAddr(addr))
	})
	running := slices.DeleteFunc(slices.Clone(p.Inventory.Projects), func(project *inventory.Project) bool { return !project.Running })
	machines := p.Config.Dialect == syntax.Nginx && (len(p.Inventory.Machines) > 0 || len(p.Inventory.Hosts()) > 0)
	if len(running) == 0 && !machines {
		return
	}
	for dialed, addr := range dialedAddrs(p) {
		if d := otherRunning(p, running, dialed, addr); d != nil {
			p.Report(*d)
		} else if machines {
			reportOtherMachine(p, dialed, addr)
		}
	}
}

// otherRunning finds an address that a container has at the moment which is not the one that is meant.
func otherRunning(p *lint.Pass, running []*inventory.Project, dialed peer, addr netip.Addr) *lint.Diagnostic {
	for _, home := range homesOf(p) {
		if owner, _ := pinnedTo(home.Project, addr); owner != nil {
			return nil // the compose file is about that
		}
	}
	for _, project := range running {
		if d := otherService(project, dialed, addr); d != nil {
			d.Severity = lint.Warning
			return d
		}
	}
	return nil
}

// otherService finds an address that a project gives to another service than the one that is meant.
func otherService(project *inventory.Project, dialed peer, addr netip.Addr) *lint.Diagnostic {
	owner, join := pinnedTo(project, addr)
	if owner == nil {
		return nil
	}
	for _, called := range append(calledOnLine(dialed), calledByPool(dialed)...) {
		answer := owner.Lookup(called.name)
		services := append(answer.Services, answer.Apart...)
		switch {
		case len(services) == 0:
			continue
		case len(services) > 1 || sharesAddress(services[0], owner):
			return nil
		}
		return notMeant(dialed, called, services[0], owner, join)
	}
	return nil
}

// sharesAddress reports whether two services are one, or have one network.
func sharesAddress(a, b *inventory.Service) bool {
	a, b = a.NetworkOwner(), b.NetworkOwner()
	return a == nil || a == b
}

// notMeant tells that an address is not that of the service that is meant; nil where a pool's name is all that says so.
func notMeant(dialed peer, called calling, meant, owner *inventory.Service, join inventory.Join) *lint.Diagnostic {
	d := &lint.Diagnostic{
		Severity: lint.Warning,
		At:       dialed.addr.HostAt,
		Message:  fmt.Sprintf("%s is the address of service %s, not of %s", dialed.addr.Host, owner.Name, meant.Name),
		Related: []lint.Related{
			{At: called.at, Message: "the name"},
			{At: join.At, Message: fmt.Sprintf("service %s has the address here", owner.Name)},
		},
	}
	if called.pool {
		d.Message = fmt.Sprintf("%s is the address of service %s, though its pool is called %s", dialed.addr.Host, owner.Name, called.name)
	}
	var own []netip.Addr
	for _, j := range meant.Joins {
		for _, addr := range j.Addrs {
			if addr.Is4() == join.Addrs[0].Is4() {
				own = append(own, addr)
				d.Related = append(d.Related, lint.Related{At: j.At, Message: fmt.Sprintf("service %s has %s", meant.Name, addr)})
			}
		}
	}
	switch {
	case len(own) == 0 && called.pool:
		return nil // it may be what stands before the service
	case len(own) > 0 && !called.pool:
		d.Severity = lint.Error
	}
	if len(own) == 1 {
		text := writtenAddr(own[0], dialed.addr)
		d.Hint = text
		d.Fix = repair(d.At, text, false)
	}
	return d
}

// reportOtherMachine tells of an address whose comment names another machine.
func reportOtherMachine(p *lint.Pass, dialed peer, addr netip.Addr) {
	if addr.IsLoopback() {
		return
	}
	for _, called := range calledOnLine(dialed) {
		if k := knownElsewhere(p.Inventory, called.name, addr); k != nil {
			d := disagreement(p, dialed, addr, called, k)
			d.Severity = lint.Warning
			p.Report(d)
			return
		}
	}
}
