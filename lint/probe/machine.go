package probe

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// machine is what is known of the machine that this program runs on. The kernel goes through all connections to list the
// sockets, so they are read when first asked for, and once.
type machine struct {
	addrs   []netip.Addr
	sockets func() []ownSocket
}

// ownSocket is a listening TCP socket of this machine.
type ownSocket struct {
	addr    netip.AddrPort
	waiting int // connections that wait to be accepted
	inode   string
}

func newMachine() machine {
	m := machine{sockets: sync.OnceValue(listeningSockets)}
	addrs, _ := net.InterfaceAddrs() // without them only the loopback is known
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			m.addrs = append(m.addrs, prefix.Addr())
		}
	}
	return m
}

// reached returns the sockets that an address leads to, on whatever port; none where it is another machine's.
func (m machine) reached(ip netip.Addr) []ownSocket {
	ip = ip.Unmap()
	if !ip.IsLoopback() && !slices.Contains(m.addrs, ip) {
		return nil
	}
	var list []ownSocket
	for _, s := range m.sockets() {
		if s.addr.Addr() == ip || s.addr.Addr().IsUnspecified() {
			list = append(list, s)
		}
	}
	return list
}

func listeningSockets() []ownSocket {
	var tables [2][]ownSocket
	var reads sync.WaitGroup
	for i, path := range [...]string{"/proc/net/tcp", "/proc/net/tcp6"} {
		reads.Go(func() { tables[i] = readSockets(path) })
	}
	reads.Wait()
	return slices.Concat(tables[:]...)
}

// readSockets reads the listening sockets of a table (proc_pid_net(5)).
func readSockets(path string) []ownSocket {
	file, err := os.Open(path)
	if err != nil {
		return nil // not Linux, or no IPv6
	}
	defer file.Close()
	var list []ownSocket
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if s, ok := parseSocket(lines.Text()); ok {
			list = append(list, s)
		}
	}
	return list
}

// parseSocket reads a line such as "0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000 0 0 4711"; false
// where it is not of a listening socket, whose rx_queue is the number of connections that wait.
func parseSocket(line string) (ownSocket, bool) {
	const listen = "0A" // include/net/tcp_states.h
	fields := strings.Fields(line)
	if len(fields) < 10 || fields[3] != listen {
		return ownSocket{}, false
	}
	addr, ok := parseProcAddress(fields[1])
	_, queue, _ := strings.Cut(fields[4], ":")
	waiting, err := strconv.ParseUint(queue, 16, 31)
	return ownSocket{addr, int(waiting), fields[9]}, ok && err == nil
}

// parseProcAddress reads "0100007F:1F90": the address in words of the machine's byte order, and the port.
func parseProcAddress(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	number, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(b, 4) {
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	addr, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), ok
}
