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
	ID:       "proxy-protocol-mismatch",
	Family:   lint.Protocol,
	Severity: lint.Error,
	Symptom:  "502",
	Run:      proxyProtocolMismatch,
	Doc: lint.Doc{
		Title: "the PROXY protocol on one side of a connection only",
		Why: `The PROXY protocol puts a line in front of a connection that tells the client's address. A listener that expects it
("accept-proxy", "listen ... proxy_protocol") closes every connection that begins otherwise, so whoever passes requests to it
without the line answers 502. A listener that does not expect it takes the line for a broken request and answers 400, or ends the
TLS handshake.

The rule looks at addresses that one of the configurations read together dials and one of them listens on. It is a warning where
these are two configurations and only a loopback address links them, since they may be meant for different hosts; where other
files may say more of the listener; and where a proxy in mode tcp (stream) may be passing on the line that its own clients send.
nginx sends the line in stream alone, never with an HTTP request.

PostgreSQL, Redis and SSH do not speak it: they close the connection, answer with an error or wait for more. Since another proxy may listen on their port, that is a
warning.

In HAProxy a check of a server with send-proxy sends the line too, unless the check has a port or an address of its own, even the
same: then it does with check-send-proxy alone, and else the server is down for good.`,
		How: `Write send-proxy-v2 (stream: "proxy_protocol on") on the one side and accept-proxy ("listen ... proxy_protocol") on the other,
or on neither. Give ports on which clients without the line arrive a listener of their own.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://127.0.0.1:8081;
        }
    }
    server {
        listen 127.0.0.1:8081 proxy_protocol;
        location / {
            proxy_set_header Host $host;
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

frontend edge
    bind :8080
    default_backend inside

backend inside
    server inside1 127.0.0.1:8081

frontend inside
    bind 127.0.0.1:8081 accept-proxy
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://127.0.0.1:8081;
        }
    }
    server {
        listen 127.0.0.1:8081;
        location / {
            proxy_set_header Host $host;
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

frontend edge
    bind :8080
    default_backend inside

backend inside
    server inside1 127.0.0.1:8081 send-proxy-v2

frontend inside
    bind 127.0.0.1:8081 accept-proxy
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/stream/ngx_stream_proxy_module.html#proxy_protocol",
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#listen",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-send-proxy",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-check-send-proxy",
			"https://docs.haproxy.org/3.2/configuration.html#5.1-accept-proxy",
		},
		Since: "0.1.0",
	},
})

func proxyProtocolMismatch(_ context.Context, p *lint.Pass) {
	if !mentionsProxyProtocol(p) {
		return
	}
	heard := make([]ears, len(p.All))
	for i, c := range p.All {
		heard[i] = earsOf(c)
	}
	wants := expectations{}
	type way struct {
		to   *proxy.Upstream
		sent syntax.Ref
	}
	seen := map[way]bool{}
	vain := map[syntax.Ref]bool{}
	for _, r := range p.Config.Routes {
		key := way{r.To, r.Hop.SendProxy.At}
		if r.To == nil || seen[key] || slices.ContainsFunc(r.From, isDatagram) {
			continue
		}
		seen[key] = true
		for _, e := range r.To.Endpoints {
			if e.Down {
				continue
			}
			if c, list := listenerOf(p, heard, r, e); c != nil {
				compareProxyProtocol(p, c, r, e, list, wants)
			} else if sent, at, known := sendsProxy(r, e); sent && known && !vain[at] && lacksProxyProtocol(e) {
				vain[at] = true
				reportInVain(p, e, at)
			}
		}
	}
	if p.Config.Dialect == syntax.HAProxy {
		reportChecksWithoutProxy(p, heard, wants)
	}
}

func isDatagram(l *proxy.Listener) bool { return l.Protocol == proxy.UDP }

// mentionsProxyProtocol reports whether the rule has anything to compare.
func mentionsProxyProtocol(p *lint.Pass) bool {
	for _, c := range p.All {
		if slices.ContainsFunc(c.Listeners, func(l *proxy.Listener) bool { return l.ProxyProtocol }) {
			return true
		}
	}
	for _, r := range p.Config.Routes {
		if r.Hop.SendProxy.Value {
			return true
		}
	}
	for _, u := range p.Config.Upstreams {
		for _, e := range u.Endpoints {
			if e.SendProxy != 0 {
				return true
			}
		}
	}
	return false
}

// listenerOf returns the configuration that listens where a server is, its own before others; nil where there is none, or
// several others.
func listenerOf(p *lint.Pass, heard []ears, r *proxy.Route, e *proxy.Endpoint) (found *proxy.Config, list []*proxy.Listener) {
	for i, c := range p.All {
		reached := heard[i].reach(r, e, p.Inventory)
		switch {
		case len(reached) == 0:
		case c == p.Config:
			return c, reached
		case found != nil:
			return nil, nil
		default:
			found, list = c, reached
		}
	}
	return found, list
}

// compareProxyProtocol tells of a server that is a listener of c and gets what that does not expect, or the reverse.
func compareProxyProtocol(p *lint.Pass, c *proxy.Config, r *proxy.Route, e *proxy.Endpoint, list []*proxy.Listener, wants expectations) {
	expected, known := wants.of(list)
	sent, at, said := sendsProxy(r, e)
	passedOn := sent && list[0].Protocol == proxy.TCP && !list[0].TLS
	if !known || !said || sent == (expected != nil) || passedOn {
		return
	}
	d := lint.Diagnostic{}
	target := e.Addr.At.Text()
	if sent {
		if c.Dialect == syntax.Nginx && c.Tree.Fragment {
			d.Severity = lint.Warning // another server of the same address may expect it
		}
		d.At = at
		d.Symptom = "400"
		if list[0].TLS {
			d.Symptom = "connection reset"
		}
		d.Message = fmt.Sprintf("%s gets the PROXY protocol, which its listener does not expect", target)
		d.Hint = expectHint(c, list[0])
		d.Related = []lint.Related{{At: listenerPlace(list[0]), Message: "the listener"}}
	} else {
		d.At = e.Addr.At
		if r.Hop.Protocol == proxy.TCP {
			d.Symptom = "connection reset"
			if !slices.ContainsFunc(r.From, endsProxy) {
				d.Severity = lint.Warning // clients may send it, and it is passed on with the rest
			}
		}
		d.Message = fmt.Sprintf("the listener on %s expects the PROXY protocol, which %s does not send", target, sender(p.Config, r, e))
		d.Hint = sendHint(p.Config, c, r, e, expected)
		d.Related = []lint.Related{{At: proxyWord(expected), Message: "the listener expects it here"}}
	}
	if c != p.Config && isHere(e.Addr) {
		d.Severity = lint.Warning
	}
	p.Report(d)
}

// lacksProxyProtocol reports whether a server has the port of a program that can't read the PROXY protocol. MySQL's can be MariaDB's, and
// AMQP's RabbitMQ's, which do.
func lacksProxyProtocol(e *proxy.Endpoint) bool {
	switch e.Addr.Port {
	case 22, 5432, 6379:
		return !isOpen(e.Addr)
	}
	return false
}

func reportInVain(p *lint.Pass, e *proxy.Endpoint, at syntax.Ref) {
	d := lint.Diagnostic{
		Severity: lint.Warning, // another proxy may listen on the port
		Symptom:  "broken connections",
		At:       at,
		Message:  fmt.Sprintf("%s gets the PROXY protocol, which %s does not speak", e.Addr.At.Text(), owner(e.Addr.Port)),
		Hint:     "proxy_protocol off;",
	}
	if p.Config.Dialect == syntax.HAProxy {
		d.Hint = serverLine(e, e.Addr.At.Text(), "", "send-proxy", "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "check-send-proxy")
	}
	if !sameLine(at, e.Addr.At) {
		d.Related = []lint.Related{{At: e.Addr.At, Message: "the server"}}
	}
	p.Report(d)
}

// endsProxy reports whether a listener takes what its clients send of the PROXY protocol out, or reads all that they send.
func endsProxy(l *proxy.Listener) bool { return l.ProxyProtocol || l.TLS }

// expectations are what is known of the listeners on one socket, by the first of them: there may be thousands.
type expectations map[*proxy.Listener]expectation

type expectation struct {
	by    *proxy.Listener
	known bool
}

func (wants expectations) of(list []*proxy.Listener) (by *proxy.Listener, known bool) {
	if len(list) == 0 {
		return nil, true
	}
	e, found := wants[list[0]]
	if !found {
		e.by, e.known = expectsProxy(list)
		wants[list[0]] = e
	}
	return e.by, e.known
}

// expectsProxy returns the listener of those on one socket that wants the PROXY protocol there; nil when none does. It is
// not known where sections of HAProxy differ in it, or a rule decides. In nginx one "listen" speaks for all of its address
// (ngx_http_core_module, listen).
func expectsProxy(list []*proxy.Listener) (l *proxy.Listener, known bool) {
	var with *proxy.Listener
	known = true
	for i, l := range list {
		expects := l.ProxyProtocol
		if l.Section != nil && l.Section.File.Dialect == syntax.HAProxy {
			byRule, always := expectRule(l.Section)
			expects = expects || always
			if byRule && !always || i > 0 && expects != (with != nil) {
				known = false
			}
		}
		if expects && with == nil {
			with = l
		}
	}
	return with, known
}

// expectRule reports whether a HAProxy section has a rule to expect the PROXY protocol, and whether that always applies.
func expectRule(section *syntax.Stmt) (found, always bool) {
	for _, s := range section.Block.Stmts {
		if s.Name() == "tcp-request" && s.Arg(1) == "connection" && s.Arg(2) == "expect-proxy" {
			found = true
			always = always || s.Args() <= 3 && s.When == nil
		}
	}
	return found, always
}

// sendsProxy reports whether a server gets the PROXY protocol, where that is written, and whether it is known.
func sendsProxy(r *proxy.Route, e *proxy.Endpoint) (sent bool, at syntax.Ref, known bool) {
	if r.Stmt.File.Dialect == syntax.Nginx {
		set := r.Hop.SendProxy
		return set.Value, set.At, set.Origin != proxy.Unknown && !set.Dynamic
	}
	at = e.Addr.At
	for i := e.Stmt.Args(); i > 2; i-- {
		if strings.HasPrefix(e.Stmt.Arg(i), "send-proxy") {
			at = e.Stmt.Ref(i)
			break
		}
	}
	return e.SendProxy != 0, at, e.SendProxy != 0 || !hasUnseenDefaults(r.To)
}

func sender(c *proxy.Config, r *proxy.Route, e *proxy.Endpoint) string {
	if c.Dialect == syntax.HAProxy {
		return "server " + e.Name
	}
	return r.Stmt.Name()
}

// proxyWord returns the word that makes a listener expect the PROXY protocol.
func proxyWord(l *proxy.Listener) syntax.Ref {
	if l.Stmt == nil || l.Stmt.File.Dialect == syntax.Nginx {
		return listenerWord(l, "proxy_protocol")
	}
	return listenerWord(l, "accept-proxy")
}

// expectHint is the line for the listener's side.
func expectHint(c *proxy.Config, l *proxy.Listener) string {
	switch {
	case l.Stmt == nil:
		return "listen 80 proxy_protocol;"
	case c.Dialect == syntax.HAProxy:
		return fmt.Sprintf("bind %s accept-proxy", l.Addr.At.Text())
	}
	return fmt.Sprintf("listen %s proxy_protocol;", l.Addr.At.Text())
}

// sendHint is the line for the side of the server; nginx cannot send the PROXY protocol with HTTP.
func sendHint(own, c *proxy.Config, r *proxy.Route, e *proxy.Endpoint, l *proxy.Listener) string {
	switch {
	case own.Dialect == syntax.HAProxy:
		return serverLine(e, e.Addr.At.Text(), "send-proxy-v2")
	case r.Hop.Protocol == proxy.TCP:
		return "proxy_protocol on;"
	case c.Dialect == syntax.HAProxy:
		return fmt.Sprintf("bind %s without accept-proxy", l.Addr.At.Text())
	}
	return fmt.Sprintf("listen %s; without proxy_protocol", l.Addr.At.Text())
}

// reportChecksWithoutProxy tells of HAProxy checks with a port or an address of their own that leave out what their
// server, or the listener that they connect to, expects.
func reportChecksWithoutProxy(p *lint.Pass, heard []ears, wants expectations) {
	elsewhere := defaultsCheckElsewhere(p.Config.Tree)
	forced := forcesCheckProxy(p.Config.Tree)
	for _, u := range p.Config.Upstreams {
		if elsewhere || hasUnseenDefaults(u) {
			continue
		}
		for _, e := range u.Endpoints {
			if e.SendProxy == 0 || e.Check == nil || e.Down || isOpen(e.Addr) || forced || hasWord(e.Stmt, "check-send-proxy") {
				continue
			}
			at := ownCheckTarget(e)
			if at.IsZero() || checksElsewhere(u.Stmt) || !checksTraffic(e) && !reachesProxy(p, heard, wants, e) {
				continue
			}
			p.Report(lint.Diagnostic{
				Severity: lint.Warning,
				Symptom:  answered(u.Protocol, "503"),
				At:       at,
				Message: fmt.Sprintf("a check of server %s with %s of its own does not send the PROXY protocol that %s expects",
					e.Name, checkOwn(e), checkedAddress(e)),
				Hint: serverLine(e, e.Addr.At.Text(), "check-send-proxy"),
			})
		}
	}
}

// forcesCheckProxy reports whether some default-server line has the checks send the PROXY protocol.
func forcesCheckProxy(tree *syntax.Tree) bool {
	found := false
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		found = found || s.Name() == "default-server" && hasWord(s, "check-send-proxy")
		return true
	})
	return found
}

// ownCheckTarget returns the port or the address that a server line gives its check; zero where it gives none.
func ownCheckTarget(e *proxy.Endpoint) syntax.Ref {
	if at := optionValue(e.Stmt, "port"); !at.IsZero() {
		return at
	}
	return optionValue(e.Stmt, "addr")
}

func checkOwn(e *proxy.Endpoint) string {
	if optionValue(e.Stmt, "port").IsZero() {
		return "an address"
	}
	return "a port"
}

// checkHost returns where a check connects to.
func checkHost(e *proxy.Endpoint) (host string, port int) {
	host, port = e.Addr.Host, e.Addr.Port
	if at := optionValue(e.Stmt, "addr"); !at.IsZero() {
		host = at.Text()
	}
	if n := e.Check.Port; n.Value > 0 && !n.Dynamic {
		port = int(n.Value)
	}
	return host, port
}

func checkedAddress(e *proxy.Endpoint) string {
	host, port := checkHost(e)
	return hostPort(proxy.Address{Host: host}, port)
}

// checksTraffic reports whether a check connects to where requests go, which its port or address does not change.
func checksTraffic(e *proxy.Endpoint) bool {
	host, port := checkHost(e)
	return host == e.Addr.Host && port == e.Addr.Port && port > 0
}

// reachesProxy reports whether a check connects to a listener of this run that expects the PROXY protocol.
func reachesProxy(p *lint.Pass, heard []ears, wants expectations, e *proxy.Endpoint) bool {
	host, port := checkHost(e)
	for i := range p.All {
		if expected, known := wants.of(heard[i].reachHost(host, port, p.Inventory)); known && expected != nil {
			return true
		}
	}
	return false
}
