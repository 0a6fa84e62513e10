package rules

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestPortOddOneOutBeforeTheJudge asks a pool whose third server has a port where nothing listens.
func TestPortOddOneOutBeforeTheJudge(t *testing.T) {
	doc := Find("port-odd-one-out").Doc
	adapt := func(text string) string {
		return strings.NewReplacer(
			"10.0.0.10:3000", "127.0.0.2:3000", "10.0.0.11:3000", "127.0.0.3:3000",
			"10.0.0.12:3001", "127.0.0.4:"+freePort(t), "10.0.0.12:3000", "127.0.0.2:3000",
			"mode http", "mode http\n    retries 0",
		).Replace(text)
	}
	for _, test := range []struct {
		name    string
		dialect syntax.Dialect
		text    string
		failure int // of a share of the requests; 0: none
	}{
		{"nginx tries the next", syntax.Nginx, doc.Bad.Nginx, 0},
		{"nginx may not", syntax.Nginx, strings.Replace(doc.Bad.Nginx, "proxy_pass", "proxy_next_upstream off; proxy_pass", 1), http.StatusBadGateway},
		{"nginx, good", syntax.Nginx, doc.Good.Nginx, 0},
		{"haproxy", syntax.HAProxy, doc.Bad.HAProxy, http.StatusServiceUnavailable},
		{"haproxy, good", syntax.HAProxy, doc.Good.HAProxy, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			skipWithout(t, test.dialect)
			p := startProxy(t, test.dialect, strings.ReplaceAll(adapt(test.text), ":3000", ":"+twoBackends(t)))
			got := map[int]int{}
			for range 6 {
				status, _ := p.get(t)
				got[status]++
			}
			if got[http.StatusOK] == 0 || (got[test.failure] > 0) != (test.failure != 0) || len(got) > 2 {
				t.Errorf("statuses: %v", got)
			}
			if refused := test.dialect == syntax.Nginx && test.text != doc.Good.Nginx; p.waitFor("Connection refused", refused) != refused {
				t.Errorf("the log: %s", p.log())
			}
		})
	}
}

// TestProxyLoopBeforeTheJudge passes one request to a proxy that passes it to itself.
func TestProxyLoopBeforeTheJudge(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") }))
	defer backend.Close()
	doc := Find("proxy-loop").Doc
	for dialect, failures := range map[syntax.Dialect][]int{
		// the last connection is refused by the one side or the other
		syntax.Nginx:   {http.StatusInternalServerError, http.StatusBadGateway},
		syntax.HAProxy: {http.StatusGatewayTimeout},
	} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			start := func(text string) *running {
				port := freePort(t)
				return startProxy(t, dialect, strings.NewReplacer(
					"listen 8080", "listen 127.0.0.1:"+port, "bind :8080", "bind 127.0.0.1:"+port, "8080", port,
					"127.0.0.1:3000", backend.Listener.Addr().String(), "timeout server 30s", "timeout server 1s",
					"events {}", "events { worker_connections 64; }",
					"http {", "http {\n    server { listen 8080; location / { proxy_pass http://127.0.0.1:"+port+"; } }",
					"frontend www", "listen front\n    bind :8080\n    timeout server 3s\n    server www 127.0.0.1:"+port+"\nfrontend www",
					"defaults", "global\n    maxconn 100\ndefaults",
				).Replace(text))
			}
			bad := start(doc.Bad.For(dialect))
			if status, _ := bad.get(t); !slices.Contains(failures, status) {
				t.Errorf("status %d with the log %s", status, bad.log())
			}
			if dialect == syntax.Nginx && !bad.waitFor("worker_connections are not enough", true) {
				t.Errorf("the log: %s", bad.log())
			}
			good := start(doc.Good.For(dialect))
			if status, _ := good.get(t); status != http.StatusOK {
				t.Errorf("passed to the application: status %d with the log %s", status, good.log())
			}
		})
	}
}

// TestPortDroppedBeforeTheJudge lets nginx make its target of the request's host.
func TestPortDroppedBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") }))
	defer backend.Close()
	_, port, _ := net.SplitHostPort(backend.Listener.Addr().String())
	doc := Find("port-dropped").Doc
	for _, test := range []struct {
		name, text, told string
		status           int
	}{
		{"two ports", doc.Bad.Nginx, "invalid port in upstream", http.StatusInternalServerError},
		{"own port", doc.Good.Nginx, "", http.StatusOK},
		{"no port", strings.Replace(doc.Good.Nginx, ":3000", "", 1), `upstream: "http://127.0.0.1:80/"`, http.StatusBadGateway},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startProxy(t, syntax.Nginx, strings.ReplaceAll(test.text, ":3000", ":"+port))
			if status, _ := p.get(t); status != test.status || !p.waitFor(test.told, true) {
				t.Errorf("status %d with the log %s", status, p.log())
			}
		})
	}
}

