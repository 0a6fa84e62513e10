package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sort"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// stdout frames what a script writes, in records of at most some size, padded as php-fpm pads them.
func stdout(text string, most int) string {
	var b []byte
	for text != "" {
		n := min(most, len(text))
		padding := -n & 7
		b = fcgiRecord(b, fcgiStdout, 1, []byte(text[:n]))
		b[len(b)-n-2] = byte(padding)
		b = append(b, make([]byte, padding)...)
		text = text[n:]
	}
	return string(b)
}

func recordOf(kind byte, content string) string {
	return string(fcgiRecord(nil, kind, 1, []byte(content)))
}

func TestReadFastCGI(t *testing.T) {
	end := recordOf(fcgiEnd, "\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, test := range []struct{ name, answer, want string }{
		{"values", "\x01\x0a\x00\x00\x00\x12\x06\x00\x0f\x01FCGI_MPXS_CONNS0\x00\x00\x00\x00\x00\x00", "L7OK ok"},
		{"a response", stdout("Status: 404 Not Found\r\nA: b\r\n\r\nnone", 100) + end, "L7OK ok 404 header=31"},
		{"no status", stdout("A: b\r\n\r\n", 100), "L7OK ok 200 header=8"},
		{"over several records", stdout("A: bcdefghij\r\n\r\n", 8), "L7OK ok 200 header=24"},
		{"padded", stdout("A: bcdefghij\r\n\r\n", 4), "L7OK ok 200 header=52"},
		{"a gateway", stdout("Status: 503 Service Unavailable\r\n\r\n", 100), "L7STS bad-status 503 header=35"},
		{"PHP without a script", recordOf(fcgiStderr, "Primary script unknown\n") + stdout("Status: 404 Not Found\r\n\r\n", 100), "L7OK ok 404 header=25: Primary script unknown"},
		{"an end without a response", end, "L7OK ok"},
		{"a header without end", stdout("A: b\r\n", 100) + end, "L7OK ok"},
		{"a kind that is not known", recordOf(fcgiUnknown, "\x09\x00\x00\x00\x00\x00\x00\x00"), "L7OK ok"},
		{"a script's rubbish", stdout("\x00\x01\x02", 100), "L7OK ok"},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "L7RSP other-protocol speaks=HTTP"},
		{"TLS", "\x15\x03\x01\x00\x02\x02\x46", "L7RSP other-protocol speaks=TLS"},
		{"version 1 of something else", "\x01\x63\x00\x00\x00\x00\x00\x00", "L7RSP other-protocol speaks=something else: it says \x01c\x00\x00\x00\x00\x00\x00"},
		{"cut off", "\x01\x06\x00\x01\x00\x10\x00\x00abc", "L7RSP closed: connection closed"},
		{"nothing", "", "L7RSP closed: connection closed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var try Try
			try.Outcome, try.Header = readFastCGI(bufio.NewReader(strings.NewReader(test.answer)))
			if got := describeTry(try); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestFastCGIHeader compares what is measured with what nginx takes: 4,088 bytes in a buffer of 4,096.
func TestFastCGIHeader(t *testing.T) {
	var answer atomic.Value
	backend := fake(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, answer.Load().(string))
	})
	front := startNginx(t, "", fmt.Sprintf("fastcgi_buffer_size 4k; fastcgi_pass %s;", backend))
	if front == nil {
		t.Skip("nginx is not installed")
	}
	for _, most := range []int{1 << 15, 1000, 100} {
		respond := func(size int) string {
			head := "X: " + strings.Repeat("x", size-len("X: \r\n\r\n")) + "\r\n\r\n"
			return stdout(head, most) + recordOf(fcgiEnd, "\x00\x00\x00\x00\x00\x00\x00\x00")
		}
		tooBig := sort.Search(4100, func(size int) bool {
			if size < 100 {
				return false
			}
			answer.Store(respond(size))
			response, err := http.Get("http://" + front.String() + "/")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			return response.StatusCode == 502
		})
		measured := func(size int) int {
			_, header := readFastCGI(bufio.NewReader(strings.NewReader(respond(size))))
			return header
		}
		if takes, not := measured(tooBig-1), measured(tooBig); takes > 4088 || not <= 4088 {
			t.Errorf("in records of %d bytes nginx takes a header of %d, which is measured as %d, and not %d, measured as %d", most, tooBig-1, takes, tooBig, not)
		}
	}
}

// TestPHP asks a real php-fpm for a page, without a script's name.
func TestPHP(t *testing.T) {
	addr := startFPM(t)
	if addr == nil {
		t.Skip("php-fpm is not installed")
	}
	target := targetAt(addr)
	target.Protocol = proxy.FastCGI
	p := newProber(Defaults())
	o := p.foreign(context.Background(), target, address{network: endOf(addr)}, (*prober).speakFastCGIRequest)
	if o.Code != L7OK || o.Status != 404 || !strings.Contains(o.Detail, "Primary script unknown") {
		t.Errorf("got %+v", o)
	}
}
