package rules

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "port-scheme-mismatch",
	Family:   lint.Ports,
	Severity: lint.Error,
	Symptom:  "502",
	Tunnels:  true,
	Run:      portSchemeMismatch,
	Doc: lint.Doc{
		Title: "TLS to port 80, or plain HTTP to port 443",
		Why: `The scheme of proxy_pass (nginx) or the option ssl (HAProxy) says whether the proxy speaks TLS; the port does not.
A backend on port 80 answers a TLS greeting with a plain "400 Bad Request" or closes, the handshake fails ("wrong version number"),
and the client gets 502 from nginx, 503 from HAProxy. A backend on port 443 answers plain HTTP with "400 The plain
HTTP request was sent to HTTPS port", or closes, which is a 502.

It is an error for port 80, a warning for port 443, and an error for every port on which the same nginx listens, with ssl or
without. Other ports are left alone: 8080 and 8443 serve both in real
set-ups. So are mode tcp and nginx's stream, where the client may bring the TLS itself.`,
		How: `Make the two agree. When an upstream group is meant to be reached by TLS, give its servers the port: without one they
have port 80, whatever the scheme.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass https://10.0.0.10:80;
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
    server app1 10.0.0.10:80 ssl verify none check
`,
			Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:443
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:80;
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
    service: https://10.0.0.10:443
    originRequest:
      originServerName: shop.acme.dev
  - service: http_status:404
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-ssl",
		},
		Since: "0.1.0",
	},
})

// The ports whose protocol is beyond doubt.
const (
	httpPort  = 80
	httpsPort = 443
)

func portSchemeMismatch(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.HAProxy {
		for _, u := range p.Config.Upstreams {
			if u.Protocol == proxy.HTTP {
				reportServerTLS(p, u)
			}
		}
		return
	}
	own := newOwnPorts(p)
	variable := newCauses(p)
	for _, r := range p.Config.Routes {
		if r.To != nil && r.Hop.Protocol != proxy.TCP && literal(r.Hop.Scheme) != "" && !own.report(r) {
			reportScheme(p, variable, r)
		}
	}
	variable.report()
}

// ownPorts are the ports on which an nginx listens itself: what is spoken there is known.
type ownPorts struct {
	pass  *lint.Pass
	heard ears
	whole bool // no other file may make a listener speak TLS
	turns bool // plain HTTP to a port with TLS may be answered by other than a 400 (error_page 497)
}

func newOwnPorts(p *lint.Pass) *ownPorts {
	own := &ownPorts{pass: p, heard: earsOf(p.Config), whole: !p.Config.Tree.Fragment, turns: mentions(p.Config.Tree, "497")}
	for s := range p.Config.Tree.Unread {
		own.whole = own.whole && asksNothing(s.Arg(1))
	}
	return own
}

// report tells of a pass whose scheme is not what the own listener that it leads to speaks. It returns whether it leads to one.
func (own *ownPorts) report(r *proxy.Route) bool {
	if r.To.Open || r.Runtime {
		return false
	}
	found := false
	for _, e := range own.heard.near(r.To, maxNear) {
		list := slices.DeleteFunc(slices.Clone(own.heard.reach(r, e, own.pass.Inventory)), isQUIC)
		if len(list) == 0 || slices.ContainsFunc(list, func(l *proxy.Listener) bool { return l.Protocol != proxy.HTTP }) {
			continue
		}
		found = true
		encrypted := slices.ContainsFunc(list, func(l *proxy.Listener) bool { return l.TLS })
		scheme := r.Hop.Scheme.Text()
		d := lint.Diagnostic{
			At:      r.Hop.Scheme,
			Hint:    fmt.Sprintf("%s://%s", counterpart(scheme), e.Addr.At.Text()),
			Related: []lint.Related{{At: list[0].Addr.At, Message: "the listener"}},
		}
		switch {
		case r.Hop.TLS != nil && !encrypted && own.whole:
			d.Symptom = "502"
			d.Message = fmt.Sprintf("%s goes to %s, where this nginx itself listens without ssl", scheme, e.Addr.At.Text())
		case r.Hop.TLS == nil && encrypted && !own.turns:
			d.Symptom = "400"
			d.Message = fmt.Sprintf("%s goes to %s, where this nginx itself listens with ssl", scheme, e.Addr.At.Text())
		default:
			continue
		}
		if !r.To.Implicit {
			d.Hint = fmt.Sprintf("%s %s://%s;", r.Stmt.Name(), counterpart(scheme), r.To.Name)
		}
		own.pass.Report(d)
		return true
	}
	return found
}

func isQUIC(l *proxy.Listener) bool { return l.Stmt != nil && hasWord(l.Stmt, "quic") }