// TestProxyProtocolMismatchBeforeTheJudge links two listeners of one proxy, of which one expects the PROXY protocol.
func TestProxyProtocolMismatchBeforeTheJudge(t *testing.T) {
	doc := Find("proxy-protocol-mismatch").Doc
	for _, test := range []struct {
		name    string
		dialect syntax.Dialect
		text    string
		status  int
	}{
		{"nginx lacks what is expected", syntax.Nginx, doc.Bad.Nginx, http.StatusBadGateway},
		{"nginx, good", syntax.Nginx, doc.Good.Nginx, http.StatusOK},
		{"haproxy lacks what is expected", syntax.HAProxy, doc.Bad.HAProxy, http.StatusBadGateway},
		{"haproxy sends what is not expected", syntax.HAProxy, strings.Replace(doc.Good.HAProxy, " accept-proxy", "", 1), http.StatusBadRequest},
		{"haproxy, good", syntax.HAProxy, doc.Good.HAProxy, http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			skipWithout(t, test.dialect)
			text := strings.NewReplacer("10.0.0.10:3000", "127.0.0.2:"+twoBackends(t), "127.0.0.1:8081", "127.0.0.1:"+freePort(t)).Replace(test.text)
			p := startProxy(t, test.dialect, text)
			if status, _ := p.get(t); status != test.status {
				t.Errorf("status %d with the log %s", status, p.log())
			}
		})
	}
}

// TestProxyProtocolBetweenConfigurations reads a HAProxy and an nginx configuration together.
func TestProxyProtocolBetweenConfigurations(t *testing.T) {
	const sends = "defaults\n    mode http\nfrontend www\n    bind :80\n    default_backend app\nbackend app\n    server app1 %s send-proxy\n"
	const listens = "events {}\nhttp { server { listen %s; } }\n"
	for _, test := range []struct{ dialed, heard, want string }{
		{"10.0.0.1:8080", "10.0.0.1:8080", "error"},
		{"127.0.0.1:8080", "8080", "warning"}, // they may be on different hosts
		{"127.0.0.1:8080", "8080 proxy_protocol", ""},
		{"10.0.0.1:8080", "8080", ""},
	} {
		dir := t.TempDir()
		outer, inner := filepath.Join(dir, "haproxy.cfg"), filepath.Join(dir, "nginx.conf")
		writeFile(t, outer, fmt.Sprintf(sends, test.dialed))
		writeFile(t, inner, fmt.Sprintf(listens, test.heard))
		got := ""
		for _, d := range run(t, dir, slices.Concat(load(t, outer), load(t, inner)), []*lint.Rule{Find("proxy-protocol-mismatch")}) {
			got += d.Severity.String()
		}
		if got != test.want {
			t.Errorf("%s to %s: %q, want %q", test.dialed, test.heard, got, test.want)
		}
	}
}

// TestStreamProxyProtocolBeforeTheJudge does so where nginx has its stream module, which is a package of its own in Debian.
func TestStreamProxyProtocolBeforeTheJudge(t *testing.T) {
	const load = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
	if ok, output := loads(t, syntax.Nginx, load+judges[syntax.Nginx].smallest); !ok {
		t.Skip(output)
	}
	for _, test := range []struct {
		name, sends, expects string
		request              string // "": the header alone is answered
		status               int    // 0: the connection is closed without an answer
	}{
		{"sent in vain", "on", "", "", http.StatusBadRequest},
		{"not sent", "off", " proxy_protocol", "GET / HTTP/1.0\r\n\r\n", 0},
		{"sent", "on", " proxy_protocol", "GET / HTTP/1.0\r\n\r\n", http.StatusNoContent},
	} {
		t.Run(test.name, func(t *testing.T) {
			inner := "127.0.0.1:" + freePort(t)
			p := startProxy(t, syntax.Nginx, fmt.Sprintf(`%sevents {}
stream { server { listen 8080; proxy_pass %s; proxy_protocol %s; } }
http { server { listen %s%s; return 204; } }
`, load, inner, test.sends, inner, test.expects))
			if status, err := ask(t, p.url, test.request); status != test.status {
				t.Errorf("status %d (%v) with the log %s", status, err, p.log())
			}
		})
	}
}

// ask sends the bytes of a request over a connection of its own and returns the status of what comes back, 0 for nothing.
// An HTTP client would not take an answer that is there before its request.
func ask(t *testing.T, url, request string) (status int, err error) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.Trim(strings.TrimPrefix(url, "http://"), "/"), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, writeErr := io.WriteString(conn, request) // which fails where the answer came first
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, errors.Join(writeErr, err)
	}
	defer response.Body.Close()
	return response.StatusCode, nil
}

