package probe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

func TestReadCGI(t *testing.T) {
	for _, test := range []struct{ name, answer, want string }{
		{"a status line", "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n", "L7OK ok 404 header=32"},
		{"a status field", "Status: 201 Created\r\nA: b\r\n\r\nbody", "L7OK ok 201 header=29"},
		{"a status field, further on", "A: b\nstatus:500\n\n", "L7OK ok 500 header=17"},
		{"neither", "Content-Type: text/html\r\n\r\n", "L7OK ok 200 header=27"},
		{"a gateway", "Status: 502 Bad Gateway\r\n\r\n", "L7STS bad-status 502 header=27"},
		{"no status at all", "Status: fine\r\n\r\n", "L7RSP other-protocol speaks=something else: it says Status: fine\r\n\r\n"},
		{"cut off", "HTTP/1.1 20", "L7RSP closed: connection closed"},
		{"sshd", "SSH-2.0-OpenSSH_9.2\r\n", "L7RSP other-protocol speaks=SSH"},
		{"redis", "-ERR unknown command\r\n", "L7RSP other-protocol speaks=redis"},
		{"HTTP/2", "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80", "L7RSP other-protocol speaks=HTTP/2"},
		{"FastCGI", "\x01\x06\x00\x01\x00\x08\x00\x00A: b\r\n\r\n", "L7RSP other-protocol speaks=FastCGI"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var try Try
			try.Outcome, try.Header = readCGI(bufio.NewReader(strings.NewReader(test.answer)))
			if got := describeTry(try); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestReadAJP(t *testing.T) {
	for answer, want := range map[string]string{
		ajpPong:                 "L7OK ok",
		"AB\x00\x01\x08":        "L7RSP other-protocol speaks=AJP",
		"HTTP/1.1 400 \r\n\r\n": "L7RSP other-protocol speaks=HTTP",
		"ERROR\r\n":             "L7RSP other-protocol speaks=memcached",
		"A":                     "L7RSP other-protocol speaks=something else: it says A",
		"":                      "L7RSP closed: connection closed",
	} {
		if got := describeTry(Try{Outcome: readAJP(bufio.NewReader(strings.NewReader(answer)))}); got != want {
			t.Errorf("%q: got %q, want %q", answer, got, want)
		}
	}
}

func TestReadMemcached(t *testing.T) {
	for answer, want := range map[string]string{
		"VERSION 1.6.18\r\n":           "L7OK ok",
		"ERROR\r\n":                    "L7OK ok",
		"-ERR unknown command\r\n":     "L7RSP other-protocol speaks=redis",
		"HTTP/1.1 400 Bad Request\r\n": "L7RSP other-protocol speaks=HTTP",
		"\x15\x03\x01\x00\x02\x02\x46": "L7RSP other-protocol speaks=TLS",
		strings.Repeat("\x00", 1<<16):  "L7RSP other-protocol speaks=something else: it says " + strings.Repeat("\x00", 32),
		"":                             "L7RSP closed: connection closed",
	} {
		if got := describeTry(Try{Outcome: readMemcached(bufio.NewReader(strings.NewReader(answer)))}); got != want {
			t.Errorf("%.20q: got %q, want %q", answer, got, want)
		}
	}
}

func TestRequests(t *testing.T) {
	target := &Target{Path: "/a?b=c", Host: "app.test"}
	for want, request := range map[string][]byte{
		`\x01\t\x00\x00\x00\x11\x00\x00\x0f\x00FCGI_MPXS_CONNS`: fcgiValuesRequest(),
		`\x01\x01\x00\x01\x00\b\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01\x04\x00\x01\x00\x8c\x00\x00` +
			`\x0e\x03REQUEST_METHODGET\v\x06REQUEST_URI/a?b=c\v\x02SCRIPT_NAME/a\f\x03QUERY_STRINGb=c` +
			`\x0f\bSERVER_PROTOCOLHTTP/1.1\t\bHTTP_HOSTapp.test\x0f\tHTTP_USER_AGENTproxylint` +
			`\x01\x04\x00\x01\x00\x00\x00\x00\x01\x05\x00\x01\x00\x00\x00\x00`: target.fcgiRequest(),
		`\x00\x98\x00\x00\x0e\x00REQUEST_METHOD\x03\x00GET\v\x00REQUEST_URI\x06\x00/a?b=c\t\x00PATH_INFO\x02\x00/a` +
			`\f\x00QUERY_STRING\x03\x00b=c\x0f\x00SERVER_PROTOCOL\b\x00HTTP/1.1\t\x00HTTP_HOST\b\x00app.test` +
			`\x0f\x00HTTP_USER_AGENT\t\x00proxylint`: target.uwsgiRequest(),
		`162:CONTENT_LENGTH\x000\x00SCGI\x001\x00REQUEST_METHOD\x00GET\x00REQUEST_URI\x00/a?b=c\x00PATH_INFO\x00/a\x00` +
			`QUERY_STRING\x00b=c\x00SERVER_PROTOCOL\x00HTTP/1.1\x00HTTP_HOST\x00app.test\x00HTTP_USER_AGENT\x00proxylint\x00,`: target.scgiRequest(),
	} {
		if got := strings.Trim(strconv.QuoteToASCII(string(request)), `"`); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestLongRequest asks for more than a uwsgi packet holds, which a configuration may well say.
func TestLongRequest(t *testing.T) {
	target := &Target{Path: "/" + strings.Repeat("a", 1<<17), Host: strings.Repeat("b", 1<<17)}
	if n := len(target.uwsgiRequest()); n > 1000 {
		t.Errorf("the packet has %d bytes", n)
	}
}

func TestDiagnoseKeepsAway(t *testing.T) {
	for _, port := range []int{3306, 5432, 6379} {
		l, err := net.Listen("tcp", fmt.Sprintf("127.77.77.77:%d", port))
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		target := targetAt(l.Addr())
		a := address{network: endOf(l.Addr())}
		newProber(Defaults()).diagnose(t.Context(), target, a, Outcome{Code: L7RSP, Cause: Closed})
		l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Millisecond))
		if _, err := l.Accept(); err == nil {
			t.Errorf("port %d was dialed", port)
		}
	}
}

// TestDiagnoseIsBounded counts the connections that a server gets which answers nothing. What is closed without an answer is
// tried once more as configured.
func TestDiagnoseIsBounded(t *testing.T) {
	for name, test := range map[string]struct {
		protocol proxy.Protocol
		answer   func(net.Conn)
		most     int
	}{
		"silent": {proxy.HTTP, func(c net.Conn) { io.Copy(io.Discard, c) }, 1 + mostForeign},
		"closed": {proxy.HTTP, func(c net.Conn) { c.Read(make([]byte, 4096)) }, 2 + 1 + mostForeign},
		"reset":  {proxy.HTTP, reset, 2 + 1 + mostForeign + 1},
		"FastCGI that takes a request alone": {proxy.FastCGI, func(c net.Conn) {
			b := make([]byte, 4096)
			if c.Read(b); b[1] == fcgiBegin {
				io.WriteString(c, stdout("Status: 200\r\n\r\n", 100))
			}
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			came := make(chan struct{}, 100)
			target := targetAt(fake(t, func(c net.Conn) {
				came <- struct{}{}
				test.answer(c)
			}))
			target.Protocol = test.protocol
			o := Defaults()
			o.AnswerTimeout = 100 * time.Millisecond
			newProber(o).target(t.Context(), target)
			if len(came) != test.most {
				t.Errorf("%d connections, want %d", len(came), test.most)
			}
		})
	}
}

// TestSuspect looks at what is tried first, which depends on the port.
func TestSuspect(t *testing.T) {
	for port, want := range map[int]string{443: "TLS", 9000: "FastCGI", 8009: "AJP", 11211: "memcached", 3031: "uwsgi", 50051: "HTTP/2", 1234: wantsProxy} {
		a := address{network: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))}
		e := newEvidence(&Target{Protocol: proxy.HTTP}, a, Outcome{Cause: Closed, Detail: wasReset})
		if got := e.suspect().name; got != want {
			t.Errorf("port %d: got %s, want %s", port, got, want)
		}
	}
}

// FuzzAnswers reads what may come from anywhere.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\n\r\n", "Status: 404\r\n\r\n", ajpPong, "VERSION 1\r\n", stdout("A: b\r\n\r\n", 3),
		recordOf(fcgiStderr, "Primary script unknown") + recordOf(fcgiEnd, "\x00\x00\x00\x00\x00\x00\x00\x00"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		reader := func() *bufio.Reader { return bufio.NewReader(strings.NewReader(string(b))) }
		fastcgi, fastcgiSize := readFastCGI(reader())
		cgi, cgiSize := readCGI(reader())
		if fastcgiSize > len(b) || cgiSize > len(b) {
			t.Errorf("headers of %d and %d bytes", fastcgiSize, cgiSize)
		}
		for _, o := range []Outcome{fastcgi, cgi, readAJP(reader()), readMemcached(reader())} {
			if o.Code == "" || o.Cause == OtherProtocol && o.Speaks == "" || o.Status > 999 {
				t.Errorf("%+v", o)
			}
		}
	})
}
