package probe

import (
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// haproxyReserve is how many bytes of HAProxy's buffer a response header can't have: of the default 16,384 it takes 15,273
// (measured with HAProxy 2.6). fastcgiRecord is what the FastCGI record's own header takes of nginx's buffer.
const (
	haproxyReserve = 16384 - 15273
	fastcgiRecord  = 8
)

// HeaderRoom returns how many bytes a response header may have; 0 when that is not known.
func (t *Target) HeaderRoom() int {
	size := int(t.Limits.Header.Value)
	switch {
	case t.Limits.Header.Origin == proxy.Unknown || t.Limits.Header.Dynamic || t.Protocol == proxy.TCP:
		return 0
	case t.Dialect == syntax.HAProxy:
		return size - haproxyReserve
	case t.Protocol == proxy.FastCGI:
		return size - fastcgiRecord
	}
	return size
}

// Overflows reports whether the header of an answer is too big for the proxy, which gives its client a 502 instead.
func (t *Target) Overflows(try Try) bool {
	room := t.HeaderRoom()
	return room > 0 && try.Header > room
}