// TestChecksWithoutProxyBeforeTheJudge checks a server that expects the PROXY protocol, on its own port.
func TestChecksWithoutProxyBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	for options, down := range map[string]bool{"check": false, "check port 8081": true, "check port 8081 check-send-proxy": false, "check addr 127.0.0.1": true} {
		t.Run(options, func(t *testing.T) {
			text := strings.NewReplacer(
				"send-proxy-v2", "send-proxy-v2 inter 50ms fall 1 "+options, "backend inside", "backend inside\n    option httpchk",
				"default_backend app", "http-request return status 200",
			).Replace(Find("proxy-protocol-mismatch").Doc.Good.HAProxy)
			p := startProxy(t, syntax.HAProxy, strings.Replace(strings.ReplaceAll(text, "8081", freePort(t)), "frontend edge", "frontend edge\n    log stderr local0", 1))
			if p.waitFor("inside1 is DOWN", down) != down {
				t.Errorf("down: %v, with the log %s", !down, p.log())
			}
		})
	}
}

// TestResolversTuningBeforeTheJudge lets HAProxy ask for twelve instances, and counts those that it finds.
func TestResolversTuningBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	doc := Find("resolvers-tuning").Doc
	addresses := strings.NewReplacer("app 12 _http._tcp.", "app 40 ", ".local", ".local:3000").Replace
	for _, test := range []struct {
		name, text string
		found      int
	}{
		{"records in 512 bytes", doc.Bad.HAProxy, 8},
		{"records in 8192 bytes", doc.Good.HAProxy, 12},
		{"addresses in 512 bytes", addresses(doc.Bad.HAProxy), 0},
		{"addresses in 8192 bytes", addresses(doc.Good.HAProxy), 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "stats")
			text := strings.NewReplacer(
				"127.0.0.1:53", serviceServer(t, 40), "check resolvers dns", "resolvers dns resolve-prefer ipv4",
			).Replace(test.text)
			startProxy(t, syntax.HAProxy, "global\n    stats socket "+socket+"\n"+text)
			found := -1
			for deadline := time.Now().Add(patience / 3); found != test.found || test.found == 0; time.Sleep(50 * time.Millisecond) {
				if found = foundServers(socket); time.Now().After(deadline) {
					break
				}
			}
			if found != test.found {
				t.Errorf("%d servers have an address, want %d", found, test.found)
			}
		})
	}
}

// foundServers counts the servers that HAProxy has an address for; -1 while it cannot be asked.
func foundServers(socket string) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return -1
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintln(conn, "show servers state app")
	var answer bytes.Buffer
	answer.ReadFrom(conn)
	found := 0
	for line := range strings.Lines(answer.String()) {
		if fields := strings.Fields(line); len(fields) > 5 && fields[1] == "app" && fields[4] != "-" {
			found++
		}
	}
	return found
}

// serviceServer starts a DNS server on loopback, and returns its address. Names that begin with an underscore have twelve
// SRV records, those of instances one address, and all others many. An answer is cut to what the client takes.
func serviceServer(t *testing.T, many int) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		query := make([]byte, 1<<12)
		for {
			n, client, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			conn.WriteTo(dnsAnswer(query[:n], many), client)
		}
	}()
	return conn.LocalAddr().String()
}

// dnsAnswer answers a question of RFC 1035 with one of EDNS (RFC 6891) behind it.
func dnsAnswer(query []byte, many int) []byte {
	const header, srv, address = 12, 33, 1
	end := header + bytes.IndexByte(query[header:], 0) + 5
	size := 512
	if len(query) > end+5 {
		size = int(binary.BigEndian.Uint16(query[end+3:]))
	}
	name := query[header:end]
	var records [][]byte
	switch kind := binary.BigEndian.Uint16(query[end-4:]); {
	case kind == srv:
		for i := range 12 {
			target := append([]byte{5}, fmt.Sprintf("app%02d", i)...)
			target = append(target, "\x03app\x07default\x03svc\x07cluster\x05local\x00"...)
			records = append(records, dnsRecord(srv, append([]byte{0, 1, 0, 1, 0x0b, 0xb8}, target...)))
		}
	case kind == address && name[0] == 5:
		records = append(records, dnsRecord(address, []byte{10, 0, 1, name[4]*10 + name[5]}))
	case kind == address:
		for i := range many {
			records = append(records, dnsRecord(address, []byte{10, 0, 2, byte(i)}))
		}
	}
	answer := slices.Concat(query[:2], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, name)
	for i, record := range records {
		if len(answer)+len(record) > size {
			answer[2] |= 2 // truncated
			break
		}
		answer = append(answer, record...)
		answer[7] = byte(i + 1)
	}
	return answer
}

func dnsRecord(kind byte, data []byte) []byte {
	return append([]byte{0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 5, 0, byte(len(data))}, data...)
}
