package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "host-unresolvable",
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Live:     true,
	Run:      hostUnresolvable,
	Doc: lint.Doc{
		Title: `a host name that does not resolve`,
		Why: `The name was looked up as the proxy does: through the system for names that are looked up when the proxy starts, through exactly the DNS
servers of "resolver" or the resolvers section for those that are looked up while it runs, without hosts file and search list. A name that
does not exist keeps nginx and HAProxy from starting, or while running makes nginx answer 502 and HAProxy 503.

It is a warning where the DNS servers fail or do not answer, since they may know the name, and an info where one of several servers is
mute. Names that a compose file or a manifest declares are left out: they are known there alone.`,
		How: `Write the name that exists, with its domain where a short one is meant; or name the DNS server that knows it.`,
		Bad: lint.Example{
			Nginx: `# live: app.shpo.net:8080 unresolvable detail="the system finds no such name"
events {}
http {
    upstream app {
        server app.shpo.net:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: app.shpo.net:8080 unresolvable detail="the system finds no such name"
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app.shpo.net:8080 check
`,
			Cloudflared: `# live: app.shpo.net:8080 unresolvable detail="the system finds no such name"
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://app.shpo.net:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `# live: app.shop.net:8080 ok
events {}
http {
    resolver 10.0.0.53;
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            set $app app.shop.net:8080;
            proxy_pass http://$app;
        }
    }
}
`,
			HAProxy: `# live: app.shop.net:8080 ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app.shop.net:8080 check
`,
			Cloudflared: `# live: app.shop.net:8080 ok
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://app.shop.net:8080
  - service: http_status:404
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
			"https://docs.haproxy.org/3.0/configuration.html#5.3",
		},
		Since: "0.2.0",
	},
})

func hostUnresolvable(_ context.Context, p *lint.Pass) {
	for _, r := range p.Live.Of(p.Config) {
		o := r.Found.Outcome
		d := lint.Diagnostic{At: r.Addr.HostAt, Symptom: unresolvedSymptom(r.Target)}
		switch {
		case o.Cause == probe.Unresolvable:
			d.Message = fmt.Sprintf("%s does not resolve: %s", r.Addr.Host, o.Detail)
		case o.Cause == probe.ResolverFailed:
			d.Severity = lint.Warning
			d.Message = fmt.Sprintf("%s could not be looked up: %s", r.Addr.Host, o.Detail)
		case len(r.Found.Mute) > 0 && !r.Lookup.At.IsZero():
			d.At, d.Severity, d.Symptom = r.Lookup.At, lint.Info, lint.NoSymptom
			d.Message = fmt.Sprintf("the DNS server %s does not answer, and the others do", r.Found.Mute[0])
		default:
			continue
		}
		if line := r.LogLine(o); line != "" {
			d.Notes = []string{r.Dialect.Product() + " logs: " + line}
		}
		p.Report(d)
	}
}

// unresolvedSymptom returns what comes of a name that does not resolve.
func unresolvedSymptom(t *probe.Target) lint.Symptom {
	switch {
	case t.Dialect == syntax.Cloudflared:
		return lint.Symptom(probe.Outcome{Cause: probe.Unresolvable}.ClientSees(t))
	case t.Lookup.How != probe.ByDNS:
		return "start failure"
	}
	return unavailable(t.Dialect, t.Protocol, "")
}
