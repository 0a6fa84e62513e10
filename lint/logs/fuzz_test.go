package logs

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzRead reads any log, whole and byte by byte, which must give the same; and writes what it found.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		errorHead + "connect() failed (111: Connection refused) while connecting to upstream" + errorTail,
		errorHead + stderrMark + "x\ny\" while reading response header from upstream" + errorTail,
		`10.0.1.2:33317 [23/Nov/2026:01:18:31.655] www~ app/a1 10/0/30/-1/109 502 2750 - - SH-- 1/1/1/1/0 0/0 {a b} {} "GET / HTTP/1.1"`,
		`10.0.1.2:33317 [23/Nov/2026:01:18:31.655] www app/a1 10/0/109 2750 sC 1/1/1/1/0 0/0`,
		`10.0.1.2 - - [23/Nov/2026:01:18:31 +0100] "GET / HTTP/1.1" 502 12 "-" "curl"`,
		`{"status":502,"upstream_addr":"a, b : c","request":"GET \"x"}`,
		"<134>1 2026-11-23T01:18:31Z lb haproxy 1 - - Server app/a1 is DOWN, reason: Layer7 timeout, check duration: 1ms.",
		"Nov 23 01:18:31 lb haproxy[1]: backend app has no server available!",
		`nginx: [emerg] host not found in upstream "a" in /etc/nginx/nginx.conf:3`,
		`10.0.1.2:33317 [23/Nov/2026:01:18:31.655] www/1: SSL handshake failure`,
	} {
		f.Add(seed + "\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		events := read(t, text)
		summary, pieces := NewSummary(), 0
		_, err := NewParser(Options{}).Read(iotest.OneByteReader(strings.NewReader(text)), "x", func(e *Event) { summary.Add(e); pieces++ })
		if err != nil || pieces != len(events) {
			t.Fatalf("%d events in one piece, %d in many; %v", len(events), pieces, err)
		}
		for _, write := range []func(io.Writer, Report) error{WriteText, WriteJSON} {
			if err := write(io.Discard, Report{Summary: summary}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzFormats compiles any format, and matches any line.
func FuzzFormats(f *testing.F) {
	f.Add(`$remote_addr [$time_local] "$request" $status $upstream_addr $upstream_status`, `::1 [x] "GET" 502 a, b 502, 504`)
	f.Add(`%ci:%cp [%tr] %ft %b/%s %ST %tsc %hr %{+Q}r`, `::1:80 [x] a b/c 502 SC-- {x} "GET"`)
	f.Fuzz(func(t *testing.T, format, line string) {
		for _, compile := range []func(string) (*Format, error){CompileNginx, CompileHAProxy} {
			if compiled, err := compile(format); err == nil {
				read(t, line, compiled)
			}
		}
	})
}
