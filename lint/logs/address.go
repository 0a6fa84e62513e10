package logs

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint/inventory"
)

// splitPort takes "10.0.0.7:8080", "[::1]:80", "app.test" or "unix:/run/app.sock" apart. A host is as
// hostKey has it; no port is -1.
func splitPort(address string) (host string, port int) {
	if strings.HasPrefix(address, "unix:") {
		return address, -1
	}
	colon := strings.LastIndexByte(address, ':')
	if colon >= 0 && (strings.Count(address, ":") == 1 || strings.HasPrefix(address, "[") && address[colon-1] == ']') {
		if n, ok := digits(address[colon+1:]); ok {
			return hostKey(address[:colon]), n
		}
	}
	return hostKey(address), -1
}

// hostKey returns a host in one way of writing it: addresses as RFC 5952 has them, names in lower case.
func hostKey(host string) string {
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return addr.Unmap().String()
	}
	return inventory.HostKey(host)
}

func joinPort(host string, port int) string { return host + ":" + strconv.Itoa(port) }

// isLiteral reports whether a host or socket stands for itself, and needs no lookup.
func isLiteral(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || strings.HasPrefix(host, "unix:")
}
