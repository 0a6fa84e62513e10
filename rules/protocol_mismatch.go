package rules

import (
	"context"
	"fmt"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "protocol-mismatch",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      protocolMismatch,
	Doc: lint.Doc{
		Title: "a pass directive that speaks another protocol than its backend",
		Why: `proxy_pass speaks HTTP, fastcgi_pass FastCGI, uwsgi_pass uwsgi, and a backend understands one of them. The wrong
one ends in "upstream prematurely closed connection" or "upstream sent unsupported FastCGI protocol version", and the client
gets 502.

What the backend speaks is read off the configuration: the name of a socket (php8.2-fpm.sock, app.uwsgi.sock, gunicorn.sock),
a port together with a name (php-fpm:9000, uwsgi:3031), port 80 or 443 under a pass that does not speak HTTP, and two passes of
different protocols to one address, of which one must be wrong. Names may mislead, so it is a warning.`,
		How: `Use the directive of the backend's protocol. fastcgi_pass and uwsgi_pass also need their parameters: include
fastcgi_params or uwsgi_params, and for PHP set SCRIPT_FILENAME.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://unix:/run/php/php8.2-fpm.sock;
        }
    }
}
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        root /var/www;
        location / {
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_pass unix:/run/php/php8.2-fpm.sock;
        }
    }
}
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
			"https://nginx.org/en/docs/http/ngx_http_uwsgi_module.html#uwsgi_pass",
		},
		Since: "0.1.0",
	},
})

// passOf is the directive that speaks a protocol.
var passOf = map[proxy.Protocol]string{
	proxy.HTTP: "proxy_pass", proxy.FastCGI: "fastcgi_pass", proxy.UWSGI: "uwsgi_pass",
	proxy.SCGI: "scgi_pass", proxy.Memcached: "memcached_pass", proxy.GRPC: "grpc_pass",
}

func protocolMismatch(_ context.Context, p *lint.Pass) {
	told := map[*syntax.Stmt]bool{}
	shown := shownByInventory(p)
	for _, r := range p.Config.Routes {
		for e := range passServers(r) {
			if shown(appUse{r.To, e, r}) {
				told[r.Stmt] = true
				continue
			}
			protocol, why := spokenBy(r, e.Addr)
			if protocol != proxy.UnknownProtocol && protocol != r.Hop.Protocol && !told[r.Stmt] {
				told[r.Stmt] = true
				reportProtocol(p, r, e, protocol, why())
			}
		}
	}
	reportDisagreements(p, told)
}

// passServers yields the servers of a pass to which its protocol is certain to be spoken. A scheme that the directive does
// not take is told of by malformed-upstream-address.
func passServers(r *proxy.Route) iter.Seq[*proxy.Endpoint] {
	return func(yield func(*proxy.Endpoint) bool) {
		if r.To == nil || passOf[r.Hop.Protocol] == "" || !r.Hop.Scheme.IsZero() && schemes[r.Stmt.Name()] == nil {
			return
		}
		for _, e := range r.To.Endpoints {
			if !e.Down && !isOpen(e.Addr) && !yield(e) {
				return
			}
		}
	}
}

func reportProtocol(p *lint.Pass, r *proxy.Route, e *proxy.Endpoint, protocol proxy.Protocol, why string) {
	d := lint.Diagnostic{
		At:      r.Stmt.Ref(0),
		Message: fmt.Sprintf("%s speaks %s, but %s", r.Stmt.Name(), r.Hop.Protocol, why),
		Hint:    fmt.Sprintf("%s %s;", passOf[protocol], passTarget(r, protocol)),
	}
	if !sameLine(e.Addr.At, d.At) {
		d.Related = []lint.Related{{At: e.Addr.At, Message: "the backend"}}
	}
	p.Report(d)
}

// passTarget returns the target of a pass as another protocol's directive would take it.
func passTarget(r *proxy.Route, protocol proxy.Protocol) string {
	target := r.To.Name
	if protocol == proxy.HTTP {
		return "http://" + target
	}
	return target
}

// spokenBy returns the protocol that an address says its backend speaks, and how it says so.
func spokenBy(r *proxy.Route, a proxy.Address) (protocol proxy.Protocol, why func() string) {
	if a.Socket != "" {
		protocol = socketProtocol(a.Socket)
		return protocol, func() string { return fmt.Sprintf("%s is a socket for %s by its name", a.Socket, protocol) }
	}
	named := func(mark string) bool { return strings.Contains(strings.ToLower(a.Host), mark) }
	switch {
	case a.PortAt.IsZero():
	case (a.Port == httpPort || a.Port == httpsPort) && r.Hop.Scheme.IsZero():
		return proxy.HTTP, func() string { return fmt.Sprintf("HTTP is spoken on port %d", a.Port) }
	case a.Port == fpmPort && r.Hop.Protocol != proxy.HTTP && named("fpm"): // port-not-http tells of HTTP
		return proxy.FastCGI, func() string { return fmt.Sprintf("%s on port %d is PHP's FastCGI by its name", a.Host, a.Port) }
	case a.Port == uwsgiPort && named("uwsgi"):
		return proxy.UWSGI, func() string { return fmt.Sprintf("%s on port %d is a uwsgi server by its name", a.Host, a.Port) }
	}
	return proxy.UnknownProtocol, nil
}

// uwsgiPort is where the uWSGI project's documentation has it listen.
const uwsgiPort = 3031

// socketProtocol returns the protocol that a socket's path tells of.
func socketProtocol(socket string) proxy.Protocol {
	socket = strings.ToLower(socket)
	base := path.Base(socket)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(base, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("fpm", "fcgi", "fastcgi", "php-cgi", "phpcgi"), strings.Contains(socket, "/php-fpm/"):
		return proxy.FastCGI
	case base == "uwsgi.sock", strings.HasSuffix(base, ".uwsgi.sock"):
		return proxy.UWSGI
	case has("gunicorn", "unicorn", "uvicorn", "puma", "docker.sock"):
		return proxy.HTTP
	}
	return proxy.UnknownProtocol
}

// backendKey is what makes two passes meet in one backend.
type backendKey struct {
	host, socket string
	port         int
}

// reportDisagreements tells of an address that passes of different protocols lead to. gRPC is left out: a server may
// speak it and HTTP on one port. So is what was told of before.
func reportDisagreements(p *lint.Pass, told map[*syntax.Stmt]bool) {
	if !slices.ContainsFunc(p.Config.Routes, func(r *proxy.Route) bool { return r.Hop.Protocol != p.Config.Routes[0].Hop.Protocol }) {
		return // nobody to disagree with
	}
	first := map[backendKey]*proxy.Route{}
	for _, r := range p.Config.Routes {
		if r.Hop.Protocol == proxy.GRPC || told[r.Stmt] {
			continue
		}
		for e := range passServers(r) {
			key := backendKey{strings.ToLower(e.Addr.Host), e.Addr.Socket, e.Addr.Port}
			other := first[key]
			switch {
			case e.Addr.Socket == "" && e.Addr.PortAt.IsZero():
			case other == nil:
				first[key] = r
			case other.Hop.Protocol != r.Hop.Protocol && !told[r.Stmt] && !isPHPPort(e.Addr, r, other):
				told[r.Stmt] = true
				p.Report(lint.Diagnostic{
					At: r.Stmt.Ref(0),
					Message: fmt.Sprintf("%s speaks %s to %s, to which %s speaks %s: one of the two is wrong",
						r.Stmt.Name(), r.Hop.Protocol, backendName(e.Addr), other.Stmt.Name(), other.Hop.Protocol),
					Related: []lint.Related{{At: other.Stmt.Ref(0), Message: "the other pass"}},
				})
			}
		}
	}
}

// isPHPPort reports whether port-not-http tells of a pass: HTTP to PHP's port, with a name that says so.
func isPHPPort(a proxy.Address, routes ...*proxy.Route) bool {
	for _, r := range routes {
		name := strings.ToLower(a.Host + r.To.Name)
		if a.Port == fpmPort && r.Hop.Protocol == proxy.HTTP && (strings.Contains(name, "php") || strings.Contains(name, "fpm")) {
			return true
		}
	}
	return false
}

func backendName(a proxy.Address) string {
	if a.Socket != "" {
		return a.Socket
	}
	return a.Host + ":" + strconv.Itoa(a.Port)
}
