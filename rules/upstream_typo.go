package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/spell"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "upstream-typo",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "start failure",
	Run:      upstreamTypo,
	Doc: lint.Doc{
		Title: "a host that is almost the name of an upstream group",
		Why: `A pass to a name that no upstream group has is a pass to a host of that name. When the name is a slip of the finger,
nobody has that host, and nginx does not start: "host not found in upstream". Where the name comes through a variable
it starts, and the answer is 502. Worse is a name that does exist elsewhere, by a search domain or a wildcard in DNS.

Names without a dot and without a port are compared: one wrong letter among five and more, two among eight and more. Names that
differ in digits alone (app1, app2) are names of different things, and so are those that other lines use as hosts.`,
		How: `Write the name of the group as it stands on its "upstream" line.`,
		Bad: lint.Example{Nginx: `events {}
http {
    upstream backend {
        server 10.0.0.10:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://bakend;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    upstream backend {
        server 10.0.0.10:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://backend;
            proxy_set_header Host $host;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#upstream",
		},
		Since: "0.1.0",
	},
})

func upstreamTypo(_ context.Context, p *lint.Pass) {
	for _, t := range typos(p) {
		d := lint.Diagnostic{
			At:      t.addr.HostAt,
			Symptom: t.failure(),
			Message: fmt.Sprintf("no upstream group is named %s, and %s is one", t.addr.Host, t.group.Name),
			Hint:    fmt.Sprintf("did you mean %s?", t.group.Name),
			Related: []lint.Related{{At: t.group.At, Message: "the group"}},
		}
		if !t.route.Runtime {
			d.Fix = repair(d.At, t.group.Name, false)
		}
		if t.protocol() == proxy.TCP {
			d.Severity = lint.Error // a host would need a port there
		}
		p.Report(d)
	}
}

// maxComparisons bounds the search for what was meant.
const maxComparisons = 100_000

// typos returns the passes to a host that is likely meant to be a group, each with that group.
func typos(p *lint.Pass) []peer {
	c := p.Config
	if c.Dialect != syntax.Nginx || !seesGroups(c.Tree) {
		return nil
	}
	byProtocol := map[bool][]*proxy.Upstream{}
	for _, u := range c.Upstreams {
		if !u.Implicit {
			stream := u.Protocol == proxy.TCP
			byProtocol[stream] = append(byProtocol[stream], u)
		}
	}
	meant := map[groupKey]*proxy.Upstream{}
	left := maxComparisons
	var found []peer
	for peer := range dialedNames(c) {
		host := strings.ToLower(peer.addr.Host)
		if peer.route == nil || !peer.addr.PortAt.IsZero() || strings.Contains(host, ".") || !isHostName(host) || p.Inventory.Host(host) != nil {
			continue
		}
		key := keyOf(host, peer.route.Hop.Protocol)
		group, seen := meant[key]
		if candidates := byProtocol[key.stream]; !seen && len(candidates) <= left {
			left -= len(candidates)
			group = nearGroup(host, candidates)
			meant[key] = group
		}
		if group != nil {
			peer.group = group
			found = append(found, peer)
		}
	}
	return withoutHosts(c, found)
}

// withoutHosts leaves out the passes to what servers of groups name as a host, or what a port follows elsewhere.
func withoutHosts(c *proxy.Config, found []peer) []peer {
	if len(found) == 0 {
		return nil
	}
	hosts := map[string]bool{}
	for peer := range dialedNames(c) {
		if peer.route == nil || !peer.addr.PortAt.IsZero() {
			hosts[strings.ToLower(peer.addr.Host)] = true
		}
	}
	return slices.DeleteFunc(found, func(p peer) bool { return hosts[strings.ToLower(p.addr.Host)] })
}

// nearGroup returns the group that is almost of that name; nil when none is, or several are.
func nearGroup(host string, groups []*proxy.Upstream) *proxy.Upstream {
	var near *proxy.Upstream
	least := typoLimit(host) + 1
	for _, u := range groups {
		name := strings.ToLower(u.Name)
		limit := min(least, typoLimit(name))
		distance := spell.Distance(host, name, limit)
		switch {
		case distance > limit || withoutDigits(host) == withoutDigits(name):
		case distance < least:
			near, least = u, distance
		default:
			near = nil
		}
	}
	return near
}

// typoLimit is how many letters of a name may be wrong.
func typoLimit(name string) int {
	switch n := len(name); {
	case n < 5:
		return 0
	case n < 8:
		return 1
	}
	return 2
}
