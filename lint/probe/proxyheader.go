package probe

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// proxySignature begins a PROXY protocol header of version 2 (proxy-protocol.txt, 2.2).
const proxySignature = "\r\n\r\n\x00\r\nQUIT\n"

// proxyHeader returns the header that names the connection's own ends, as a proxy names its client's.
func proxyHeader(version int, conn net.Conn) []byte {
	from, to := endOf(conn.LocalAddr()), endOf(conn.RemoteAddr())
	if version == 1 {
		return proxyHeader1(from, to)
	}
	return proxyHeader2(from, to)
}

func endOf(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		end := tcp.AddrPort()
		return netip.AddrPortFrom(end.Addr().Unmap().WithZone(""), end.Port())
	}
	return netip.AddrPort{}
}

func proxyHeader1(from, to netip.AddrPort) []byte {
	family := "TCP6"
	switch {
	case !from.IsValid() || !to.IsValid():
		return []byte("PROXY UNKNOWN\r\n")
	case from.Addr().Is4():
		family = "TCP4"
	}
	return fmt.Appendf(nil, "PROXY %s %s %s %d %d\r\n", family, from.Addr(), to.Addr(), from.Port(), to.Port())
}

func proxyHeader2(from, to netip.AddrPort) []byte {
	const (
		local = 0x20 // version 2, and the connection is the proxy's own
		proxy = 0x21
		tcp4  = 0x11
		tcp6  = 0x21
	)
	header := []byte(proxySignature)
	if !from.IsValid() || !to.IsValid() {
		return append(header, local, 0, 0, 0)
	}
	family := byte(tcp6)
	if from.Addr().Is4() {
		family = tcp4
	}
	ends := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	ends = binary.BigEndian.AppendUint16(ends, from.Port())
	ends = binary.BigEndian.AppendUint16(ends, to.Port())
	header = append(header, proxy, family)
	header = binary.BigEndian.AppendUint16(header, uint16(len(ends)))
	return append(header, ends...)
}
