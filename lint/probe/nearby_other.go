//go:build !linux

package probe

import "net/netip"

// nearby knows nothing where there is no procfs.
func nearby(netip.AddrPort) []Listening { return nil }
