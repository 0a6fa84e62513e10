package rules

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "inv-listener-missing",
	Family:   lint.Inventory,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      invListenerMissing,
	Doc: lint.Doc{
		Title: "a port of the proxy's own machine that nobody listens on",
		Why: `The listing of sockets that was given (ss -ltn) has no listener on the port: the connection is refused, and
requests get 502 or 503 until something is started there. Where the port is bound to another address alone, it is refused for as
long as that stays so: an error.

Meant are loopback addresses and those of the machine itself, where a listing of them is given (ip addr). Nothing is told where the
configuration runs in a container, for ports that the configurations listen on themselves, and for those that a
container publishes.`,
		How: `Start what is to listen, or write the port that it listens on.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://127.0.0.1:3001;
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
    server app1 127.0.0.1:3001 check
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
		Beside: []lint.File{{Name: "inventory.txt", Text: `State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
LISTEN 0      511          0.0.0.0:80        0.0.0.0:*    users:(("nginx",pid=812,fd=6))
LISTEN 0      128        127.0.0.1:3000      0.0.0.0:*    users:(("node",pid=901,fd=20))
`}},
		Links: []string{
			"https://man7.org/linux/man-pages/man8/ss.8.html",
			"https://man7.org/linux/man-pages/man7/ip.7.html",
		},
		Since: "0.1.0",
	},
})

func invListenerMissing(_ context.Context, p *lint.Pass) {
	if !listsSockets(p.Inventory) || !onMachine(p) {
		return
	}
	datagrams := datagramRoutes(p.Config)
	taken := machinePorts(p)
	told := toldBy(p, []func(context.Context, *lint.Pass){portZero, portRange, portSchemeMismatch})
	for dialed := range dialed(p.Config) {
		port, at := dialedPort(p.Config, dialed)
		if port <= 0 || port > 65535 || dialed.endpoint.Down || datagrams[dialed.endpoint] || taken[port] || told[at] ||
			isOpen(dialed.addr) || malformed(dialed) != nil {
			continue
		}
		if addrs := ownAddrs(p.Inventory, dialed.addr.Host); len(addrs) > 0 && !anyListens(p.Inventory, addrs, port) {
			p.Report(unheard(p.Inventory, dialed, port, at))
		}
	}
}

// listsSockets reports whether a listing was given that has network sockets in it: one of unix sockets says nothing of them.
func listsSockets(facts *inventory.Facts) bool {
	return facts.Listening != nil && (len(facts.Listening) == 0 ||
		slices.ContainsFunc(facts.Listening, func(l inventory.Listening) bool { return l.Socket == "" }))
}

// onMachine reports whether a configuration runs on the machine that listings are of, as far as is known: in no
// container, or in one that has the machine's network.
func onMachine(p *lint.Pass) bool {
	home := p.Inventory.Home(p.Config)
	switch {
	case home == nil:
		return true
	case home.Workload != nil:
		return home.Workload.HostNetwork
	}
	owner := home.Service.NetworkOwner()
	return owner != nil && owner.Mode.Text == "host"
}

// machinePorts returns the ports that the configurations and the containers of a run have on the machine, whether or not
// they were up when the listing was made.
func machinePorts(p *lint.Pass) map[int]bool {
	taken := map[int]bool{}
	for _, c := range p.All {
		for _, l := range c.Listeners {
			taken[l.Addr.Port] = true
		}
	}
	for _, project := range p.Inventory.Projects {
		for _, s := range project.Services {
			for _, m := range s.Published {
				taken[m.Host] = true
			}
		}
	}
	if p.Inventory.Cluster != nil {
		for _, s := range p.Inventory.Cluster.Services {
			for _, port := range s.Ports {
				taken[port.NodePort] = true
			}
		}
	}
	return taken
}

// ownAddrs returns the addresses of the proxy's own machine that a host stands for; nil when it is another one.
func ownAddrs(facts *inventory.Facts, host string) []netip.Addr {
	if strings.EqualFold(host, "localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	addr = plainAddr(addr)
	if addr.IsLoopback() || slices.ContainsFunc(facts.OwnAddrs, func(own inventory.OwnAddr) bool { return own.Addr == addr }) {
		return []netip.Addr{addr}
	}
	return nil
}

func anyListens(facts *inventory.Facts, addrs []netip.Addr, port int) bool {
	return slices.ContainsFunc(addrs, func(addr netip.Addr) bool {
		_, found := facts.ListensOn(addr, port)
		return found
	})
}

// unheard tells of a port that is not bound to the address.
func unheard(facts *inventory.Facts, dialed peer, port int, at syntax.Ref) lint.Diagnostic {
	d := lint.Diagnostic{
		At:      at,
		Symptom: dialed.unanswered(),
		Message: fmt.Sprintf("nobody listens on port %d of this machine", port),
	}
	for _, l := range facts.Listening {
		if l.Port != port || l.Socket != "" {
			continue
		}
		if d.Severity == 0 {
			d.Severity = lint.Error
			d.At = dialed.addr.HostAt
			d.Message = fmt.Sprintf("port %d is bound to %s, not to %s", port, l.Addr, dialed.addr.Host)
			d.Hint = netip.AddrPortFrom(dialable(l.Addr), uint16(port)).String()
		}
		if len(d.Related) < maxRelated {
			d.Related = append(d.Related, lint.Related{At: l.At, Message: boundBy(l)})
		}
	}
	if d.Severity == 0 && len(facts.Listening) > 0 {
		d.Related = []lint.Related{{At: facts.Listening[0].At, Message: "the listing, in which the port " + strconv.Itoa(port) + " is not"}}
	}
	return d
}

// dialable returns an address at which a socket that is bound to another one is reached from its own machine.
func dialable(bound netip.Addr) netip.Addr {
	switch bound {
	case netip.IPv4Unspecified():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		return netip.IPv6Loopback()
	}
	return bound
}

func boundBy(l inventory.Listening) string {
	if l.Process == "" {
		return "it is bound here"
	}
	return fmt.Sprintf("%s has bound it", onLine(l.Process))
}
