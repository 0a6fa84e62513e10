package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "tcp-idle-timeout",
	Family:   lint.Timeouts,
	Severity: lint.Info,
	Symptom:  "connections closed early",
	Run:      tcpIdleTimeout,
	Doc: lint.Doc{
		Title: "database and shell connections that are closed when nobody has spoken for a while",
		Why: `Applications keep connections to databases and queues open in a pool, and people their shells, and neither says anything for
minutes. In nginx's stream "proxy_timeout" counts all the while; in HAProxy's mode tcp "timeout client" and "timeout server" do,
where no "timeout tunnel" takes their place. The proxy closes what has been silent for longer, and the next query fails with "server has
gone away", "connection reset" or "unexpected EOF". TCP keep-alives don't help, since they are no data.

The rule goes by the well-known ports of SSH, SQL Server, Oracle, MySQL, RDP, PostgreSQL, Redis and MongoDB. Below half a minute it is a warning,
below ten minutes an info. AMQP and the Kubernetes API, which speak every half a minute by themselves, are told of below that time only.`,
		How: `Let such connections be silent for an hour: "timeout tunnel 1h" in the HAProxy section, "proxy_timeout 1h" in nginx.`,
		Bad: lint.Example{
			Nginx: `events {}
stream {
    server {
        listen 5432;
        proxy_timeout 3s;
        proxy_pass 10.0.0.10:5432;
    }
}
`,
			HAProxy: `defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s

listen db
    bind :5432
    server db1 10.0.0.10:5432 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
stream {
    server {
        listen 5432;
        proxy_timeout 1h;
        proxy_pass 10.0.0.10:5432;
    }
}
`,
			HAProxy: `defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    timeout tunnel 1h

listen db
    bind :5432
    server db1 10.0.0.10:5432 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/stream/ngx_stream_proxy_module.html#proxy_timeout",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20tunnel",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20client",
		},
		Since: "0.1.0",
	},
})

// heartbeat is how often those protocols speak that do so by themselves; nobody's pool is refreshed more often.
const heartbeat = 30 * time.Second

// idleForLong is nginx's built-in proxy_timeout, and about what pools keep a connection for.
const idleForLong = 10 * time.Minute

// idler returns the protocol of a port whose connections are silent for long, and below which time it suffers.
func idler(port int) (protocol string, needs time.Duration) {
	switch port {
	case 1433:
		return "SQL Server", idleForLong
	case 1521:
		return "Oracle", idleForLong
	case 3389:
		return "RDP", idleForLong
	case 6432:
		return "PostgreSQL", idleForLong
	case 22, 3306, 5432, 6379, 27017:
		return owner(port), idleForLong
	case 5672:
		return owner(port), heartbeat
	case 6443:
		return "Kubernetes API", heartbeat
	}
	return "", 0
}

func tcpIdleTimeout(_ context.Context, p *lint.Pass) {
	told := map[syntax.Ref]bool{}
	for _, r := range p.Config.Routes {
		if r.To == nil || r.Hop.Protocol != proxy.TCP || p.Config.Dialect == syntax.Nginx && !fromTCP(r) ||
			p.Config.Dialect == syntax.HAProxy && !serves(r.To.Stmt, r.To.Protocol) {
			continue
		}
		name, limit := idleLimit(r, p.Config.Dialect)
		if name == "" || told[limit.At] {
			continue
		}
		if e, protocol := idleServer(r.To, limit.Value); e != nil {
			told[limit.At] = true
			reportIdle(p, name, limit, e, protocol)
		}
	}
}

// idleLimit returns the time after which the connections of a route are closed in silence, and its name; "" where there is none,
// it is not known, or another rule tells of it.
func idleLimit(r *proxy.Route, d syntax.Dialect) (name string, limit proxy.Setting[time.Duration]) {
	if d == syntax.Nginx {
		return shorter("", limit, "proxy_timeout", r.Hop.Timeouts.Read)
	}
	if tunnel := r.To.Timeouts.Tunnel; tunnel.Origin == proxy.Unknown || tunnel.Dynamic || tunnel.Value > 0 {
		return "", limit
	}
	name, limit = shorter("", limit, "timeout server", r.To.Timeouts.Read)
	for _, l := range r.From {
		name, limit = shorter(name, limit, "timeout client", l.Timeouts.Client)
	}
	return name, limit
}

// shorter returns the shorter one of two times. Times below a second are timeout-too-short's and timeout-unit's, as are hours written in
// seconds.
func shorter(name string, t proxy.Setting[time.Duration], otherName string, other proxy.Setting[time.Duration]) (string, proxy.Setting[time.Duration]) {
	if !isWritten(other) || other.Value < time.Second || isDigits(other.At.Text()) && isHours(uint64(other.Value/time.Millisecond)) ||
		name != "" && t.Value <= other.Value {
		return name, t
	}
	return otherName, other
}

// idleServer returns a server in use whose connections are silent for longer than a time.
func idleServer(u *proxy.Upstream, limit time.Duration) (e *proxy.Endpoint, protocol string) {
	for _, e := range u.Endpoints {
		if protocol, needs := idler(e.Addr.Port); limit < needs && !e.Down && !isOpen(e.Addr) {
			return e, protocol
		}
	}
	return nil, ""
}

func reportIdle(p *lint.Pass, name string, limit proxy.Setting[time.Duration], e *proxy.Endpoint, protocol string) {
	d := lint.Diagnostic{
		At:      limit.At,
		Message: fmt.Sprintf("%s %s closes %s connections that are silent for longer", name, limit.At.Text(), protocol),
		Hint:    "timeout tunnel 1h",
		Related: []lint.Related{{At: e.Addr.At, Message: "where they lead to"}},
	}
	if p.Config.Dialect == syntax.Nginx {
		d.Hint = "proxy_timeout 1h;"
	}
	if limit.Value < heartbeat {
		d.Severity = lint.Warning
	}
	p.Report(d)
}
