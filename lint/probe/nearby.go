package probe

import (
	"net"
	"net/netip"
)

// findNearby tells of every refused address of this machine what listens there instead.
func findNearby(results []*Result) {
	var m ownSockets
	own := ownAddrs()
	for _, r := range results {
		for _, try := range r.Tries {
			if try.Cause == Refused && r.Addr.Socket == "" && (try.Addr.Addr().IsLoopback() || own[try.Addr.Addr()]) {
				r.Nearby = m.nearby(try.Addr)
				break
			}
		}
	}
}

// ownAddrs returns the addresses of this machine.
func ownAddrs() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	list, _ := net.InterfaceAddrs() // none known is none told of
	for _, a := range list {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			own[prefix.Addr()] = true
		}
	}
	return own
}
