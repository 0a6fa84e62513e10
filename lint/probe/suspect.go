package probe

import (
	"crypto/tls"
	"slices"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// suspect is a protocol that is tried where the configured one was not answered.
type suspect struct {
	name  string
	ports []uint16 // where it is usually found
	as    func(*Target) *Target
}

// The names that a PROXY header has part in: it is wanted, or it is not.
const (
	wantsProxy   = "PROXY protocol"
	refusesProxy = "no PROXY protocol"
)

// suspects returns all of them.
func suspects() []suspect {
	return []suspect{
		{"TLS", []uint16{443, 6443, 8443, 9443}, asTLS},
		{"HTTP", []uint16{80, 3000, 5000, 8000, 8080}, as(proxy.HTTP)},
		{"HTTP/2", []uint16{50051}, asHTTP2},
		{"FastCGI", []uint16{9000, 9001, 9002}, as(proxy.FastCGI)},
		{"uwsgi", []uint16{3031}, as(proxy.UWSGI)},
		{"SCGI", []uint16{4000}, as(proxy.SCGI)},
		{"AJP", []uint16{8009}, as(proxy.AJP)},
		{"memcached", []uint16{11211}, as(proxy.Memcached)},
		{wantsProxy, nil, func(t *Target) *Target { return withProxy(t, 2) }},
		{refusesProxy, nil, func(t *Target) *Target { return withProxy(t, 0) }},
	}
}

// as returns what makes a target one of another protocol, in the clear.
func as(spoken proxy.Protocol) func(*Target) *Target {
	return func(t *Target) *Target {
		other := *t
		other.Protocol, other.TLS, other.HTTP2, other.SendProxy = spoken, nil, false, 0
		return &other
	}
}

func asHTTP2(t *Target) *Target {
	other := as(proxy.HTTP)(t)
	other.HTTP2 = true
	return other
}

func asTLS(t *Target) *Target {
	other := as(proxy.TCP)(t)
	other.TLS = &TLS{SNI: hostOnly(t.Host), Minimum: tls.VersionTLS10}
	return other
}

func withProxy(t *Target, version int) *Target {
	other := *t
	other.SendProxy = version
	return &other
}

// evidence is what is known of an address that did not answer the configured protocol.
type evidence struct {
	port    uint16
	tried   []string
	last    Outcome
	silent  bool // something was met with silence, at least once
	reset   bool // likewise with a reset; a server that has read all that came closes instead
	misread bool // it answered, but may have taken what came for HTTP
}

func newEvidence(t *Target, a address, o Outcome) *evidence {
	e := &evidence{
		port: a.network.Port(), tried: []string{t.layer(o)},
		last: o, silent: o.Cause == Silent, reset: o.Detail == wasReset, misread: t.maybeMisread(o),
	}
	if t.SendProxy > 0 {
		e.tried = append(e.tried, wantsProxy)
	} else {
		e.tried = append(e.tried, refusesProxy)
	}
	if t.HTTP2 && t.layer(o) != "TLS" {
		e.tried = append(e.tried, "HTTP/2")
	}
	if t.TLS != nil {
		e.tried = append(e.tried, "TLS")
	}
	return e
}

func (e *evidence) add(s *suspect, o Outcome) {
	e.tried = append(e.tried, s.name)
	e.last = o
	e.silent = e.silent || o.Cause == Silent
	e.reset = e.reset || o.Detail == wasReset
}

// suspect returns what to try next; nil when all was tried.
func (e *evidence) suspect() *suspect {
	all := suspects()
	for i := range all {
		if !e.misread && slices.Contains(all[i].ports, e.port) && !slices.Contains(e.tried, all[i].name) {
			return &all[i]
		}
	}
	for _, name := range e.likely() {
		if !slices.Contains(e.tried, name) {
			i := slices.IndexFunc(all, func(s suspect) bool { return s.name == name })
			return &all[i]
		}
	}
	return nil
}

// likely returns the protocols whose servers treat a foreign one as this address does, the likeliest first: php-fpm, Go's
// HTTP/2 servers and HAProxy reset the connection, uWSGI and HAProxy's TLS close it, redis and SCGI servers wait for more.
func (e *evidence) likely() []string {
	switch {
	case e.misread:
		return []string{refusesProxy, "HTTP"}
	case e.silent:
		return []string{refusesProxy, "HTTP", "SCGI", "memcached", "FastCGI", "uwsgi", "TLS"}
	case e.last.Cause == OtherProtocol || e.last.Detail == notTLS:
		return []string{refusesProxy, "memcached", "HTTP", "TLS"}
	case e.last.Detail == wasReset:
		return []string{refusesProxy, "HTTP", wantsProxy, "FastCGI", "HTTP/2", "TLS", "AJP"}
	case e.reset:
		return []string{refusesProxy, "uwsgi", wantsProxy, "memcached", "TLS"}
	}
	return []string{refusesProxy, "TLS", "uwsgi", wantsProxy, "HTTP", "SCGI", "memcached"}
}

// speaks names what the answer to a suspected protocol shows to be spoken; "" when it shows nothing.
func (s *suspect) speaks(t *Target, o Outcome) string {
	answered := o.OK() || o.Cause == BadStatus
	switch {
	case s.name == wantsProxy && (answered || slices.Contains([]string{"HTTP", "HTTP/2", "TLS"}, o.Speaks)):
		return wantsProxy // without the header it did not say so
	case o.Cause == OtherProtocol && o.Speaks != unnamed:
		return o.Speaks
	case s.name == refusesProxy && o.Status == 400:
		return "" // no better than with the header
	case s.name == "TLS" && o.isTLS():
		return s.name
	case o.Status == 400 && (s.name == "uwsgi" || s.name == "SCGI") && t.Protocol != proxy.HTTP:
		return "HTTP" // whose servers call everything else a bad request
	case answered:
		return s.name
	}
	return ""
}

// isTLS reports whether a handshake that failed was one.
func (o Outcome) isTLS() bool {
	return o.Cause == TLSClientNeeded || o.Cause == TLSFailed && isAlertDetail(o.Detail)
}
