package rules

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "ephemeral-address",
	Severity: lint.Info,
	Symptom:  "502 after a restart",
	Run:      ephemeralAddress,
	Doc: lint.Doc{
		Title: "the address of a container or pod, which changes with every restart",
		Why: `Docker gives its containers addresses in the order in which they start, Kubernetes gives every new pod another one.
An address that somebody read off and wrote down is right until the next restart. Then requests get 502, 503 or 504, or go to
whatever other container has the address now.

172.17.0.0/16 is the network of Docker's default bridge: a warning, but for 172.17.0.1, the host itself. The
networks that Docker takes for further bridges (172.18.0.0/16 to 172.30.0.0/16), and those of k3s (10.42.0.0/16,
10.43.0.0/16) and flannel (10.244.0.0/16), are real networks elsewhere: an info. One finding is made for each network.`,
		How: `Write the name of the container or service, or publish the port and write 127.0.0.1.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://172.17.0.3:3000;
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
    server app1 172.17.0.3:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://127.0.0.1:3000;
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
    server app1 127.0.0.1:3000 check
`,
		},
		Links: []string{
			"https://docs.docker.com/engine/network/drivers/bridge/",
			"https://docs.k3s.io/networking/basic-network-options",
			"https://github.com/flannel-io/flannel/blob/master/Documentation/configuration.md",
		},
		Since: "0.1.0",
	},
})

func ephemeralAddress(_ context.Context, p *lint.Pass) {
	uses := map[netip.Prefix][]syntax.Ref{}
	var networks []netip.Prefix
	for peer := range dialed(p.Config) {
		addr, err := netip.ParseAddr(peer.addr.Host)
		if err != nil || givenBy(addr) == "" || peer.endpoint.Down || !p.Config.Wants(peer.addr.HostAt.File) || malformed(peer) != nil {
			continue
		}
		network := netip.PrefixFrom(addr, 16).Masked()
		if uses[network] == nil {
			networks = append(networks, network)
		}
		uses[network] = append(uses[network], peer.addr.HostAt)
	}
	for _, network := range networks {
		reportEphemeral(p, network, uses[network])
	}
}

// givenBy tells who gives out an address to whatever starts next; "" where nobody is known to.
func givenBy(addr netip.Addr) string {
	if !addr.Is4() {
		return ""
	}
	switch a := addr.As4(); {
	case a[0] == 172 && a[1] >= 17 && a[1] <= 30 && (a[2] != 0 || a[3] != 1):
		return "Docker gives its containers"
	case a[0] == 10 && (a[1] == 42 || a[1] == 43):
		return "k3s gives pods and services"
	case a[0] == 10 && a[1] == 244:
		return "flannel gives pods"
	}
	return ""
}

func reportEphemeral(p *lint.Pass, network netip.Prefix, uses []syntax.Ref) {
	first := uses[0]
	d := lint.Diagnostic{
		At: first,
		Message: fmt.Sprintf("%s is in %s, from which %s addresses that change with every restart",
			first.Text(), network, givenBy(network.Addr())),
	}
	if network.Addr().As4()[1] == 17 {
		d.Severity = lint.Warning
	}
	if p.Config.Dialect == syntax.HAProxy {
		d.Symptom = "503 after a restart"
	}
	d.Related = alsoAt(uses[1:], "this one too")
	p.Report(d)
}
