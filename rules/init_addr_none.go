package rules

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "init-addr-none",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      initAddrNone,
	Doc: lint.Doc{
		Title: "a server whose name nobody ever looks up",
		Why: `"init-addr none" lets HAProxy start without an address for the server's name. It is a resolvers section that finds
the address later; a server without one stays down for good, and requests get 503, until someone gives it an address through the
runtime API ("set server ... addr"). "init-addr last,none" is the same, unless there is a server state file.

Left out are servers that are disabled as well, which wait for the runtime API, and files that the Data Plane API writes.`,
		How: `Name a resolvers section on the server line, or let the system resolve the name at start with libc among the methods.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app:3000 check init-addr none
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers dns
    nameserver docker 127.0.0.11:53
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app:3000 check resolvers dns init-addr none
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#5.2-init-addr",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-resolvers",
		},
		Since: "0.1.0",
	},
})

func initAddrNone(_ context.Context, p *lint.Pass) {
	var order []syntax.Ref
	servers := map[syntax.Ref][]*proxy.Endpoint{}
	first := map[syntax.Ref]*proxy.Upstream{}
	var methods *initAddrs
	for _, u := range p.Config.Upstreams {
		if u.Plain {
			continue
		}
		for _, e := range u.Endpoints {
			if !neverResolved(e) {
				continue
			}
			if methods == nil {
				methods = newInitAddrs(p.Config.Tree)
			}
			at := methods.of(e)
			if at.IsZero() || !leavesNothing(at.Text(), methods.stateFile) {
				continue
			}
			if servers[at] == nil {
				order = append(order, at)
				first[at] = u
			}
			servers[at] = append(servers[at], e)
		}
	}
	for _, at := range order {
		reportNeverResolved(p, first[at], at, servers[at])
	}
}

// neverResolved reports whether a server in use has a name that neither the start nor a resolver looks up.
func neverResolved(e *proxy.Endpoint) bool {
	return e.NoLibc && e.Resolver.Origin == proxy.Default && !e.Down && !isOpen(e.Addr) && isHostName(e.Addr.Host) && !isManaged(e.Stmt.File)
}

// initAddrs finds the init-addr option in effect for a server: its own, or the last of the default-server lines above.
type initAddrs struct {
	defaults  map[*syntax.Stmt]*syntax.Stmt
	given     map[*syntax.Stmt][]syntax.Ref // by the default-server lines of a section
	stateFile bool                          // HAProxy reads the servers' last addresses from a file
}

func newInitAddrs(tree *syntax.Tree) *initAddrs {
	return &initAddrs{defaultsOf(tree), map[*syntax.Stmt][]syntax.Ref{}, hasStateFile(tree)}
}

// of returns the value of the option; zero where it can't be found.
func (a *initAddrs) of(e *proxy.Endpoint) syntax.Ref {
	if at := optionValue(e.Stmt, "init-addr"); !at.IsZero() {
		return at
	}
	section := e.Stmt.Parent
	given := a.in(section)
	if above := sort.Search(len(given), func(i int) bool { return given[i].Span.Start > e.Stmt.Start }); above > 0 {
		return given[above-1]
	}
	if given = a.in(a.defaults[section]); len(given) > 0 {
		return given[len(given)-1]
	}
	return syntax.Ref{}
}

// in returns the values that the default-server lines of a section give the option, in order.
func (a *initAddrs) in(section *syntax.Stmt) []syntax.Ref {
	given, known := a.given[section]
	if known || section == nil {
		return given
	}
	for _, s := range section.Block.Stmts {
		if s.Name() == "default-server" && s.When.Live() {
			if at := optionValue(s, "init-addr"); !at.IsZero() {
				given = append(given, at)
			}
		}
	}
	a.given[section] = given
	return given
}

// optionValue returns the word after the last option of that name on a server or default-server line; zero where
// there is none.
func optionValue(s *syntax.Stmt, option string) syntax.Ref {
	for i := s.Args() - 1; i > 0; i-- {
		if s.Arg(i) == option {
			return s.Ref(i + 1)
		}
	}
	return syntax.Ref{}
}

// leavesNothing reports whether the methods of an init-addr end at "none" without another that could find an address.
func leavesNothing(methods string, stateFile bool) bool {
	none := false
	for method := range strings.SplitSeq(methods, ",") {
		switch {
		case method == "none":
			none = true
		case method != "last" || stateFile:
			return false
		}
	}
	return none
}

func hasStateFile(tree *syntax.Tree) bool {
	found := false
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		name := s.Name()
		found = found || strings.HasPrefix(name, "server-state-") || name == "load-server-state-from-file"
		return true
	})
	return found
}

func reportNeverResolved(p *lint.Pass, u *proxy.Upstream, at syntax.Ref, list []*proxy.Endpoint) {
	first := list[0]
	section, also := sectionToName(p.Config)
	d := lint.Diagnostic{
		At:      at,
		Symptom: answered(u.Protocol, "503"),
		Message: fmt.Sprintf("with init-addr %s and no resolvers, nobody ever looks up %q", at.Text(), first.Addr.Host),
		Hint:    serverLine(first, first.Addr.At.Text(), "resolvers "+section+" init-addr "+at.Text(), "init-addr VALUE") + also,
	}
	if len(list) > 1 {
		d.Message += fmt.Sprintf(" and %d more", len(list)-1)
	}
	if first.Stmt.File != at.File || first.Stmt.Start > at.Span.Start || first.Stmt.End < at.Span.End {
		var names []syntax.Ref
		for _, e := range list {
			names = append(names, e.Addr.HostAt)
		}
		d.Related = places(names, "the name")
	}
	p.Report(d)
}
