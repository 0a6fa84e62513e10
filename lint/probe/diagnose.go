package probe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// bannerWait is how long a server is given to speak first, as SSH, SMTP and MySQL do.
const bannerWait = 350 * time.Millisecond

// maxForeign bounds the protocols that are tried on one server: each leaves a line in its log, and an incomplete one may
// hold a worker.
const maxForeign = 3

// sensitive are the ports on which no foreign protocol is tried: MySQL counts broken handshakes against their sender, and
// redis logs HTTP as an attack. Their greeting is read all the same.
var sensitive = []int{22, 25, 3306, 5432, 6379}

// diagnose finds out what answers where the configured protocol did not. It returns the outcome unchanged when that stays
// open.
func (p *prober) diagnose(ctx context.Context, t *Target, a address, o Outcome) Outcome {
	switch {
	case !p.Diagnose || t.Protocol == proxy.TCP || t.Protocol == proxy.UDP:
		return o
	case o.Cause == OtherProtocol && o.Speaks != unnamed:
		return o
	case o.Cause != OtherProtocol && o.Cause != Closed && o.Cause != Silent && (o.Cause != TLSFailed || isAlertDetail(o.Detail)):
		return o
	}
	if name := p.banner(ctx, t, a); name != "" {
		return Outcome{Code: L7RSP, Cause: OtherProtocol, Speaks: name, Took: o.Took}
	}
	if slices.Contains(sensitive, int(a.network.Port())) {
		return o
	}
	tried := 0
	for _, f := range foreignFor(t, o) {
		if tried == maxForeign {
			break
		}
		tried++
		if p.answers(ctx, t, a, f) {
			return Outcome{Code: L7RSP, Cause: OtherProtocol, Speaks: f.name, Took: o.Took}
		}
	}
	return o
}

// banner reads what a server says without being asked.
func (p *prober) banner(ctx context.Context, t *Target, a address) string {
	conn, _ := p.connect(ctx, t, a)
	if conn == nil {
		return ""
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(bannerWait))
	b := make([]byte, 64)
	n, _ := conn.Read(b) // nothing is an answer, too
	return identify(b[:n])
}

// foreign is a protocol that is tried where it is not configured.
type foreign struct {
	name string
	ask  func(t *Target, conn net.Conn) bool // reports whether the answer is in the protocol
}

// sent returns what asks with a text, and knows the answer by the name of its protocol.
func sent(text func(*Target) string, name string) func(*Target, net.Conn) bool {
	return func(t *Target, conn net.Conn) bool {
		io.WriteString(conn, text(t)) // a server that closes at once shows when reading
		b := make([]byte, 64)
		n, _ := conn.Read(b)
		return identify(b[:n]) == name
	}
}

var (
	foreignTLS = foreign{"TLS", func(_ *Target, conn net.Conn) bool {
		err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}).Handshake()
		return err == nil || isAlert(err)
	}}
	foreignHTTP    = foreign{"HTTP", sent(func(t *Target) string { return t.request(false) }, "HTTP")}
	foreignProxied = foreign{"PROXY protocol", func(t *Target, conn net.Conn) bool {
		io.WriteString(conn, proxySignature+"\x20\x00\x00\x00"+t.request(false))
		h, err := readHead(conn, func() {})
		return err == nil && h.status != 0 && h.status != 400
	}}
	foreignFastCGI = foreign{"FastCGI", sent(func(*Target) string { return string(fcgiValues()) }, "FastCGI")}
	foreignUWSGI   = foreign{"uwsgi", sent(func(t *Target) string { return string(t.uwsgiRequest()) }, "HTTP")}
	foreignHTTP2   = foreign{"HTTP/2", sent(func(*Target) string { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" }, "HTTP/2")}
	foreignAJP     = foreign{"AJP", sent(func(*Target) string { return ajpPing }, "AJP")}
	foreignRedis   = foreign{"redis", sent(func(*Target) string { return "PING\r\n" }, "redis")}
)

// foreignFor returns the protocols to try, the likeliest first: by the port where that says something, then by how the
// configured protocol failed. A server that waits for the PROXY protocol, or for uwsgi, closes after HTTP; php-fpm resets.
func foreignFor(t *Target, o Outcome) []foreign {
	likely := map[int]foreign{
		443: foreignTLS, 8443: foreignTLS, 9443: foreignTLS, 9000: foreignFastCGI, 9001: foreignFastCGI, 3031: foreignUWSGI,
		8009: foreignAJP, 50051: foreignHTTP2, 6380: foreignRedis,
	}
	var list []foreign
	if f, ok := likely[t.Addr.Port]; ok {
		list = append(list, f)
	}
	switch {
	case t.TLS != nil:
		list = append(list, foreignHTTP, foreignProxied, foreignFastCGI)
	case t.Protocol == proxy.HTTP && !t.HTTP2 && o.Detail == wasReset:
		list = append(list, foreignTLS, foreignFastCGI, foreignProxied, foreignHTTP2)
	case t.Protocol == proxy.HTTP && !t.HTTP2 && o.Cause == Closed:
		list = append(list, foreignProxied, foreignUWSGI, foreignTLS, foreignFastCGI)
	case t.Protocol == proxy.HTTP && !t.HTTP2:
		list = append(list, foreignTLS, foreignFastCGI, foreignAJP, foreignUWSGI)
	default:
		list = append(list, foreignHTTP, foreignTLS, foreignFastCGI, foreignUWSGI)
	}
	configured := t.Protocol.String()
	seen := map[string]bool{configured: t.TLS == nil, "TLS": t.TLS != nil}
	return slices.DeleteFunc(list, func(f foreign) bool {
		was := seen[f.name]
		seen[f.name] = true
		return was
	})
}

// answers reports whether a server speaks a protocol, by a connection of its own.
func (p *prober) answers(ctx context.Context, t *Target, a address, f foreign) bool {
	conn, _ := p.connect(ctx, t, a)
	if conn == nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(min(p.AnswerTimeout, 2*time.Second))) // a net.Conn takes one
	ended := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer ended()
	return f.ask(t, conn)
}
