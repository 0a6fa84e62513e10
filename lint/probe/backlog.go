package probe

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// backlogDetail says of a timeout at a port of this machine that connections wait there to be accepted, which tells a
// full backlog from a firewall; "" where none do. The kernel goes through all connections for it, so it is asked once, at
// the first timeout.
func (p *prober) backlogDetail(addr netip.AddrPort) string {
	if n := p.machine().waiting(addr); n > 0 {
		return fmt.Sprintf("its backlog is full: %d wait to be accepted", n)
	}
	return ""
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
	var tables [2]map[string]int
	var reads sync.WaitGroup
	for i, path := range [...]string{"/proc/net/tcp", "/proc/net/tcp6"} {
		reads.Go(func() { tables[i] = readQueues(path) })
	}
	reads.Wait()
	for _, table := range tables {
		maps.Copy(m.queues, table)
	}
	return m
}

// readQueues reads a table of sockets. The rx_queue of one that listens is the number that waits (proc_pid_net(5)).
func readQueues(path string) map[string]int {
	file, err := os.Open(path)
	if err != nil {
		return nil // not Linux, or no IPv6
	}
	defer file.Close()
	queues := map[string]int{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if addr, n := parseListener(lines.Text()); n > 0 {
			queues[addr] = n
		}
	}
	return queues
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
