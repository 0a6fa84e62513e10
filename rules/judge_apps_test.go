package rules

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// The sockets that nobody listens on (inv-fpm-socket-mismatch, inv-socket-mismatch) need no proof of their own: what a
// proxy answers then is seen in TestSocketInPrivateTmpBeforeTheJudge. What docker makes of volumes is not proved here.

// firesBeside reports whether a rule speaks of a configuration beside the files of its examples.
func firesBeside(t *testing.T, rule *lint.Rule, dialect syntax.Dialect, text string) bool {
	t.Helper()
	return len(lintBeside(t, rule.Doc.Beside, dialect, text, []*lint.Rule{rule})) > 0
}

// TestKeepaliveRaceBeforeTheJudge sends two requests in a row to a backend that closes a connection as soon as the
// second one arrives on it: the moment that the rule tells of, made to happen each time. How often it comes by itself,
// with a backend that closes after some idle time, is not shown.
func TestKeepaliveRaceBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	doc := Find("keepalive-race").Doc
	port := serveOnce(t)
	for name, test := range map[string]struct {
		text, method string
		status       int
	}{
		"POST":             {doc.Bad.Nginx, http.MethodPost, http.StatusBadGateway},
		"GET":              {doc.Bad.Nginx, http.MethodGet, http.StatusOK},
		"without reuse":    {strings.Replace(doc.Bad.Nginx, "keepalive 16;", "", 1), http.MethodPost, http.StatusOK},
		"closed before":    {strings.Replace(doc.Good.Nginx, "4s", "50ms", 1), http.MethodPost, http.StatusOK},
		"resent by option": {strings.Replace(doc.Bad.Nginx, "proxy_pass", "proxy_next_upstream error timeout non_idempotent; proxy_pass", 1), http.MethodPost, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, syntax.Nginx, strings.Replace(test.text, "127.0.0.1:8000", "127.0.0.1:"+port, 1))
			if status := p.send(t, test.method); status != http.StatusOK {
				t.Fatalf("status %d for the first request: %s", status, p.log())
			}
			time.Sleep(200 * time.Millisecond) // longer than the time of "closed before"
			if status := p.send(t, test.method); status != test.status {
				t.Errorf("status %d, want %d: %s", status, test.status, p.log())
			}
		})
	}
}

// send asks the proxy with a method, and returns the status.
func (p *running) send(t *testing.T, method string) int {
	t.Helper()
	request, err := http.NewRequest(method, p.url, strings.NewReader("a=b"))
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// serveOnce starts a server that answers the first request of a connection, closes it unanswered when a second one
// arrives, and returns its port.
func serveOnce(t *testing.T) string {
	l := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				r := bufio.NewReader(conn)
				request, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				io.Copy(io.Discard, request.Body)
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				http.ReadRequest(r)
			}()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return listenPort(l)
}

// TestBackendBufferBeforeTheJudge sends a long header to a server that does as uWSGI does with a request above its
// buffer-size: it closes the connection.
func TestBackendBufferBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	rule := Find("backend-buffer")
	for text, want := range map[string]int{rule.Doc.Bad.Nginx: http.StatusBadGateway, rule.Doc.Good.Nginx: http.StatusBadRequest} {
		p := startProxy(t, syntax.Nginx, strings.Replace(text, "127.0.0.1:3031", "127.0.0.1:"+serveUWSGI(t, 20480), 1))
		if status, _ := p.get(t); status != http.StatusOK {
			t.Fatalf("status %d for a short header: %s", status, p.log())
		}
		request, err := http.NewRequest(http.MethodGet, p.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Cookie", strings.Repeat("a", 24<<10))
		response, err := (&http.Client{Timeout: patience}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("status %d, want %d: %s", response.StatusCode, want, p.log())
		}
		if fires := firesBeside(t, rule, syntax.Nginx, text); fires != (want == http.StatusBadGateway) {
			t.Errorf("fires: %t", fires)
		}
	}
}

