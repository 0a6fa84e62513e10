package probe

import (
	"context"
	"net"
	"net/netip"
)

// resolve returns the addresses that the proxy would use for a target.
func (p *prober) resolve(ctx context.Context, t *Target) Found {
	if t.Addr.Socket != "" {
		return Found{}
	}
	port := uint16(t.Addr.Port)
	if addr, err := netip.ParseAddr(t.Addr.Host); err == nil {
		return Found{Addrs: []netip.AddrPort{netip.AddrPortFrom(addr, port)}}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.Addr.Host)
	if err != nil {
		return Found{Outcome: Outcome{Cause: Unresolvable, Detail: err.Error()}}
	}
	var found Found
	for _, addr := range addrs {
		found.Addrs = append(found.Addrs, netip.AddrPortFrom(addr.Unmap(), port))
	}
	if t.Lookup.How == Libc {
		found.Addrs, found.Others = found.Addrs[:1], found.Addrs[1:]
	}
	return found
}
