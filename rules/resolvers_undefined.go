package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "resolvers-undefined",
	Family:   lint.Addresses,
	Severity: lint.Error,
	Dialect:  syntax.HAProxy,
	Symptom:  "start failure",
	Run:      resolversUndefined,
	Doc: lint.Doc{
		Title: "a resolvers section that is not there, or has no name server",
		Why: `A server that names a resolvers section which does not exist keeps HAProxy from starting: "unable to find required
resolvers". That holds for servers with an IP address too, and for those that have the option from default-server. Only the
section "default" need not be written: from 2.6 on HAProxy makes it of /etc/resolv.conf.

A section with neither a nameserver line nor parse-resolv-conf loads, with a warning, and asks nobody: the names of its servers
are never looked up again.`,
		How: `Write the section, correct the name, or take the option off. "parse-resolv-conf" takes the name servers of the system.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers docker
    nameserver dns 127.0.0.11:53
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app:3000 check resolvers dns init-addr last,libc,none
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers docker
    nameserver dns 127.0.0.11:53
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app:3000 check resolvers docker init-addr last,libc,none
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#5.2-resolvers",
			"https://docs.haproxy.org/3.2/configuration.html#5.3.2",
		},
		Since: "0.1.0",
	},
})

func resolversUndefined(_ context.Context, p *lint.Pass) {
	var names []string
	for _, r := range p.Config.Resolvers {
		names = append(names, r.Name)
	}
	guesses := 0
	seen := map[syntax.Ref]bool{}
	users := map[*proxy.Resolver][]syntax.Ref{}
	for _, u := range p.Config.Upstreams {
		for _, e := range u.Endpoints {
			set := e.Resolver
			if !set.Written() || set.Dynamic || seen[set.At] {
				continue
			}
			seen[set.At] = true
			users[set.Value] = append(users[set.Value], set.At)
			if set.Value == nil && !p.Config.Tree.Fragment && !isPlaceholder(set.At.Text()) {
				if guesses++; guesses > maxGuesses {
					names = nil
				}
				reportUndefined(p, set.At, names)
			}
		}
	}
	for _, r := range p.Config.Resolvers {
		if len(r.Servers) == 0 && !r.System && !hasFaultyServers(r) {
			p.Report(lint.Diagnostic{
				Severity: lint.Warning,
				Symptom:  "503 after a change",
				At:       r.At,
				Message:  fmt.Sprintf("resolvers %s has no nameserver and no parse-resolv-conf, so it asks nobody", r.Name),
				Hint:     "nameserver NAME ADDRESS:53, or parse-resolv-conf",
				Related:  places(users[r], "used here"),
			})
		}
	}
}

func reportUndefined(p *lint.Pass, at syntax.Ref, names []string) {
	name := at.Text()
	d := lint.Diagnostic{At: at, Message: fmt.Sprintf("no resolvers section is named %s", name)}
	meant, unique := nearBackend(name, names)
	switch {
	case meant != "":
		d.Hint = fmt.Sprintf("resolvers %s", meant)
		if literal(at) != "" {
			d.Fix = repair(at, meant, unique)
		}
	case name == "default":
		d.Message += fmt.Sprintf(", and HAProxy %s makes none (2.6 or later does)", p.Config.Version)
		d.Hint = "a section \"resolvers default\" with parse-resolv-conf"
	case len(names) == 1:
		d.Hint = fmt.Sprintf("resolvers %s", names[0])
	default:
		d.Hint = fmt.Sprintf("a section \"resolvers %s\" with nameserver NAME ADDRESS:53", name)
	}
	p.Report(d)
}

// hasFaultyServers reports whether a section has nameserver lines, though none that could be read.
func hasFaultyServers(r *proxy.Resolver) bool {
	for _, s := range r.Stmt.Block.Stmts {
		if s.Name() == "nameserver" {
			return true
		}
	}
	return false
}
