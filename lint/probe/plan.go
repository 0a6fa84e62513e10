package probe

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Plan returns what would be dialed for the configurations, in the order of the files. What can't be known offline
// (a variable, a template's mark) is no target. No network is used.
func Plan(configs []*proxy.Config, facts *inventory.Facts) []*Target {
	pl := &planner{facts: facts, seen: map[key]*Target{}}
	for _, c := range configs {
		pl.config = c
		for _, r := range c.Routes {
			if r.To != nil {
				pl.pool(r.To, r)
			}
		}
		for _, u := range c.Upstreams {
			pl.pool(u, nil) // HAProxy checks the servers of backends that no route leads to
		}
	}
	return pl.targets
}

// planner collects targets.
type planner struct {
	config  *proxy.Config
	facts   *inventory.Facts
	targets []*Target
	seen    map[key]*Target
}

// key is what makes two servers one target.
type key struct {
	config     *proxy.Config
	pool       *proxy.Upstream
	host       string
	socket     string
	port       int
	protocol   proxy.Protocol
	tls, http2 bool
	sni        string
	sendProxy  int
	how        How
}

// pool adds the servers of an upstream as one route reaches them; nil: as none does.
func (pl *planner) pool(u *proxy.Upstream, r *proxy.Route) {
	if r == nil && pl.config.Dialect == syntax.Nginx {
		return // nginx says at a pass what is spoken
	}
	for _, e := range u.Endpoints {
		if t := pl.target(u, e, r); t != nil {
			pl.add(u, t)
		}
	}
}

func (pl *planner) add(u *proxy.Upstream, t *Target) {
	k := key{
		config: pl.config, pool: u, host: strings.ToLower(t.Addr.Host), socket: t.Addr.Socket, port: t.Addr.Port,
		protocol: t.Protocol, tls: t.TLS != nil, http2: t.HTTP2, sendProxy: t.SendProxy, how: t.Lookup.How,
	}
	if t.TLS != nil {
		k.sni = t.TLS.SNI
	}
	if known := pl.seen[k]; known != nil {
		known.merge(t)
		return
	}
	pl.seen[k] = t
	pl.targets = append(pl.targets, t)
}

// merge takes over what another route allows less of.
func (t *Target) merge(other *Target) {
	if other.Addr.At != t.Addr.At {
		t.Also = append(t.Also, other.Addr.At)
	}
	if other.Limits.Read.Value < t.Limits.Read.Value {
		t.Limits.Read = other.Limits.Read
	}
}

// target returns one server as a target; nil when it is not in use, or where it is can't be known.
func (pl *planner) target(u *proxy.Upstream, e *proxy.Endpoint, r *proxy.Route) *Target {
	if e.Down || e.Addr.Dynamic || e.Addr.Host == "" && e.Addr.Socket == "" {
		return nil
	}
	t := &Target{
		Config: pl.config, Dialect: pl.config.Dialect, Version: pl.config.Version, Addr: e.Addr, Server: e.Name, Backup: e.Backup,
		Pool: Pool{Name: u.Name, At: u.At}, Protocol: u.Protocol, Path: "/",
	}
	for _, other := range u.Endpoints {
		if !other.Down {
			t.Pool.Servers++
		}
	}
	t.Lookup = pl.lookup(u, e, r)
	timeouts := u.Timeouts
	if r != nil {
		t.Protocol, timeouts = r.Hop.Protocol, r.Hop.Timeouts
		t.Limits.Header = r.Hop.Buffers.Size
	}
	if timeouts != nil {
		t.Limits.Connect, t.Limits.Read = timeouts.Connect, timeouts.Read
	}
	t.Limits.Idle = u.Idle
	if e.Addr.PortAt.IsZero() && e.Addr.Socket == "" {
		t.Addr.Port = 80
		if r != nil && r.Hop.TLS != nil && u.Implicit {
			t.Addr.Port = 443
		}
	}
	t.Host = cmp.Or(t.Pool.Name, t.Addr.Host)
	return t
}

// lookup says how the proxy finds a server's addresses.
func (pl *planner) lookup(u *proxy.Upstream, e *proxy.Endpoint, r *proxy.Route) Lookup {
	if _, err := netip.ParseAddr(e.Addr.Host); err == nil || e.Addr.Socket != "" {
		return Lookup{}
	}
	if pl.config.Dialect == syntax.HAProxy {
		return Lookup{How: Libc}
	}
	return Lookup{How: AtStart}
}
