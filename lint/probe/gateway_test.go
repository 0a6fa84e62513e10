package probe

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
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
		switch {
		case n < 8 || b[0] != 1:
			c.(*net.TCPConn).SetLinger(0) // as php-fpm does
		case b[1] == fcgiGetValues && knowsValues:
			c.Write(fcgiRecord(fcgiGetValuesResult, 0, fcgiPair("FCGI_MPXS_CONNS", "0")))
		case b[1] == fcgiGetValues:
			io.Copy(io.Discard, c)
		default:
			if stderr != "" {
				c.Write(fcgiRecord(fcgiStderr, 1, []byte(stderr)))
			}
			c.Write(fcgiRecord(fcgiStdout, 1, []byte(stdout)))
			c.Write(fcgiRecord(fcgiEnd, 1, make([]byte, 8)))
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
		{"a script that is not there", proxy.FastCGI, fcgiApp(false, "Status: 404 Not Found\r\n\r\n", "Primary script unknown\n"), "L7OK ok 404: Primary script unknown"},
		{"a gateway's error", proxy.FastCGI, fcgiApp(false, "Status: 503 Busy\r\n\r\n", ""), "L7STS bad-status 503"},
		{"HTTP for FastCGI", proxy.FastCGI, says("HTTP/1.1 400 Bad Request\r\n\r\n"), "L7RSP other-protocol speaks=HTTP"},
		{"FastCGI is closed", proxy.FastCGI, reset, "L7RSP closed: connection reset"},
		{"FastCGI is mute", proxy.FastCGI, func(c net.Conn) { io.Copy(io.Discard, c) }, "L7TOUT silent"},
		{"uwsgi", proxy.UWSGI, ask("\x00", "HTTP/1.1 200 OK\r\n\r\n"), "L7OK ok 200 header=19"},
		{"uwsgi's gateway error", proxy.UWSGI, ask("\x00", "HTTP/1.0 502 Bad Gateway\r\n\r\n"), "L7STS bad-status 502 header=28"},
		{"FastCGI for uwsgi", proxy.UWSGI, says("\x01\x06\x00\x01\x00\x00\x00\x00"), "L7RSP other-protocol speaks=FastCGI"},
		{"SCGI", proxy.SCGI, ask("", "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"), "L7OK ok 200"},
		{"SCGI without a status", proxy.SCGI, ask("", "Content-Type: text/plain\r\n\r\n"), "L7OK ok"},
		{"HTTP for SCGI", proxy.SCGI, says("HTTP/1.1 400 Bad Request\r\n\r\n"), "L7RSP other-protocol speaks=HTTP"},
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

func TestSCGIRequest(t *testing.T) {
	got := string((&Target{Path: "/x", Host: "a.test:81"}).scgiRequest())
	length, rest, ok := strings.Cut(got, ":")
	if !ok || !strings.HasPrefix(rest, "CONTENT_LENGTH\x000\x00SCGI\x001\x00") || !strings.HasSuffix(got, ",") {
		t.Fatalf("got %q", got)
	}
	if want := len(rest) - 1; length != strconv.Itoa(want) {
		t.Errorf("the length is %s, want %d", length, want)
	}
	if !strings.Contains(rest, "\x00REQUEST_URI\x00/x\x00") || !strings.Contains(rest, "\x00SERVER_NAME\x00a.test\x00") {
		t.Errorf("got %q", got)
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

// A server is asked in no more than three other protocols, and on some ports in none.
func TestDiagnoseIsPolite(t *testing.T) {
	if n := len(foreignFor(&Target{Protocol: proxy.HTTP}, Outcome{Cause: Closed})); n < maxForeign {
		t.Fatalf("%d protocols to try, so the bound bounds nothing", n)
	}
	asked := make(chan struct{}, 100)
	target := targetAt(fake(t, func(c net.Conn) {
		asked <- struct{}{}
		c.Read(make([]byte, 4096))
	}))
	o := Defaults()
	o.AnswerTimeout = 500 * time.Millisecond
	newProber(o).target(context.Background(), target)
	if n := len(asked); n != 2+1+maxForeign { // as configured and again, for a greeting, and the others
		t.Errorf("asked %d times", n)
	}
}

func FuzzGateways(f *testing.F) {
	f.Add([]byte("\x01\x06\x00\x01\x00\x04\x00\x00abcd\x01\x03\x00\x01\x00\x00\x00\x00"))
	f.Add([]byte("Status: 200\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o := readFastCGI(bytes.NewReader(b), func() {}); o.Code == "" || len(o.Detail) > 300 {
			t.Errorf("%+v", o)
		}
		if s := cgiStatus(string(b)); s != 0 && (s < 100 || s > 999) {
			t.Error(s)
		}
	})
}
