package probe

import (
	"cmp"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// maxNearby bounds how many listening ports are told of.
const maxNearby = 5

// everywhere are the ports of services that most machines have: nobody means them by an upstream.
var everywhere = []uint16{22, 25, 53, 111, 123, 631, 5353, 5355}

// findNearby tells of every refused address of this machine what listens there instead.
func findNearby(results []*Result) {
	m := newMachine()
	holders := sync.OnceValue(func() map[string]string { return holdersOf(m.sockets()) })
	for _, r := range results {
		for _, try := range r.Tries {
			if try.Cause == Refused && r.Addr.Socket == "" {
				if r.Nearby = m.nearby(try.Addr, holders); r.Nearby != nil {
					break
				}
			}
		}
	}
}

// nearby returns what listens on this machine where an address of it refused a connection, the nearest port first.
func (m machine) nearby(refused netip.AddrPort, holders func() map[string]string) []Listening {
	var list []Listening
	seen := map[uint16]bool{}
	for _, s := range m.reached(refused.Addr()) {
		if port := s.addr.Port(); !seen[port] && !slices.Contains(everywhere, port) {
			seen[port] = true
			list = append(list, Listening{int(port), holders()[s.inode]})
		}
	}
	distance := func(l Listening) int { return max(l.Port-int(refused.Port()), int(refused.Port())-l.Port) }
	slices.SortFunc(list, func(a, b Listening) int {
		return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a.Port, b.Port))
	})
	return list[:min(len(list), maxNearby)]
}

// holdersOf returns the names of the processes that hold sockets, by their inodes, as far as this user may see them.
func holdersOf(sockets []ownSocket) map[string]string {
	const most = 100_000 // descriptors looked at
	wanted := map[string]bool{}
	for _, s := range sockets {
		wanted[s.inode] = true
	}
	holders := map[string]string{}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is right
	for _, link := range links[:min(len(links), most)] {
		target, err := os.Readlink(link)
		inode, isSocket := strings.CutPrefix(target, "socket:[")
		inode = strings.TrimSuffix(inode, "]")
		if err != nil || !isSocket || !wanted[inode] || holders[inode] != "" {
			continue
		}
		if name, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(link)), "comm")); err == nil {
			holders[inode] = strings.TrimSpace(string(name))
		}
	}
	return holders
}
