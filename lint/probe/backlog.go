package probe

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// backlogDetail says that connections wait to be accepted at a port of this machine, which tells a full backlog from a
// firewall; "" where none do, or the address is no local one.
func backlogDetail(addr netip.AddrPort) string {
	if n := waiting(addr); n > 0 {
		return fmt.Sprintf("its backlog is full: %d connections wait to be accepted", n)
	}
	return ""
}

// waiting returns how many connections wait at a local listener. The rx_queue of a listening socket is their number
// (proc_pid_net(5)).
func waiting(addr netip.AddrPort) int {
	most := 0
	for _, path := range [...]string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(path)
		if err != nil {
			continue // not Linux, or no IPv6
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			most = max(most, waitingIn(lines.Text(), addr))
		}
	}
	return most
}

// waitingIn reads one line: "0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 ...".
func waitingIn(line string, addr netip.AddrPort) int {
	const listen = "0A"
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[3] != listen || !slices.Contains(bound(addr), fields[1]) {
		return 0
	}
	_, queue, _ := strings.Cut(fields[4], ":")
	n, err := strconv.ParseUint(queue, 16, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// bound returns how procfs writes the addresses of listeners that answer for one.
func bound(addr netip.AddrPort) []string {
	var list []string
	ip := addr.Addr().Unmap()
	for _, a := range [...]netip.Addr{ip, netip.AddrFrom16(ip.As16()), netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		var text strings.Builder
		for word := range slices.Chunk(a.AsSlice(), 4) {
			fmt.Fprintf(&text, "%08X", binary.NativeEndian.Uint32(word))
		}
		list = append(list, fmt.Sprintf("%s:%04X", text.String(), addr.Port()))
	}
	return list
}
