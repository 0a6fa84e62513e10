package probe

import (
	"net"
	"net/netip"
)

// findNearby tells of every refused address of this machine what listens there instead.
func findNearby(results []*Result) {
	known := map[netip.AddrPort][]Listening{}
	for _, r := range results {
		for _, try := range r.Tries {
			if try.Cause != Refused || r.Addr.Socket != "" {
				continue
			}
			found, asked := known[try.Addr]
			if !asked {
				found = nearby(try.Addr)
				known[try.Addr] = found
			}
			r.Nearby = found
			break
		}
	}
}

// isOwn reports whether an address is one of this machine's.
func isOwn(addr netip.Addr) bool {
	if addr.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range own {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr() == addr {
			return true
		}
	}
	return false
}
