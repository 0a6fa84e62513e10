package rules

import (
	"context"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "resolver-docker-elsewhere",
	Family:   lint.Addresses,
	Severity: lint.Info,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      resolverDockerElsewhere,
	Doc: lint.Doc{
		Title: "the name server of Docker's containers, asked where none is in sight",
		Why: `127.0.0.11 is Docker's name server inside the containers of a network. On a machine nobody answers there: every name that comes
through a variable fails after resolver_timeout, and requests get 502.

The rule speaks where the inventory knows the machine (a listing of its sockets or addresses, units of systemd) and neither
it nor the files show a container.`,
		How: `Write the machine's own name server, as /etc/resolv.conf has it: 127.0.0.53 with systemd-resolved.`,
		Bad: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.11;
    server {
        listen 8080;
        location / {
            set $backend app.corp.internal;
            proxy_pass http://$backend:3000;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.53;
    server {
        listen 8080;
        location / {
            set $backend app.corp.internal;
            proxy_pass http://$backend:3000;
        }
    }
}
`},
		Beside: []lint.File{{Name: "inventory.txt", Text: `State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
LISTEN 0      511          0.0.0.0:80        0.0.0.0:*    users:(("nginx",pid=812,fd=6))
LISTEN 0      128        127.0.0.1:3000      0.0.0.0:*    users:(("node",pid=901,fd=20))
`}},
		Links: []string{
			"https://docs.docker.com/engine/network/#dns-services",
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
		},
		Since: "0.1.0",
	},
})

func resolverDockerElsewhere(_ context.Context, p *lint.Pass) {
	known := machineEvidence(p.Inventory)
	if known == nil || showsContainers(p) {
		return
	}
	for _, r := range p.Config.Resolvers {
		for _, server := range r.Servers {
			if server.Host == dockerDNS {
				p.Report(lint.Diagnostic{
					At:      server.HostAt,
					Message: fmt.Sprintf("%s answers in Docker's containers alone, and none is in sight", dockerDNS),
					Hint:    "resolver 127.0.0.53; or what /etc/resolv.conf names",
					Related: known,
				})
			}
		}
	}
}

// machineEvidence returns what shows that the inventory knows the proxy's machine; nil when nothing does.
func machineEvidence(facts *inventory.Facts) []lint.Related {
	for _, l := range facts.Listening {
		return []lint.Related{{At: l.At, Message: "a socket of the machine"}}
	}
	for _, own := range facts.OwnAddrs {
		return []lint.Related{{At: own.At, Message: "an address of the machine"}}
	}
	for _, app := range facts.Apps {
		if path.Ext(app.At.File.Path) == ".service" {
			return []lint.Related{{At: app.At, Message: "systemd starts it on the machine"}}
		}
	}
	return nil
}

// showsContainers reports whether files or listings show containers, of which the proxy's may be one.
func showsContainers(p *lint.Pass) bool {
	facts := p.Inventory
	return p.Inventory.Home(p.Config) != nil || len(facts.Projects) > 0 || facts.Cluster != nil ||
		slices.ContainsFunc(facts.OwnAddrs, func(own inventory.OwnAddr) bool { return isContainerNet(own.Addr) }) ||
		slices.ContainsFunc(facts.Listening, holdsContainers)
}

// isContainerNet reports whether an address is one of those that Docker, k3s or flannel give containers or the bridge to them.
func isContainerNet(addr netip.Addr) bool { return givenBy(addr) != "" || givenBy(addr.Next()) != "" }

// holdsContainers reports whether a socket is that of Docker's name server, or of a program that runs containers.
func holdsContainers(l inventory.Listening) bool {
	if l.Addr.IsValid() && (l.Addr.String() == dockerDNS || isContainerNet(l.Addr)) {
		return true
	}
	text := l.Process + l.Socket
	return slices.ContainsFunc([]string{"docker", "containerd", "podman", "conmon", "rootlessport", "crio", "kubelet", "k3s"},
		func(name string) bool { return strings.Contains(text, name) })
}
