package rules

import (
	"fmt"
	"iter"
	"net/netip"
	"path"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// dialed yields the servers that a configuration writes out, those with a placeholder for a host among them.
func dialed(c *proxy.Config) iter.Seq[peer] {
	return dialedIn(c, func(*proxy.Upstream) bool { return true })
}

// dialedNames is dialed without most of those that are IPv4 addresses.
func dialedNames(c *proxy.Config) iter.Seq[peer] {
	return dialedIn(c, func(u *proxy.Upstream) bool { return !u.Plain })
}

func dialedIn(c *proxy.Config, wanted func(*proxy.Upstream) bool) iter.Seq[peer] {
	return func(yield func(peer) bool) {
		for _, u := range c.Upstreams {
			if u.Implicit || !wanted(u) {
				continue
			}
			for _, e := range u.Endpoints {
				if hasLiteralHost(e) && !yield(peer{addr: e.Addr, endpoint: e, pool: u}) {
					return
				}
			}
		}
		for _, r := range c.Routes {
			// other routes to the same upstream have its host from elsewhere
			if r.To == nil || !r.To.Implicit || r.To.Stmt != r.Stmt || !wanted(r.To) {
				continue
			}
			if e := r.To.Endpoints[0]; hasLiteralHost(e) && !yield(peer{addr: e.Addr, endpoint: e, route: r, pool: r.To}) {
				return
			}
		}
	}
}

func hasLiteralHost(e *proxy.Endpoint) bool { return !e.Addr.Dynamic && isWrittenOut(e.Addr.HostAt) }

// isWrittenOut reports whether what stands at a place is known: as written, or as the environment fills in a template.
func isWrittenOut(at syntax.Ref) bool { return literal(at) != "" || isFilled(at) }

// isFilled reports whether a template's marks stand at a place, and the environment tells what they write.
func isFilled(at syntax.Ref) bool { return at.File != nil && at.File.Filled(at.Span) }

// unanswered is what comes of an address at which nobody is.
func (p peer) unanswered() lint.Symptom {
	return unavailable(p.dialect(), p.protocol(), "")
}

// unreached is what comes of an address to which packets are lost. A tunnel's 502 comes after its own time.
func (p peer) unreached() lint.Symptom {
	if p.dialect() == syntax.Nginx {
		return answered(p.protocol(), "504")
	}
	return p.unanswered()
}

// placeholders are words that stand where a host is yet to be written.
var placeholders = map[string]bool{
	"changeme": true, "change-me": true, "change_me": true, "replaceme": true, "replace-me": true, "replace_me": true,
}

// yours are the words that follow "your" in a placeholder. Others are names of products, such as your-spotify.
var yours = map[string]bool{
	"address": true, "api": true, "app": true, "application": true, "backend": true, "container": true, "dns": true, "domain": true,
	"here": true, "host": true, "hostname": true, "internal": true, "ip": true, "machine": true, "name": true, "server": true,
	"service": true, "site": true, "upstream": true, "web": true, "website": true,
}

// isUnfilled reports whether a host is a word that a person was meant to replace: <IP>, CHANGEME, your-backend,
// x.x.x.x. The marks that scripts replace are not meant.
func isUnfilled(host string) bool {
	if isNumeric(host) {
		return false
	}
	host = inventory.HostKey(host)
	if i := strings.IndexByte(host, '<'); i >= 0 {
		return strings.IndexByte(host[i:], '>') > 1 && !strings.Contains(host, "%")
	}
	label, _, _ := strings.Cut(host, ".")
	if strings.Count(host, ".") > 1 && label == "your" { // your.server.ip
		label = strings.ReplaceAll(host, ".", "-")
	}
	return placeholders[host] || isYours(label) || isMaskedIP(host)
}

// isNumeric reports whether a host holds digits and dots alone, as IPv4 addresses do.
func isNumeric(host string) bool {
	for i := range len(host) {
		if c := host[i]; (c < '0' || c > '9') && c != '.' {
			return false
		}
	}
	return true
}

// isYours reports whether a label is "your" and words that name no backend in particular.
func isYours(label string) bool {
	rest, found := strings.CutPrefix(label, "your")
	if !found || rest == "" {
		return false
	}
	for word := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == '-' || r == '_' }) {
		if !yours[strings.TrimRight(word, "0123456789")] {
			return false
		}
	}
	return true
}

