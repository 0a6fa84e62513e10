package probe

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// tellBacklogs says of timeouts at ports of this machine whether connections wait there to be accepted, which tells a
// full backlog from a firewall. It is done once, at the end: the kernel goes through all connections for it.
func tellBacklogs(results []*Result) {
	machine := sync.OnceValue(newMachine)
	for _, r := range results {
		for i := range r.Tries {
			try := &r.Tries[i]
			if try.Cause != TimedOut {
				continue
			}
			if n := machine().waiting(try.Addr); n > 0 {
				try.Detail = fmt.Sprintf("its backlog is full: %d wait to be accepted", n)
			}
		}
	}
}

// machine is what is known of the machine that this program runs on.
type machine struct {
	addrs  []netip.Addr
	queues map[string]int // how many connections wait, by the listener's address as procfs writes it
}

func newMachine() machine {
	m := machine{queues: map[string]int{}}
	addrs, _ := net.InterfaceAddrs() // without them only the loopback is known
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			m.addrs = append(m.addrs, prefix.Addr())
		}
	}
	m.readQueues("/proc/net/tcp")
	m.readQueues("/proc/net/tcp6")
	return m
}

// readQueues reads a table of sockets. The rx_queue of one that listens is the number that waits (proc_pid_net(5)).
func (m *machine) readQueues(path string) {
	file, err := os.Open(path)
	if err != nil {
		return // not Linux, or no IPv6
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if addr, n := parseListener(lines.Text()); n > 0 {
			m.queues[addr] = n
		}
	}
}

// parseListener reads a line such as "0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 ...". The number is 0 where
// nothing listens or waits.
func parseListener(line string) (addr string, waiting int) {
	const listen = "0A"
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[3] != listen {
		return "", 0
	}
	_, hex, _ := strings.Cut(fields[4], ":")
	n, err := strconv.ParseUint(hex, 16, 31)
	if err != nil {
		return "", 0
	}
	return fields[1], int(n)
}

// waiting returns how many connections wait at an address; 0 for one of another machine.
func (m machine) waiting(addr netip.AddrPort) int {
	ip := addr.Addr().Unmap()
	if !ip.IsLoopback() && !slices.Contains(m.addrs, ip) {
		return 0
	}
	most := 0
	for _, a := range [...]netip.Addr{ip, netip.AddrFrom16(ip.As16()), netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		most = max(most, m.queues[inProcfs(a, addr.Port())])
	}
	return most
}

// inProcfs writes an address as procfs does: words of the machine's byte order, in hexadecimal.
func inProcfs(a netip.Addr, port uint16) string {
	var text strings.Builder
	for word := range slices.Chunk(a.AsSlice(), 4) {
		fmt.Fprintf(&text, "%08X", binary.NativeEndian.Uint32(word))
	}
	return fmt.Sprintf("%s:%04X", text.String(), port)
}
