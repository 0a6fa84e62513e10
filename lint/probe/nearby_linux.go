package probe

import (
	"bufio"
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

// nearby returns what listens on this machine where an address of it refused a connection, the nearest port first.
func nearby(refused netip.AddrPort) []Listening {
	if !isOwn(refused.Addr()) {
		return nil
	}
	inodes := map[string]uint16{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		readListening(table, func(addr netip.AddrPort, inode string) {
			if addr.Addr().IsUnspecified() || addr.Addr() == refused.Addr() {
				inodes[inode] = addr.Port()
			}
		})
	}
	var list []Listening
	seen := map[uint16]bool{}
	holders := holdersOf(inodes)
	for inode, port := range inodes {
		if !seen[port] && !slices.Contains(everywhere, port) {
			seen[port] = true
			list = append(list, Listening{int(port), orElse(holders[inode], "another program")})
		}
	}
	distance := func(l Listening) int { return max(l.Port-int(refused.Port()), int(refused.Port())-l.Port) }
	slices.SortFunc(list, func(a, b Listening) int {
		if d := distance(a) - distance(b); d != 0 {
			return d
		}
		return a.Port - b.Port
	})
	return list[:min(len(list), maxNearby)]
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
