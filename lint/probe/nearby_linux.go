package probe

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxNearby bounds how many listening ports are told of.
const maxNearby = 5

// everywhere are the ports of services that most machines have: nobody means them by an upstream.
var everywhere = []uint16{22, 25, 53, 111, 123, 631, 5353, 5355}

// socketListen is the state of a listening socket in /proc/net/tcp (include/net/tcp_states.h).
const socketListen = "0A"

// ownSockets are what listens on this machine, read when first asked.
type ownSockets struct {
	read    bool
	sockets []ownSocket
}

// ownSocket is a listening socket of this machine.
type ownSocket struct {
	addr    netip.AddrPort
	process string // "" when not known
}

// nearby returns what listens on this machine where an address of it refused a connection, the nearest port first.
func (m *ownSockets) nearby(refused netip.AddrPort) []Listening {
	if !m.read {
		m.read, m.sockets = true, listeningSockets()
	}
	var list []Listening
	seen := map[uint16]bool{}
	for _, s := range m.sockets {
		port := s.addr.Port()
		if isReached := s.addr.Addr().IsUnspecified() || s.addr.Addr() == refused.Addr(); isReached && !seen[port] {
			seen[port] = true
			list = append(list, Listening{int(port), s.process})
		}
	}
	distance := func(l Listening) int { return max(l.Port-int(refused.Port()), int(refused.Port())-l.Port) }
	slices.SortFunc(list, func(a, b Listening) int {
		return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a.Port, b.Port))
	})
	return list[:min(len(list), maxNearby)]
}

// listeningSockets returns the listening sockets that may be meant by an upstream.
func listeningSockets() []ownSocket {
	ports := map[string]uint16{} // by the socket's inode
	addrs := map[string]netip.AddrPort{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		readListening(table, func(addr netip.AddrPort, inode string) {
			if !slices.Contains(everywhere, addr.Port()) {
				ports[inode], addrs[inode] = addr.Port(), addr
			}
		})
	}
	holders := holdersOf(ports)
	var list []ownSocket
	for inode, addr := range addrs {
		list = append(list, ownSocket{addr, holders[inode]})
	}
	return list
}

// readListening calls fn for the listening sockets of a table in /proc/net (proc(5)).
func readListening(table string, fn func(addr netip.AddrPort, inode string)) {
	file, err := os.Open(table)
	if err != nil {
		return
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != socketListen {
			continue
		}
		if addr, ok := parseProcAddress(fields[1]); ok {
			fn(addr, fields[9])
		}
	}
}

// parseProcAddress reads "0100007F:1F90": the address in words of the machine's byte order, which is taken for little
// endian, and the port.
func parseProcAddress(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	number, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	addr, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), ok
}

// holdersOf returns the names of the processes that hold sockets, as far as this user may see them.
func holdersOf(inodes map[string]uint16) map[string]string {
	const most = 100_000 // descriptors looked at
	holders := map[string]string{}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is right
	for _, link := range links[:min(len(links), most)] {
		target, err := os.Readlink(link)
		inode, isSocket := strings.CutPrefix(target, "socket:[")
		inode = strings.TrimSuffix(inode, "]")
		if _, wanted := inodes[inode]; err != nil || !isSocket || !wanted || holders[inode] != "" {
			continue
		}
		if name, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(link)), "comm")); err == nil {
			holders[inode] = strings.TrimSpace(string(name))
		}
	}
	return holders
}
