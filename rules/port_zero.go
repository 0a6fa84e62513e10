package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "port-zero",
	Family:   lint.Ports,
	Severity: lint.Error,
	Symptom:  "start failure",
	Tunnels:  true,
	Run:      portZero,
	Doc: lint.Doc{
		Title: "port 0",
		Why: `Nothing listens on port 0. nginx refuses it ("invalid port in upstream"); where the address comes with a variable,
every such request gets a 500.

HAProxy refuses it on bind lines, for name servers, and for servers with "check" ("has neither service port nor check
port"). On other servers it is the same as no port: HAProxy dials the port that the client connected to, often on
itself, and requests get a 503 or 504.

Left out are servers at 0.0.0.0:0, which stand for the address that the client asked for or wait for a controller to
fill them in, mode tcp, binds to a range of ports, and backends that set the port with set-dst-port.`,
		How: `Write the port that the application listens on.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:0;
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
    server app1 10.0.0.10:0 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:0
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
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
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:8080
  - service: http_status:404
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-bind",
		},
		Since: "0.1.0",
	},
})

func portZero(_ context.Context, p *lint.Pass) {
	switch {
	case !slices.ContainsFunc(p.Config.Upstreams, hasZeroPort):
	case p.Config.Dialect == syntax.HAProxy:
		reportZeroServers(p)
	default:
		for peer := range peers(p.Config) {
			if peer.addr.Port == 0 && isZeroPort(peer.addr) && malformed(peer) == nil {
				reportZero(p, peer.addr, peer.refusal())
			}
		}
	}
	for _, l := range p.Config.Listeners {
		if l.Stmt != nil && isZeroPort(l.Addr) {
			reportZero(p, l.Addr, "")
		}
	}
	for _, r := range p.Config.Resolvers {
		for _, addr := range r.Servers {
			if isZeroPort(addr) {
				reportZero(p, addr, "")
			}
		}
	}
}

// hasZeroPort reports whether port 0 is among those of a pool.
func hasZeroPort(u *proxy.Upstream) bool {
	return !u.Plain && slices.ContainsFunc(u.Endpoints, func(e *proxy.Endpoint) bool { return e.Addr.Port == 0 })
}

// isZeroPort reports whether the port is 0, or a range from there.
func isZeroPort(a proxy.Address) bool {
	if a.PortAt.IsZero() || a.Port > 0 || isOpen(a) {
		return false
	}
	low, _, _ := strings.Cut(literal(a.PortAt), "-")
	return low != "" && strings.Trim(low, "0") == ""
}

func reportZero(p *lint.Pass, a proxy.Address, symptom lint.Symptom) {
	message := fmt.Sprintf("nothing listens on port %s", a.PortAt.Text())
	if a.Port < 0 {
		message = fmt.Sprintf("the range %s begins with port 0, where nothing listens", a.PortAt.Text())
	}
	p.Report(lint.Diagnostic{At: a.PortAt, Symptom: symptom, Message: message})
}

// reportZeroServers tells of the servers of HAProxy backends.
func reportZeroServers(p *lint.Pass) {
	isZero := func(e *proxy.Endpoint) bool {
		return e.Addr.Port == 0 && isZeroPort(e.Addr) && !takesClientAddress(e.Addr.Host) && !isService(e.Addr.Host)
	}
	leading := needPorts(p.Config, isZero)
	elsewhere := defaultsCheckElsewhere(p.Config.Tree)
	for _, u := range p.Config.Upstreams {
		for _, e := range u.Endpoints {
			if !isZero(e) || !serves(u.Stmt, u.Protocol) {
				continue
			}
			checked := lacksCheckPort(e) && !elsewhere && !checksElsewhere(u.Stmt)
			switch {
			case checked && isAddress(e.Addr.Host):
				reportZero(p, e.Addr, "")
			case checked && !e.NoLibc:
				reportZero(p, e.Addr, answered(u.Protocol, "503"))
			case leading[u] != nil && !e.Down:
				p.Report(lint.Diagnostic{
					Severity: lint.Warning, // it may be the right port
					Symptom:  "503",
					At:       e.Addr.PortAt,
					Message:  "port 0 is none: HAProxy dials the one that the client came to",
					Hint:     serverLine(e, strings.TrimSuffix(e.Addr.At.Text(), e.Addr.PortAt.Text())+"PORT", ""),
					Related:  []lint.Related{{At: leading[u][0].Addr.At, Message: "where clients come in"}},
				})
			}
		}
	}
}
