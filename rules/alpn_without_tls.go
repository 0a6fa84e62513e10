package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "alpn-without-tls",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "no effect",
	Run:      alpnWithoutTLS,
	Doc: lint.Doc{
		Title: "alpn h2 without ssl",
		Why: `ALPN is a part of the TLS handshake. On a server without "ssl" there is none: "alpn h2" does nothing, and HAProxy speaks
HTTP/1.1. A backend that knows HTTP/2 only closes the connection, and the client gets a 502. On a bind without "ssl" no browser
ever speaks HTTP/2, since browsers do so over TLS alone. haproxy -c accepts both.`,
		How: `For a backend that speaks HTTP/2 without TLS write "proto h2"; else add "ssl". On a bind without TLS leave alpn out: clients that begin with
HTTP/2 of their own accord are understood anyway.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 alpn h2
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
    server app1 10.0.0.10:3000 proto h2
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#5.1-alpn",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-alpn",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-proto",
		},
		Since: "0.1.0",
	},
})

func alpnWithoutTLS(_ context.Context, p *lint.Pass) {
	if !mentions(p.Config.Tree, "alpn") {
		return
	}
	reportBindALPN(p)
	reportServerALPN(p)
	reportDefaultALPN(p)
}

// plainALPN returns the alpn value of a line that offers HTTP/2, unless the line says in another way what is spoken.
func plainALPN(s *syntax.Stmt) syntax.Ref {
	at := optionValue(s, "alpn")
	if at.IsZero() || !listsHTTP2(at.Text()) || hasWord(s, "proto") || hasWord(s, "ssl") || hasOpenWord(s) {
		return syntax.Ref{}
	}
	return at
}

func reportBindALPN(p *lint.Pass) {
	var last *syntax.Stmt
	for _, l := range p.Config.Listeners {
		if l.TLS || l.Stmt == last {
			continue
		}
		last = l.Stmt
		at := plainALPN(l.Stmt)
		// a certificate without ssl is bind-crt-without-ssl's
		if at.IsZero() || strings.HasPrefix(l.Stmt.Arg(1), "quic") || !certificateOption(l).IsZero() {
			continue
		}
		p.Report(lint.Diagnostic{
			At:      at,
			Message: fmt.Sprintf("without ssl on this bind, alpn %s is offered to nobody", at.Text()),
			Hint:    fmt.Sprintf("bind %s ssl crt FILE alpn %s, or no alpn", l.Stmt.Arg(1), at.Text()),
		})
	}
}

// reportServerALPN tells of servers with an alpn of their own. On port 443 it is ssl that lacks, which
// port-scheme-mismatch tells of.
func reportServerALPN(p *lint.Pass) {
	for _, u := range p.Config.Upstreams {
		if hasUnseenDefaults(u) {
			continue
		}
		for _, e := range u.Endpoints {
			if e.TLS != nil || e.Proto != "" || u.Protocol == proxy.HTTP && e.Addr.Port == httpsPort {
				continue
			}
			if at := plainALPN(e.Stmt); !at.IsZero() {
				p.Report(lint.Diagnostic{
					At:      at,
					Message: fmt.Sprintf("without ssl, alpn %s has no effect: server %s is spoken to in HTTP/1", at.Text(), e.Name),
					Hint:    serverLine(e, e.Addr.At.Text(), "proto h2", "alpn VALUE"),
				})
			}
		}
	}
}

// reportDefaultALPN tells of default-server lines none of whose servers has ssl.
func reportDefaultALPN(p *lint.Pass) {
	given := defaultALPN(p.Config.Tree)
	if len(given) == 0 {
		return
	}
	defaults := defaultsOf(p.Config.Tree)
	plain, other := map[*syntax.Stmt]bool{}, map[*syntax.Stmt]bool{}
	for _, u := range p.Config.Upstreams {
		for _, e := range u.Endpoints {
			kind := plain
			if e.TLS != nil || e.Proto != "" || e.Addr.Port == httpsPort || hasUnseenDefaults(u) || hasOpenWord(e.Stmt) {
				kind = other
			}
			kind[u.Stmt], kind[defaults[u.Stmt]] = true, true
		}
	}
	for _, s := range given {
		if section := s.Parent; plain[section] && !other[section] {
			at := optionValue(s, "alpn")
			p.Report(lint.Diagnostic{
				At:      at,
				Message: fmt.Sprintf("alpn %s has no effect: none of the servers below has ssl", at.Text()),
				Hint:    "default-server proto h2",
			})
		}
	}
}

// defaultALPN lists the default-server lines that offer HTTP/2.
func defaultALPN(tree *syntax.Tree) []*syntax.Stmt {
	var list []*syntax.Stmt
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if s.Name() == "default-server" && s.When.Live() && !plainALPN(s).IsZero() {
			list = append(list, s)
		}
		return s.Block != nil
	})
	return list
}
