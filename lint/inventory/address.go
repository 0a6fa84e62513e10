package inventory

import (
	"io/fs"
	"net/netip"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// socketAddress returns the address of a unix socket.
func socketAddress(path Value) proxy.Address {
	return proxy.Address{Socket: path.Text, Port: -1, Dynamic: path.Dynamic, At: path.At}
}

// portAddress returns the address of a port alone.
func portAddress(port Value) proxy.Address {
	return proxy.Address{Port: portNumber(port.Text), Dynamic: port.Dynamic, At: port.At, PortAt: port.At}
}

// hostPort returns the address "host:port", "[host]:port", ":port" or "host", whose port is then the usual one.
func hostPort(v Value, usual int) proxy.Address {
	addr := proxy.Address{Port: usual, Dynamic: v.Dynamic, At: v.At}
	host := v
	if i := strings.LastIndexByte(v.Text, ':'); i >= 0 && !strings.HasSuffix(v.Text, "]") {
		port := v.part(i+1, len(v.Text))
		addr.Port, addr.PortAt = portNumber(port.Text), port.At
		host = v.part(0, i)
	} else if v.Dynamic {
		addr.Port = -1
	}
	setHost(&addr, host)
	return addr
}

// joinAddress returns the address of a host and a port that stand apart; one of them may be absent.
func joinAddress(host, port Value) proxy.Address {
	addr := portAddress(port)
	if !port.isSet() {
		addr.Port, addr.At = -1, host.At
	}
	setHost(&addr, host)
	addr.Dynamic = addr.Dynamic || host.Dynamic
	return addr
}

// setHost sets the host of an address. "*" and "+" are none: the server listens on all addresses.
func setHost(addr *proxy.Address, host Value) {
	if strings.HasPrefix(host.Text, "[") && strings.HasSuffix(host.Text, "]") {
		host = host.part(1, len(host.Text)-1)
	}
	if host.Text != "" && host.Text != "*" && host.Text != "+" {
		addr.Host, addr.HostAt = host.Text, host.At
	}
}

// serverBind reads what a server is told to bind: an address or a port, also behind "tcp://", "http://" or "ssl://",
// "unix:" and a path, or a path. Settings may follow behind "?".
func serverBind(v Value, usualPort int) Bind {
	v.Dynamic = v.Dynamic || strings.Contains(v.Text, "$") // a variable that nobody here fills in
	if i := strings.IndexByte(v.Text, '?'); i >= 0 {
		v = v.part(0, i)
	}
	scheme, _, hasScheme := strings.Cut(v.Text, "://")
	if hasScheme {
		v = v.after(scheme + "://")
	} else if strings.HasPrefix(v.Text, "unix:") {
		v, scheme = v.after("unix:"), "unix"
	}
	b := Bind{TLS: hasScheme && (scheme == "ssl" || scheme == "https")}
	switch {
	case hasScheme && scheme == "fd": // a socket of whoever started it
		b.Addr = proxy.Address{Port: -1, Dynamic: true, At: v.At}
	case scheme == "unix" || strings.HasPrefix(v.Text, "/"):
		b.Addr = socketAddress(v)
	case isDigits(v.Text):
		b.Addr = portAddress(v)
	default:
		b.Addr = hostPort(v, usualPort)
	}
	return b
}

// portNumber returns the number of a port; -1 when the text is none.
func portNumber(text string) int {
	if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16); err == nil && n > 0 {
		return int(n)
	}
	return -1
}

// unbracketed takes the brackets off an IPv6 address.
func unbracketed(addr string) string { return strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]") }

// isLoopback reports whether an address is reached from the same container or machine alone.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// setMode sets the mode of a unix socket from octal digits.
func (b *Bind) setMode(v Value) {
	n, err := strconv.ParseUint(v.Text, 8, 12)
	if err == nil && !v.Dynamic {
		b.Mode, b.ModeAt = fs.FileMode(n), v.At
	}
}
