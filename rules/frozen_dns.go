package rules

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "frozen-dns",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Symptom:  "502 after a change",
	Run:      frozenDNS,
	Doc: lint.Doc{
		Title: "a host name that is looked up only when the proxy starts",
		Why: `Both proxies resolve the names in their configuration once, as they read it. When the address behind the name
changes later, because a container was made anew, a service moved, or a load balancer in the cloud was scaled, requests
go on to the old address: 502, 503 or 504, or the answer of whoever has that address now. A reload mends it until the
next time.

It is a warning for names whose addresses change as a matter of course: names without a dot (containers and services),
.consul, .internal, pods of headless Kubernetes services, and the load balancers and application hosts of the clouds. For
other names it is an info. Names that the system's hosts file gives an address can be told with --hosts.`,
		How: `nginx: let the name come through a variable, with a resolver in scope, or from 1.27.3 on mark the server
with "resolve" in a group that has a zone. The resolver reads neither /etc/hosts nor the search list of
/etc/resolv.conf, so the name must be one that DNS itself knows; inside Docker, 127.0.0.11 knows the containers.

With a variable in proxy_pass nginx passes the request's path on as it is; a path written after the address must
become a rewrite.

HAProxy: name a resolvers section on the server line; "init-addr last,libc,none" lets HAProxy start even where the name
has no address yet.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://app:3000;
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
    server app1 app:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        location / {
            set $backend app;
            proxy_pass http://$backend:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers dns
    nameserver docker 127.0.0.11:53
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app:3000 check resolvers dns init-addr last,libc,none
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve",
			"https://docs.haproxy.org/3.2/configuration.html#5.3",
		},
		Since: "0.1.0",
	},
})

// nameUse is a place where a name stands that is looked up only at start, and the first route that leads there;
// nil: none does.
type nameUse struct {
	upstream *proxy.Upstream
	endpoint *proxy.Endpoint
	route    *proxy.Route
}

// maxRelated is how many other places a finding lists.
const maxRelated = 3

// frozen is what one finding tells of: a name, or the names of one pool whose addresses change for the same reason.
type frozen struct {
	reason string // "" where nothing tells that they change
	names  int
	uses   []nameUse
}

func frozenDNS(_ context.Context, p *lint.Pass) {
	// what is no host, or not the right one, has no addresses that could change
	seen := toldBy(p, []func(context.Context, *lint.Pass){upstreamTypo, invHostUnknown, invContainerIndexName, invK8sServiceMissing})
	example := exampleFile(p.Config)
	byName := map[string]*frozen{}
	type cause struct {
		pool   *proxy.Upstream
		reason string
	}
	byPool := map[cause]*frozen{}
	var order []*frozen
	for _, u := range frozenUses(p.Config) {
		addr := u.endpoint.Addr
		if seen[addr.HostAt] || isPinned(addr.Host) || p.Inventory.Host(addr.Host) != nil || !p.Config.Wants(addr.HostAt.File) {
			continue
		}
		// unroutable-address and host-reserved tell of these
		if isUnfilled(addr.Host) || reserved(addr.Host) != "" && !example() {
			continue
		}
		seen[addr.HostAt] = true
		name := inventory.HostKey(addr.Host)
		f := byName[name]
		if f == nil {
			key := cause{u.upstream, whyVolatile(name)}
			if f = byPool[key]; f == nil {
				f = &frozen{reason: key.reason}
				byPool[key] = f
				order = append(order, f)
			}
			byName[name] = f
			f.names++
		}
		f.uses = append(f.uses, u)
	}
	if len(order) == 0 {
		return
	}
	wrongPorts := toldBy(p, []func(context.Context, *lint.Pass){invPublishedPort, invPortMismatch, invK8sServicePort})
	for _, f := range order {
		f.report(p, wrongPorts)
	}
}

// frozenUses lists the names that are looked up at start only, in the order of the model.
func frozenUses(c *proxy.Config) []nameUse {
	var list []nameUse
	add := func(u nameUse, p peer) {
		e := u.endpoint
		// server-template-static and init-addr-none tell of the last two
		if !e.Addr.Dynamic && isHostName(e.Addr.Host) && !e.Resolve && !mayResolve(c.Dialect, e) && e.Slots == 0 && !e.NoLibc && !isBroken(p) {
			list = append(list, u)
		}
	}
	routes := map[*proxy.Upstream]*proxy.Route{}
	for _, r := range c.Routes {
		if routes[r.To] == nil {
			routes[r.To] = r
		}
	}
	for _, u := range c.Upstreams {
		if u.Implicit || u.Plain {
			continue
		}
		for _, e := range u.Endpoints {
			add(nameUse{u, e, routes[u]}, peer{addr: e.Addr, endpoint: e, pool: u})
		}
	}
	groups := lazyGroups(c)
	for _, r := range c.Routes {
		// a name without a port may be that of a group
		if r.To != nil && r.To.Implicit && !r.Runtime && (!r.To.Endpoints[0].Addr.PortAt.IsZero() || groups().all) {
			if p, known := passPeer(r, groups); known {
				add(nameUse{r.To, r.To.Endpoints[0], r}, p)
			}
		}
	}
	return list
}

// mayResolve reports whether a HAProxy server has resolvers, or may have them from where they are not seen.
func mayResolve(d syntax.Dialect, e *proxy.Endpoint) bool {
	return d == syntax.HAProxy && e.Resolver.Origin != proxy.Default
}

// seesGroups reports whether the tree shows every upstream group that nginx will know.
func seesGroups(tree *syntax.Tree) bool {
	for s := range tree.Unread {
		if !holdsTables(s.Arg(1)) && (s.Parent == nil || s.Parent.Name() == "http" || s.Parent.Name() == "stream") {
			return false
		}
	}
	return !tree.Fragment
}

// report tells of the names, with a hint that does not repeat a port that other rules find wrong.
func (f *frozen) report(p *lint.Pass, wrongPorts map[syntax.Ref]bool) {
	first := f.uses[0]
	addr := first.endpoint.Addr
	d := lint.Diagnostic{At: addr.HostAt, Symptom: unavailable(p.Config.Dialect, first.upstream.Protocol, " after a change")}
	if !wrongPorts[addr.PortAt] {
		d.Hint = thawHint(p.Config, first)
	}
	reason := f.reason
	if reason == "" {
		d.Severity, reason = lint.Info, "so a later change of the address goes unnoticed"
	}
	names := fmt.Sprintf("%q", addr.Host)
	if f.names > 1 {
		names += fmt.Sprintf(" and %d more %s", f.names-1, plural(f.names-1, "name"))
	}
	d.Message = fmt.Sprintf("%s looks up %s only at start, %s", p.Config.Dialect.Product(), names, reason)
	var others []syntax.Ref
	for _, u := range f.uses[1:] {
		others = append(others, u.endpoint.Addr.HostAt)
	}
	d.Related = alsoAt(others, "here too")
	p.Report(d)
}

// isHostName reports whether a host is a name, rather than an IP address or what can be neither.
func isHostName(host string) bool {
	letters := false
	for i := range len(host) {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters = true
		case c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_':
		default:
			return false
		}
	}
	return letters
}

// isPinned reports whether a name's address can't change: the name of the own host, as such or as
// Docker and Podman write it into a container's hosts file, or a name that spells its address out.
func isPinned(host string) bool {
	host = inventory.HostKey(host)
	switch host {
	case "localhost", "localhost.localdomain", "ip6-localhost",
		"host.docker.internal", "gateway.docker.internal", "host.containers.internal":
		return true
	}
	label, _, _ := strings.Cut(host, ".")
	for _, prefix := range []string{"ip-", "ec2-"} {
		if digits, ok := strings.CutPrefix(label, prefix); ok {
			_, err := netip.ParseAddr(strings.ReplaceAll(digits, "-", "."))
			return err == nil
		}
	}
	return strings.HasSuffix(host, ".localhost")
}

// rotating are the ends of names whose addresses the clouds change without notice.
var rotating = []string{
	".amazonaws.com", ".amazonaws.com.cn", ".cloudfront.net", ".elasticbeanstalk.com", ".awsapprunner.com", ".on.aws",
	".azurewebsites.net", ".azurecontainerapps.io", ".azure-api.net", ".azurefd.net", ".azureedge.net", ".trafficmanager.net",
	".windows.net", ".run.app", ".appspot.com", ".cloudfunctions.net", ".web.app", ".firebaseapp.com", ".googleapis.com",
	".herokuapp.com", ".herokudns.com", ".herokussl.com", ".vercel.app", ".netlify.app", ".fly.dev", ".onrender.com",
	".railway.app", ".ondigitalocean.app", ".workers.dev", ".pages.dev", ".github.io", ".gitlab.io",
	".fastly.net", ".akamaiedge.net", ".edgekey.net", ".edgesuite.net", ".b-cdn.net",
}

// whyVolatile says why a name's addresses change as a matter of course; "" where nothing tells so.
func whyVolatile(name string) string {
	if !strings.Contains(name, ".") {
		return "and containers and services get new addresses when they are made anew"
	}
	for _, end := range rotating {
		if strings.HasSuffix(name, end) {
			return fmt.Sprintf("and the addresses of *%s change without notice", end)
		}
	}
	switch {
	case strings.HasSuffix(name, ".consul"):
		return "and Consul's answer changes with the instances that are healthy"
	case strings.HasSuffix(name, ".internal"):
		return "and addresses under .internal change with the machines"
	case isHeadless(name):
		return "and a headless service has the addresses of its pods, which change with every restart"
	}
	return ""
}

// isHeadless reports whether a Kubernetes name leads to pods: POD.SERVICE.NAMESPACE.svc, which only headless
// services have, or a service that says so itself.
func isHeadless(name string) bool {
	name = strings.TrimSuffix(name, ".cluster.local")
	service, found := strings.CutSuffix(name, ".svc")
	return found && (strings.Count(service, ".") >= 2 || strings.Contains(service, "headless"))
}

// thawHint returns the lines that let the proxy look the name up again.
func thawHint(c *proxy.Config, u nameUse) string {
	address := u.endpoint.Addr.At.Text()
	if c.Dialect == syntax.HAProxy {
		section, also := sectionToName(c)
		return serverLine(u.endpoint, address, "resolvers "+section+" init-addr last,libc,none", "init-addr VALUE") + also
	}
	resolver := "resolver ADDRESS; "
	if u.upstream.Resolver.Written() || u.route != nil && u.route.Resolver.Written() {
		resolver = ""
	}
	if c.Version.AtLeast(proxy.Version{1, 27, 3}) {
		return resolver + resolveLines(u)
	}
	if len(u.upstream.Endpoints) > 1 {
		return resolver + resolveLines(u) + " (nginx 1.27.3 or later)"
	}
	hint := resolver + variableLines(u)
	if !c.Version.Known() {
		line := fmt.Sprintf("server %s resolve;", address)
		if !u.upstream.Implicit {
			line = serverLine(u.endpoint, address, "resolve")
		}
		hint += fmt.Sprintf(" (from nginx 1.27.3 on also %q in a group with a zone)", line)
	}
	return hint
}

// resolveLines puts the name into an upstream group that looks it up again.
func resolveLines(u nameUse) string {
	address := u.endpoint.Addr.At.Text()
	switch {
	case u.upstream.Implicit:
		host := u.endpoint.Addr.Host
		return fmt.Sprintf("upstream %s { zone %s 64k; server %s resolve; }", host, host, address)
	case u.upstream.Zone.IsZero():
		return fmt.Sprintf("zone %s 64k; %s", u.upstream.Name, serverLine(u.endpoint, address, "resolve"))
	}
	return serverLine(u.endpoint, address, "resolve")
}

// variableLines lets the name come through a variable.
func variableLines(u nameUse) string {
	addr := u.endpoint.Addr
	host := addr.Host
	if isFilled(addr.HostAt) {
		host = addr.HostAt.Text()
	}
	address := strings.Replace(addr.At.Text(), host, "$backend", 1)
	if u.route == nil {
		return fmt.Sprintf("set $backend %s; proxy_pass http://%s;", addr.Host, address)
	}
	scheme := ""
	if at := u.route.Hop.Scheme; !at.IsZero() {
		scheme = at.Text() + "://"
	}
	return fmt.Sprintf("set $backend %s; %s%s %s%s;", addr.Host, rewriteLine(u.route), u.route.Stmt.Name(), scheme, address)
}

// rewriteLine does what the path in a proxy_pass did, which has no such effect beside a variable.
func rewriteLine(r *proxy.Route) string {
	if !r.Hop.URI.Written() || r.Hop.URI.Value == r.Match.Text {
		return ""
	}
	switch r.Match.Kind {
	case proxy.MatchPrefix:
		return fmt.Sprintf("rewrite ^%s(.*)$ %s$1 break; ", regexp.QuoteMeta(r.Match.Text), r.Hop.URI.Value)
	case proxy.MatchExact:
		return fmt.Sprintf("rewrite ^ %s break; ", r.Hop.URI.Value)
	}
	return ""
}
