package rules

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "resolvers-tuning",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      resolversTuning,
	Doc: lint.Doc{
		Title: "a resolvers section that is not fit for what it is asked",
		Why: `HAProxy takes DNS answers of 512 bytes unless accepted_payload_size says more, and over UDP that is all there is. Seven or eight
SRV records fill it, or some 28 addresses of one name. What does not fit is left out: of a server-template with twelve slots four
stay empty and take no requests, and which instances these are may change with every answer. A cut answer without SRV records
counts as a failure, and leaves the servers with what they had.

The other finding, an info, is about "hold obsolete", which is 0s unless written: an instance that is missing from one single answer
is taken out of the pool at once.`,
		How: `Write "accepted_payload_size 8192" in the resolvers section, the most that HAProxy takes, or ask the name server over TCP
(nameserver NAME tcp@ADDRESS:53). Write "hold obsolete 30s" to bear with answers that lack an instance.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers dns
    nameserver cluster 127.0.0.1:53

frontend www
    bind :8080
    default_backend app

backend app
    default-server check resolvers dns init-addr none
    server-template app 12 _http._tcp.app.default.svc.cluster.local
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers dns
    nameserver cluster 127.0.0.1:53
    accepted_payload_size 8192
    hold obsolete 30s

frontend www
    bind :8080
    default_backend app

backend app
    default-server check resolvers dns init-addr none
    server-template app 12 _http._tcp.app.default.svc.cluster.local
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#accepted_payload_size",
			"https://docs.haproxy.org/3.2/configuration.html#hold",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server-template",
		},
		Since: "0.1.0",
	},
})

const (
	smallestPayload = 512 // the default (manual, "accepted_payload_size")

	fittingServices = 6 // SRV records with the long names that clusters give
	dnsFrame        = 12 + 6 + 11
	addressRecord   = 16 // with its name compressed (RFC 1035, 4.1.4)
)

func resolversTuning(_ context.Context, p *lint.Pass) {
	users := templatesOf(p.Config)
	told := map[*proxy.Resolver]bool{}
	for _, check := range []func(*proxy.Resolver, *proxy.Endpoint) *lint.Diagnostic{smallPayload, shortObsolete} {
		for _, u := range users {
			r := u.endpoint.Resolver.Value
			if told[r] || usesTCP(r) || r.Stmt != nil && len(r.Servers) == 0 && !r.System {
				continue // resolvers-undefined tells of the last
			}
			if d := check(r, u.endpoint); d != nil {
				d.Symptom = answered(u.upstream.Protocol, "503")
				told[r] = true
				p.Report(*d)
			}
		}
	}
}

// templatesOf returns the server-templates of names that a resolvers section in sight looks up, those of the most slots
// first.
func templatesOf(c *proxy.Config) []nameUse {
	var list []nameUse
	for _, u := range c.Upstreams {
		if u.Plain {
			continue
		}
		for _, e := range u.Endpoints {
			if e.Slots > 1 && e.Resolver.Value != nil && !e.Resolver.Dynamic && !e.Down && !isOpen(e.Addr) && isHostName(e.Addr.Host) {
				list = append(list, nameUse{upstream: u, endpoint: e})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b nameUse) int { return b.endpoint.Slots - a.endpoint.Slots })
	return list
}

// usesTCP reports whether some name server is asked over TCP, where answers may be as long as they like.
func usesTCP(r *proxy.Resolver) bool {
	return slices.ContainsFunc(r.Servers, func(a proxy.Address) bool { return strings.Contains(a.At.Text(), "tcp") })
}

// resolversLine returns the last line of a resolvers section that begins with those words; nil when there is none.
func resolversLine(r *proxy.Resolver, words ...string) *syntax.Stmt {
	if r.Stmt == nil {
		return nil
	}
	var found *syntax.Stmt
	for _, s := range r.Stmt.Block.Stmts {
		if s.When.Live() && s.Name() == words[0] && (len(words) == 1 || s.Arg(1) == words[1]) {
			found = s
		}
	}
	return found
}

// smallPayload tells of answers that cannot hold a record for each slot of a template.
func smallPayload(r *proxy.Resolver, e *proxy.Endpoint) *lint.Diagnostic {
	size, at, written := smallestPayload, r.At, false
	if line := resolversLine(r, "accepted_payload_size"); line != nil {
		n, err := strconv.Atoi(line.Arg(1))
		if err != nil || n > smallestPayload {
			return nil
		}
		size, at, written = n, line.Ref(1), true
	}
	kind, most := "SRV records", fittingServices
	if !isServiceRecord(e.Addr.Host) {
		kind, most = "addresses", (size-dnsFrame-len(e.Addr.Host))/addressRecord
	}
	if e.Slots <= most {
		return nil
	}
	slots := e.Stmt.Ref(2)
	d := &lint.Diagnostic{
		At: at,
		Message: fmt.Sprintf("accepted_payload_size %d holds about %d %s, and %s %s has %d slots for them",
			size, most, kind, e.Stmt.Name(), e.Name, e.Slots),
		Hint:    "accepted_payload_size 8192",
		Related: []lint.Related{{At: slots, Message: "the slots"}},
	}
	if !written {
		d.Message = strings.Replace(d.Message, "512", "512 (default)", 1)
	}
	if at.IsZero() {
		// the section "default" that HAProxy makes itself takes no settings
		d.At, d.Related = slots, nil
		d.Hint = `a section "resolvers dns" with parse-resolv-conf and accepted_payload_size 8192`
	}
	return d
}

// shortObsolete tells of a service whose instances leave with the first answer that lacks them.
func shortObsolete(r *proxy.Resolver, e *proxy.Endpoint) *lint.Diagnostic {
	if !isServiceRecord(e.Addr.Host) || r.Stmt == nil || resolversLine(r, "hold", "obsolete") != nil {
		return nil
	}
	return &lint.Diagnostic{
		Severity: lint.Info,
		At:       r.At,
		Message:  "hold obsolete is 0s (default): an instance that one answer lacks is taken out at once",
		Hint:     "hold obsolete 30s",
		Related:  []lint.Related{{At: e.Addr.HostAt, Message: "the instances"}},
	}
}
