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
	ID:       "upstream-default-port",
	Family:   lint.Ports,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      upstreamDefaultPort,
	Doc: lint.Doc{
		Title: "https to an upstream group whose servers carry no port",
		Why: `A server in an upstream group without a port has port 80, whatever the scheme of the pass. "proxy_pass
https://GROUP" then starts TLS on port 80, the handshake fails ("wrong version number"), and the client gets a 502. Only
where the pass names the host itself does https mean port 443.`,
		How: `Write the port after the server's address, for TLS usually 443.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10;
    }
    server {
        listen 8080;
        location / {
            proxy_pass https://app;
        }
    }
}
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:443;
    }
    server {
        listen 8080;
        location / {
            proxy_pass https://app;
            proxy_set_header Host $host;
        }
    }
}
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
		},
		Since: "0.1.0",
	},
})

func upstreamDefaultPort(_ context.Context, p *lint.Pass) {
	secure := map[*proxy.Upstream]*proxy.Route{} // the first pass with TLS
	plain := map[*proxy.Upstream]bool{}
	for _, r := range p.Config.Routes {
		if r.To == nil || r.To.Implicit || r.To.Open || r.Hop.Protocol == proxy.TCP {
			continue
		}
		switch {
		case r.Hop.TLS == nil:
			plain[r.To] = true
		case secure[r.To] == nil:
			secure[r.To] = r
		}
	}
	for _, u := range p.Config.Upstreams {
		if r := secure[u]; r != nil {
			for _, e := range u.Endpoints {
				if getsDefaultPort(e) {
					reportDefaultPort(p, e, r, plain[u])
				}
			}
		}
	}
}

// getsDefaultPort reports whether nginx will dial port 80 for want of another. With service= the port comes from DNS.
func getsDefaultPort(e *proxy.Endpoint) bool {
	if !e.Addr.PortAt.IsZero() || e.Addr.Socket != "" || e.Down || isOpen(e.Addr) {
		return false
	}
	for i := 2; i <= e.Stmt.Args(); i++ {
		if strings.HasPrefix(e.Stmt.Arg(i), "service=") {
			return false
		}
	}
	return malformed(peer{addr: e.Addr, endpoint: e}) == nil
}

// reportDefaultPort tells of one server. A group that is also spoken to without TLS may need its port 80 there.
func reportDefaultPort(p *lint.Pass, e *proxy.Endpoint, r *proxy.Route, alsoPlain bool) {
	scheme := r.Hop.Scheme.Text()
	d := lint.Diagnostic{
		At:      e.Addr.At,
		Message: fmt.Sprintf("%s goes to port %d of this server, since it carries no port", scheme, httpPort),
		Hint:    serverLine(e, hostPort(e.Addr, httpsPort), ""),
		Related: []lint.Related{{At: r.Hop.Scheme, Message: "the pass"}},
	}
	if !alsoPlain && literal(e.Addr.At) != "" {
		end := e.Addr.At.Sub(len(e.Addr.At.Text()), len(e.Addr.At.Text()))
		d.Fix = &lint.Fix{
			Title: fmt.Sprintf("write %q", hostPort(e.Addr, httpsPort)),
			Edits: []lint.Edit{{At: end, New: fmt.Sprintf(":%d", httpsPort)}},
		}
	}
	p.Report(d)
}
