//go:build unix

package logs

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNginxPermissionJudge has workers that are nobody meet a socket that only its owner may use.
func TestNginxPermissionJudge(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "judge")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "app.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { l.Close() })
	for path, mode := range map[string]os.FileMode{dir: 0o755, socket: 0} { // a folder that others may pass
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	n := runNginx(t, "user nobody nogroup; events {}\n", "http { access_log off; server { listen @; server_name judge.test;\nlocation / { proxy_pass http://unix:"+socket+":/; } } }")
	status := get("http://" + n.address + "/x")
	e := n.event(t, func(e Event) bool { return e.Cause == SocketPermission })
	if e.Upstream != "unix:"+socket || e.Status != status || status != 502 || n.line(t, e) != n.lineOf("location /") {
		t.Errorf("status %d, line %d, %+v", status, n.line(t, e), e)
	}
}

// idle opens connections to a proxy, each of which has had an answer, until one gets none; it returns those that have.
func idle(t *testing.T, address string) []net.Conn {
	t.Helper()
	var list []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if ask(conn, "/ok", 300*time.Millisecond) != 200 {
			return list
		}
		list = append(list, conn)
	}
	t.Fatal("there is no end of connections")
	return nil
}

// ask sends a request on a connection that is kept, and returns the status; 0: there was none.
func ask(conn net.Conn, path string, patience time.Duration) int {
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: judge.test\r\n\r\n", path)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// limited is a configuration of which one location is passed on to a server.
func limited(t *testing.T, main, server string) nginx {
	return runNginx(t, main, "http { access_log off; server { listen @; server_name judge.test;\nlocation /ok { return 200; }\nlocation /app { proxy_pass http://"+server+"; } } }")
}

// TestNginxFilesJudge has a worker run out of files. A connection that is not accepted waits, and is no lost request.
func TestNginxFilesJudge(t *testing.T) {
	t.Parallel()
	n := limited(t, "worker_rlimit_nofile 30; events { worker_connections 100; }\n", plainServer(t))
	kept := idle(t, n.address)
	status := 0
	for range 20 {
		if status = ask(kept[0], "/app", patience); status == 500 {
			break
		}
		time.Sleep(100 * time.Millisecond) // until the client that waits has taken what another left
	}
	e := n.event(t, func(e Event) bool { return e.Cause == TooManyFiles && e.Path() == "/app" })
	if e.Status != status || status != 500 || n.line(t, e) != n.lineOf("location /app") {
		t.Errorf("status %d, line %d, %+v", status, n.line(t, e), e)
	}
	if e := n.event(t, func(e Event) bool { return e.Cause == TooManyFiles && e.Client == "" }); e.Status != 0 {
		t.Errorf("status %d of a connection that waits", e.Status)
	}
}

// TestNginxConnectionsJudge has a worker run out of connections, of which it needs two for itself: with an odd number
// left, one is missing for the server, with an even number the next client gets none.
func TestNginxConnectionsJudge(t *testing.T) {
	t.Parallel()
	for connections, status := range map[int]int{9: 500, 10: 0} {
		t.Run(fmt.Sprint(connections), func(t *testing.T) {
			t.Parallel()
			n := limited(t, fmt.Sprintf("events { worker_connections %d; }\n", connections), backend(t, hangs))
			for range 5 {
				conn, err := net.Dial("tcp", n.address)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if got := ask(conn, "/app", 300*time.Millisecond); got != 0 && got != status {
					t.Errorf("status %d", got)
				}
			}
			e := n.event(t, func(e Event) bool { return e.Cause == WorkerConnections })
			if e.Status != status || status != 0 && n.line(t, e) != n.lineOf("location /app") {
				t.Errorf("status %d, line %d, %+v", e.Status, n.line(t, e), e)
			}
		})
	}
}

// TestNginxClientsJudge has clients that are silent, speak no TLS, have no certificate or send what is no request.
func TestNginxClientsJudge(t *testing.T) {
	t.Parallel()
	cert, key := serverKeys(t)
	plain, secure := free(t), free(t)
	n := runNginx(t, "master_process off; events {}\n", fmt.Sprintf(`http {
access_log off; client_header_timeout 300ms; ssl_certificate %[1]s; ssl_certificate_key %[2]s;
server { listen @; return 200; }
server { listen %[3]s; return 200; }
server { listen %[4]s ssl; ssl_client_certificate %[1]s; ssl_verify_client on; return 200; }
}`, cert, key, plain, secure))
	said := func(address, text string) func() int { return func() int { return spoken(address, text) } }
	greets := func(config *tls.Config) func() int {
		return func() int {
			config.InsecureSkipVerify = true
			conn, err := tls.Dial("tcp", secure, config)
			if err != nil {
				return 0
			}
			defer conn.Close()
			return ask(conn, "/", patience)
		}
	}
	for _, test := range []struct {
		name, text string
		cause      Cause
		ask        func() int
	}{
		{"silent", "while waiting for request", ClientTimeout, said(plain, "")},
		{"slow header", "while reading client request headers", ClientTimeout, said(plain, "GET / HTTP/1.1\r\n")},
		{"no request", "client sent invalid method", ClientRequest, said(plain, "\x16\x03\x01\r\n\r\n")},
		{"no host", `without "Host" header`, ClientRequest, said(plain, "GET / HTTP/1.1\r\n\r\n")},
		{"long header", "client sent too long header line", ClientRequest, said(plain, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 9000)+"\r\n\r\n")},
		{"long URI", "client sent too long URI", ClientRequest, said(plain, "GET /"+strings.Repeat("x", 9000)+" HTTP/1.1\r\n\r\n")},
		{"version", "client sent invalid version", ClientRequest, said(plain, "GET / HTTP/9.0\r\n\r\n")},
		{"plain", "client sent plain HTTP request to HTTPS port", ClientRequest, said(secure, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
		{"no certificate", "client sent no required SSL certificate", ClientRequest, greets(&tls.Config{})},
		{"no TLS", "SSL_do_handshake() failed", ClientTLS, said(secure, "\x16\x03\x01\x00\x04xxxx")},
		{"closed", "peer closed connection in SSL handshake", ClientTLS, func() int {
			conn, err := net.Dial("tcp", secure)
			if err == nil {
				io.WriteString(conn, "\x16")
				conn.Close()
			}
			return 0
		}},
		{"old", "SSL_do_handshake() failed", ClientTLS, greets(&tls.Config{MaxVersion: tls.VersionTLS10})},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			status := test.ask()
			e := n.event(t, func(e Event) bool { return e.Cause == test.cause && strings.Contains(e.Text, test.text) })
			if e.Status != 0 && status != 0 && e.Status != status {
				t.Errorf("status %d is told, the client got %d", e.Status, status)
			}
			if e.Client != "127.0.0.1" {
				t.Errorf("client %q", e.Client)
			}
		})
	}
}

