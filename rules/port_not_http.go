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
	ID:       "port-not-http",
	Family:   lint.Ports,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      portNotHTTP,
	Doc: lint.Doc{
		Title: "HTTP to a port that belongs to another protocol",
		Why: `A database, a cache, a mail server or PHP-FPM doesn't understand an HTTP request. Most of them close the connection,
and the client gets a 502. Where the server speaks first, as SSH and MySQL do, HAProxy answers 502 too; nginx may take
the greeting for an answer of HTTP/0.9, and pass it on as a page.

The rule goes by the port: 22, 25, 2181, 3306, 5432, 5672, 6379, 8009, 9092, 11211 and 27017. Port 9000 counts only where
the host, the group or the server is named after PHP or FPM, since other programs do serve HTTP there.`,
		How: `Write the port on which the application speaks HTTP. To pass another protocol on as it is, use a stream server in
nginx, mode tcp in HAProxy. PHP-FPM is reached with fastcgi_pass in nginx, and with "proto fcgi" and an fcgi-app section
in HAProxy; memcached with memcached_pass in nginx.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:6379;
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
    server app1 10.0.0.10:6379
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
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
    server app1 10.0.0.10:3000
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-mode",
			"https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xhtml",
		},
		Since: "0.1.0",
	},
})

// fpmPort is where PHP-FPM listens by default.
const fpmPort = 9000

// owner returns who speaks another protocol than HTTP on a port; "" where nobody surely does.
func owner(port int) string {
	switch port {
	case 22:
		return "SSH"
	case 25:
		return "SMTP"
	case 2181:
		return "ZooKeeper"
	case 3306:
		return "MySQL"
	case 5432:
		return "PostgreSQL"
	case 5672:
		return "AMQP"
	case 6379:
		return "Redis"
	case 8009:
		return "AJP"
	case fpmPort:
		return "PHP-FPM"
	case 9092:
		return "Kafka"
	case 11211:
		return "memcached"
	case 27017:
		return "MongoDB"
	}
	return ""
}

func portNotHTTP(_ context.Context, p *lint.Pass) {
	shown := shownByInventory(p)
	if p.Config.Dialect == syntax.HAProxy {
		for _, u := range p.Config.Upstreams {
			if u.Protocol == proxy.HTTP && !speaksFastCGI(u.Stmt) {
				reportForeignPorts(p, u, nil, shown)
			}
		}
		return
	}
	seen := map[*proxy.Upstream]bool{}
	for _, r := range p.Config.Routes {
		if r.To != nil && r.Hop.Protocol == proxy.HTTP && !seen[r.To] {
			seen[r.To] = true
			reportForeignPorts(p, r.To, r, shown)
		}
	}
}

// speaksFastCGI reports whether a HAProxy backend is one for FastCGI.
func speaksFastCGI(section *syntax.Stmt) bool {
	return slices.ContainsFunc(section.Block.Stmts, func(s *syntax.Stmt) bool { return s.Name() == "use-fcgi-app" })
}

// reportForeignPorts tells of the servers that HTTP goes to. r is the pass in nginx, nil in HAProxy. What
// inv-protocol-mismatch shows is left to it.
func reportForeignPorts(p *lint.Pass, u *proxy.Upstream, r *proxy.Route, shown func(appUse) bool) {
	for _, e := range u.Endpoints {
		name := owner(e.Addr.Port)
		if name == "" || isOpen(e.Addr) || e.Proto == "fcgi" || shown(appUse{u, e, r}) {
			continue
		}
		if e.Addr.Port == fpmPort && !slices.ContainsFunc([]string{e.Addr.Host, e.Name, u.Name}, isNamedPHP) {
			continue
		}
		d := lint.Diagnostic{
			At:      e.Addr.PortAt,
			Message: fmt.Sprintf("HTTP goes to port %d, which is that of %s", e.Addr.Port, name),
			Hint:    foreignHint(p.Config.Dialect, e),
		}
		if r != nil && !sameLine(d.At, r.At) {
			d.Related = []lint.Related{{At: r.At, Message: "the pass"}}
		}
		p.Report(d)
	}
}

// isNamedPHP reports whether php or fpm is a word of a name, with or without a version.
func isNamedPHP(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r < 'a' || r > 'z' })
	return slices.ContainsFunc(words, func(w string) bool { return w == "php" || w == "fpm" || w == "phpfpm" })
}

// foreignHint returns the line that speaks the protocol of the port.
func foreignHint(dialect syntax.Dialect, e *proxy.Endpoint) string {
	address := e.Addr.At.Text()
	switch {
	case dialect == syntax.HAProxy && e.Addr.Port == fpmPort:
		return serverLine(e, address, "proto fcgi") + " (and use-fcgi-app NAME)"
	case dialect == syntax.HAProxy:
		return "mode tcp, or the port on which the application speaks HTTP"
	case e.Addr.Port == fpmPort:
		return fmt.Sprintf("fastcgi_pass %s;", address)
	case e.Addr.Port == 11211:
		return fmt.Sprintf("memcached_pass %s;", address)
	}
	return "the port on which the application speaks HTTP"
}
