package probe

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// fcgiApp answers FastCGI requests as php-fpm does, or, if it knows no values, as uWSGI does.
func fcgiApp(knowsValues bool, stdout, stderr string) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		if n > 1 && b[1] == fcgiGetValues && !knowsValues {
			n, _ = c.Read(b)
		}
		switch {
		case n < 8 || b[0] != 1:
			c.(*net.TCPConn).SetLinger(0) // as php-fpm does
		case b[1] == fcgiGetValues:
			c.Write(fcgiRecord(nil, fcgiValues, 0, fcgiPair(nil, "FCGI_MPXS_CONNS", "0")))
		default:
			if stderr != "" {
				c.Write(fcgiRecord(nil, fcgiStderr, 1, []byte(stderr)))
			}
			c.Write(fcgiRecord(nil, fcgiStdout, 1, []byte(stdout)))
			c.Write(fcgiRecord(nil, fcgiEnd, 1, make([]byte, 8)))
		}
	}
}

// ask answers a protocol's request with a text if it begins as it should.
func ask(begins, answer string) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		if bytes.HasPrefix(b[:n], []byte(begins)) {
			io.WriteString(c, answer)
		}
	}
}

func TestSpeakGateways(t *testing.T) {
	for _, test := range []struct {
		name     string
		protocol proxy.Protocol
		answer   func(net.Conn)
		want     string
	}{
		{"php-fpm", proxy.FastCGI, fcgiApp(true, "", ""), "L7OK ok"},
		{"uWSGI's FastCGI", proxy.FastCGI, fcgiApp(false, "Status: 404 Not Found\r\n\r\n", ""), "L7OK ok 404"},
		{"a script that is not there", proxy.FastCGI, fcgiApp(false, "Status: 404 Not Found\r\n\r\n", "Primary script unknown\n"), "L7OK ok 404 header=25: Primary script unknown"},
		{"a gateway's error", proxy.FastCGI, fcgiApp(false, "Status: 503 Busy\r\n\r\n", ""), "L7STS bad-status 503"},
		{"HTTP for FastCGI", proxy.FastCGI, says("HTTP/1.1 400 Bad Request\r\n\r\n"), "L7RSP other-protocol speaks=HTTP"},
		{"FastCGI is closed", proxy.FastCGI, reset, "L7RSP closed: connection reset"},
		{"FastCGI is mute", proxy.FastCGI, func(c net.Conn) { io.Copy(io.Discard, c) }, "L7TOUT silent"},
		{"uwsgi", proxy.UWSGI, ask("\x00", "HTTP/1.1 200 OK\r\n\r\n"), "L7OK ok 200 header=19"},
		{"uwsgi's gateway error", proxy.UWSGI, ask("\x00", "HTTP/1.0 502 Bad Gateway\r\n\r\n"), "L7STS bad-status 502 header=28"},
		{"FastCGI for uwsgi", proxy.UWSGI, says("\x01\x06\x00\x01\x00\x00\x00\x00"), "L7RSP other-protocol speaks=FastCGI"},
		{"SCGI", proxy.SCGI, ask("", "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"), "L7OK ok 200"},
		{"SCGI without a status", proxy.SCGI, ask("", "Content-Type: text/plain\r\n\r\n"), "L7OK ok 200"},
		{"HTTP for SCGI, which may be meant", proxy.SCGI, says("HTTP/1.1 400 Bad Request\r\n\r\n"), "L7OK ok 400"},
		{"AJP", proxy.AJP, ask(ajpPing, ajpPong), "L7OK ok"},
		{"HTTP for AJP", proxy.AJP, says("HTTP/1.1 400 Bad Request\r\n\r\n"), "L7RSP other-protocol speaks=HTTP"},
		{"memcached", proxy.Memcached, ask("version\r\n", "VERSION 1.6.18\r\n"), "L7OK ok"},
		{"redis for memcached", proxy.Memcached, says("-ERR unknown command 'version'\r\n"), "L7RSP other-protocol speaks=redis"},
		{"TCP", proxy.TCP, reset, "L4OK ok"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target := targetAt(fake(t, test.answer))
			target.Protocol = test.protocol
			got := describeTry(dial(t, target))
			if h := strings.Index(got, " header="); h >= 0 && !strings.Contains(test.want, "header=") {
				got = got[:h]
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDiagnose(t *testing.T) {
	httpApp := func(c net.Conn) { // resets whatever is no HTTP
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		if !bytes.HasPrefix(b[:n], []byte("GET ")) {
			c.(*net.TCPConn).SetLinger(0)
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	}
	proxied := func(c net.Conn) {
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		if bytes.HasPrefix(b[:n], []byte(proxySignature)) || bytes.HasPrefix(b[:n], []byte("PROXY ")) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		}
	}
	uwsgi := func(c net.Conn) {
		b := make([]byte, 4096)
		if n, _ := c.Read(b); n > 4 && b[0] == 0 && b[3] == 0 && int(b[1])+int(b[2])<<8 == n-4 {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		}
	}
	for _, test := range []struct {
		name     string
		protocol proxy.Protocol
		tls      *TLS
		answer   func(net.Conn)
		want     string
	}{
		{"HTTP where FastCGI is configured", proxy.FastCGI, nil, httpApp, "speaks=HTTP"},
		{"FastCGI where HTTP is", proxy.HTTP, nil, fcgiApp(true, "", ""), "speaks=FastCGI"},
		{"uwsgi where HTTP is", proxy.HTTP, nil, uwsgi, "speaks=uwsgi"},
		{"the PROXY protocol is expected", proxy.HTTP, nil, proxied, "speaks=PROXY protocol"},
		{"plain HTTP where TLS is", proxy.HTTP, &TLS{}, httpApp, "speaks=HTTP"},
		{"a greeting", proxy.FastCGI, nil, greets("SSH-2.0-x\r\n"), "speaks=SSH"},
		{"nobody knows", proxy.HTTP, nil, func(c net.Conn) { c.Read(make([]byte, 4096)) }, "L7RSP closed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target := targetAt(fake(t, test.answer))
			target.Protocol, target.TLS = test.protocol, test.tls
			o := Defaults()
			o.AnswerTimeout = 500 * time.Millisecond
			try := newProber(o).target(context.Background(), target).Tries[0]
			if got := describeTry(try); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A server that is silent is asked in no more than three other protocols.
func TestDiagnoseIsPolite(t *testing.T) {
	asked := make(chan struct{}, 100)
	target := targetAt(fake(t, func(c net.Conn) {
		asked <- struct{}{}
		c.Read(make([]byte, 4096))
	}))
	o := Defaults()
	o.AnswerTimeout = 500 * time.Millisecond
	newProber(o).target(context.Background(), target)
	if n := len(asked); n < 4 || n > 2+1+mostForeign { // as configured and again, for a greeting, and the others
		t.Errorf("asked %d times", n)
	}
}
