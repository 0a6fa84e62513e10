package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
)

var _ = register(lint.Rule{
	ID:       "edge-port",
	Family:   lint.Edge,
	Severity: lint.Warning,
	Symptom:  "521",
	Run:      edgePort,
	Doc: lint.Doc{
		Title: "nothing listens on a port that the edge in front connects to",
		Why: `Cloudflare passes on requests of clients to the port that they came to, and takes them on these ports alone: 80, 8080, 8880, 2052,
2082, 2086 and 2095 for HTTP, 443, 2053, 2083, 2087, 2096 and 8443 for HTTPS (its reference of network ports, February 2026). An origin
that listens on none of them is never reached: the client gets 521.

The rule looks at configurations that trust Cloudflare's networks, so that its requests come in directly, and is silent where any
listener is on one of these ports, or the configuration runs in a container whose ports a file maps. A port above 1023 is an
info, since a firewall or a container may map one of the others to it, and an Origin Rule may name it.`,
		How: `Listen on 80 and 443, or write an Origin Rule with this port as destination.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    set_real_ip_from 173.245.48.0/20;
    real_ip_header CF-Connecting-IP;
    server {
        listen 81;
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
    bind :81
    acl from_edge src 173.245.48.0/20
    http-request set-src hdr(CF-Connecting-IP) if from_edge
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    set_real_ip_from 173.245.48.0/20;
    real_ip_header CF-Connecting-IP;
    server {
        listen 80;
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
    bind :80
    acl from_edge src 173.245.48.0/20
    http-request set-src hdr(CF-Connecting-IP) if from_edge
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://developers.cloudflare.com/fundamentals/reference/network-ports/",
			"https://developers.cloudflare.com/rules/origin-rules/features/#destination-port",
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#listen",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-bind",
		},
		Since: "0.1.0",
	},
})

// isCloudflarePort reports whether Cloudflare connects to a port, with TLS or without.
func isCloudflarePort(port int) bool { return isCloudflareTLSPort(port) || isCloudflarePlainPort(port) }

func isCloudflarePlainPort(port int) bool {
	switch port {
	case 80, 8080, 8880, 2052, 2082, 2086, 2095:
		return true
	}
	return false
}

func isCloudflareTLSPort(port int) bool {
	switch port {
	case 443, 2053, 2083, 2087, 2096, 8443:
		return true
	}
	return false
}

// firstFreePort is the first port that needs no privilege.
const firstFreePort = 1024

func edgePort(_ context.Context, p *lint.Pass) {
	signs := edgeSignsOf(p)
	if signs.none() || signs.inside || !seesAllListeners(p) {
		return
	}
	var first *proxy.Listener
	var shown edgeSign
	for _, l := range p.Config.Listeners {
		if l.Addr.Socket != "" || isLoopbackHost(l.Addr.Host) {
			continue
		}
		if !isPlainListener(l) || isCloudflarePort(l.Addr.Port) {
			return
		}
		for _, sign := range signs.before(l.Section) {
			if sign.edge == cloudflare && sign.ranges && first == nil {
				first, shown = l, sign
			}
		}
	}
	if first == nil {
		return
	}
	d := lint.Diagnostic{
		At:      first.Addr.PortAt,
		Message: fmt.Sprintf("Cloudflare does not connect to port %d, and nothing listens on a port that it connects to: the client gets 521", first.Addr.Port),
		Hint:    "listen on 80 and 443",
		Related: []lint.Related{shown.related()},
	}
	if first.Addr.Port >= firstFreePort {
		d.Severity = lint.Info
	}
	p.Report(d)
}

// seesAllListeners reports whether the configuration shows all its listeners, and nothing is known to map their ports.
func seesAllListeners(p *lint.Pass) bool {
	return !p.Config.Tree.Fragment && len(p.Config.Tree.Unread) == 0 && p.Inventory.Home(p.Config) == nil
}

// isPlainListener reports whether a listener takes HTTP from whoever connects, on one port that is known.
func isPlainListener(l *proxy.Listener) bool {
	return l.Protocol == proxy.HTTP && !l.ProxyProtocol && !l.Addr.Dynamic && l.Addr.Port > 0 && isDigits(l.Addr.PortAt.Text())
}
