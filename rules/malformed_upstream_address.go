package rules

import (
	"context"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "malformed-upstream-address",
	Family:   lint.Addresses,
	Severity: lint.Error,
	Symptom:  "start failure",
	Tunnels:  true,
	Run:      malformedUpstreamAddress,
	Doc: lint.Doc{
		Title: "an upstream address that is not written as one",
		Why: `Each directive takes its addresses in one form. A server line wants host:port: no http://, no path, one address.
proxy_pass wants http:// or https:// and takes a path. A unix socket is unix:/path for nginx, /path or unix@/path for HAProxy.
In nginx's stream every address needs its port, since there is no usual one as http has.
An IPv6 address needs brackets in nginx; HAProxy takes the last colon for the start of the port, so that it can do
without them only where a port follows. A tunnel's service wants a scheme and takes no path, not even "/". The name of an nginx upstream group takes no port, since its servers have theirs.

What does not fit is a start failure: "invalid host in upstream", "invalid port in upstream", "no port in upstream", "upstream may not have
port", "invalid URL prefix", "could not resolve address". Where the address comes with a variable nginx starts, and
every such request gets a 500. A path behind a socket is worse: in an nginx server line, and in proxy_pass where no second ":" comes before
it, nginx starts, looks for a socket of that long name, and answers 502. HAProxy passes silently over what follows the digits of a port.

Characters that were pasted from a document or a chat (full-width digits and colons, no-break and zero-width spaces)
look right and are not.`,
		How: `Write host:port in server lines, a scheme in proxy_pass, ":" between a socket and the path to ask it for, brackets round IPv6 addresses, and one server
line for each address. TLS to the backend is asked for with proxy_pass https:// (nginx) or the option ssl (HAProxy).`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server http://10.0.0.10:8080;
        server 10.0.0.11:8080;
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
    server app1 unix:/run/app.sock check
    server app2 10.0.0.11:8080 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: 10.0.0.10:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:8080;
        server 10.0.0.11:8080;
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
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 unix@/run/app.sock check
    server app2 10.0.0.11:8080 check
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
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://docs.haproxy.org/3.2/configuration.html#11",
		},
		Since: "0.1.0",
	},
})

func malformedUpstreamAddress(ctx context.Context, p *lint.Pass) {
	reportProblems("malformed-upstream-address")(ctx, p) // of a tunnel's services
	told := map[syntax.Ref]bool{}
	for _, t := range typos(p) {
		told[t.addr.HostAt] = t.protocol() == proxy.TCP // upstream-typo tells of what has no port
	}
	for peer := range peers(p.Config) {
		if d := malformed(peer); d != nil && !told[d.At] {
			p.Report(*d)
		}
	}
}
