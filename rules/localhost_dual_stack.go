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
	ID:       "localhost-dual-stack",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      localhostDualStack,
	Doc: lint.Doc{
		Title: "localhost as an upstream, which is two addresses",
		Why: `On most systems localhost is both 127.0.0.1 and ::1, and a backend usually listens on one of them.

HAProxy takes one address, the first that the system gives, which is often ::1. If the backend is on the other, it is
refused: 503, until somebody finds that curl to localhost works (curl tries both).

nginx makes two servers of the name. Each request that goes to the dead one is tried again on the other: an error in the log and a
server that is taken out for 10 seconds, but no error for the client, hence only an info. With "proxy_next_upstream_tries 1" or
"proxy_next_upstream off" there is no second try, and part of the requests get 502: a warning. It is one also where the hosts
file given with --hosts shows both addresses; where it shows one there is nothing to say.`,
		How: `Write the address that the backend listens on: 127.0.0.1 or [::1].`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://localhost:3000;
            proxy_next_upstream_tries 1;
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
    server app1 localhost:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://127.0.0.1:3000;
            proxy_next_upstream_tries 1;
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
    server app1 127.0.0.1:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream_tries",
			"https://docs.haproxy.org/3.2/configuration.html#init-addr",
		},
		Since: "0.1.0",
	},
})

func localhostDualStack(_ context.Context, p *lint.Pass) {
	known := p.Inventory.Host("localhost")
	if len(known) > 0 && !isDualStack(known) {
		return
	}
	single := singleTry(p.Config)
	stranded := strandedInContainer(p)
	var uses []peer
	for peer := range dialedNames(p.Config) {
		switch {
		case !strings.EqualFold(peer.addr.Host, "localhost") || !p.Config.Wants(peer.addr.HostAt.File):
			continue
		case peer.route != nil && peer.route.Runtime, peer.endpoint.Resolve, mayResolve(p.Config.Dialect, peer.endpoint), peer.endpoint.NoLibc:
			continue // DNS answers, where localhost has another story
		case strings.Contains(peer.addr.At.Text(), "@") || malformed(peer) != nil:
			continue // HAProxy's ipv4@ and ipv6@ choose
		case stranded(peer):
			continue // inv-localhost-in-container tells of it
		}
		uses = append(uses, peer)
	}
	if len(uses) > 0 {
		reportLocalhost(p, uses, single, known)
	}
}

func isDualStack(addrs []netip.Addr) bool {
	v4, v6 := false, false
	for _, a := range addrs {
		v4, v6 = v4 || a.Is4(), v6 || a.Is6()
	}
	return v4 && v6
}

// singleTry returns the setting that leaves nginx one try, for the servers that it holds for.
func singleTry(c *proxy.Config) map[*proxy.Endpoint]syntax.Ref {
	if c.Dialect != syntax.Nginx {
		return nil
	}
	settings := map[*proxy.Endpoint]syntax.Ref{}
	for _, r := range c.Routes {
		if r.To == nil {
			continue
		}
		var at syntax.Ref
		switch tries, on := r.Hop.Retry.Tries, r.Hop.Retry.On; {
		case tries.Written() && !tries.Dynamic && tries.Value == 1:
			at = tries.At
		case on.Written() && !on.Dynamic && on.Value == "off":
			at = on.At
		default:
			continue
		}
		for _, e := range r.To.Endpoints {
			settings[e] = at
		}
	}
	return settings
}

// reportLocalhost tells of all uses as one.
func reportLocalhost(p *lint.Pass, uses []peer, single map[*proxy.Endpoint]syntax.Ref, known []netip.Addr) {
	d := lint.Diagnostic{At: uses[0].addr.HostAt, Symptom: uses[0].unanswered()}
	var others []syntax.Ref
	for _, u := range uses[1:] {
		others = append(others, u.addr.HostAt)
	}
	d.Related = alsoAt(others, "used here too")
	address := uses[0].addr.At.Text()
	d.Hint = fmt.Sprintf("%s or %s", strings.Replace(address, uses[0].addr.Host, "127.0.0.1", 1), strings.Replace(address, uses[0].addr.Host, "[::1]", 1))
	if p.Config.Dialect == syntax.HAProxy {
		d.Message = "localhost may be 127.0.0.1 and ::1: HAProxy takes the first alone, and the backend may listen on the other"
		p.Report(d)
		return
	}
	d.Severity = lint.Info
	d.Message = "localhost may be 127.0.0.1 and ::1: nginx takes turns between them, and the backend may listen on one"
	if known != nil {
		d.Severity = lint.Warning
		d.Message = "localhost is 127.0.0.1 and ::1 in the hosts file: nginx takes turns between them, and the backend may listen on one"
	}
	for _, u := range uses {
		if at, found := single[u.endpoint]; found {
			d.Severity = lint.Warning
			d.Message += ", with no second try"
			d.Related = append([]lint.Related{{At: at, Message: "leaves one try"}}, d.Related...)
			break
		}
	}
	p.Report(d)
}
