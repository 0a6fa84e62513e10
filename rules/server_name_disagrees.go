package rules

import (
	"context"
	"net/netip"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "server-name-disagrees",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "wrong machine",
	Run:      serverNameDisagrees,
	Doc: lint.Doc{
		Title: "a server that is called after another machine",
		Why: `A server line names a machine, and dials an address that this machine does not have: web1 was moved, or the line was copied and one
half of it changed. The requests reach the machine that has the address now, or nobody.

What a name stands for is known from --hosts and from the machines in an --inventory file. The name is the server's own or
a comment of one word behind the line. Nothing is told where a machine's addresses are of another kind than the
one written (IPv6, a public one), where the address is that of the proxy's own host, and where the configuration gives the
name to several addresses none of which is the known one: then it is a name of its own.`,
		How: `Write the machine's address, or call the server after the machine that has the address.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server web1 10.0.0.6:3000 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server web1 10.0.0.5:3000 check
`},
		Beside: []lint.File{{Name: "inventory.csv", Text: `name,ip
web1,10.0.0.5
web2,10.0.0.6
`}},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
			"https://man7.org/linux/man-pages/man5/hosts.5.html",
		},
		Since: "0.1.0",
	},
})

func serverNameDisagrees(_ context.Context, p *lint.Pass) {
	if len(p.Inventory.Hosts()) == 0 && len(p.Inventory.Machines) == 0 {
		return
	}
	var found []lint.Diagnostic
	var names []string
	uses := map[string]*nameAddrs{}
	for dialed, addr := range dialedAddrs(p) {
		if addr.IsLoopback() {
			continue // a tunnel, or the machine itself
		}
		for _, called := range calledOnLine(dialed) {
			if p.Inventory.Host(called.name) == nil && p.Inventory.MachinesNamed(called.name) == nil {
				continue
			}
			k := knownElsewhere(p.Inventory, called.name, addr)
			use := uses[called.name]
			if use == nil {
				use = &nameAddrs{addr: addr}
				uses[called.name] = use
			}
			use.right = use.right || k == nil
			use.several = use.several || use.addr != addr
			if k != nil {
				found = append(found, disagreement(p, dialed, addr, called, k))
				names = append(names, called.name)
				break
			}
		}
	}
	for i, d := range found {
		if use := uses[names[i]]; use.right || !use.several {
			p.Report(d)
		}
	}
}

// nameAddrs tells at which addresses a configuration has a name.
type nameAddrs struct {
	addr    netip.Addr // the first
	several bool       // there are others
	right   bool       // one of them is the one that is known
}
