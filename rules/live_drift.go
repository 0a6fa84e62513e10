package rules

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-drift",
	Family:   lint.Live,
	Severity: lint.Warning,
	Symptom:  "503",
	Live:     true,
	Run:      liveDrift,
	Doc: lint.Doc{
		Title: "an upstream that is not what its lock file remembers",
		Why: `With "proxylint live --locked" what is found is held to upstreams.lock. It is an error when a name does not resolve any more, or a server
does not answer that did; a warning when a name lost an address, since whoever wrote that down reaches nothing now; and an info when
a name has a new address, a server another certificate, or the file does not know the name.`,
		How: `Find out why it changed. Where it was meant to, run "proxylint live --update-lock" and commit the file.`,
		Bad: lint.Example{
			Nginx: `# live: locked ok
# live: 10.0.0.7:8080 refused
events {}
http {
    upstream app {
        server 10.0.0.7:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: locked ok
# live: 10.0.0.7:8080 refused
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:8080 check
`,
		},
		Good: lint.Example{
			Nginx: `# live: locked ok
# live: 10.0.0.7:8080 ok
events {}
http {
    upstream app {
        server 10.0.0.7:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: locked ok
# live: 10.0.0.7:8080 ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:8080 check
`,
		},
		Beside: []lint.File{{Name: inventory.LockName, Text: `{
  "version": 1,
  "names": {},
  "endpoints": {
    "10.0.0.7:8080": {"protocol": "HTTP", "seen": "2026-06-20"}
  }
}
`}},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#5.3",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
		},
		Since: "0.2.0",
	},
})

func liveDrift(_ context.Context, p *lint.Pass) {
	if p.Live.Lock == nil {
		return
	}
	for _, r := range p.Live.Of(p.Config) {
		changes := append(changedNames(p.Live.Lock, r), changedEndpoint(p.Live.Lock, r)...)
		if len(changes) == 0 {
			continue
		}
		slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(b.severity, a.severity) })
		d := lint.Diagnostic{At: r.Addr.At, Severity: changes[0].severity, Message: changes[0].text}
		if d.Severity == lint.Info {
			d.Symptom = lint.NoSymptom
		}
		for _, c := range changes[1:] {
			d.Notes = append(d.Notes, c.text)
		}
		p.Report(d)
	}
}

// change is one thing that is not as a lock file remembers it.
type change struct {
	severity lint.Severity
	text     string
}

// changedNames compares what a target's name resolves to.
func changedNames(lock *inventory.Lock, r *probe.Result) []change {
	if r.Lookup.How == probe.Literal {
		return nil
	}
	name, entry := r.Addr.Host, lock.Name(r.Addr.Host)
	switch {
	case r.Found.Outcome.Cause == probe.Unresolvable && entry != nil:
		return []change{{lint.Error, fmt.Sprintf("%s resolved on %s, and does not now", name, entry.Seen)}}
	case !r.Found.Outcome.OK() || len(r.Found.Addrs) == 0:
		return nil
	case entry == nil:
		return []change{{lint.Info, name + " is not in " + inventory.LockName}}
	}
	var changes []change
	left := map[string]bool{}
	for key := range entry.Addresses {
		left[key] = true
	}
	for _, addr := range slices.Concat(r.Found.Addrs, r.Found.Others) {
		key := lock.Key(addr.Addr())
		if entry.Addresses[key] == nil {
			changes = append(changes, change{lint.Info, fmt.Sprintf("%s has a new address, %s", name, addr.Addr())})
		}
		delete(left, key)
	}
	var lost []change
	for key := range left {
		lost = append(lost, change{lint.Warning, fmt.Sprintf("%s has lost an address that it had on %s: %s", name, entry.Addresses[key].Last, key)})
	}
	slices.SortFunc(lost, func(a, b change) int { return cmp.Compare(a.text, b.text) })
	return append(lost, changes...)
}

// changedEndpoint compares how the addresses answer that are known of a target.
func changedEndpoint(lock *inventory.Lock, r *probe.Result) []change {
	entry := lock.Endpoints[r.Endpoint(lock)]
	if entry == nil {
		return nil
	}
	var changes []change
	for _, try := range r.Tries {
		switch {
		case !try.Tells() || !hadAddress(lock, r, try.Addr.Addr()):
		case !try.OK():
			changes = append(changes, change{lint.Error, fmt.Sprintf("%s answered on %s, and now: %s", r.Dialed(try), entry.Seen, try.Cause)})
		case try.Cert != "" && entry.Certificate != "" && try.Cert != entry.Certificate:
			changes = append(changes, change{lint.Info, fmt.Sprintf("%s has another certificate than on %s", r.Dialed(try), entry.Seen)})
		}
	}
	return changes
}

// hadAddress reports whether a target had an address when it was remembered.
func hadAddress(lock *inventory.Lock, r *probe.Result, addr netip.Addr) bool {
	if r.Lookup.How == probe.Literal {
		return true
	}
	entry := lock.Name(r.Addr.Host)
	return entry != nil && addr.IsValid() && entry.Addresses[lock.Key(addr)] != nil
}
