package cloudflared

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// route adds where a rule leads. What cloudflared answers itself, and what it refuses, leads nowhere.
func (l *loader) route(r rule) {
	refused := l.checkService(r)
	if _, own := ownService(r.service.Text()); own || refused || r.origin.yes("bastionMode").Value {
		return
	}
	s := readService(r.service)
	from := l.listener(r)
	route := &proxy.Route{
		From: []*proxy.Listener{from}, Match: match(r), Stmt: r.stmt, Section: from.Section, At: r.service.Ref(),
		Resolver: proxy.Setting[*proxy.Resolver]{Origin: proxy.Default},
		Hop:      hop(r, s),
	}
	upstream := &proxy.Upstream{
		Name: s.addr.At.Text(), At: s.addr.At, Stmt: r.stmt, Implicit: true, Protocol: s.protocol,
		Keepalive: r.origin.number("keepAliveConnections", keepAliveConnections),
		Idle:      r.origin.duration("keepAliveTimeout", keepAliveTimeout),
		Resolver:  route.Resolver,
		Endpoints: []*proxy.Endpoint{{ServerOptions: &proxy.ServerOptions{}, Stmt: r.stmt, Addr: s.addr}},
	}
	upstream.Survey()
	route.To = upstream
	l.config.Routes = append(l.config.Routes, route)
	l.config.Upstreams = append(l.config.Upstreams, upstream)
}

// listener returns what stands for a rule's hostname: the tunnel listens on no port of its own.
func (l *loader) listener(r rule) *proxy.Listener {
	name := strings.TrimPrefix(r.hostname.Text(), "*") // which alone is every name, too
	if l.listeners[name] == nil {
		from := &proxy.Listener{Addr: proxy.Address{Port: -1}, Section: r.stmt, Protocol: proxy.HTTP}
		if name != "" {
			from.Names = []syntax.Ref{r.hostname.Ref()}
		}
		l.listeners[name] = from
		l.config.Listeners = append(l.config.Listeners, from)
	}
	return l.listeners[name]
}

func match(r rule) proxy.Match {
	if r.path.Text() == "" {
		return proxy.Match{}
	}
	return proxy.Match{Kind: proxy.MatchRegex, Text: r.path.Text(), At: r.path.Ref()}
}

// hop returns how a rule's service is spoken to. cloudflared waits for an answer without a limit of its own.
func hop(r rule, s service) proxy.Hop {
	h := proxy.Hop{
		Protocol: s.protocol, Scheme: s.scheme,
		HTTPVersion: proxy.Setting[string]{Value: "1.1", Origin: proxy.Default},
		Timeouts:    &proxy.Timeouts{Connect: r.origin.duration("connectTimeout", connectTimeout)},
		Buffers:     &proxy.Buffers{}, Headers: &proxy.Headers{Origin: proxy.Default}, Retry: &proxy.Retry{},
	}
	if v2 := r.origin.yes("http2Origin"); v2.Value && s.tls { // net/http speaks it over TLS alone
		h.HTTPVersion = proxy.Setting[string]{Value: "2", Origin: v2.Origin, At: v2.At}
	}
	if host := r.origin.text("httpHostHeader", ""); host.Value != "" {
		h.Headers.Origin = host.Origin
		h.Headers.Set = []proxy.Header{{Name: "Host", Value: host.Value, At: host.At}}
	}
	if s.tls {
		h.TLS = tls(r, s)
	}
	return h
}

// tls returns how a service's certificate is checked: against the host of the service, or the name of the origin server.
// The name of the request is taken by a socket, and where matchSNItoHost says so.
func tls(r rule, s service) *proxy.TLS {
	verify := r.origin.yes("noTLSVerify")
	verify.Value = !verify.Value
	t := &proxy.TLS{
		At: s.scheme, SNI: proxy.Setting[bool]{Value: true, Origin: proxy.Default}, Verify: verify,
		Name: r.origin.text("originServerName", s.addr.Host), CA: r.origin.text("caPool", ""),
	}
	if asked := r.origin.yes("matchSNItoHost"); asked.Value || s.addr.Socket != "" && !t.Name.Written() {
		t.Name = r.origin.text("httpHostHeader", r.hostname.Text())
		t.Name.Dynamic = t.Name.Origin == proxy.Default
	}
	return t
}
