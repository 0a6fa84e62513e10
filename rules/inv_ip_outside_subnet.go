package rules

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
)

var _ = register(lint.Rule{
	ID:       "inv-ip-outside-subnet",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "504",
	Run:      invIPOutsideSubnet,
	Doc: lint.Doc{
		Title: "an address in a subnet that the proxy's networks don't have",
		Why: `Docker keeps its bridge networks apart: a container reaches the addresses of the networks that it is on, and packets to other
networks are dropped. nginx answers 504 once proxy_connect_timeout is over, HAProxy 503 once timeout connect and its retries are.

An address in the subnet of another network of the project is an error. It is a warning where no network of the project has the
address and it is one of those that Docker gives out (172.17.0.0/16 to 172.30.0.0/16), or a private one on a line that
is named after a service. The rule speaks where every network of the proxy declares its subnets and none is external. The first address of a
subnet is the host's, and not meant.`,
		How: `Write the service's address on a network that both are on, or its name; or put the proxy on the service's network.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://172.28.2.10:3000;
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
    server app 172.28.2.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://172.28.1.10:3000;
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
    server app 172.28.1.10:3000 check
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
  app:
    build: ./app
    networks:
      front:
        ipv4_address: 172.28.1.10
      back:
        ipv4_address: 172.28.2.10
networks:
  front:
    ipam:
      config:
        - subnet: 172.28.1.0/24
  back:
    ipam:
      config:
        - subnet: 172.28.2.0/24
`}},
		Links: []string{
			"https://docs.docker.com/engine/network/drivers/bridge/",
			"https://docs.docker.com/reference/compose-file/networks/#ipam",
		},
		Since: "0.1.0",
	},
})

func invIPOutsideSubnet(_ context.Context, p *lint.Pass) {
	reportInCompose(p, outsideSubnets)
}

// outsideSubnets finds an address that no network of the proxy has.
func outsideSubnets(dialed peer, home *inventory.Service) *lint.Diagnostic {
	addr, err := netip.ParseAddr(dialed.addr.Host)
	if err != nil || !addr.IsPrivate() {
		return nil
	}
	owner := home.NetworkOwner()
	if owner == nil || len(owner.Joins) == 0 {
		return nil
	}
	var own []*inventory.Network
	for _, join := range owner.Joins {
		if !hasSubnets(join.Network, addr) {
			return nil
		}
		own = append(own, join.Network)
	}
	if n, _ := subnetWith(own, addr); n != nil {
		return nil
	}
	d := &lint.Diagnostic{Severity: lint.Warning, Symptom: dialed.unreached(), At: dialed.addr.HostAt}
	var listed []string
	for _, n := range own {
		for _, s := range n.Subnets {
			listed = append(listed, s.Prefix.String())
			d.Related = append(d.Related, lint.Related{At: s.At, Message: fmt.Sprintf("the subnet of network %s", n.Name)})
		}
	}
	where := fmt.Sprintf("the networks of service %s have %s", home.Name, andList(listed))
	n, subnet := subnetWith(home.Project.Networks, addr)
	switch {
	case n != nil && (isGateway(subnet.Prefix, addr) || !isBridge(n)):
		return nil
	case n != nil:
		d.Severity = lint.Error
		d.Message = fmt.Sprintf("%s is in network %s, which service %s is not on: %s", addr, n.Name, home.Name, where)
		d.Hint = fmt.Sprintf("networks: [%s] in service %s", strings.Join(append(joinedNetworks(owner), n.Name), ", "), owner.Name)
		d.Related = append(d.Related, lint.Related{At: subnet.At, Message: fmt.Sprintf("the subnet of network %s", n.Name)})
	case strings.HasPrefix(givenBy(addr), "Docker"):
		d.Message = fmt.Sprintf("no container of the project can have %s: %s", addr, where)
	default:
		service := namedAfter(dialed, home)
		if service == nil {
			return nil // a machine of the local network
		}
		d.Message = fmt.Sprintf("service %s can't have %s: %s", service.Name, addr, where)
		d.Hint = strings.Replace(dialed.addr.At.Text(), dialed.addr.HostAt.Text(), service.Name, 1)
	}
	return d
}

// hasSubnets reports whether a network's addresses are known, as far as they are of an address's family.
func hasSubnets(n *inventory.Network, addr netip.Addr) bool {
	if n.External || !isBridge(n) {
		return false
	}
	for _, s := range n.Subnets {
		if s.Prefix.Addr().Is4() == addr.Is4() {
			return true
		}
	}
	return false
}

// isBridge reports whether a network is one that Docker keeps apart from the others of the host.
func isBridge(n *inventory.Network) bool {
	return n.Driver.Text == "" && !n.Driver.Dynamic || n.Driver.Text == "bridge"
}

// namedAfter returns the one service on the proxy's networks that a server is called after; nil when there is none.
func namedAfter(dialed peer, home *inventory.Service) *inventory.Service {
	for _, called := range append(calledOnLine(dialed), calledByPool(dialed)...) {
		if services := home.Lookup(called.name).Services; len(services) == 1 && services[0] != home {
			return services[0]
		}
	}
	return nil
}
