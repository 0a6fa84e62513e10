package rules

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "source-address",
	Family:   lint.Pools,
	Severity: lint.Info,
	Symptom:  "500",
	Run:      sourceAddress,
	Doc: lint.Doc{
		Title: "a source address that the proxy's machine does not have",
		Why: `A connection can be made from an address of the machine alone. With another one in proxy_bind nginx answers 500, and HAProxy, with
such a "source", 503.

What the machine has is known where a listing of ip addr is given. An address that moves between machines, as keepalived's do, is
absent on those that wait, where net.ipv4.ip_nonlocal_bind lets the connection be tried: so this is an info.`,
		How: `Write an address of the machine, or leave the line out: the system chooses one.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_bind 10.0.0.50;
            proxy_pass http://127.0.0.1:3000;
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
    server app1 127.0.0.1:3000 check source 10.0.0.50
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_bind 127.0.0.1;
            proxy_pass http://127.0.0.1:3000;
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
    server app1 127.0.0.1:3000 check source 127.0.0.1
`,
		},
		Beside: []lint.File{{Name: "inventory.txt", Text: `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP
    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0
`}},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_bind",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-source",
			"https://man7.org/linux/man-pages/man8/ip-address.8.html",
		},
		Since: "0.1.0",
	},
})

func sourceAddress(_ context.Context, p *lint.Pass) {
	if len(p.Inventory.OwnAddrs) == 0 || !onMachine(p) {
		return
	}
	p.Config.Tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if p.Config.Dialect == syntax.Nginx {
			if isBindDirective(s.Name()) && s.Arg(2) != "transparent" {
				checkSource(p, s, 1)
			}
			return !holdsNoDirectives(s.Name())
		}
		switch s.Name() {
		case "source":
			if !hasWord(s, "usesrc") {
				checkSource(p, s, 1)
			}
		case "default-server":
			checkSourceOption(p, s, 1)
		case "server", "server-template":
			checkSourceOption(p, s, 3)
		}
		return true
	})
}

// checkSourceOption looks for the option "source" from the i-th word of a HAProxy line on.
func checkSourceOption(p *lint.Pass, s *syntax.Stmt, i int) {
	for ; i < s.Args(); i++ {
		if s.Arg(i) == "source" && !hasWord(s, "usesrc") {
			checkSource(p, s, i+1)
			return
		}
	}
}

// isBindDirective reports whether an nginx directive sets the address that connections are made from.
func isBindDirective(name string) bool {
	switch name {
	case "proxy_bind", "fastcgi_bind", "uwsgi_bind", "scgi_bind", "grpc_bind", "memcached_bind":
		return true
	}
	return false
}

// checkSource looks at an address that connections are to be made from.
func checkSource(p *lint.Pass, s *syntax.Stmt, i int) {
	at := s.Ref(i)
	addr, ok := sourceOf(literal(at))
	if !ok || addr.IsLoopback() || addr.IsUnspecified() ||
		slices.ContainsFunc(p.Inventory.OwnAddrs, func(own inventory.OwnAddr) bool { return own.Addr == addr }) {
		return
	}
	d := lint.Diagnostic{
		At:      at,
		Message: fmt.Sprintf("this machine does not have the address %s", addr),
		Related: likeSource(p.Inventory, addr),
	}
	if p.Config.Dialect == syntax.HAProxy {
		d.Symptom = "503"
	}
	p.Report(d)
}

// sourceOf reads an address, which a port may follow.
func sourceOf(text string) (netip.Addr, bool) {
	for _, family := range []string{"ipv4@", "ipv6@"} {
		text = strings.TrimPrefix(text, family)
	}
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return plainAddr(addr), true
	}
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(strings.Trim(text[:colon], "[]"))
	return plainAddr(addr), err == nil
}

// likeSource lists the addresses of the machine that are of one kind with another one.
func likeSource(facts *inventory.Facts, addr netip.Addr) []lint.Related {
	var list []lint.Related
	for _, own := range facts.OwnAddrs {
		if !own.Addr.IsLoopback() && isAlike(own.Addr, addr) && len(list) < maxRelated {
			list = append(list, lint.Related{At: own.At, Message: "it has this one"})
		}
	}
	return list
}