// serveUWSGI starts a server that answers requests of the uwsgi protocol up to a size, closes the connection on larger
// ones, and returns its port. A request begins with a byte, its size in two, and another byte.
func serveUWSGI(t *testing.T, most int) string {
	l := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(time.Second)) // uWSGI's own is socket-timeout, 4 s
			head := make([]byte, 4)
			if _, err := io.ReadFull(conn, head); err == nil {
				size := int(head[1]) | int(head[2])<<8
				if _, err := io.CopyN(io.Discard, conn, int64(size)); err == nil && size <= most {
					fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return listenPort(l)
}

// TestInvProtocolMismatchBeforeTheJudge puts a server that speaks uwsgi, and one that speaks FastCGI, behind
// proxies that speak HTTP.
func TestInvProtocolMismatchBeforeTheJudge(t *testing.T) {
	rule := Find("inv-protocol-mismatch")
	for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
		skipWithout(t, dialect)
		for name, port := range map[string]string{"uwsgi": serveUWSGI(t, 4096), "FastCGI": serveFastCGI(t, &atomic.Int32{})} {
			text := withoutCheck(strings.Replace(rule.Doc.Bad.For(dialect), "127.0.0.1:3031", "127.0.0.1:"+port, 1))
			p := startProxy(t, dialect, text)
			if status, _ := p.get(t); status != http.StatusBadGateway {
				t.Errorf("%s to %s: status %d: %s", dialect, name, status, p.log())
			}
		}
	}
	good := strings.Replace(rule.Doc.Good.Nginx, "127.0.0.1:3031", "127.0.0.1:"+serveUWSGI(t, 4096), 1)
	if status, _ := startProxy(t, syntax.Nginx, good).get(t); status != http.StatusOK {
		t.Errorf("status %d for uwsgi to uwsgi", status)
	}
}

// TestInvAppTimeoutOrderBeforeTheJudge has a backend that ends the request before the answer, as gunicorn's arbiter does
// when it kills a worker, and one that is slower than the proxy waits.
func TestInvAppTimeoutOrderBeforeTheJudge(t *testing.T) {
	rule := Find("inv-app-timeout-order")
	for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
		skipWithout(t, dialect)
		killed := func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(200 * time.Millisecond)
			panic(http.ErrAbortHandler)
		}
		slow := func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(patience):
			}
		}
		for name, test := range map[string]struct {
			handler http.HandlerFunc
			limit   string
			status  int
		}{"killed": {killed, "3s", http.StatusBadGateway}, "slow": {slow, "1s", http.StatusGatewayTimeout}} {
			_, port := serveHTTP(t, test.handler)
			text := withoutCheck(strings.NewReplacer("300s", test.limit, "127.0.0.1:8000", "127.0.0.1:"+port).Replace(rule.Doc.Bad.For(dialect)))
			p := startProxy(t, dialect, text)
			if status, _ := p.get(t); status != test.status {
				t.Errorf("%s, %s: status %d, want %d: %s", dialect, name, status, test.status, p.log())
			}
		}
	}
}

// withMaster starts nginx as startProxy does, but with a master process, so that the worker changes its user.
const withMaster = `exec "$0" "$1" "$2" "$3" "$4" "$5" "$6" -g "daemon off; pid $4/pid;"`

// TestSocketPermissionBeforeTheJudge runs nginx as root, whose worker becomes another user and connects to sockets of
// different modes.
func TestSocketPermissionBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	if os.Getuid() != 0 {
		t.Skip("changing the user needs root")
	}
	dir, err := os.MkdirTemp("/var/tmp", "proxylint")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	web, php := filepath.Join(dir, "app.sock"), filepath.Join(dir, "fpm.sock")
	serveSockets(t, web, php)
	for id, socket := range map[string]struct{ path, written string }{
		"inv-socket-permission":     {web, "/run/app.sock"},
		"inv-fpm-socket-permission": {php, "/run/php/app.sock"},
	} {
		text := strings.NewReplacer("user www-data;", "user nobody nogroup;", socket.written, socket.path,
			"fastcgi_pass", "fastcgi_param SERVER_PROTOCOL $server_protocol; fastcgi_pass").Replace(Find(id).Doc.Bad.Nginx)
		for mode, want := range map[os.FileMode]int{0o660: http.StatusBadGateway, 0o666: http.StatusOK} {
			if err := os.Chmod(socket.path, mode); err != nil {
				t.Fatal(err)
			}
			p := startProxy(t, syntax.Nginx, text, "sh", "-c", withMaster)
			if status, _ := p.at("a.php").get(t); status != want {
				t.Errorf("%s, mode %o: status %d, want %d: %s", id, mode, status, want, p.log())
			}
		}
	}
}

// serveSockets answers HTTP on one socket and FastCGI on another.
func serveSockets(t *testing.T, overHTTP, overFastCGI string) {
	t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })
	server := &http.Server{Handler: handler}
	for path, serve := range map[string]func(net.Listener){
		overHTTP:    func(l net.Listener) { server.Serve(l) },
		overFastCGI: func(l net.Listener) { fcgi.Serve(l, handler) },
	} {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go serve(l)
	}
	t.Cleanup(func() { server.Shutdown(context.Background()) })
}
