package rules

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// dialedAddrs yields the servers that are dialed at an IP address, each with it.
func dialedAddrs(p *lint.Pass) iter.Seq2[peer, netip.Addr] {
	return func(yield func(peer, netip.Addr) bool) {
		for dialed := range dialed(p.Config) {
			addr, err := netip.ParseAddr(dialed.addr.Host)
			if err != nil || dialed.endpoint.Down || !p.Config.Wants(dialed.addr.HostAt.File) || isOpen(dialed.addr) ||
				!dialed.pool.Plain && malformed(dialed) != nil {
				continue
			}
			if !yield(dialed, plainAddr(addr)) {
				return
			}
		}
	}
}

// plainAddr returns an address without its zone, and an IPv4 one as such.
func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// calling is what a configuration calls a server.
type calling struct {
	name string
	at   syntax.Ref
	pool bool // it is the name of a pool with this server alone, which may say what is behind it
}

// calledOnLine returns what a server is called on its own line: HAProxy's name for it, and a comment of one word.
func calledOnLine(p peer) []calling {
	var list []calling
	if p.dialect() == syntax.HAProxy && isHostName(p.endpoint.Name) && len(p.endpoint.Stmt.Words) > 1 {
		list = append(list, calling{name: p.endpoint.Name, at: p.endpoint.Stmt.Ref(1)})
	}
	if at := lineComment(p); !at.IsZero() {
		list = append(list, calling{name: at.Text(), at: at})
	}
	return list
}

// calledByPool returns the name of the pool that a server is alone in.
func calledByPool(p peer) []calling {
	if p.pool.Implicit || p.pool.Open || len(p.pool.Endpoints) != 1 || !isHostName(p.pool.Name) {
		return nil
	}
	return []calling{{name: p.pool.Name, at: p.pool.At, pool: true}}
}

// lineComment returns the comment behind a server's line when it is one word that may be a name; else the zero Ref.
func lineComment(p peer) syntax.Ref {
	s := p.endpoint.Stmt
	if p.route != nil {
		s = p.route.Stmt
	}
	end := s.Words[len(s.Words)-1].End
	if p.addr.HostAt.File != s.File || p.addr.HostAt.Span.Start < s.Start || p.addr.HostAt.Span.End > end {
		return syntax.Ref{} // the address comes from another line
	}
	comments := s.File.Comments
	i := sort.Search(len(comments), func(i int) bool { return comments[i].Start >= end })
	if i == len(comments) || strings.Trim(s.File.Src[end:comments[i].Start], " \t;") != "" {
		return syntax.Ref{}
	}
	text := s.File.Text(comments[i].Span)
	word := strings.TrimSpace(strings.TrimLeft(text, "#"))
	if word == "" || !isHostName(word) {
		return syntax.Ref{}
	}
	from := strings.Index(text, word)
	return s.File.Ref(comments[i].Span).Sub(from, from+len(word))
}

// known is what the hosts file and the machines given say of a name.
type known struct {
	addrs    []netip.Addr
	machines []inventory.Machine
}

// knownElsewhere returns what is known of a name when that is at other addresses of the same kind than the one
// written; nil where it may have that one too.
func knownElsewhere(facts *inventory.Facts, name string, addr netip.Addr) *known {
	k := &known{machines: facts.MachinesNamed(name)}
	add := func(list []netip.Addr) (own bool) {
		for _, other := range list {
			other = plainAddr(other)
			if other == addr || other.IsLoopback() { // its own name, as Debian writes it
				return true
			}
			if isAlike(other, addr) && !slices.Contains(k.addrs, other) {
				k.addrs = append(k.addrs, other)
			}
		}
		return false
	}
	own := add(facts.Host(name))
	for _, m := range k.machines {
		own = own || add(m.Addrs)
	}
	if own || len(k.addrs) == 0 || slices.ContainsFunc(facts.MachinesAt(addr), func(m inventory.Machine) bool {
		return strings.EqualFold(firstLabel(m.Name), firstLabel(name))
	}) {
		return nil
	}
	return k
}

// isAlike reports whether two addresses are of one family and both private or both public. A machine often has one of
// each, of which an inventory lists one.
func isAlike(a, b netip.Addr) bool { return a.Is4() == b.Is4() && a.IsPrivate() == b.IsPrivate() }

func firstLabel(name string) string {
	label, _, _ := strings.Cut(name, ".")
	return label
}

// disagreement tells of a server whose name belongs to other addresses.
func disagreement(p *lint.Pass, dialed peer, addr netip.Addr, called calling, k *known) lint.Diagnostic {
	texts := make([]string, len(k.addrs))
	for i, a := range k.addrs {
		texts[i] = a.String()
	}
	d := lint.Diagnostic{
		At:      dialed.addr.HostAt,
		Message: fmt.Sprintf("%s is %s as far as is known, not %s", called.name, strings.Join(texts[:min(len(texts), maxRelated)], " or "), addr),
		Related: []lint.Related{{At: called.at, Message: "the name"}},
	}
	for _, m := range k.machines[:min(len(k.machines), maxRelated)] {
		if m.At.Text() != "" {
			d.Related = append(d.Related, lint.Related{At: m.At, Message: "its addresses are listed here"})
		}
	}
	if others := p.Inventory.MachinesAt(addr); len(others) == 1 && others[0].At.Text() != "" {
		d.Related = append(d.Related, lint.Related{At: others[0].At, Message: fmt.Sprintf("%s is the address of %s", addr, onLine(others[0].Name))})
	}
	if len(k.addrs) == 1 {
		d.Hint = strings.Replace(dialed.addr.At.Text(), dialed.addr.HostAt.Text(), writtenAddr(k.addrs[0], dialed.addr), 1)
		d.Fix = repair(d.At, writtenAddr(k.addrs[0], dialed.addr), false)
	}
	return d
}

// writtenAddr writes an address in the place of another: the brackets of IPv6 stay where they are.
func writtenAddr(addr netip.Addr, at proxy.Address) string {
	if addr.Is6() && strings.HasPrefix(at.HostAt.Text(), "[") {
		return "[" + addr.String() + "]"
	}
	return addr.String()
}

// pinnedTo returns the one service of a project that has an address, and where it gets it; nil when none has, or several.
func pinnedTo(project *inventory.Project, addr netip.Addr) (owner *inventory.Service, join inventory.Join) {
	for _, s := range project.Services {
		for _, j := range s.Joins {
			if !slices.Contains(j.Addrs, addr) {
				continue
			}
			if owner != nil && owner != s {
				return nil, inventory.Join{}
			}
			owner, join = s, j
		}
	}
	return owner, join
}

// subnetWith returns the subnet of a project's networks that an address is in, and the network; nil when it is in none.
func subnetWith(networks []*inventory.Network, addr netip.Addr) (*inventory.Network, inventory.Subnet) {
	for _, n := range networks {
		for _, s := range n.Subnets {
			if s.Prefix.Contains(addr) {
				return n, s
			}
		}
	}
	return nil, inventory.Subnet{}
}

// isGateway reports whether an address is the one that Docker gives the host in a network.
func isGateway(prefix netip.Prefix, addr netip.Addr) bool {
	return prefix.Masked().Addr().Next() == addr
}
