package rules

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "listener-conflict",
	Family:   lint.Ports,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503 at random",
	Run:      listenerConflict,
	Doc: lint.Doc{
		Title: "two sections listen on one address and port",
		Why: `HAProxy opens its ports with SO_REUSEPORT, so that an old and a new process may hold them together. For the same
reason two sections of one configuration can, and HAProxy says nothing: the kernel then deals the connections out between
the two at random. Where the second one leads elsewhere, some requests get a 503 or a wrong answer and the next try
goes well.`,
		How: `Give one of the two another port or address, or make them one frontend that chooses the backend with
use_backend.`,
		Bad: lint.Example{
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

frontend admin
    bind *:8080
    default_backend admin

backend app
    server app1 10.0.0.10:3000 check

backend admin
    server admin1 10.0.0.11:3000 check
`,
		},
		Good: lint.Example{
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    use_backend admin if { path_beg /admin }
    default_backend app

backend app
    server app1 10.0.0.10:3000 check

backend admin
    server admin1 10.0.0.11:3000 check
`,
		},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#3.2-noreuseport",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-bind",
		},
		Since: "0.1.0",
	},
})

// socketKey is what makes the kernel deal connections out between two listeners.
type socketKey struct {
	address string
	port    int
}

func listenerConflict(_ context.Context, p *lint.Pass) {
	first := make(map[socketKey]*proxy.Listener, len(p.Config.Listeners))
	for _, l := range p.Config.Listeners {
		key, ok := socketOf(l)
		switch {
		case !ok:
		case first[key] == nil:
			first[key] = l
		case first[key].Section != l.Section && syntax.Together(first[key].Addr.At, l.Addr.At):
			reportConflict(p, first[key], l)
		}
	}
}

// socketOf returns what a bind line takes; false where it may take something else, or nothing. Datagrams and streams
// have ports of their own, as have network namespaces and interfaces; processes may have been given one section each.
func socketOf(l *proxy.Listener) (key socketKey, ok bool) {
	a, s := l.Addr, l.Stmt
	if a.Port <= 0 || a.Port > maxPort || isOpen(a) || s.When != nil || l.Section.When != nil || !serves(l.Section, l.Protocol) {
		return key, false
	}
	for i := 2; i <= s.Args(); i++ {
		switch s.Arg(i) {
		case "interface", "namespace", "process", "shards":
			return key, false
		}
	}
	for _, line := range l.Section.Block.Stmts {
		if line.Name() == "bind-process" {
			return key, false
		}
	}
	return socketKey{boundHost(a), a.Port}, true
}

// boundHost returns the host of a bind line, in one form for every way to write it, with the kind of sockets where
// these are not those of TCP.
func boundHost(a proxy.Address) string {
	family, _, found := strings.Cut(a.At.Text(), "@")
	kind := ""
	if found && (strings.HasPrefix(family, "quic") || strings.HasPrefix(family, "udp")) {
		kind = "udp "
	}
	switch addr, err := netip.ParseAddr(a.Host); {
	case err == nil:
		return kind + addr.String()
	case a.Host == "" && found && strings.HasSuffix(family, "6"):
		return kind + netip.IPv6Unspecified().String()
	case a.Host == "" || a.Host == "*":
		return kind + netip.IPv4Unspecified().String()
	}
	return kind + strings.ToLower(a.Host)
}

func reportConflict(p *lint.Pass, first, second *proxy.Listener) {
	p.Report(lint.Diagnostic{
		At:      second.Addr.At,
		Symptom: answered(second.Protocol, "503 at random"),
		Message: fmt.Sprintf("%s and %s both listen on port %d: the kernel deals connections out between them",
			sectionName(first.Section), sectionName(second.Section), second.Addr.Port),
		Related: []lint.Related{{At: first.Addr.At, Message: "the first of them"}},
	})
}