// isMaskedIP reports whether a host is an IPv4 address with an x for some of its digits.
func isMaskedIP(host string) bool {
	return strings.Count(host, ".") == 3 && strings.Trim(host, "0123456789.x") == "" && strings.Contains(host, "x") &&
		!strings.HasPrefix(host, ".") && !strings.Contains(host, "..")
}

// documentationNets are for examples in texts (RFC 5737, RFC 3849, RFC 9637).
var documentationNets = [...]netip.Prefix{
	prefix4(192, 0, 2), prefix4(198, 51, 100), prefix4(203, 0, 113),
	netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8}), 32),
	netip.PrefixFrom(netip.AddrFrom16([16]byte{0x3f, 0xff}), 20),
}

func prefix4(a, b, c byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b, c, 0}), 24)
}

// documentationNet returns the network for examples that an address is in.
func documentationNet(addr netip.Addr) (net netip.Prefix, found bool) {
	for _, net := range documentationNets {
		if net.Contains(addr) {
			return net, true
		}
	}
	return netip.Prefix{}, false
}

// reservedEnds are the names that are set apart from the DNS of the world, and why (RFC 2606, 6761, 7686).
var reservedEnds = [...]struct{ end, why string }{
	{".invalid", "names under .invalid have no address anywhere"},
	{".test", "no DNS server of the world knows names under .test"},
	{".localhost", "no DNS server knows names under .localhost"},
	{".onion", "DNS knows no names under .onion, which only Tor reaches"},
	{".example", "names under .example are for documentation"},
	{".example.com", "names under example.com are for documentation"},
	{".example.net", "names under example.net are for documentation"},
	{".example.org", "names under example.org are for documentation"},
}

// reserved returns why a name is known to no DNS server, or to none that would lead to a backend; "" else.
func reserved(name string) string {
	name = "." + inventory.HostKey(name)
	for _, r := range reservedEnds {
		if strings.HasSuffix(name, r.end) && strings.Count(name, ".") > 1 {
			return r.why
		}
	}
	return ""
}

// isSample reports whether a file is there to be copied and filled in, by its name.
func isSample(f *syntax.File) bool {
	name := strings.ToLower(path.Base(f.Path))
	return strings.Contains(name, "sample") || strings.Contains(name, "example") || strings.Contains(name, "template") ||
		strings.HasSuffix(name, ".dist")
}

// exampleFile returns a function that tells whether a whole configuration is an example: by its name, or because what
// it listens for is reserved for that too, or is not in sight. The answer is found once.
func exampleFile(c *proxy.Config) func() bool {
	return sync.OnceValue(func() bool {
		if isSample(c.Tree.Roots[0]) {
			return true
		}
		example := len(c.Listeners) == 0 && c.Tree.Fragment
		for name := range ownNames(c) {
			if reserved(name) == "" {
				return false
			}
			example = true
		}
		for _, l := range c.Listeners {
			if addr, err := netip.ParseAddr(l.Addr.Host); err == nil {
				_, documentation := documentationNet(addr)
				example = example || documentation
			}
		}
		return example
	})
}

// ownNames yields the names with a dot that a configuration answers to: nginx's server names, what stands in the
// conditions of HAProxy.
func ownNames(c *proxy.Config) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, l := range c.Listeners {
			for _, at := range l.Names {
				name := strings.TrimPrefix(strings.TrimPrefix(literal(at), "*"), ".")
				if strings.Contains(name, ".") && isHostName(name) && !yield(name) {
					return
				}
			}
		}
		if c.Dialect == syntax.HAProxy {
			conditionNames(c.Tree, yield)
		}
	}
}

// conditionNames yields the words of HAProxy's conditions that have the form of a domain name.
func conditionNames(tree *syntax.Tree, yield func(string) bool) {
	more := true
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if name := s.Name(); name == "acl" || name == "use_backend" {
			for i := 2; i <= s.Args() && more; i++ {
				name := strings.TrimPrefix(s.Arg(i), ".")
				if strings.Contains(name, ".") && isHostName(name) {
					more = yield(name)
				}
			}
		}
		return more
	})
}

// alsoAt lists places as related ones, and says how many are left out.
func alsoAt(places []syntax.Ref, message string) []lint.Related {
	var related []lint.Related
	for i, at := range places {
		text := message
		if rest := len(places) - 1 - i; i == maxRelated-1 && rest > 0 {
			text = fmt.Sprintf("%s, and in %d more %s", message, rest, plural(rest, "place"))
		}
		related = append(related, lint.Related{At: at, Message: text})
		if len(related) == maxRelated {
			break
		}
	}
	return related
}
