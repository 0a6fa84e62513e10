package rules

import (
	"context"
	"fmt"
	"strconv"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "port-odd-one-out",
	Family:   lint.Ports,
	Severity: lint.Warning,
	Symptom:  "one server less",
	Run:      portOddOneOut,
	Doc: lint.Doc{
		Title: "one server of a pool has a port that differs by a digit",
		Why: `All servers of a pool have the same port on different hosts, but for one, whose port has one digit more, less or other, or two
that changed places. Mostly that is a slip. Where nothing listens on that port, the pool has one server less than it seems:
nginx tries the next server after each failure, and answers 502 where it may not (proxy_next_upstream off); HAProxy takes a
server that it checks out of the pool, and answers 503 for the share of requests of one that it does not check. Where another
application listens there, that share of the requests gets its answers.

Pools in which a host has several servers are left out, and servers that differ in more than the port: in weight, in TLS, or as
a backup.`,
		How: `Give the server the port of the others.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
        server 10.0.0.12:3001;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
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
    server app1 10.0.0.10:3000
    server app2 10.0.0.11:3000
    server app3 10.0.0.12:3001
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
        server 10.0.0.12:3000;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
            proxy_set_header Host $host;
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
    server app1 10.0.0.10:3000 check
    server app2 10.0.0.11:3000 check
    server app3 10.0.0.12:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
		},
		Since: "0.1.0",
	},
})

func portOddOneOut(_ context.Context, p *lint.Pass) {
	for _, u := range p.Config.Upstreams {
		if len(u.Endpoints) < 3 || u.Open {
			continue
		}
		odd, other := oddPort(u)
		if odd == nil || odd.Addr.PortAt.IsZero() || p.Config.Dialect == syntax.HAProxy && picksServers(u.Stmt) {
			continue
		}
		d := lint.Diagnostic{
			At: odd.Addr.PortAt,
			Message: fmt.Sprintf("%s has port %d, and all other servers of %s have %d",
				odd.Addr.Host, odd.Addr.Port, u.Name, portOf(other)),
			Hint: serverLine(odd, hostPort(odd.Addr, portOf(other)), ""),
		}
		if !other.Addr.PortAt.IsZero() {
			d.Related = []lint.Related{{At: other.Addr.PortAt, Message: "the port of the others"}}
		}
		if p.Config.Dialect == syntax.HAProxy {
			if odd.Check == nil {
				d.Symptom = answered(u.Protocol, "503 for a share of requests")
			}
		}
		p.Report(d)
	}
}

// oddPort returns the one server in use whose port is not that of all others, and one of those; nil where there is no
// such, or it differs from them in more than a slip would explain.
func oddPort(u *proxy.Upstream) (odd, other *proxy.Endpoint) {
	usual := usualPort(u)
	if usual <= 0 {
		return nil, nil
	}
	for _, e := range u.Endpoints {
		switch {
		case !isReady(e):
		case e.Slots > 0 || e.Addr.Host == "" || isOpen(e.Addr):
			return nil, nil
		case portOf(e) == usual:
			other = e
		case odd != nil:
			return nil, nil
		default:
			odd = e
		}
	}
	if odd == nil || !isSlip(portOf(odd), usual) || !haveOneEach(u) || !isLike(odd, other) {
		return nil, nil
	}
	return odd, other
}

// usualPort returns the port that two of the first three servers in use have; 0 where there is none.
func usualPort(u *proxy.Upstream) int {
	var ports [3]int
	n := 0
	for _, e := range u.Endpoints {
		if isReady(e) && n < len(ports) {
			ports[n] = portOf(e)
			n++
		}
	}
	switch {
	case n < len(ports):
		return 0
	case ports[0] == ports[1] || ports[0] == ports[2]:
		return ports[0]
	case ports[1] == ports[2]:
		return ports[1]
	}
	return 0
}

// isSlip reports whether a number is another mistyped: one digit more, less or other, or two that changed places. The
// usual ports that are that near to each other do not count.
func isSlip(a, b int) bool {
	if a == httpsPort && b == 8443 || a == 8443 && b == httpsPort {
		return false
	}
	s, t := strconv.Itoa(a), strconv.Itoa(b)
	if len(s) < len(t) {
		s, t = t, s
	}
	i := 0
	for i < len(t) && s[i] == t[i] {
		i++
	}
	switch len(s) - len(t) {
	case 1:
		return s[i+1:] == t[i:]
	case 0:
		return s[i+1:] == t[i+1:] || i+2 <= len(s) && s[i] == t[i+1] && s[i+1] == t[i] && s[i+2:] == t[i+2:]
	}
	return false
}

// haveOneEach reports whether all servers in use are on hosts of their own.
func haveOneEach(u *proxy.Upstream) bool {
	seen := map[string]bool{}
	for _, e := range u.Endpoints {
		host := hostKey(e.Addr.Host)
		if isReady(e) && seen[host] {
			return false
		}
		seen[host] = seen[host] || isReady(e)
	}
	return true
}

// isLike reports whether two servers have the same options, apart from those that each has of its own.
func isLike(a, b *proxy.Endpoint) bool {
	if a.Weight.Value != b.Weight.Value || a.MaxConns.Value != b.MaxConns.Value {
		return false
	}
	return a.Stmt.File.Dialect == syntax.Nginx || distinctOptions(a.Stmt) == distinctOptions(b.Stmt)
}