// reportScheme tells of an nginx pass whose scheme the ports of its servers contradict. The port is at fault, but
// where other passes may rightly use it, or all servers have the same: there it is the scheme. Where a
// variable of its own brings http to port 443 it is the scheme, too, told once of each host.
func reportScheme(p *lint.Pass, variable *causes, r *proxy.Route) {
	d := lint.Diagnostic{Severity: lint.Warning, Symptom: "400"}
	wrong := httpsPort
	if r.Hop.TLS != nil {
		d.Severity, d.Symptom, wrong = lint.Error, "502", httpPort
	}
	scheme := r.Hop.Scheme.Text()
	switch on, all := serversOn(r.To, wrong); {
	case len(on) == 0:
	case r.To.Implicit && r.To.Stmt == r.Stmt && wrong == httpsPort && !holds(r.At, r.Hop.Scheme) && !sameLine(r.Hop.Scheme, on[0].Addr.PortAt):
		variable.add(cause{upstream: hostPort(on[0].Addr, wrong), severity: d.Severity}, r.Hop.Scheme, func() lint.Diagnostic {
			d.Message = fmt.Sprintf("%s goes to port %d of %s, %s", scheme, wrong, on[0].Addr.Host, spoken[wrong])
			d.Hint = "write " + counterpart(scheme)
			d.Related = []lint.Related{{At: on[0].Addr.PortAt, Message: "the port"}, {At: r.At, Message: "the pass"}}
			return d
		})
	case r.To.Implicit && r.To.Stmt == r.Stmt:
		addr := on[0].Addr
		d.At = addr.PortAt
		d.Message = fmt.Sprintf("%s goes to port %d, %s", scheme, wrong, spoken[wrong])
		d.Hint = fmt.Sprintf("%s://%s", counterpart(scheme), hostPort(addr, wrong))
		if wrong == httpPort {
			d.Hint += fmt.Sprintf(" or %s://%s", scheme, hostPort(addr, httpsPort))
		}
		if !sameLine(d.At, r.At) {
			d.Related = []lint.Related{{At: r.At, Message: "the pass"}}
		}
		p.Report(d)
	case all:
		d.At = r.Hop.Scheme
		d.Message = fmt.Sprintf("%s goes to %s, whose port is %d, %s", scheme, r.To.Name, wrong, spoken[wrong])
		d.Hint = fmt.Sprintf("%s %s://%s;", r.Stmt.Name(), counterpart(scheme), r.To.Name)
		for _, e := range on[:min(len(on), maxRelated)] {
			d.Related = append(d.Related, lint.Related{At: e.Addr.PortAt, Message: "the port"})
		}
		p.Report(d)
	default:
		for _, e := range on {
			d.At = e.Addr.PortAt
			d.Message = fmt.Sprintf("%s goes to %s, where this server has port %d, %s", scheme, r.To.Name, wrong, spoken[wrong])
			d.Hint = serverLine(e, hostPort(e.Addr, httpPort+httpsPort-wrong), "")
			d.Related = []lint.Related{{At: r.Hop.Scheme, Message: "the pass"}}
			p.Report(d)
		}
	}
}

var spoken = map[int]string{
	httpPort:  "where plain HTTP is spoken",
	httpsPort: "where TLS is expected",
}

// serversOn returns the servers in use with that port written out, and whether these are all.
func serversOn(u *proxy.Upstream, port int) (on []*proxy.Endpoint, all bool) {
	all = !u.Open
	for _, e := range u.Endpoints {
		switch {
		case e.Down:
		case e.Addr.Port == port && !e.Addr.Dynamic && e.Addr.PortAt.Text() != "":
			on = append(on, e)
		default:
			all = false
		}
	}
	return on, all
}

// counterpart returns the scheme with TLS for the one without, and the reverse.
func counterpart(scheme string) string {
	switch scheme = strings.ToLower(scheme); scheme {
	case "uwsgi":
		return "suwsgi"
	case "suwsgi":
		return "uwsgi"
	case "https", "grpcs":
		return strings.TrimSuffix(scheme, "s")
	}
	return scheme + "s"
}

func hostPort(a proxy.Address, port int) string { return net.JoinHostPort(a.Host, strconv.Itoa(port)) }

func sameLine(a, b syntax.Ref) bool {
	return a.File == b.File && a.File.Line(a.Span.Start) == b.File.Line(b.Span.Start)
}

// reportServerTLS tells of the servers of a HAProxy backend in mode http whose port contradicts what is spoken.
func reportServerTLS(p *lint.Pass, u *proxy.Upstream) {
	hidden := hasUnseenDefaults(u)
	for _, e := range u.Endpoints {
		d := lint.Diagnostic{At: e.Addr.PortAt}
		switch {
		case e.Down || e.Addr.Dynamic || e.Addr.Host == "":
			continue
		case e.TLS != nil && e.Addr.Port == httpPort:
			d.Symptom = "503"
			d.Message = fmt.Sprintf("ssl goes to port %d, %s", httpPort, spoken[httpPort])
			d.Hint = fmt.Sprintf("%s without ssl, or %s with it", hostPort(e.Addr, httpPort), hostPort(e.Addr, httpsPort))
			if !sameLine(e.TLS.At, d.At) {
				d.Related = []lint.Related{{At: e.TLS.At, Message: "ssl for all servers below"}}
			}
		case e.TLS == nil && e.Addr.Port == httpsPort && !hidden:
			d.Severity = lint.Warning
			d.Symptom = "400"
			d.Message = fmt.Sprintf("plain HTTP goes to port %d, %s", httpsPort, spoken[httpsPort])
			d.Hint = serverLine(e, hostPort(e.Addr, httpsPort), "ssl verify required ca-file FILE")
		default:
			continue
		}
		p.Report(d)
	}
}

// hasUnseenDefaults reports whether a defaults section that is not in the tree may say more of a backend's servers.
func hasUnseenDefaults(u *proxy.Upstream) bool {
	t := u.Timeouts
	for _, o := range []proxy.Origin{u.Balance.Origin, t.Connect.Origin, t.Read.Origin, t.Queue.Origin, t.Check.Origin, t.Tunnel.Origin} {
		if o == proxy.Unknown {
			return true
		}
	}
	return false
}
