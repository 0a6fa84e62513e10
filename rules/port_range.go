package rules

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "port-range",
	Family:   lint.Ports,
	Severity: lint.Error,
	Symptom:  "start failure",
	Tunnels:  true,
	Run:      portRange,
	Doc: lint.Doc{
		Title: "a port that no address can have",
		Why: `A port is a number up to 65535. nginx takes neither service names nor ranges for an upstream's port, and
does not start ("invalid port in upstream"); where the address comes with a variable, every such request gets a 500.

HAProxy refuses names, and ranges on a server line ("port range not permitted here"). It does take ranges on bind lines, and +N
or -N on server lines, which is added to the port that the client connected to. A "check port" above 65535 it
accepts without a word: it then checks what is left after taking 65536 off, and users get a 503 while the server is fine.`,
		How: `Write the number: 80 for http, 443 for https. For several ports write several server lines.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:80800;
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
    server app1 10.0.0.10:http check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:80800
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
    server app1 10.0.0.10:80 check
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
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#listen",
			"https://docs.haproxy.org/3.2/configuration.html#5.2",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-bind",
		},
		Since: "0.1.0",
	},
})

const maxPort = 65535

func portRange(_ context.Context, p *lint.Pass) {
	for peer := range peers(p.Config) {
		if peer.endpoint == nil || malformed(peer) != nil {
			continue
		}
		if d := badPort(peer.addr, false); d != nil {
			d.Symptom = peer.refusal()
			p.Report(*d)
		}
	}
	for _, u := range p.Config.Upstreams {
		if u.CheckPort {
			reportHighCheckPorts(p, u)
		}
	}
	for _, l := range p.Config.Listeners {
		if l.Stmt != nil {
			reportBadPort(p, l.Addr, true)
		}
	}
	for _, r := range p.Config.Resolvers {
		for _, addr := range r.Servers {
			reportBadPort(p, addr, false)
		}
	}
}

func reportBadPort(p *lint.Pass, addr proxy.Address, ranges bool) {
	if isOpen(addr) {
		return
	}
	if d := badPort(addr, ranges); d != nil {
		p.Report(*d)
	}
}

// reportHighCheckPorts tells of the health checks' own ports. HAProxy does not look whether they can be ports.
func reportHighCheckPorts(p *lint.Pass, u *proxy.Upstream) {
	for _, e := range u.Endpoints {
		if e.Check == nil || e.Check.Port.Dynamic || e.Check.Port.Value <= maxPort {
			continue
		}
		p.Report(lint.Diagnostic{
			Symptom: answered(u.Protocol, "503"),
			At:      e.Check.Port.At,
			Message: fmt.Sprintf("check port %d is above %d: HAProxy checks port %d", e.Check.Port.Value, maxPort, uint16(e.Check.Port.Value)),
		})
	}
}

// badPort returns what is wrong with the port of an address, if anything. Port 0 is another rule's.
func badPort(addr proxy.Address, ranges bool) *lint.Diagnostic {
	switch {
	case addr.PortAt.IsZero() || addr.Port >= 0 && addr.Port <= maxPort:
		return nil
	case addr.PortAt.Text() == "":
		return &lint.Diagnostic{At: addr.At, Message: fmt.Sprintf("no port follows the colon in %s", addr.At.Text())}
	}
	port := literal(addr.PortAt)
	if port == "" {
		return nil
	}
	d := &lint.Diagnostic{At: addr.PortAt}
	low, high, isRange := strings.Cut(port, "-")
	isRange = isRange && isDigits(low) && isDigits(high)
	switch haproxy := addr.At.File.Dialect == syntax.HAProxy; {
	case isDigits(port):
		d.Message = fmt.Sprintf("port %s is above %d", port, maxPort)
	case isRange && ranges:
		if isPort(low) && isPort(high) && atoi(low) <= atoi(high) {
			return nil
		}
		d.Message = fmt.Sprintf("%s is no range of ports up to %d", port, maxPort)
	case isRange:
		d.Message = fmt.Sprintf("%s is a range of ports where one port is allowed", port)
	case haproxy && !ranges && isDigits(strings.TrimLeft(port, "+-")):
		return nil // added to the port that the client connected to
	case services[port] != 0:
		d.Message = fmt.Sprintf("%s is no port: the name of a service is not looked up", port)
		d.Hint = strconv.Itoa(services[port])
		d.Fix = repair(addr.PortAt, d.Hint, true)
	default:
		d.Message = fmt.Sprintf("%q is no port", port)
	}
	return d
}

func isPort(s string) bool { return isDigits(s) && len(s) <= 5 && atoi(s) <= maxPort }

// atoi returns the value of a text of few digits.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// services are names of ports that people write in place of the number (/etc/services).
var services = map[string]int{
	"http": 80, "https": 443, "http-alt": 8080, "domain": 53, "smtp": 25, "imap": 143, "imaps": 993, "pop3": 110,
	"ssh": 22, "ldap": 389, "ldaps": 636, "mysql": 3306, "postgresql": 5432, "redis": 6379,
}
