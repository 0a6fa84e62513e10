package rules

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "grpc-needs-http2",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      grpcNeedsHTTP2,
	Doc: lint.Doc{
		Title: "gRPC over HTTP/1",
		Why: `gRPC is spoken over HTTP/2 only. What proxy_pass in nginx and a plain server in HAProxy send is HTTP/1, which a gRPC
server answers with HTTP/2 frames or by closing: 502. And a gRPC client can't even ask nginx where nothing
listens with http2.

A backend counts as gRPC by its port, 50051, or by the word grpc in its name or that of its group. Names that also say
gateway, web, json or such are left alone, as those speak HTTP/1 to the outside.`,
		How: `nginx: grpc_pass, in a server that listens with http2. HAProxy: "proto h2" for a plain server, "alpn h2" for one with ssl.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080 http2;
        location / {
            proxy_pass http://127.0.0.1:50051;
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
    default_backend greeter

backend greeter
    server greeter1 127.0.0.1:50051 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080 http2;
        location / {
            grpc_pass grpc://127.0.0.1:50051;
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
    default_backend greeter

backend greeter
    server greeter1 127.0.0.1:50051 check proto h2
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_grpc_module.html",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-proto",
		},
		Since: "0.1.0",
	},
})

// grpcPort is the port of gRPC's own examples, and of most that followed them.
const grpcPort = 50051

func grpcNeedsHTTP2(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.HAProxy {
		reportGRPCServers(p)
		return
	}
	for _, r := range p.Config.Routes {
		if r.Hop.Protocol == proxy.HTTP && r.To != nil {
			reportGRPCByProxyPass(p, r)
		}
	}
	if seesGroups(p.Config.Tree) && !hidesServerParts(p.Config.Tree) {
		reportGRPCListeners(p)
	}
}

// reportGRPCByProxyPass tells of a proxy_pass to what its port or name says is gRPC.
func reportGRPCByProxyPass(p *lint.Pass, r *proxy.Route) {
	version := r.Hop.HTTPVersion
	if version.Dynamic || version.Written() && strings.HasPrefix(version.Value, "2") {
		return
	}
	at, why := grpcSign(r.To)
	if why == "" {
		return
	}
	d := lint.Diagnostic{
		At:      r.Stmt.Ref(0),
		Message: fmt.Sprintf("%s speaks HTTP/1, and %s is for gRPC, which needs HTTP/2", r.Stmt.Name(), why),
	}
	scheme := "grpc"
	if r.Hop.TLS != nil {
		scheme = "grpcs"
	}
	target := r.At.Text()
	if _, rest, found := strings.Cut(target, "://"); found {
		target = strings.TrimSuffix(rest, r.Hop.URI.At.Text())
	}
	d.Hint = fmt.Sprintf("grpc_pass %s://%s;", scheme, target)
	if !sameLine(at, d.At) {
		d.Related = []lint.Related{{At: at, Message: why}}
	}
	p.Report(d)
}

// grpcSign returns what shows that an upstream speaks gRPC, and in words; "" when nothing does.
func grpcSign(u *proxy.Upstream) (at syntax.Ref, why string) {
	if saysGRPC(u.Name) && !u.Implicit {
		return u.At, fmt.Sprintf("the name %s", u.Name)
	}
	for i, e := range u.Endpoints {
		endpointAt, sign := grpcEndpoint(e)
		if sign == "" {
			return syntax.Ref{}, ""
		}
		if i == 0 {
			at, why = endpointAt, sign
		}
	}
	return at, why
}

func grpcEndpoint(e *proxy.Endpoint) (at syntax.Ref, why string) {
	switch {
	case e.Addr.Port == grpcPort && !e.Addr.PortAt.IsZero() && !isOpen(e.Addr):
		return e.Addr.PortAt, fmt.Sprintf("port %d", grpcPort)
	case saysGRPC(e.Addr.Host) && !isOpen(e.Addr):
		return e.Addr.HostAt, fmt.Sprintf("the name %s", e.Addr.Host)
	}
	return syntax.Ref{}, ""
}

// saysGRPC reports whether a name has grpc among its words, and none that stands for something before it.
func saysGRPC(name string) bool {
	if !strings.Contains(name, "grpc") {
		return false
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return !isWordByte(byte(r)) || r == '_' })
	if !slices.Contains(words, "grpc") {
		return false
	}
	return !slices.ContainsFunc(words, func(word string) bool {
		switch word {
		case "web", "gateway", "gw", "json", "http", "http1", "rest", "ui", "proxy", "admin", "health", "metrics", "docs":
			return true
		}
		return false
	})
}

// hidesServerParts reports whether an include inside a server was not read, which may hold "http2 on".
func hidesServerParts(tree *syntax.Tree) bool {
	for s := range tree.Unread {
		if s.Parent != nil && s.Parent.Name() == "server" && filepath.Base(s.Arg(1)) != "mime.types" {
			return true
		}
	}
	return false
}

// reportGRPCListeners tells of each nginx server with a grpc_pass to which no client can speak HTTP/2. Where one server
// of an address says http2 in its listen, all do.
func reportGRPCListeners(p *lint.Pass) {
	http2 := map[string]bool{}
	for _, l := range p.Config.Listeners {
		if l.HTTP2 {
			http2[l.Addr.At.Text()] = true
		}
	}
	seen := map[*syntax.Stmt]bool{}
	for _, r := range p.Config.Routes {
		if r.Hop.Protocol != proxy.GRPC || seen[r.Section] || len(r.From) == 0 {
			continue
		}
		seen[r.Section] = true
		if slices.ContainsFunc(r.From, func(l *proxy.Listener) bool { return http2[l.Addr.At.Text()] || l.Addr.Dynamic }) {
			continue
		}
		d := lint.Diagnostic{
			At:      r.Stmt.Ref(0),
			Message: "no gRPC client reaches this: its server listens without http2",
			Hint:    "http2 on; (before nginx 1.25.1: listen ADDRESS http2;)",
		}
		for _, l := range r.From[:min(len(r.From), maxRelated)] {
			if !l.Addr.At.IsZero() {
				d.Related = append(d.Related, lint.Related{At: l.Addr.At, Message: "HTTP/1 only"})
			}
		}
		p.Report(d)
	}
}

// reportGRPCServers tells of HAProxy servers that are gRPC by port or name and are spoken to in HTTP/1.
func reportGRPCServers(p *lint.Pass) {
	var defaults map[*syntax.Stmt]*syntax.Stmt
	for _, u := range p.Config.Upstreams {
		if u.Protocol != proxy.HTTP {
			continue
		}
		named := saysGRPC(u.Name)
		for _, e := range u.Endpoints {
			at, why := grpcEndpoint(e)
			if why == "" && (named || saysGRPC(e.Name)) && !isOpen(e.Addr) {
				at, why = e.Addr.At, fmt.Sprintf("the name %s", u.Name)
				if !named {
					why = fmt.Sprintf("the name %s", e.Name)
				}
			}
			if why == "" || e.Down || e.Proto != "" {
				continue
			}
			if defaults == nil {
				defaults = defaultsOf(p.Config.Tree)
			}
			if hasUnseenDefaults(u) || offersHTTP2(e.Stmt) || setsHTTP2(u.Stmt) || setsHTTP2(defaults[u.Stmt]) {
				continue
			}
			write := "proto h2"
			if e.TLS != nil {
				write = "alpn h2"
			}
			p.Report(lint.Diagnostic{
				At:      at,
				Message: fmt.Sprintf("this server is spoken to in HTTP/1, and %s is for gRPC, which needs HTTP/2", why),
				Hint:    serverLine(e, e.Addr.At.Text(), write),
			})
		}
	}
}

// offersHTTP2 reports whether a server or default-server line has an alpn with h2, or one that is not known.
func offersHTTP2(s *syntax.Stmt) bool {
	for i := 1; i < s.Args(); i++ {
		if s.Arg(i) == "alpn" {
			return strings.Contains(s.Arg(i+1), "h2") || strings.ContainsAny(s.Ref(i+1).Text(), "$")
		}
	}
	return false
}

// setsHTTP2 reports whether a section has a default-server line that offers HTTP/2.
func setsHTTP2(section *syntax.Stmt) bool {
	return section != nil && slices.ContainsFunc(section.Block.Stmts, func(s *syntax.Stmt) bool {
		return s.Name() == "default-server" && s.When.Live() && offersHTTP2(s)
	})
}
