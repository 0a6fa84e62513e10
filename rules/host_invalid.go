package rules

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "host-invalid",
	Family:   lint.Addresses,
	Severity: lint.Error,
	Symptom:  "start failure",
	Tunnels:  true,
	Run:      hostInvalid,
	Doc: lint.Doc{
		Title: "a host that is neither a name nor an IP address",
		Why: `A host name is made of labels of up to 63 letters, digits, hyphens and underscores, with dots between them, 253
characters in all. What is something else has no address anywhere, so the proxy does not start: "host not found
in upstream", "could not resolve address", "Can't create DNS resolution". Where nginx looks the name up for every
request it starts, and the answer is 502.

A number alone is a name to nobody: the system reads 8080 as the address 0.0.31.144, nginx and HAProxy start, and every
request fails. Names with letters outside ASCII must be written in their xn-- form.`,
		How: `Write the name or the address that was meant. A port alone needs its host: 127.0.0.1:8080.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.256:8080;
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
    server app1 app..lan:8080 check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.300:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.25:8080;
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
    server app1 app.lan:8080 check
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
			"https://docs.haproxy.org/3.2/configuration.html#11",
			"https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4",
		},
		Since: "0.1.0",
	},
})

// Lengths in bytes that DNS allows (RFC 1035, 2.3.4; the dots between labels count).
const (
	maxName  = 253
	maxLabel = 63
)

func hostInvalid(_ context.Context, p *lint.Pass) {
	for peer := range peers(p.Config) {
		host := literal(peer.addr.HostAt)
		if _, err := netip.ParseAddr(host); host == "" || err == nil || malformed(peer) != nil {
			continue
		}
		d := lint.Diagnostic{At: peer.addr.HostAt, Symptom: peer.failure()}
		switch {
		case host == "*" && peer.dialect() == syntax.HAProxy:
			continue // the address that the client asked for
		case isPort(host):
			d.Message = fmt.Sprintf("%s alone is no port: it is read as the address 0.0.%d.%d", host, atoi(host)>>8, atoi(host)&0xFF)
			d.Hint = "127.0.0.1:" + host
			d.Symptom = portAsHost(peer)
		default:
			d.Message, d.Hint = hostFault(host)
		}
		if d.Message != "" {
			p.Report(d)
		}
	}
}

// portAsHost is what comes of a number where a host belongs.
func portAsHost(p peer) lint.Symptom {
	switch {
	case p.dialect() == syntax.HAProxy:
		return "503"
	case p.route != nil && !p.route.Runtime && p.route.Stmt.Name() != "proxy_pass" && p.addr.PortAt.IsZero():
		return "start failure" // only proxy_pass has a port to fall back on
	}
	return "502"
}

// hostFault tells why a host can be no name and no address; "" when it may be one.
func hostFault(host string) (message, hint string) {
	if _, err := netip.ParseAddr(host); err == nil {
		return "", ""
	}
	if strings.Trim(host, "0123456789.") == "" {
		return numbersFault(host), ""
	}
	for _, r := range host {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r):
		case r > 0x7F:
			return fmt.Sprintf("%q in %q is not ASCII: names are looked up in their xn-- form", r, host), ""
		default:
			return fmt.Sprintf("%q can't stand in a host name such as %q", r, host), ""
		}
	}
	if len(strings.TrimSuffix(host, ".")) > maxName {
		return fmt.Sprintf("this name is %d characters long: host names have at most %d", len(host), maxName), ""
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		switch {
		case label == "":
			return fmt.Sprintf("host name %q has nothing between two dots or before the first", host), strings.Trim(squeeze(host), ".")
		case len(label) > maxLabel:
			return fmt.Sprintf("the label %q is %d characters long: host names have at most %d between dots", label, len(label), maxLabel), ""
		}
	}
	return "", ""
}

// numbersFault tells what keeps numbers and dots from being an IPv4 address. Short forms such as 127.1 are ones.
func numbersFault(host string) string {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return fmt.Sprintf("%s has %d numbers: an IPv4 address has 4", host, len(parts))
	}
	for i, n := range parts {
		if n == "" {
			return fmt.Sprintf("%s lacks a number: an IPv4 address has 4", host)
		}
		last := i == len(parts)-1 && len(parts) < 4
		if !last && (len(n) > 3 || atoi(n) > 255) {
			return fmt.Sprintf("%s in %s is above 255", n, host)
		}
	}
	return ""
}

// squeeze makes one dot of several.
func squeeze(s string) string {
	for strings.Contains(s, "..") {
		s = strings.ReplaceAll(s, "..", ".")
	}
	return s
}
