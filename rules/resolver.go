package rules

import (
	"net/netip"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// lookup is a name that a proxy asks a resolver for while it runs.
type lookup struct {
	name     string // in lower case, without a final dot
	addr     proxy.Address
	resolver proxy.Setting[*proxy.Resolver]
	route    *proxy.Route // nginx: the pass with the variable; nil for a server line
	pool     *proxy.Upstream
}

// lookups lists the names that are looked up at run time with a resolver that is known, in the order of the model.
func lookups(c *proxy.Config) []lookup {
	var list []lookup
	add := func(addr proxy.Address, resolver proxy.Setting[*proxy.Resolver], r *proxy.Route, u *proxy.Upstream) {
		if resolver.Value == nil || resolver.Dynamic || !isHostName(addr.Host) || isPlaceholder(addr.Host) {
			return
		}
		name := inventory.HostKey(addr.Host)
		list = append(list, lookup{name, addr, resolver, r, u})
	}
	for _, u := range c.Upstreams {
		if u.Plain {
			continue
		}
		for _, e := range u.Endpoints {
			switch {
			case c.Dialect == syntax.HAProxy:
				add(e.Addr, e.Resolver, nil, u)
			case e.Resolve:
				add(e.Addr, u.Resolver, nil, u)
			}
		}
	}
	for _, r := range c.Routes {
		if r.Runtime && r.To != nil && r.To.Implicit && r.To.Stmt == r.Stmt {
			add(r.To.Endpoints[0].Addr, r.Resolver, r, r.To)
		}
	}
	return list
}

// publicOperator returns who runs a name server that anyone may ask; "" for any other address.
func publicOperator(a proxy.Address) string {
	ip, err := netip.ParseAddr(a.Host)
	if a.Dynamic || err != nil {
		return ""
	}
	switch ip.String() {
	case "8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844":
		return "Google"
	case "1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3", "2606:4700:4700::1111", "2606:4700:4700::1001":
		return "Cloudflare"
	case "9.9.9.9", "9.9.9.10", "9.9.9.11", "149.112.112.112", "149.112.112.10", "149.112.112.11", "2620:fe::fe", "2620:fe::9":
		return "Quad9"
	case "208.67.222.222", "208.67.220.220", "2620:119:35::35", "2620:119:53::53":
		return "OpenDNS"
	case "94.140.14.14", "94.140.15.15":
		return "AdGuard"
	case "77.88.8.8", "77.88.8.1":
		return "Yandex"
	case "114.114.114.114", "114.114.115.115":
		return "114DNS"
	case "223.5.5.5", "223.6.6.6":
		return "Alibaba"
	case "119.29.29.29":
		return "DNSPod"
	case "4.2.2.1", "4.2.2.2", "4.2.2.3", "4.2.2.4":
		return "Level 3"
	}
	return ""
}

// publicServers returns the public name servers of a resolver, and whether it asks no others.
func publicServers(r *proxy.Resolver) (public []proxy.Address, all bool) {
	for _, a := range r.Servers {
		if publicOperator(a) != "" {
			public = append(public, a)
		}
	}
	return public, !r.System && len(public) == len(r.Servers)
}

// hostsOf joins the hosts of addresses as in "8.8.8.8 and 8.8.4.4".
func hostsOf(list []proxy.Address) string {
	var hosts []string
	for _, a := range list {
		hosts = append(hosts, a.Host)
	}
	return andList(hosts)
}

// places turns places into related ones with one message, as many as a finding lists.
func places(list []syntax.Ref, message string) []lint.Related {
	var related []lint.Related
	for _, at := range list[:min(len(list), maxRelated)] {
		related = append(related, lint.Related{At: at, Message: message})
	}
	return related
}

// sectionToName returns the resolvers section that a HAProxy server should name, and what else to write for it.
func sectionToName(c *proxy.Config) (section, also string) {
	if len(c.Resolvers) > 0 {
		return c.Resolvers[0].Name, ""
	}
	return "dns", ` (and a section "resolvers dns" with nameserver NAME ADDRESS:53, or parse-resolv-conf)`
}
