package rules

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestUpstreamDefaultPortBeforeTheJudge lets nginx pass TLS to a group, without and with a port.
func TestUpstreamDefaultPortBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	backend := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") }))
	defer backend.Close()
	doc := Find("upstream-default-port").Doc
	bad := startProxy(t, syntax.Nginx, strings.ReplaceAll(doc.Bad.Nginx, "10.0.0.10", "127.0.0.2"))
	if status, _ := bad.get(t); status != http.StatusBadGateway || !bad.waitFor(`upstream: "https://127.0.0.2:80/"`, true) {
		t.Errorf("status %d with the log %s", status, bad.log())
	}
	good := startProxy(t, syntax.Nginx, strings.ReplaceAll(doc.Good.Nginx, "10.0.0.10:443", backend.Listener.Addr().String()))
	if status, _ := good.get(t); status != http.StatusOK {
		t.Errorf("with the port: status %d, and the log %s", status, good.log())
	}
}

// TestPortlessServersBeforeTheJudge lets HAProxy dial servers that have no port of their own.
func TestPortlessServersBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	port := twoBackends(t)
	missing, zero := Find("server-port-missing").Doc, Find("port-zero").Doc
	for _, test := range []struct {
		name, text string
		status     int
	}{
		{"no port", missing.Bad.HAProxy, http.StatusServiceUnavailable},
		{"port", missing.Good.HAProxy, http.StatusOK},
		{"port 0", strings.ReplaceAll(zero.Bad.HAProxy, " check", ""), http.StatusServiceUnavailable},
		{"port, checked", zero.Good.HAProxy, http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.NewReplacer("10.0.0.10", "127.0.0.2", ":3000", ":"+port, "mode http", "mode http\n    retries 0").Replace(test.text)
			if status, _ := startProxy(t, syntax.HAProxy, text).get(t); status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
		})
	}
}

// TestCheckWithoutPortBeforeTheJudge shows what "check" makes of a server without a port.
func TestCheckWithoutPortBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	bad := Find("server-port-missing").Doc.Bad.HAProxy
	for server, fails := range map[string]bool{
		"10.0.0.10 check":                     true,
		"10.0.0.10:+1 check":                  true,
		"10.0.0.10 check disabled":            true,
		"10.0.0.10 check addr 10.0.0.11":      true,
		"10.0.0.10 check port 3000":           false,
		"10.0.0.10 check addr 10.0.0.11:3000": false,
		"0.0.0.0 check":                       false,
		"localhost check":                     false,
	} {
		if ok, output := loads(t, syntax.HAProxy, strings.ReplaceAll(bad, "10.0.0.10", server)); ok == fails {
			t.Errorf("server app1 %s: loads: %v %s", server, ok, output)
		}
	}
	p := startProxy(t, syntax.HAProxy, strings.ReplaceAll(bad, "10.0.0.10", "localhost check inter 50ms"))
	if !p.waitFor("app1 is DOWN", true) {
		t.Errorf("the server is up: %s", p.log())
	}
	if status, _ := p.get(t); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
}

// TestPortNotHTTPBeforeTheJudge passes requests to a server that hangs up on them, as most databases do, and
// to one that speaks first. nginx 1.22 takes the latter's greeting for an answer of HTTP/0.9.
func TestPortNotHTTPBeforeTheJudge(t *testing.T) {
	doc := Find("port-not-http").Doc
	for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			greetings := []string{""}
			if dialect == syntax.HAProxy {
				greetings = append(greetings, "SSH-2.0-OpenSSH_9.2\r\n")
			}
			for _, greeting := range greetings {
				text := strings.ReplaceAll(doc.Bad.For(dialect), "10.0.0.10:6379", foreignServer(t, greeting))
				if status, _ := startProxy(t, dialect, text).get(t); status != http.StatusBadGateway {
					t.Errorf("status %d after the greeting %q", status, greeting)
				}
			}
			text := strings.ReplaceAll(doc.Good.For(dialect), "10.0.0.10:3000", "127.0.0.2:"+twoBackends(t))
			if status, _ := startProxy(t, dialect, text).get(t); status != http.StatusOK {
				t.Errorf("status %d from an HTTP server", status)
			}
		})
	}
}

// foreignServer starts a server that sends a greeting, reads a line, and closes. It returns its address.
func foreignServer(t *testing.T, greeting string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			fmt.Fprint(conn, greeting)
			bufio.NewReader(conn).ReadString('\n')
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestCheckPortDiffersBeforeTheJudge checks a server that works on a port where nothing listens.
func TestCheckPortDiffersBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	port, dead := twoBackends(t), freePort(t)
	doc := Find("check-port-differs").Doc
	adapt := strings.NewReplacer("10.0.0.10:3000", "127.0.0.2:"+port, "check", "check inter 50ms fall 1", "port 3001", "port "+dead).Replace
	bad := startProxy(t, syntax.HAProxy, adapt(doc.Bad.HAProxy))
	if !bad.waitFor("app1 is DOWN", true) {
		t.Errorf("the server is up: %s", bad.log())
	}
	if status, _ := bad.get(t); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	if status, _ := startProxy(t, syntax.HAProxy, patiently(adapt(doc.Good.HAProxy))).get(t); status != http.StatusOK {
		t.Errorf("checked on its own port: status %d", status)
	}
}

// TestDuplicateEndpointBeforeTheJudge counts the requests that each of two servers gets.
func TestDuplicateEndpointBeforeTheJudge(t *testing.T) {
	for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			text := strings.NewReplacer("10.0.0.10:3000", "127.0.0.2:3000", "10.0.0.11:3000", "127.0.0.3:3000").
				Replace(Find("duplicate-endpoint").Doc.Bad.For(dialect))
			p := startProxy(t, dialect, strings.ReplaceAll(text, ":3000", ":"+twoBackends(t)))
			got := map[string]int{}
			for range 30 {
				_, body := p.get(t)
				got[body]++
			}
			if got["127.0.0.2"] != 10 || got["127.0.0.3"] != 20 {
				t.Errorf("requests: %v", got)
			}
		})
	}
}

// TestListenerConflictBeforeTheJudge asks until both of two sections on one port have answered.
func TestListenerConflictBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	text := strings.NewReplacer("*:8080", ":8080", "10.0.0.10:3000", "127.0.0.2:3000", "10.0.0.11:3000", "127.0.0.3:3000").
		Replace(Find("listener-conflict").Doc.Bad.HAProxy)
	p := startProxy(t, syntax.HAProxy, strings.ReplaceAll(text, ":3000", ":"+twoBackends(t)))
	seen := map[string]bool{}
	for range 200 {
		_, body := p.get(t)
		seen[body] = true
	}
	if !seen["127.0.0.2"] || !seen["127.0.0.3"] {
		t.Errorf("answers: %v", seen)
	}
}
