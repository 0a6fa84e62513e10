package main

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
)

// resolver is the value of a flag that says who is asked for names; "": those that the configuration names.
type resolver string

// Set takes the word for the system, or the address of a DNS server, whose port may be left out.
func (r *resolver) Set(value string) error {
	const dnsPort = 53
	server, err := netip.ParseAddrPort(value)
	if addr, notAddr := netip.ParseAddr(value); notAddr == nil {
		server, err = netip.AddrPortFrom(addr, dnsPort), nil
	}
	switch {
	case value == probe.SystemResolver:
		*r = probe.SystemResolver
	case err != nil || server.Port() == 0:
		return errors.New("want " + probe.SystemResolver + ", or a DNS server such as 10.0.0.53 or [fd00::53]:5353")
	default:
		*r = resolver(server.String())
	}
	return nil
}

// String is for the help, which shows no default.
func (r *resolver) String() string { return "" }

// standIns is the values of a flag that says what names stand for, as probe.Options.ResolveHost has them.
type standIns map[string][]netip.Addr

// Set adds an address of a name and a port.
func (s standIns) Set(value string) error {
	dialed, text, _ := strings.Cut(value, "=")
	name, digits, err := net.SplitHostPort(dialed)
	port, portErr := strconv.ParseUint(digits, 10, 16)
	addr, addrErr := netip.ParseAddr(text)
	if errors.Join(err, portErr, addrErr) != nil || name == "" || port == 0 {
		return errors.New("want NAME:PORT=IP, such as app:8080=127.0.0.1")
	}
	name = inventory.HostKey(name)
	key := net.JoinHostPort(name, strconv.FormatUint(port, 10))
	s[key] = append(s[key], addr)
	return nil
}

// String is for the help, which shows no default.
func (s standIns) String() string { return "" }