// TestNginxResolverJudge has a name server's machine refuse questions, of which nginx writes for no client.
func TestNginxResolverJudge(t *testing.T) {
	t.Parallel()
	server := free(t)
	n := runNginx(t, "master_process off; events {}\n", "http { access_log off; server { listen @; server_name judge.test;\nlocation / { resolver "+server+"; resolver_timeout 300ms; set $up app.test; proxy_pass http://$up; } } }")
	status := get("http://" + n.address + "/x")
	if e := n.event(t, func(e Event) bool { return e.Cause == ResolverFailed }); e.Status != 0 || !strings.HasSuffix(e.Detail, server) || e.Upstream != "" {
		t.Errorf("status %d, upstream %q, detail %q: %s", e.Status, e.Upstream, e.Detail, e.Text)
	}
	e := n.event(t, func(e Event) bool { return e.Cause == ResolverTimeout })
	if e.Status != status || status != 502 || e.Upstream != "app.test" || n.line(t, e) != n.lineOf("location /") {
		t.Errorf("the client got %d; line %d, %+v", status, n.line(t, e), e)
	}
}

// TestNginxSendJudge has a server reset the connection while nginx sends it a body, before nginx can know: it is stopped,
// and on waking finds more of the body first, and the reset thereafter.
func TestNginxSendJudge(t *testing.T) {
	t.Parallel()
	pair := httptest.NewTLSServer(nil)
	t.Cleanup(pair.Close)
	for scheme, accept := range map[string]func(net.Conn) io.Reader{
		"http": func(conn net.Conn) io.Reader { return conn },
		"https": func(conn net.Conn) io.Reader {
			return tls.Server(conn, &tls.Config{Certificates: pair.TLS.Certificates})
		},
	} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			got, gone := make(chan bool), make(chan bool)
			server := backend(t, func(conn net.Conn) {
				accept(conn).Read(make([]byte, 4096))
				got <- true
				<-gone
				conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
				gone <- true
			})
			n := runNginx(t, "master_process off; events {}\n", "http { access_log off; server { listen @; server_name judge.test;\nlocation / { proxy_request_buffering off; proxy_pass "+scheme+"://"+server+"; } } }")
			conn, err := net.Dial("tcp", n.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: judge.test\r\nContent-Length: 100\r\n\r\nfirst")
			<-got
			time.Sleep(moment)
			if err := syscall.Kill(n.pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(moment)
			io.WriteString(conn, "second")
			gone <- true
			<-gone
			if err := syscall.Kill(n.pid, syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			var status int
			fmt.Fscanf(conn, "HTTP/1.1 %d", &status)
			e := n.event(t, func(e Event) bool { return e.Cause == SendFailed })
			if e.Upstream != server || e.Status != status || status != 502 || n.line(t, e) != n.lineOf("location /") {
				t.Errorf("the client got %d; line %d, %+v", status, n.line(t, e), e)
			}
		})
	}
}

