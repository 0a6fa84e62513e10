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
	ID:       "port-dropped",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      portDropped,
	Doc: lint.Doc{
		Title: "a target is made of the request's host, with its port lost or twice",
		Why: `$host is the name that the client asks for, without the port. On a listener other than 80 (443 with TLS) clients ask for
NAME:PORT, and a target http://$host goes to port 80 of that name all the same: 502 where nothing listens there, else the answer of
something else.

$http_host is the Host header as the client sent it, with the port unless it is the usual one. A target that puts a port
behind it has two of them then, and nginx answers 500: "invalid port in upstream".

The rule looks at listeners that clients come to: one on a loopback address is another proxy's backend, and gets what that sends. It
says nothing where no resolver is set, which is resolver-missing's to tell.`,
		How: `To pass requests on to where the client asked for, write $http_host and no port behind it. To pass them to a port of
your own choice, write $host and that port.`,
		Bad: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.1;
    server {
        listen 8080;
        location / {
            proxy_pass http://$http_host:3000;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.1;
    server {
        listen 8080;
        location / {
            proxy_pass http://$host:3000;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#var_host",
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#var_http_",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
		},
		Since: "0.1.0",
	},
})

func portDropped(_ context.Context, p *lint.Pass) {
	for _, r := range p.Config.Routes {
		if !r.Runtime || r.Hop.Protocol != proxy.HTTP || r.Resolver.Origin == proxy.Default {
			continue
		}
		at, found := variableInHost(r.At)
		if !found || !isWholeHost(r.At, at) {
			continue
		}
		if d := hostTarget(r, at); d != nil {
			p.Report(*d)
		}
	}
}

// hostTarget tells of a target whose host is a variable of the request, in a server that clients reach on another port
// than the usual one.
func hostTarget(r *proxy.Route, at syntax.Ref) *lint.Diagnostic {
	l := unusualListener(r.From)
	if l == nil {
		return nil
	}
	port := behindHost(r.At, at)
	related := []lint.Related{{At: listenerPlace(l), Message: "the listener"}}
	switch name := strings.Trim(at.Text(), "${}"); {
	case name == "http_host" && strings.HasPrefix(port, ":"):
		return &lint.Diagnostic{
			Symptom: "500",
			At:      at,
			Message: fmt.Sprintf("clients of port %d send it in %s, so the target has two ports with %s behind it", l.Addr.Port, at.Text(), port),
			Hint:    "$host" + port,
			Fix:     hostFix(at),
			Related: related,
		}
	case name == "host" && port == "" && !slices.ContainsFunc(r.From, hasUsualPort):
		usual := httpPort
		if r.Hop.TLS != nil {
			usual = httpsPort
		}
		return &lint.Diagnostic{
			At: at,
			Message: fmt.Sprintf("%s leaves out the port, so requests to NAME:%d go on to port %d of the name",
				at.Text(), l.Addr.Port, usual),
			Hint:    "$http_host, or $host:PORT",
			Related: related,
		}
	}
	return nil
}

// behindHost returns what stands between the host and the path of a target.
func behindHost(target, host syntax.Ref) string {
	_, port := around(target, host)
	port = strings.TrimRight(port, `"'`)
	for _, path := range []string{"/", "?", "$request_uri", "$uri", "$document_uri", "$is_args"} {
		port, _, _ = strings.Cut(port, path)
	}
	return port
}

// hostFix writes $host for $http_host, in braces where it stands so.
func hostFix(at syntax.Ref) *lint.Fix {
	return repair(at, strings.Replace(at.Text(), "http_host", "host", 1), true)
}

// unusualListener returns a listener whose clients send a port with the name; nil when there is none.
func unusualListener(listeners []*proxy.Listener) *proxy.Listener {
	for _, l := range listeners {
		if l.Addr.Port > 0 && !isOpen(l.Addr) && l.Addr.Socket == "" && !hasUsualPort(l) && !isOwnHost(l.Addr.Host) && !l.ProxyProtocol {
			return l
		}
	}
	return nil
}

// hasUsualPort reports whether clients leave out a listener's port.
func hasUsualPort(l *proxy.Listener) bool {
	if l.TLS {
		return l.Addr.Port == httpsPort
	}
	return l.Addr.Port == httpPort
}
