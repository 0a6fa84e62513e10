package rules

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
)

var _ = register(lint.Rule{
	ID:       "host-stale",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Symptom:  "wrong backend",
	Run:      hostStale,
	Doc: lint.Doc{
		Title: "an address that its name no longer has",
		Why: `The line has a literal address, and the machine that had it moved on: nothing answers there, or another program does. Two things show it:

The file "upstreams.lock", which "proxylint live --update-lock" keeps and which stands in the configuration's folder or above it, knows the
address as one that a name had and has no more. Where another name has it by now, or the inventory a machine at it, nothing is said.

With --resolve, a name on the line (HAProxy's server name, a comment of one word) or that of the inventory's machine resolves to other
addresses. Such a name has a dot, or is one of the inventory's.

Names that the lock file does not know are an info, one for all of a configuration.`,
		How: `Write the name, or the address that it has now.`,
		Bad: lint.Example{
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
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.9:3000;
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
    server app1 10.0.0.9:3000 check
`,
		},
		Beside: []lint.File{{Name: inventory.LockName, Text: `{
  "version": 1,
  "names": {
    "app.corp.net": {
      "family": "ipv4",
      "resolver": "system",
      "seen": "2026-06-20",
      "addresses": {
        "10.0.0.9": {"first": "2026-05-02", "last": "2026-06-20"}
      },
      "former": {
        "10.0.0.5": {"first": "2026-01-10", "last": "2026-05-01"}
      }
    }
  },
  "endpoints": {}
}
`}},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
		},
		Since: "0.2.0",
	},
})

func hostStale(_ context.Context, p *lint.Pass) {
	lock := p.Inventory.LockOf(p.Config)
	resolved := p.Live != nil && len(p.Live.Named) > 0
	if lock == nil && !resolved {
		return
	}
	for dialed, addr := range dialedAddrs(p) {
		if addr.IsLoopback() || isToldElsewhere(p, dialed, addr) {
			continue
		}
		if lock != nil && reportFormer(p, lock, dialed, addr) {
			continue
		}
		if resolved {
			reportMoved(p, dialed, addr)
		}
	}
	if lock != nil {
		reportUnlocked(p, lock)
	}
}

// isToldElsewhere reports whether the files around know better whose an address is: other rules compare them.
func isToldElsewhere(p *lint.Pass, dialed peer, addr netip.Addr) bool {
	for _, home := range homesOf(p) {
		if owner, _ := pinnedTo(home.Project, addr); owner != nil {
			return true
		}
	}
	return slices.ContainsFunc(calledOnLine(dialed), func(c calling) bool {
		return knownElsewhere(p.Inventory, c.name, addr) != nil
	})
}

// reportFormer tells of an address that a name of the lock file had, and reports whether there is one.
func reportFormer(p *lint.Pass, lock *inventory.Lock, dialed peer, addr netip.Addr) bool {
	names := lock.HadBy(addr)
	if len(names) == 0 || len(p.Inventory.MachinesAt(addr)) > 0 {
		return false
	}
	name := names[0]
	for _, called := range calledOnLine(dialed) {
		if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, called.name) }); i >= 0 {
			name = names[i]
		}
	}
	entry := lock.Name(name)
	was := entry.Former[lock.Key(addr)]
	d := lint.Diagnostic{
		At:      dialed.addr.HostAt,
		Message: fmt.Sprintf("%s was an address of %s until %s, and is not any more", dialed.addr.Host, name, was.Last),
		Related: []lint.Related{{At: was.At, Message: "its lock file has it as a former one"}},
	}
	offerAddr(&d, dialed, addr, addrsOf(entry))
	p.Report(d)
	return true
}

// addrsOf returns the addresses that a name has now; none where they are hashed.
func addrsOf(entry *inventory.LockedName) []netip.Addr {
	var list []netip.Addr
	for text := range entry.Addresses {
		if addr, err := netip.ParseAddr(text); err == nil {
			list = append(list, addr)
		}
	}
	return list
}

// offerAddr offers the one address of the same kind that a name has now.
func offerAddr(d *lint.Diagnostic, dialed peer, addr netip.Addr, now []netip.Addr) {
	now = slices.DeleteFunc(slices.Clone(now), func(other netip.Addr) bool { return !isAlike(plainAddr(other), addr) })
	if len(now) == 1 {
		text := writtenAddr(plainAddr(now[0]), dialed.addr)
		d.Hint = strings.Replace(dialed.addr.At.Text(), dialed.addr.HostAt.Text(), text, 1)
		d.Fix = repair(d.At, text, false)
	}
}

// reportMoved tells of an address whose name resolves to others.
func reportMoved(p *lint.Pass, dialed peer, addr netip.Addr) {
	for _, called := range namesBeside(p.Inventory, dialed, addr) {
		now := slices.DeleteFunc(slices.Clone(p.Live.Named[called.name]), func(other netip.Addr) bool {
			return !isAlike(plainAddr(other), addr) || other.IsLoopback()
		})
		if len(now) == 0 || slices.ContainsFunc(now, func(other netip.Addr) bool { return plainAddr(other) == addr }) {
			continue
		}
		d := lint.Diagnostic{
			At:      dialed.addr.HostAt,
			Message: fmt.Sprintf("%s resolves to %s, not to %s", called.name, plainAddr(now[0]), dialed.addr.Host),
		}
		if called.at.Text() != "" {
			d.Related = []lint.Related{{At: called.at, Message: "the name"}}
		}
		offerAddr(&d, dialed, addr, now)
		p.Report(d)
		return
	}
}

// namesBeside returns the names that a literal address has on its line and in the inventory, as far as they can be
// looked up: a short word may be no host's name, and a search list finds something for many.
func namesBeside(facts *inventory.Facts, dialed peer, addr netip.Addr) []calling {
	var list []calling
	for _, called := range calledOnLine(dialed) {
		if strings.Contains(called.name, ".") || facts.MachinesNamed(called.name) != nil {
			list = append(list, called)
		}
	}
	if machines := facts.MachinesAt(addr); len(machines) == 1 && isHostName(machines[0].Name) {
		list = append(list, calling{name: machines[0].Name, at: machines[0].At})
	}
	return list
}

// NamesBeside returns the names that stand beside literal addresses, sorted: what they resolve to shows whether the
// address is stale.
func NamesBeside(configs []*proxy.Config, facts *inventory.Facts) []string {
	names := map[string]bool{}
	for _, c := range configs {
		for dialed, addr := range dialedAddrs(&lint.Pass{Config: c, All: configs, Inventory: facts}) {
			for _, called := range namesBeside(facts, dialed, addr) {
				names[called.name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// reportUnlocked tells which names the lock file does not know, at the first.
func reportUnlocked(p *lint.Pass, lock *inventory.Lock) {
	var first peer
	names := map[string]bool{}
	for dialed := range dialedNames(p.Config) {
		host := dialed.addr.Host
		if isOpen(dialed.addr) || dialed.endpoint.Down || !isHostName(host) || !isLookedUpAnywhere(host) || lock.Name(host) != nil ||
			!p.Config.Wants(dialed.addr.HostAt.File) {
			continue
		}
		if len(names) == 0 {
			first = dialed
		}
		names[strings.ToLower(host)] = true
	}
	if len(names) == 0 {
		return
	}
	text := first.addr.Host + " is"
	if more := len(names) - 1; more > 0 {
		text = fmt.Sprintf("%s and %d more are", first.addr.Host, more)
	}
	p.Report(lint.Diagnostic{
		At: first.addr.HostAt, Severity: lint.Info, Symptom: lint.NoSymptom,
		Message: text + " not in " + inventory.LockName,
		Hint:    "proxylint live --update-lock",
	})
}

// isLookedUpAnywhere reports whether a name is one that other machines than the proxy's may know, too.
func isLookedUpAnywhere(host string) bool {
	host = inventory.HostKey(host)
	return strings.Contains(host, ".") && !strings.HasSuffix(host, ".svc") && !strings.HasSuffix(host, ".cluster.local") &&
		!strings.HasSuffix(host, ".docker.internal") && !strings.HasSuffix(host, ".localhost")
}
