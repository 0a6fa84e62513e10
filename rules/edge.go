package rules

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// edge is a CDN or a cloud's load balancer, and what it documents of its connections to origins. A zero is not documented,
// or no ground for a finding.
type edge struct {
	name   string
	ranges inventory.Provider // "": the list of its networks is not known
	waits  time.Duration      // for a response
	late   lint.Symptom       // what the client gets after that
	fixed  bool               // idle can't be changed by the customer
	idle   time.Duration      // how long it keeps a connection that has nothing to do
	header int64              // bytes that the headers of a response may have
	tooBig lint.Symptom       // what the client gets for more
}

// The edges. The sources, as of 2026-02:
//
// Cloudflare: https://developers.cloudflare.com/fundamentals/reference/connection-limits/ said 100 s until 2025, and
// https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-524/ says 120 s;
// the page of error 520 says 128 KB of headers.
//
// Google: https://cloud.google.com/load-balancing/docs/https/request-distribution (600 s), and the reference of backendServices (30 s).
//
// AWS: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html (60 s) and
// load-balancer-limits.html (32 K); for CloudFront https://repost.aws/knowledge-center/cloudfront-custom-origin-response.
var (
	cloudflare = &edge{name: "Cloudflare", ranges: inventory.Cloudflare, waits: 2 * time.Minute, late: "524", header: 128 << 10, tooBig: "520"}
	googleLB   = &edge{name: "Google's load balancer", ranges: inventory.Google, waits: 30 * time.Second, late: "502 or 504", idle: 10 * time.Minute, fixed: true}
	awsALB     = &edge{name: "an Application Load Balancer", waits: time.Minute, late: "504", idle: time.Minute, header: 32 << 10, tooBig: "502"}
	cloudFront = &edge{name: "CloudFront", waits: 30 * time.Second, late: "504", idle: 5 * time.Second}
)

// edgeSign is a place that shows that an edge stands in front.
type edgeSign struct {
	*edge
	at     syntax.Ref
	ranges bool // its networks are trusted there, so that requests come from it directly
}

func (s edgeSign) related() lint.Related {
	return lint.Related{At: s.at, Message: "shows that " + s.name + " stands in front"}
}

// edgeSigns are the signs of a configuration: those that hold for all of it, and those of one server block or section. Of
// an edge the first sign is kept.
type edgeSigns struct {
	all    []edgeSign
	within map[*syntax.Stmt][]edgeSign
	inside bool // private networks are trusted, too: something else may stand between the edge and the origin

	sources map[*syntax.Stmt]bool // HAProxy sections that take the client's address from a header
}

func edgeSignsOf(p *lint.Pass) *edgeSigns {
	signs := &edgeSigns{within: map[*syntax.Stmt][]edgeSign{}, sources: map[*syntax.Stmt]bool{}}
	known := edgeNetworks(p.Inventory)
	p.Config.Tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		name := s.Name()
		if p.Config.Dialect == syntax.Nginx {
			signs.readDirective(scope, s, name, known)
		} else if s.Parent != nil && s.When.Live() {
			signs.readLine(s, name, known)
		}
		return s.Block != nil && mayShowEdge(name) && s.When.Live()
	})
	if p.Config.Dialect == syntax.HAProxy {
		signs.forgetProbes()
	}
	return signs
}

// forgetProbes drops the sections where Google's networks are known but nothing is taken from their requests: health checks
// come from there, too, whatever the kind of load balancer.
func (e *edgeSigns) forgetProbes() {
	for section, list := range e.within {
		if !e.sources[section] {
			list = slices.DeleteFunc(list, func(s edgeSign) bool { return s.edge == googleLB })
		}
		if e.within[section] = list; len(list) == 0 {
			delete(e.within, section)
		}
	}
}

// mayShowEdge reports whether a block is looked into: not those of other protocols, and those that are long.
func mayShowEdge(block string) bool {
	switch block {
	case "stream", "mail", "upstream", "map", "geo", "types", "backend", "resolvers", "peers", "cache", "userlist":
		return false
	}
	return true
}

// before returns the signs for the listeners of a server block or section.
func (e *edgeSigns) before(section *syntax.Stmt) []edgeSign {
	return slices.Concat(e.within[section], e.all)
}

// none reports whether nothing shows an edge.
func (e *edgeSigns) none() bool { return len(e.all) == 0 && len(e.within) == 0 }

func (e *edgeSigns) add(section *syntax.Stmt, sign edgeSign) {
	list := e.all
	if section != nil {
		list = e.within[section]
	}
	i := slices.IndexFunc(list, func(have edgeSign) bool { return have.edge == sign.edge })
	switch {
	case i < 0:
		list = append(list, sign)
	case sign.ranges && !list[i].ranges:
		list[i] = sign
	}
	if section != nil {
		e.within[section] = list
	} else {
		e.all = list
	}
}

// edgeNetwork is one network of an edge.
type edgeNetwork struct {
	*edge
	netip.Prefix
}

func edgeNetworks(facts *inventory.Facts) []edgeNetwork {
	var list []edgeNetwork
	for _, e := range []*edge{cloudflare, googleLB} {
		for _, n := range facts.Ranges(e.ranges).Current {
			list = append(list, edgeNetwork{e, n})
		}
	}
	return list
}

