package probe

import (
	"fmt"
	"net/netip"
)

// backlogDetail says of a timeout at a port of this machine that connections wait there to be accepted, which tells a
// full backlog from a firewall; "" where none do. The machine is looked at once, at the first timeout.
func (p *prober) backlogDetail(addr netip.AddrPort) string {
	if n := p.machine().waiting(addr); n > 0 {
		return fmt.Sprintf("its backlog is full: %d wait to be accepted", n)
	}
	return ""
}

// waiting returns how many connections wait at an address; 0 for one of another machine.
func (m machine) waiting(addr netip.AddrPort) int {
	most := 0
	for _, s := range m.reached(addr.Addr()) {
		if s.addr.Port() == addr.Port() {
			most = max(most, s.waiting)
		}
	}
	return most
}
