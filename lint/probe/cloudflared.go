package probe

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// asCloudflared fills in what an ingress rule says. A service without a port has its scheme's; that of tcp is one
// that cloudflared made up. The request's own Host is sent where httpHostHeader does not say otherwise.
func (t *Target) asCloudflared(r *proxy.Route) {
	if ports := map[string]int{
		"http": 80, "ws": 80, "https": 443, "wss": 443, "ssh": 22, "rdp": 3389, "smb": 445, "tcp": 7864,
	}; t.Addr.PortAt.IsZero() && t.Addr.Socket == "" {
		t.Addr.Port = ports[strings.ToLower(r.Hop.Scheme.Text())]
	}
	t.Protocol = r.Hop.Protocol
	t.HTTP2 = r.Hop.HTTPVersion.Value == "2"
	t.Host = serverName(r.From)
	if set := r.Hop.Headers.Set; len(set) > 0 {
		t.Host = set[0].Value
	}
	if t.Host == "" {
		t.Host = t.Addr.Host
	}
	t.TLS = cloudflaredTLS(r.Hop.TLS, t)
}

// cloudflaredTLS says how cloudflared encrypts: Go's crypto/tls, which sends no address as a server name.
func cloudflaredTLS(hop *proxy.TLS, t *Target) *TLS {
	if hop == nil {
		return nil
	}
	s := &TLS{At: hop.At, CA: text(hop.CA), NameAt: hop.Name.At}
	name := hop.Name.Value
	if hop.Name.Dynamic { // the request's
		name = hostOnly(t.Host)
	}
	if _, err := netip.ParseAddr(name); err != nil {
		s.SNI = name
	}
	if hop.Verify.Value && isKnown(hop.Verify) {
		s.Verify, s.Name = true, name
	}
	if t.HTTP2 {
		s.ALPN = []string{"h2", "http/1.1"}
	}
	return s
}

// cloudflaredSees returns the status that a client gets from Cloudflare's edge: 502 for whatever keeps cloudflared from
// an answer, and 524 where that does not come for 100 s (Cloudflare's documentation, "Error 524").
func (o Outcome) cloudflaredSees() string {
	if o.Cause == Silent {
		return "524"
	}
	return "502"
}

// cloudflaredLog is what cloudflared says of a request that fails, in the words of Go's net and crypto packages.
func (t *Target) cloudflaredLog(o Outcome) string {
	network, at := "tcp", t.Addr.At.Text()
	if t.Addr.Socket != "" {
		network, at = "unix", t.Addr.Socket
	}
	dial := fmt.Sprintf("dial %s %s: ", network, at)
	cause := ""
	switch o.Cause {
	case Unresolvable:
		cause = fmt.Sprintf("dial tcp: lookup %s: no such host", t.Addr.Host)
	case Refused, SocketDead, SocketNotOne:
		cause = dial + "connect: connection refused"
	case TimedOut:
		cause = dial + "i/o timeout"
	case Unreachable, DeadNeighbour:
		cause = dial + "connect: no route to host"
	case SocketMissing:
		cause = dial + "connect: no such file or directory"
	case SocketPermission:
		cause = dial + "connect: permission denied"
	case Closed:
		cause = "EOF"
	case TLSName:
		cause = fmt.Sprintf("tls: failed to verify certificate: x509: certificate is valid for ..., not %s", t.TLS.Name)
	case TLSUntrusted:
		cause = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
	case TLSExpired:
		cause = "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"
	default:
		return ""
	}
	return "Unable to reach the origin service. The service may be down or it may not be responding to traffic from cloudflared: " + cause
}
