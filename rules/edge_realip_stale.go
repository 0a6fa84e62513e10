package rules

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "edge-realip-stale",
	Family:   lint.Edge,
	Severity: lint.Warning,
	Symptom:  "503 or 403",
	Run:      edgeRealipStale,
	Doc: lint.Doc{
		Title: "a list of an edge's networks is not the one that the edge publishes",
		Why: `A list of the networks that a CDN's requests come from was copied once, and the CDN goes on to change it. Requests from a network
that is missing count as the CDN's own: all its clients share one address, so limit_req and limit_conn answer 503 to many of them,
and where the list says who may come in, they get 403. Without either, logs show the wrong address (an info). A network that the CDN
gave up belongs to others, who may then claim to be any client (an info, too).

Looked at are set_real_ip_from, allow, and HAProxy's ACLs on src, where they have at least three of Cloudflare's networks or one of
Google's load balancers, as of 2026-02-11. IPv6 is looked at where the list has any. --update-ranges FILE gives a newer
list, one network in each line as Cloudflare publishes them, or JSON: {"cloudflare": ["173.245.48.0/20"]}; it may be repeated. Other
providers change theirs too often for a list to be kept here.`,
		How: `Fetch the list anew, best by a job that writes a file to be included, and reloads.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    set_real_ip_from 35.191.0.0/16;
    real_ip_header X-Forwarded-For;
    keepalive_timeout 620s;
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout http-keep-alive 620s
    timeout server 30s

frontend www
    bind :8080
    acl from_edge src 35.191.0.0/16
    http-request set-src hdr(X-Forwarded-For) if from_edge
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    set_real_ip_from 35.191.0.0/16;
    set_real_ip_from 130.211.0.0/22;
    real_ip_header X-Forwarded-For;
    keepalive_timeout 620s;
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout http-keep-alive 620s
    timeout server 30s

frontend www
    bind :8080
    acl from_edge src 35.191.0.0/16 130.211.0.0/22
    http-request set-src hdr(X-Forwarded-For) if from_edge
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://www.cloudflare.com/ips-v4",
			"https://www.cloudflare.com/ips-v6",
			"https://cloud.google.com/load-balancing/docs/https/request-distribution",
			"https://nginx.org/en/docs/http/ngx_http_realip_module.html#set_real_ip_from",
			"https://docs.haproxy.org/3.2/configuration.html#7.3.3-src",
		},
		Since: "0.1.0",
	},
})

func edgeRealipStale(_ context.Context, p *lint.Pass) {
	lists := networkLists(p.Config.Tree)
	if len(lists) == 0 {
		return
	}
	harm := harmOf(p.Config.Tree)
	for _, e := range []*edge{cloudflare, googleLB} {
		published := p.Inventory.Ranges(e.ranges)
		for _, list := range lists {
			part := list.partOf(published)
			if !part.isCopy(published) {
				continue
			}
			if missing := list.lacks(part, published); len(missing) > 0 && len(p.Config.Tree.Unread) == 0 && !list.open {
				p.Report(list.missing(harm, e, published, part, missing))
			}
			for _, n := range part {
				if !covered(n.Prefix, published.Current) {
					p.Report(givenUp(e, published, n))
				}
			}
		}
	}
}

// listedNetwork is a network as written.
type listedNetwork struct {
	netip.Prefix
	at syntax.Ref
}

// networkList is the networks that one block or section names in directives of one name, or in one ACL.
type networkList struct {
	name     string // of the directive, or "acl NAME src"
	open     bool   // it may hold networks that are not seen
	networks []listedNetwork
}

// listKey says which list a line adds to.
type listKey struct {
	block *syntax.Stmt
	name  string
}

// networkLists returns the lists of a configuration in its order.
func networkLists(tree *syntax.Tree) []*networkList {
	var order []*networkList
	lists := map[listKey]*networkList{}
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		name, first := listOf(tree.Dialect, s)
		if first == 0 || !s.When.Live() {
			return s.Block != nil && mayShowEdge(s.Name())
		}
		key := listKey{scope.Stmt, name}
		list := lists[key]
		if list == nil {
			list = &networkList{name: name}
			lists[key], order = list, append(order, list)
		}
		for i := first; i <= s.Args(); i++ {
			if n, ok := network(s.Arg(i)); ok {
				list.networks = append(list.networks, listedNetwork{n, s.Ref(i)})
			} else {
				list.open = list.open || s.Arg(i) != "all" && s.Arg(i) != "unix:"
			}
		}
		return false
	})
	return order
}

// listOf returns the name of the list that a line adds networks to, and the index of the first; 0 for other lines.
func listOf(dialect syntax.Dialect, s *syntax.Stmt) (name string, first int) {
	switch name := s.Name(); {
	case dialect == syntax.Nginx && (name == "set_real_ip_from" || name == "allow"):
		return name, 1
	case dialect == syntax.HAProxy && name == "acl" && s.Arg(2) == "src":
		return "acl " + s.Arg(1) + " src", 3
	}
	return "", 0
}

// provided are the networks of a list that are, or were, a provider's.
type provided []listedNetwork

func (l *networkList) partOf(published inventory.Ranges) provided {
	var part provided
	for _, n := range l.networks {
		if slices.Contains(published.Current, n.Prefix) || slices.Contains(published.Former, n.Prefix) || isWider(n.Prefix, published.Current) {
			part = append(part, n)
		}
	}
	return part
}

// isWider reports whether a network is a provider's and a little more, as one is that was split and given up in part.
func isWider(n netip.Prefix, list []netip.Prefix) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool {
		return n.Bits() < p.Bits() && p.Bits()-n.Bits() <= 2 && n.Contains(p.Addr())
	})
}

// isCopy reports whether there are enough networks for the list to be meant as the provider's.
func (part provided) isCopy(published inventory.Ranges) bool {
	const enough = 3
	return len(part) >= min(enough, (len(published.Current)+1)/2)
}

// lacks returns the networks that are missing, of the address families that the list has any of.
func (l *networkList) lacks(part provided, published inventory.Ranges) []netip.Prefix {
	var all []netip.Prefix
	for _, n := range l.networks {
		all = append(all, n.Prefix)
	}
	return slices.DeleteFunc(slices.Clone(published.Current), func(p netip.Prefix) bool {
		family := slices.ContainsFunc(part, func(n listedNetwork) bool { return n.Addr().Is4() == p.Addr().Is4() })
		return !family || covered(p, all)
	})
}

// covered reports whether all of a network is in a list, be it in several parts.
func covered(n netip.Prefix, list []netip.Prefix) bool {
	var inside []netip.Prefix
	for _, p := range list {
		switch {
		case !p.Overlaps(n):
		case p.Bits() <= n.Bits():
			return true
		default:
			inside = append(inside, p)
		}
	}
	if len(inside) < 2 {
		return false
	}
	low, high := halves(n)
	return covered(low, inside) && covered(high, inside)
}

func halves(n netip.Prefix) (low, high netip.Prefix) {
	bytes := n.Addr().AsSlice()
	bytes[n.Bits()/8] |= 0x80 >> (n.Bits() % 8)
	upper, _ := netip.AddrFromSlice(bytes)
	return netip.PrefixFrom(n.Addr(), n.Bits()+1), netip.PrefixFrom(upper, n.Bits()+1)
}

// harm is what a network that is missing in a list leads to, by what else a configuration does.
type harm struct {
	dialect          syntax.Dialect
	limits, refusals bool // of clients by their addresses
}

func harmOf(tree *syntax.Tree) harm {
	if tree.Dialect == syntax.HAProxy {
		return harm{tree.Dialect, mentions(tree, "track-sc"), mentions(tree, "deny")}
	}
	return harm{tree.Dialect, mentions(tree, "limit_req") || mentions(tree, "limit_conn"), false}
}

func (l *networkList) missing(h harm, e *edge, published inventory.Ranges, part provided, missing []netip.Prefix) lint.Diagnostic {
	d := lint.Diagnostic{
		At:      part[0].at,
		Message: fmt.Sprintf("this list lacks %s of the networks of %s", listSome(missing), e.name),
		Notes:   heldAgainst(published),
	}
	d.Hint, d.Fix = l.adding(h.dialect, part[len(part)-1].at, missing)
	switch {
	case l.name == "allow" || h.refusals:
		d.Symptom = "403"
	case h.limits:
		d.Symptom = "503, since many clients are counted as one"
	default:
		d.Severity, d.Symptom = lint.Info, lint.NoSymptom
	}
	return d
}

// adding returns the words that add networks after the last one of a list, and the repair that writes them there.
func (l *networkList) adding(dialect syntax.Dialect, last syntax.Ref, missing []netip.Prefix) (hint string, fix *lint.Fix) {
	if dialect == syntax.HAProxy {
		words := ""
		for _, n := range missing {
			words += " " + n.String()
		}
		return l.name + words, repair(last, last.Text()+words, false)
	}
	line := last.File.LineText(last.Position().Line)
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	var lines []string
	for _, n := range missing {
		lines = append(lines, l.name+" "+n.String())
	}
	fix = &lint.Fix{Title: "add what is missing", Edits: []lint.Edit{{At: last, New: last.Text() + ";\n" + indent + strings.Join(lines, ";\n"+indent)}}}
	return strings.Join(lines, "; ") + ";", fix
}

// listSome lists networks, and how many more there are.
func listSome(list []netip.Prefix) string {
	const most = 4
	var words []string
	for _, n := range list[:min(most, len(list))] {
		words = append(words, n.String())
	}
	if more := len(list) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(words, ", "), more)
	}
	return andList(words)
}

// givenUp tells of a network that is not, or not as a whole, the provider's any more.
func givenUp(e *edge, published inventory.Ranges, n listedNetwork) lint.Diagnostic {
	d := lint.Diagnostic{
		Severity: lint.Info,
		Symptom:  lint.NoSymptom,
		At:       n.at,
		Message:  fmt.Sprintf("%s is no network of %s any more, and who has it now is trusted", n.at.Text(), e.name),
		Notes:    heldAgainst(published),
	}
	var parts []string
	for _, p := range published.Current {
		if n.Contains(p.Addr()) {
			parts = append(parts, p.String())
		}
	}
	if len(parts) > 0 {
		d.Message = fmt.Sprintf("%s gave up all of %s but %s, and who has the rest is trusted", e.name, n.at.Text(), andList(parts))
	}
	return d
}

// heldAgainst names the list; not in the message, by which a baseline knows the finding.
func heldAgainst(published inventory.Ranges) []string {
	return []string{"held against the " + published.As}
}
