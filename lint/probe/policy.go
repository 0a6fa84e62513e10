package probe

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// never are the addresses that no upstream should have: whoever writes the configuration would read this machine's
// credentials, or reach many machines at once. An entry of Options.Allow inside of one lifts it.
var never = [...]struct {
	prefix netip.Prefix
	reason string
}{
	{netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254}), 16), "a link-local address, where clouds keep metadata"},
	{netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80}), 10), "a link-local address"},
	{netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0x00, 0x0e, 0xc2, 14: 0x02, 15: 0x54}), 128), "a cloud's metadata address"},
	{netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0x20, 0x00, 0xce, 14: 0x02, 15: 0x54}), 128), "a cloud's metadata address"},
	{netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 100, 100, 200}), 32), "a cloud's metadata address"},
	{netip.PrefixFrom(netip.AddrFrom4([4]byte{224}), 4), "a multicast address"},
	{netip.PrefixFrom(netip.AddrFrom16([16]byte{0xff}), 8), "a multicast address"},
	{netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 32), "the broadcast address"},
}

// permit says whether an address may be dialed: its Cause is OK, Denied, or NotTestable where the proxy takes it for
// something else than an address. It is asked before every connection, after resolution.
func (p *prober) permit(t *Target, addr netip.Addr) Outcome {
	if addr.Unmap().IsUnspecified() {
		if t.Dialect == syntax.HAProxy {
			return Outcome{Cause: NotTestable, Detail: "HAProxy goes to the address that the client came to"}
		}
		addr = loopback(addr.Unmap()) // as the kernel takes it
	}
	if within(p.Deny, addr) {
		return denied("an entry of deny has it")
	}
	reached := plain(addr)
	for _, n := range never {
		if n.prefix.Contains(reached) && !p.names(reached, n.prefix) {
			return denied(fmt.Sprintf("%s is %s, which --allow does not name", reached, n.reason))
		}
	}
	switch {
	case p.Within != nil && !within(p.Within, addr), len(p.Allow) > 0 && !within(p.Allow, addr):
		return denied("no entry of allow has it")
	case len(p.Allow) > 0:
		return Outcome{}
	case !p.AllowPublic && isPublic(reached):
		return denied(fmt.Sprintf("%s is a public address, which --allow-public lets be dialed", reached))
	}
	return Outcome{}
}

func denied(reason string) Outcome { return Outcome{Cause: Denied, Detail: reason} }

// names reports whether an entry of Allow means an address of a prefix that is never dialed, rather than all the world.
func (p *prober) names(addr netip.Addr, never netip.Prefix) bool {
	return slices.ContainsFunc(p.Allow, func(prefix netip.Prefix) bool {
		prefix = plainPrefix(prefix)
		return prefix.Contains(addr) && prefix.Bits() >= never.Bits()
	})
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(list, func(prefix netip.Prefix) bool { return has(prefix, addr) })
}

// has reports whether a prefix holds an address as it is written, or as it is reached.
func has(prefix netip.Prefix, addr netip.Addr) bool {
	return prefix.Contains(addr.WithZone("")) || plainPrefix(prefix).Contains(plain(addr))
}

// nat64 is the prefix behind which translators have IPv4 (RFC 6052).
var nat64 = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x00, 0x64, 0xff, 0x9b}), 96)

// plain returns the address that is reached in the end: without a zone, and IPv4 where IPv6 only wraps it.
func plain(addr netip.Addr) netip.Addr {
	addr = addr.WithZone("").Unmap()
	if nat64.Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

func plainPrefix(prefix netip.Prefix) netip.Prefix {
	const wrapped = 96 // bits before the IPv4 address
	if a := prefix.Addr(); a.Is4In6() && prefix.Bits() >= wrapped {
		return netip.PrefixFrom(a.Unmap(), prefix.Bits()-wrapped)
	}
	return prefix
}

func loopback(unspecified netip.Addr) netip.Addr {
	if unspecified.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// carrierNAT is the space that providers share among customers (RFC 6598); clouds use it inside.
var carrierNAT = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)

func isPublic(addr netip.Addr) bool {
	return addr.IsGlobalUnicast() && !addr.IsPrivate() && !carrierNAT.Contains(addr)
}