// TestNginxStartJudge has nginx refuse a configuration, and reads what it says on the terminal and in its log.
func TestNginxStartJudge(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip(err)
	}
	for _, test := range []struct {
		directive, upstream string
		cause               Cause
	}{
		{"server { location / { proxy_pass http://a..b; } }", "a..b", HostNotFoundAtStart},
		{"upstream app { server a..b:80; }", "a..b:80", HostNotFoundAtStart},
		{"server { location / { proxy_pass http://127.0.0.1:99999; } }", "127.0.0.1:99999", InvalidUpstream},
		{"server { location / { proxy_pass http://:80; } }", ":80", InvalidUpstream},
		{"server { location / { proxy_pass 127.0.0.1:80; } }", "", InvalidUpstream},
		{"upstream app { server 127.0.0.1; } server { location / { proxy_pass http://app:81; } }", "app", InvalidUpstream},
		{"server { listen a..b:80; }", "a..b:80", HostNotFoundAtStart},
		{"resolver a..b;", "a..b", HostNotFoundAtStart},
	} {
		t.Run(test.cause.String(), func(t *testing.T) {
			config, log := file(t, "nginx.conf", "events {}\nhttp {\n"+test.directive+"\n}\n"), filepath.Join(t.TempDir(), "error.log")
			out, err := exec.Command("nginx", "-t", "-e", log, "-p", filepath.Dir(config), "-c", config, "-g", "pid "+log+".pid;").CombinedOutput()
			if err == nil {
				t.Fatal("nginx takes it")
			}
			for source, events := range map[string][]Event{"the terminal": read(t, string(out)), "the log": eventsOf(t, log)} {
				if len(events) != 1 {
					t.Errorf("%s has %d events:\n%s", source, len(events), out)
					continue
				}
				if e := events[0]; e.Cause != test.cause || e.At != config+":3" || e.Upstream != test.upstream || e.Status != 0 {
					t.Errorf("%s: cause %s, at %q, upstream %q, status %d:\n%s", source, e.Cause, e.At, e.Upstream, e.Status, out)
				}
			}
		})
	}
}