// readNetwork notes a network that is trusted.
func (e *edgeSigns) readNetwork(section *syntax.Stmt, s *syntax.Stmt, i int, known []edgeNetwork) {
	n, ok := network(s.Arg(i))
	if !ok {
		return
	}
	if n.Addr().IsPrivate() || n.Addr().IsLoopback() {
		e.inside = true
		return
	}
	for _, k := range known {
		if k.Bits() <= n.Bits() && k.Contains(n.Addr()) {
			e.add(section, edgeSign{k.edge, s.Ref(i), true})
			return
		}
	}
}

// network reads an address or a network.
func network(text string) (n netip.Prefix, ok bool) {
	if n, err := netip.ParsePrefix(text); err == nil {
		return n.Masked(), true
	}
	addr, err := netip.ParseAddr(text)
	return netip.PrefixFrom(addr, addr.BitLen()), err == nil
}

// readDirective notes what an nginx directive shows.
func (e *edgeSigns) readDirective(scope *syntax.Scope, s *syntax.Stmt, name string, known []edgeNetwork) {
	switch name {
	case "set_real_ip_from":
		e.readNetwork(serverOf(scope), s, 1, known)
	case "real_ip_header":
		if strings.EqualFold(s.Arg(1), "CF-Connecting-IP") {
			e.add(serverOf(scope), edgeSign{cloudflare, s.Ref(1), false})
		}
	case "ssl_certificate", "ssl_client_certificate":
		if namesCloudflare(s.Arg(1)) {
			e.add(serverOf(scope), edgeSign{cloudflare, s.Ref(1), false})
		}
	case "proxy_set_header", "fastcgi_param", "uwsgi_param", "grpc_set_header", "log_format", "set", "limit_req_zone", "limit_conn_zone", "map", "if":
		for i := 1; i <= s.Args(); i++ {
			if by := edgeOfVariable(s.Arg(i)); by != nil {
				e.add(serverOf(scope), edgeSign{by, s.Ref(i), false})
			}
		}
	}
}

// namesCloudflare reports whether the path of a certificate is that of one which Cloudflare issues, or presents.
func namesCloudflare(path string) bool {
	path = strings.ToLower(path)
	return strings.Contains(path, "cloudflare") && !strings.Contains(path, "letsencrypt") ||
		strings.Contains(path, "origin-pull") || strings.Contains(path, "origin_pull")
}

// edgeOfVariable returns the edge that adds the request header which an nginx word takes; nil for other words.
func edgeOfVariable(word string) *edge {
	i := strings.Index(word, "http_")
	if i < 0 || !strings.Contains(word[:i], "$") {
		return nil
	}
	word = word[i:]
	switch {
	case strings.Contains(word, "http_cf_connecting_ip"), strings.Contains(word, "http_cf_ray"):
		return cloudflare
	case strings.Contains(word, "http_x_amz_cf_id"), strings.Contains(word, "http_cloudfront_"):
		return cloudFront
	case strings.Contains(word, "http_x_amzn_trace_id"), strings.Contains(word, "http_x_amzn_oidc_"):
		return awsALB
	}
	return nil
}

// readLine notes what a line of a HAProxy section shows.
func (e *edgeSigns) readLine(s *syntax.Stmt, name string, known []edgeNetwork) {
	section := s.Parent
	if section.Name() == "defaults" {
		section = nil
	}
	switch name {
	case "acl":
		if s.Arg(2) == "src" {
			for i := 3; i <= s.Args(); i++ {
				e.readNetwork(section, s, i, known)
			}
			return
		}
	case "bind":
		for i := 2; i < s.Args(); i++ {
			if option := s.Arg(i); (option == "crt" || option == "ca-file") && namesCloudflare(s.Arg(i+1)) {
				e.add(section, edgeSign{cloudflare, s.Ref(i + 1), false})
			}
		}
		return
	case "http-request", "tcp-request", "log-format", "use_backend":
		e.sources[section] = e.sources[section] || s.Arg(1) == "set-src"
	default:
		return
	}
	for i := 1; i <= s.Args(); i++ {
		if by := edgeOfFetch(s.Arg(i)); by != nil {
			e.add(section, edgeSign{by, s.Ref(i), false})
		}
	}
}

// edgeOfFetch returns the edge that adds the request header which a HAProxy word reads; nil for other words.
func edgeOfFetch(word string) *edge {
	i := strings.IndexByte(word, '(')
	if i < 0 {
		return nil
	}
	word = strings.ToLower(word[i:])
	switch {
	case strings.Contains(word, "(cf-connecting-ip"), strings.Contains(word, "(cf-ray"):
		return cloudflare
	case strings.Contains(word, "(x-amz-cf-id"), strings.Contains(word, "(cloudfront-"):
		return cloudFront
	case strings.Contains(word, "(x-amzn-trace-id"), strings.Contains(word, "(x-amzn-oidc-"):
		return awsALB
	}
	return nil
}

// edgesOfRoute returns the signs for all listeners of a route, the edge that waits for the shortest time first.
func (e *edgeSigns) edgesOfRoute(r *proxy.Route) []edgeSign {
	var list []edgeSign
	var section *syntax.Stmt
	for _, l := range r.From {
		if l.Section == section {
			continue
		}
		section = l.Section
		for _, sign := range e.before(l.Section) {
			if !slices.ContainsFunc(list, func(have edgeSign) bool { return have.edge == sign.edge }) {
				list = append(list, sign)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b edgeSign) int { return int(a.waits - b.waits) })
	return list
}
