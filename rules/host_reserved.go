package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

var _ = register(lint.Rule{
	ID:       "host-reserved",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Symptom:  "502",
	Tunnels:  true,
	Run:      hostReserved,
	Doc: lint.Doc{
		Title: "a name that is reserved, and known to no DNS server",
		Why: `Some names are set apart for tests, documentation and Tor: .invalid, .test, .localhost, .onion, .example, and all under
example.com, example.net and example.org. A backend by such a name is a line that was copied and not filled in, or one that works
on a developer's machine alone, where a hosts file has the name. Elsewhere the proxy does not start: "host not found in upstream",
"could not resolve address". Where nginx looks the name up for every request, the answer is 502.

Names that the hosts file given with --hosts has are left alone, and a file whose own server names are reserved too: that one is an
example, or belongs to a set-up that knows such names.`,
		How: `Write the name of the backend. A test set-up's names can be told with --hosts.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        server_name shop.acme.dev;
        location / {
            proxy_pass http://backend.invalid:3000;
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
    server app1 backend.invalid:3000 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://app.example.com:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        server_name shop.acme.dev;
        location / {
            proxy_pass http://10.0.0.10:3000;
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
    service: http://app.acme.dev:8080
  - service: http_status:404
`,
		},
		Links: []string{
			"https://www.rfc-editor.org/rfc/rfc6761",
			"https://www.rfc-editor.org/rfc/rfc2606",
			"https://www.rfc-editor.org/rfc/rfc7686",
		},
		Since: "0.1.0",
	},
})

func hostReserved(_ context.Context, p *lint.Pass) {
	example := exampleFile(p.Config)
	for peer := range dialedNames(p.Config) {
		host := peer.addr.Host
		if isNumeric(host) {
			continue
		}
		why := reserved(host)
		if why == "" || isUnfilled(host) || isOpen(peer.addr) || p.Inventory.Host(host) != nil || example() || malformed(peer) != nil {
			continue
		}
		if message, _ := hostFault(host); message != "" {
			continue // host-invalid tells of it
		}
		p.Report(lint.Diagnostic{
			At:      peer.addr.HostAt,
			Symptom: peer.failure(),
			Message: fmt.Sprintf("%s: %s", strings.TrimSuffix(host, "."), why),
		})
	}
}
