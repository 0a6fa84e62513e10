package rules

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "unroutable-address",
	Family:   lint.Addresses,
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Run:      unroutableAddress,
	Doc: lint.Doc{
		Title: "an upstream address at which no server can be",
		Why: `No TCP connection leads to a multicast group (224.0.0.0/4, ff00::/8) or to the broadcast address: the system refuses
at once, and every request gets 502 from nginx, 503 from HAProxy. A placeholder that nobody replaced (<IP>, CHANGEME, your-backend,
x.x.x.x) is the name of no host, so that neither proxy starts; nor is one in a resolver line.

The networks for documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20) are routed nowhere: requests
wait until the connect timeout. It is a warning; an info where all of the file is plainly an example. So is a placeholder in a file whose name
says that it is a sample. 240.0.0.0/4 is a warning too,
since some private clouds do use it.

To nginx, 0.0.0.0 as a target means this very host on Linux and something else on other systems: a service listens on 0.0.0.0, but
it is called by another address. HAProxy gives 0.0.0.0 a meaning of its own (the address that the client asked for), and is left
alone, as are servers marked down or disabled, and UDP.`,
		How: `Write the address or the name of the backend.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 255.255.255.255:8080;
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
    server app1 255.255.255.255:8080
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://192.0.2.10:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:8080;
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
    server app1 10.0.0.10:8080
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
			"https://www.iana.org/assignments/iana-ipv4-special-registry/",
			"https://www.rfc-editor.org/rfc/rfc5737",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://docs.haproxy.org/3.2/configuration.html#server",
		},
		Since: "0.1.0",
	},
})

func unroutableAddress(_ context.Context, p *lint.Pass) {
	for _, r := range p.Config.Resolvers {
		for _, addr := range r.Servers {
			if isUnfilled(addr.Host) && p.Inventory.Host(addr.Host) == nil {
				reportUnfilled(p, peer{addr: addr})
			}
		}
	}
	example := exampleFile(p.Config)
	datagrams := datagramRoutes(p.Config)
	for peer := range dialed(p.Config) {
		host := peer.addr.Host
		if isUnfilled(host) {
			if p.Inventory.Host(host) == nil {
				reportUnfilled(p, peer)
			}
			continue
		}
		addr, err := netip.ParseAddr(host)
		if err != nil || peer.endpoint.Down {
			continue
		}
		if d := unroutable(peer, addr.Unmap(), example); d != nil && !datagrams[peer.endpoint] && malformed(peer) == nil {
			d.At = peer.addr.HostAt
			p.Report(*d)
		}
	}
}

// isOrdinary reports whether no address that begins with that number is out of the ordinary.
func isOrdinary(first byte) bool {
	return first != 0 && first != 192 && first != 198 && first != 203 && first < 224
}

func reportUnfilled(p *lint.Pass, peer peer) {
	d := lint.Diagnostic{
		At:      peer.addr.HostAt,
		Symptom: peer.failure(),
		Message: fmt.Sprintf("%s is a placeholder that nobody replaced", peer.addr.Host),
	}
	switch host := strings.ToLower(peer.addr.Host); {
	case isSample(peer.addr.HostAt.File):
		d.Severity = lint.Info
	case strings.Contains(host, ".") && !isMaskedIP(host) && !strings.Contains(host, "<"):
		d.Severity = lint.Warning // a domain that somebody may have
	}
	p.Report(d)
}

// unroutable tells why no server answers at an address; nil when one may.
func unroutable(p peer, addr netip.Addr, example func() bool) *lint.Diagnostic {
	if addr.Is4() && isOrdinary(addr.As4()[0]) {
		return nil
	}
	d := &lint.Diagnostic{Severity: lint.Error, Symptom: p.unanswered()}
	if net, found := documentationNet(addr); found {
		d.Severity = lint.Warning
		if example() {
			d.Severity = lint.Info
		}
		d.Symptom = p.unreached()
		d.Message = fmt.Sprintf("%s is in %s, which is for documentation and routed nowhere", addr, net)
		return d
	}
	switch {
	case addr.IsMulticast():
		d.Message = fmt.Sprintf("%s is a multicast group, to which no TCP connection leads", addr)
	case addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		d.Message = fmt.Sprintf("%s is the broadcast address, to which no TCP connection leads", addr)
	case addr.Is4() && addr.As4()[0] >= 240:
		d.Severity = lint.Warning
		d.Message = fmt.Sprintf("%s is in 240.0.0.0/4, which is reserved and hardly ever routed", addr)
	case addr.IsUnspecified() && p.dialect() == syntax.Nginx:
		loopback := "127.0.0.1"
		if addr.Is6() {
			loopback = "::1"
		}
		d.Severity = lint.Warning
		d.Message = fmt.Sprintf("%s is an address to listen on: as a target it reaches this host by accident", p.addr.HostAt.Text())
		d.Hint = strings.Replace(p.addr.At.Text(), p.addr.HostAt.Text(), loopback, 1)
	default:
		return nil
	}
	return d
}

// datagramRoutes returns the servers that nginx sends UDP to, which may be a group.
func datagramRoutes(c *proxy.Config) map[*proxy.Endpoint]bool {
	servers := map[*proxy.Endpoint]bool{}
	for _, r := range c.Routes {
		for _, l := range r.From {
			if l.Protocol == proxy.UDP && r.To != nil {
				for _, e := range r.To.Endpoints {
					servers[e] = true
				}
			}
		}
	}
	return servers
}
