package rules

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "server-unchecked",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503 for a share of requests",
	Run:      serverUnchecked,
	Doc: lint.Doc{
		Title: "a server whose health nobody checks",
		Why: `Without "check" on its line HAProxy takes a server for up whatever happens. When it dies, it goes on getting its
share of the requests, and each of those waits for the retries and gets a 503. "option httpchk" and its like only say how to
check, not that it be done: with no "check" on any server they have no effect, and HAProxy says nothing. "check" on a default-server
line counts for the server lines below it alone.

It is a warning where a backend asks for checks that are not made, and where some of its servers are checked and some are not.
As an info, told once: backends of several servers none of which is checked.

Left out are servers with track, agent-check or no-check, backup servers, those with weight 0, and sections that choose servers by
name with use-server.`,
		How: `Write "check" on the server line, or "default-server check" above the servers.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk GET /health
    server app1 10.0.0.10:3000
    server app2 10.0.0.11:3000
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk GET /health
    server app1 10.0.0.10:3000 check
    server app2 10.0.0.11:3000 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#5.2-check",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-option%20httpchk",
			"https://docs.haproxy.org/3.2/configuration.html#4-default-server",
		},
		Since: "0.1.0",
	},
})

func serverUnchecked(_ context.Context, p *lint.Pass) {
	lines := newServerLines(p.Config.Tree)
	watched := sync.OnceValue(func() bool {
		tree := p.Config.Tree
		return mentions(tree, "track") || mentions(tree, "agent-check") || mentions(tree, "no-check")
	})
	infos := newCauses(p)
	for _, u := range p.Config.Upstreams {
		unchecked := checklessServers(u)
		if len(unchecked) == 0 || u.Open || !serves(u.Stmt, u.Protocol) || hasUnseenDefaults(u) || isManaged(u.Stmt.File) || areSlots(u.Endpoints) {
			continue
		}
		if watched() {
			unchecked = unwatchedServers(lines, unchecked)
		}
		switch late := lateDefault(lines.of(u.Stmt)); {
		case len(unchecked) == 0:
		case len(unchecked) < inServiceCount(u):
			if checked := checkedServer(u); checked != nil && !picksServers(u.Stmt) {
				reportPartlyChecked(p, u, checked, unchecked)
			}
		case checkedServer(u) != nil:
		case !late.IsZero():
			reportLateDefault(p, u, late)
		case u.Check != nil && checkOfItsOwn(u):
			p.Report(lint.Diagnostic{
				At:      u.Check.At,
				Symptom: answered(u.Protocol, "503 for a share of requests"),
				Message: fmt.Sprintf("option %s has no effect, since no server of %s has check", u.Check.At.Text(), sectionName(u.Stmt)),
				Hint:    serverLine(unchecked[0], unchecked[0].Addr.At.Text(), "check"),
				Related: places(serverNames(unchecked), "not checked"),
			})
		case len(unchecked) > 1:
			infos.add(cause{severity: lint.Info}, u.At, func() lint.Diagnostic {
				return lint.Diagnostic{
					Symptom: answered(u.Protocol, "503 for a share of requests"),
					Message: fmt.Sprintf("none of the %d servers of %s is checked", len(unchecked), sectionName(u.Stmt)),
					Hint:    "default-server check",
				}
			})
		}
	}
	infos.report()
}

// checklessServers returns the servers in service without a check; those whose line is not all there may have one.
func checklessServers(u *proxy.Upstream) []*proxy.Endpoint {
	var list []*proxy.Endpoint
	for _, e := range u.Endpoints {
		if e.Check != nil || !isInService(e) {
			continue
		}
		if line := e.Stmt.File.Text(e.Stmt.Span); strings.ContainsRune(line, '$') || isPlaceholder(line) {
			return nil
		}
		list = append(list, e)
	}
	return list
}

// unwatchedServers leaves out the servers that something else watches, and those that are not to be checked.
func unwatchedServers(lines *serverLines, list []*proxy.Endpoint) []*proxy.Endpoint {
	var rest []*proxy.Endpoint
	for _, e := range list {
		if at, _ := lines.word(e, "track", "agent-check", "no-check"); at.IsZero() {
			rest = append(rest, e)
		}
	}
	return rest
}

func inServiceCount(u *proxy.Upstream) int {
	n := 0
	for _, e := range u.Endpoints {
		if isInService(e) {
			n++
		}
	}
	return n
}

func checkedServer(u *proxy.Upstream) *proxy.Endpoint {
	for _, e := range u.Endpoints {
		if e.Check != nil {
			return e
		}
	}
	return nil
}

func serverNames(list []*proxy.Endpoint) []syntax.Ref {
	var names []syntax.Ref
	for _, e := range list[:min(len(list), maxRelated)] {
		names = append(names, e.Stmt.Ref(1))
	}
	return names
}

func reportPartlyChecked(p *lint.Pass, u *proxy.Upstream, checked *proxy.Endpoint, unchecked []*proxy.Endpoint) {
	first := unchecked[0]
	d := lint.Diagnostic{
		At:      first.Stmt.Ref(1),
		Symptom: answered(u.Protocol, "503 for a share of requests"),
		Message: fmt.Sprintf("server %s is not checked, while others of %s are", first.Name, sectionName(u.Stmt)),
		Hint:    serverLine(first, first.Addr.At.Text(), "check"),
		Related: append(places(serverNames(unchecked[1:]), "not checked either"), lint.Related{At: checked.Check.At, Message: "check of server " + checked.Name}),
	}
	p.Report(d)
}

// lateDefault returns the check of the last default-server line of a section; zero where there is none.
func lateDefault(lines []*syntax.Stmt) syntax.Ref {
	if len(lines) == 0 {
		return syntax.Ref{}
	}
	at, _ := lastOption(lines[len(lines)-1], []string{"check"})
	return at
}

func reportLateDefault(p *lint.Pass, u *proxy.Upstream, at syntax.Ref) {
	last := u.Endpoints[len(u.Endpoints)-1]
	p.Report(lint.Diagnostic{
		At:      at,
		Symptom: answered(u.Protocol, "503 for a share of requests"),
		Message: fmt.Sprintf("check counts for the servers below this line, and all of %s stand above it", sectionName(u.Stmt)),
		Hint:    fmt.Sprintf("default-server check above server %s", u.Endpoints[0].Name),
		Related: []lint.Related{{At: last.Stmt.Ref(1), Message: "the last server"}},
	})
}
