package rules

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
)

var _ = register(lint.Rule{
	ID:       "inv-ip-undeclared",
	Family:   lint.Inventory,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      invIPUndeclared,
	Doc: lint.Doc{
		Title: "an address that is none of the machines",
		Why: `The inventory says that it is complete, and no machine in it has the address: what stood there is gone, or was
never there. Requests get 502, 503 or 504, or reach whoever has the address next.

The rule speaks only where an --inventory file says of itself that it is complete ("complete": true, or a comment
"# complete"). Addresses that the hosts file, a compose file, Kubernetes or the proxy's own machine have are known too, and loopback ones
are not meant, nor those of a kind that no machine has: public ones beside private machines, IPv6 beside IPv4.`,
		How: `Write the address of a machine that is there, or add it to the inventory.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.7:3000;
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
    server app1 10.0.0.7:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.5:3000;
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
    server app1 10.0.0.5:3000 check
`,
		},
		Beside: []lint.File{{Name: "inventory.csv", Text: `# complete
name,ip
web1,10.0.0.5
web2,10.0.0.6
`}},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
		},
		Since: "0.1.0",
	},
})

func invIPUndeclared(_ context.Context, p *lint.Pass) {
	if !p.Inventory.Complete || len(p.Inventory.Machines) == 0 {
		return
	}
	declared := declaredAddrs(p.Inventory)
	told := toldBy(p, []func(context.Context, *lint.Pass){unroutableAddress, serverNameDisagrees, invIPConflict, invIPOutsideSubnet, ephemeralAddress})
	seen := map[netip.Addr]int{}
	var found []lint.Diagnostic
	for dialed, addr := range dialedAddrs(p) {
		if addr.IsLoopback() || addr.IsUnspecified() || addr.IsLinkLocalUnicast() || !declared.like(addr) || declared.addrs[addr] ||
			declared.hasSubnet(addr) || told[dialed.addr.HostAt] {
			continue
		}
		if first, again := seen[addr]; again {
			d := &found[first]
			if len(d.Related) < maxRelated {
				d.Related = append(d.Related, lint.Related{At: dialed.addr.HostAt, Message: "here too"})
			}
			continue
		}
		seen[addr] = len(found)
		found = append(found, lint.Diagnostic{
			At:      dialed.addr.HostAt,
			Symptom: dialed.unanswered(),
			Message: fmt.Sprintf("no machine of the inventory, which is complete, has %s", addr),
		})
	}
	for _, d := range found {
		p.Report(d)
	}
}

// declared are the addresses that facts know of.
type declared struct {
	addrs    map[netip.Addr]bool
	kinds    map[addrKind]bool // those that machines have
	networks []*inventory.Network
}

// addrKind is a family, in private or in public use.
type addrKind struct{ v4, private bool }

func kindOf(addr netip.Addr) addrKind { return addrKind{addr.Is4(), addr.IsPrivate()} }

func declaredAddrs(facts *inventory.Facts) *declared {
	d := &declared{addrs: map[netip.Addr]bool{}, kinds: map[addrKind]bool{}}
	add := func(list ...netip.Addr) {
		for _, addr := range list {
			d.addrs[plainAddr(addr)] = true
		}
	}
	for _, m := range facts.Machines {
		add(m.Addrs...)
		for _, addr := range m.Addrs {
			d.kinds[kindOf(plainAddr(addr))] = true
		}
	}
	for _, list := range facts.Hosts() {
		add(list...)
	}
	for _, own := range facts.OwnAddrs {
		add(own.Addr)
	}
	for _, l := range facts.Listening {
		add(l.Addr)
	}
	for _, project := range facts.Projects {
		d.networks = append(d.networks, project.Networks...)
		for _, s := range project.Services {
			for _, join := range s.Joins {
				add(join.Addrs...)
			}
		}
	}
	if facts.Cluster != nil {
		for _, s := range facts.Cluster.Services {
			add(s.Addrs...)
			if addr, err := netip.ParseAddr(s.ClusterIP); err == nil {
				add(addr)
			}
		}
	}
	return d
}

// like reports whether machines have addresses of that kind.
func (d *declared) like(addr netip.Addr) bool { return d.kinds[kindOf(addr)] }

// hasSubnet reports whether an address is one of containers, which are no machines.
func (d *declared) hasSubnet(addr netip.Addr) bool {
	n, _ := subnetWith(d.networks, addr)
	return n != nil
}
