package rules

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "ephemeral-address",
	Family:   lint.Addresses,
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
10.43.0.0/16) and flannel (10.244.0.0/16), are real networks elsewhere: an info. Docker's are a warning too where a compose file has the
proxy, Kubernetes' where a manifest has it, and so is an address from a subnet that the proxy's own network declares.
An address that compose pins (ipv4_address) or that a Service declares (clusterIP) is not meant. One finding is made for each network.`,
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
	around := addrsAround(p)
	uses := map[netip.Prefix][]peer{}
	var networks []netip.Prefix
	for peer := range dialed(p.Config) {
		addr, err := netip.ParseAddr(peer.addr.Host)
		if err != nil || peer.endpoint.Down || !p.Config.Wants(peer.addr.HostAt.File) {
			continue
		}
		network := around.network(addr)
		if !network.IsValid() || malformed(peer) != nil || around.told[peer.addr.HostAt] {
			continue
		}
		if uses[network] == nil {
			networks = append(networks, network)
		}
		uses[network] = append(uses[network], peer)
	}
	for _, network := range networks {
		reportEphemeral(p, around, network, uses[network])
	}
}

// addrsOfHome is what the inventory tells of the addresses around a configuration.
type addrsOfHome struct {
	home   *inventory.Home      // nil: the inventory doesn't know where the configuration runs
	own    []*inventory.Network // those of the proxy that declare their subnets
	pinned map[netip.Addr]bool  // those that a file gives to a service for good
	told   map[syntax.Ref]bool  // what other rules tell of
}

func addrsAround(p *lint.Pass) *addrsOfHome {
	around := &addrsOfHome{home: p.Inventory.Home(p.Config), pinned: map[netip.Addr]bool{}}
	for _, project := range p.Inventory.Projects {
		for _, s := range project.Services {
			for _, join := range s.Joins {
				for _, addr := range join.Addrs {
					around.pinned[addr] = around.pinned[addr] || !project.Running
				}
			}
		}
	}
	if p.Inventory.Cluster != nil {
		for _, s := range p.Inventory.Cluster.Services {
			if addr, err := netip.ParseAddr(s.ClusterIP); err == nil {
				around.pinned[addr] = true
			}
		}
	}
	for _, home := range homesOf(p) {
		if owner := home.NetworkOwner(); owner != nil {
			for _, join := range owner.Joins {
				around.own = append(around.own, join.Network)
			}
		}
	}
	if len(p.Inventory.Projects) > 0 {
		around.told = toldBy(p, []func(context.Context, *lint.Pass){invIPConflict, invIPOutsideSubnet})
	}
	return around
}

// network returns the network from which an address is given to whatever starts next; the zero Prefix where none is
// known to be, and for an address that something is given for good.
func (a *addrsOfHome) network(addr netip.Addr) netip.Prefix {
	if a.pinned[addr] {
		return netip.Prefix{}
	}
	if n, subnet := subnetWith(a.own, addr); n != nil {
		if isGateway(subnet.Prefix, addr) {
			return netip.Prefix{}
		}
		return subnet.Prefix.Masked()
	}
	if givenBy(addr) == "" {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(addr, 16).Masked()
}

// defaultBridge is the network of the containers that are put on none.
var defaultBridge = netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 17, 0, 0}), 16)

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

// gives reports whether a network is one of those that containers get their addresses from where the configuration runs.
func (a *addrsOfHome) gives(network netip.Prefix) bool {
	if a.home == nil {
		return false
	}
	n, _ := subnetWith(a.own, network.Addr())
	return n != nil || strings.HasPrefix(givenBy(network.Addr()), "Docker") == (a.home.Service != nil)
}

func reportEphemeral(p *lint.Pass, around *addrsOfHome, network netip.Prefix, uses []peer) {
	first := uses[0].addr.HostAt
	var others []syntax.Ref
	for _, u := range uses[1:] {
		others = append(others, u.addr.HostAt)
	}
	d := lint.Diagnostic{
		At:      first,
		Symptom: unavailable(p.Config.Dialect, uses[0].protocol(), " after a restart"),
		Message: fmt.Sprintf("%s is in %s, from which %s addresses that change with every restart",
			first.Text(), network, givenBy(network.Addr())),
	}
	if n, subnet := subnetWith(around.own, network.Addr()); n != nil {
		d.Message = fmt.Sprintf("%s is in %s, the subnet of network %s, and no service is given it: it goes to whatever starts first",
			first.Text(), network, n.Name)
		d.Hint = fmt.Sprintf("ipv4_address: %s in the service's networks, or the service's name here", first.Text())
		d.Related = append(d.Related, lint.Related{At: subnet.At, Message: "the subnet"})
	}
	if around.gives(network) || network == defaultBridge {
		d.Severity = lint.Warning
	}
	d.Related = append(d.Related, alsoAt(others, "this one too")...)
	if around.home != nil {
		for _, e := range around.home.Evidence {
			d.Related = append(d.Related, lint.Related{At: e.At, Message: e.Text})
		}
	}
	p.Report(d)
}
