//go:build unix

package logs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// patience is how long a proxy may take to start, to log and to end.
const patience = 10 * time.Second

// backend starts a server that does one thing to each connection, and returns its address.
func backend(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
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
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// The ways in which a backend may misbehave.
func closes(conn net.Conn) { conn.Read(make([]byte, 4096)) }

func hangs(conn net.Conn) { io.Copy(io.Discard, conn) }

func resets(conn net.Conn) {
	conn.Read(make([]byte, 4096))
	conn.(*net.TCPConn).SetLinger(0)
}

func says(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		conn.Read(make([]byte, 4096))
		io.WriteString(conn, answer)
	}
}

// scriptSays answers in FastCGI (section 3.3 of its specification): a text to stderr, then a page.
func scriptSays(text, page string) func(net.Conn) {
	record := func(kind byte, content string) string {
		return string([]byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), 0, 0}) + content
	}
	return says(record(7, text) + record(6, page) + record(6, "") + record(3, strings.Repeat("\x00", 8)))
}

// refuses returns an address that nobody listens on.
func refuses(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// full returns an address whose backlog is full, so that connections to it are not answered.
func full(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Skip(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Skip(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 3 {
		if conn, err := net.DialTimeout("tcp", address, 100*time.Millisecond); err == nil {
			t.Cleanup(func() { conn.Close() })
		}
	}
	return address
}

// nameServer answers all questions with one code; -1: not at all.
func nameServer(t *testing.T, code int) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if code >= 0 {
			w.WriteMsg(new(dns.Msg).SetRcode(q, code))
		}
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().String()
}

// secure starts a TLS server that ends handshakes for stranger.test.
func secure(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "stranger.test" {
			return nil, errors.New("unrecognized name")
		}
		return nil, nil
	}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// start runs a proxy until the test ends, and waits until it listens.
func start(t *testing.T, address string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			cmd.Process.Kill()
			<-ended
		}
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s does not start: %s", args[0], said.String())
		default:
		}
	}
	t.Fatalf("%s does not listen", args[0])
}

// get asks a proxy and returns the status; 0: there was none.
func get(url string) int {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// eventually waits for an event.
func eventually(t *testing.T, read func() []Event, fits func(Event) bool) (Event, bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, e := range read() {
			if fits(e) {
				return e, true
			}
		}
	}
	return Event{}, false
}

// eventsOf reads a log as it stands.
func eventsOf(t *testing.T, path string, formats ...*Format) []Event {
	t.Helper()
	file, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var events []Event
	if _, err := NewParser(Options{Formats: formats}).Read(file, path, func(e *Event) { events = append(events, *e) }); err != nil {
		t.Fatal(err)
	}
	return events
}

const judgeFormat = `$remote_addr|$time_iso8601|$request|$status|$upstream_addr|$upstream_status|$upstream_header_time`

// TestNginxJudge has nginx meet backends that misbehave, and reads what it logs.
func TestNginxJudge(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	strict := secure(t)
	dead, dead2, plain := refuses(t), refuses(t), httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	web := plain.Listener.Addr().String()
	missing := filepath.Join(dir, "none.sock")
	hung := backend(t, hangs)
	notFound, broken, silent := nameServer(t, dns.RcodeNameError), nameServer(t, dns.RcodeRefused), nameServer(t, -1)
	tests := []struct {
		name, directives, upstream string
		cause                      Cause
		detail                     string
	}{
		{"refused", "proxy_pass http://" + dead + ";", dead, Refused, ""},
		{"connect-timeout", "proxy_connect_timeout 300ms; proxy_pass http://@;", full(t), ConnectTimeout, ""},
		{"socket", "proxy_pass http://unix:" + missing + ":/;", "unix:" + missing, SocketMissing, ""},
		{"unreachable", "proxy_pass http://255.255.255.255:80;", "255.255.255.255:80", NoRoute, ""},
		{"closed", "proxy_pass http://@;", backend(t, closes), ClosedEarly, ""},
		{"reset", "proxy_pass http://@;", backend(t, resets), Reset, ""},
		{"hung", "proxy_read_timeout 300ms; proxy_pass http://@;", hung, ReadTimeout, ""},
		{"big", "proxy_pass http://@;", backend(t, says("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 9000)+"\r\n\r\n")), HeaderTooBig, ""},
		{"invalid", "proxy_pass http://@;", backend(t, says("HTTP/1.1 200 OK\r\nX\x00: y\r\n\r\n")), HeaderInvalid, ""},
		{"ssh", "proxy_pass http://@;", backend(t, says("SSH-2.0-OpenSSH_9.2\r\n")), NotHTTP, ""},
		{"cut", "proxy_pass http://@;", backend(t, says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")), AnswerCut, ""},
		{"slow-body", "proxy_read_timeout 300ms; proxy_pass http://@;", backend(t, func(c net.Conn) {
			says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")(c)
			hangs(c)
		}), AnswerTimeout, ""},
		{"plain", "proxy_pass https://" + web + ";", web, TLSNotSpoken, "wrong version number"},
		{"alert", "proxy_ssl_server_name on; proxy_ssl_name stranger.test; proxy_pass https://" + strict + ";", strict, TLSAlert, "alert 80, internal_error"},
		{"tls-closed", "proxy_pass https://@;", backend(t, closes), TLSClosed, ""},
		{"tls-hung", "proxy_connect_timeout 300ms; proxy_pass https://" + hung + ";", hung, TLSTimeout, ""},
		{"verify", "proxy_ssl_verify on; proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt; proxy_pass https://" + strict + ";", strict, TLSVerify, ""},
		{"not-fastcgi", "fastcgi_pass @;", backend(t, says("HTTP/1.1 400 Bad Request\r\n\r\n")), NotFastCGI, "72 is the letter H"},
		{"tls-fastcgi", "fastcgi_pass @;", backend(t, says("\x15\x03\x01\x00\x02\x02\x0a")), NotFastCGI, "21 is a TLS alert"},
		{"script", "fastcgi_pass @;", backend(t, scriptSays("Primary script unknown", "Status: 404 Not Found\r\n\r\n")), ScriptUnknown, ""},
		{"stderr", "fastcgi_pass @;", backend(t, scriptSays("PHP Fatal error: x\nStack trace:\n#0 {main}", "Status: 200 OK\r\n\r\n")), ScriptStderr, "#0 {main}"},
		{"nxdomain", "resolver " + notFound + "; set $up app.test; proxy_pass http://$up;", "app.test", NameNotFound, ""},
		{"dns-refused", "resolver " + broken + "; set $up app.test; proxy_pass http://$up;", "app.test", ResolverFailed, ""},
		{"dns-silent", "resolver " + silent + "; resolver_timeout 300ms; set $up app.test; proxy_pass http://$up;", "app.test", ResolverTimeout, ""},
		{"no-resolver", "set $up app.test; proxy_pass http://$up;", "app.test", NoResolver, ""},
		{"port", "set $up 127.0.0.1:99999; proxy_pass http://$up;", "127.0.0.1:99999", InvalidUpstream, ""},
		{"scheme", "set $up 127.0.0.1; proxy_pass $up;", "127.0.0.1", InvalidUpstream, ""},
		{"group", "proxy_pass http://pool;", "pool", NoLiveUpstream, ""},
		{"limited", "limit_req zone=one; proxy_pass http://" + web + ";", "", LimitedRequests, ""},
		{"cycle", "rewrite ^ /cycle last;", "", RewriteCycle, ""},
		{"auth", "auth_request /refused; proxy_pass http://" + web + ";", "", AuthRequest, "502"},
	}
	var locations strings.Builder
	for _, test := range tests {
		fmt.Fprintf(&locations, "location /%s { %s }\n", test.name, strings.ReplaceAll(test.directives, "@;", test.upstream+";"))
	}
	address, errorLog, accessLog := refuses(t), filepath.Join(dir, "error.log"), filepath.Join(dir, "access.log")
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`worker_processes 1; error_log %s info; events {}
http {
    log_format judge '%s'; access_log %s judge; limit_req_zone $server_name zone=one:1m rate=1r/m;
    upstream pool { server %s; server %s; }
    server { listen %s; server_name judge.test; %s }
}`, errorLog, judgeFormat, accessLog, dead, dead2, address, locations.String())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, address, "nginx", "-e", errorLog, "-p", dir, "-c", config, "-g", "daemon off; master_process off; pid "+dir+"/pid;")
	format, err := CompileNginx(judgeFormat)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			url := "http://" + address + "/" + test.name
			status := get(url)
			if test.cause == NoLiveUpstream || test.cause == LimitedRequests {
				status = get(url)
			}
			e, ok := eventually(t, func() []Event { return eventsOf(t, errorLog) },
				func(e Event) bool { return e.Path() == "/"+test.name && e.Cause == test.cause })
			if !ok {
				said, _ := os.ReadFile(errorLog)
				t.Fatalf("no event of cause %s, status %d; the log ends:\n%s", test.cause, status, said[max(0, len(said)-1500):])
			}
			if e.Upstream != test.upstream || !strings.Contains(e.Detail, test.detail) || e.Server != "judge.test" {
				t.Errorf("upstream %q, detail %q, server %q", e.Upstream, e.Detail, e.Server)
			}
			if time.Since(e.Time) > time.Minute || time.Since(e.Time) < -time.Minute {
				t.Errorf("time %s", e.Time)
			}
			if e.Status != 0 && e.Status != status {
				t.Errorf("status %d is told, the client got %d", e.Status, status)
			}
			if e.Status == 0 && status >= 500 {
				t.Errorf("no status is told, the client got %d", status)
			}
			if status < 500 {
				return
			}
			if a, ok := eventually(t, func() []Event { return eventsOf(t, accessLog, format) },
				func(e Event) bool { return e.Path() == "/"+test.name && e.Status == status }); !ok {
				t.Error("the access log tells nothing")
			} else if a.Upstream != "" && a.Upstream != test.upstream && test.cause != NoLiveUpstream {
				t.Errorf("upstream %q in the access log", a.Upstream)
			}
		})
	}
}

// syslog keeps what is sent to it.
type syslog struct {
	mu   sync.Mutex
	text strings.Builder
}

// listen starts a syslog server, and returns its address.
func (s *syslog) listen(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, maxLine)
		for {
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.text.WriteString(strings.TrimRight(string(buffer[:n]), "\n") + "\n")
			s.mu.Unlock()
		}
	}()
	return conn.LocalAddr().String()
}

func (s *syslog) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// events reads the log as it stands.
func (s *syslog) events(t *testing.T, formats ...*Format) []Event {
	t.Helper()
	var events []Event
	parser := NewParser(Options{Formats: formats})
	if _, err := parser.Read(strings.NewReader(s.String()), "syslog", func(e *Event) { events = append(events, *e) }); err != nil {
		t.Fatal(err)
	}
	return events
}

// haproxyFormats are the ways in which HAProxy may log, with what tells proxylint of a format of one's own.
var haproxyFormats = map[string]struct{ option, format string }{
	"httplog":   {"option httplog", ""},
	"httpslog":  {"option httpslog", ""},
	"clf":       {"option httplog clf", ""},
	"capture":   {"option httplog\n    capture request header Host len 20\n    capture response header X-None len 9", ""},
	"json":      {`log-format '{"t":"%t","c":"%ci","fe":"%f","be":"%b","srv":"%s","a":"%si:%sp","st":%ST,"ts":"%ts","rc":%rc,"r":"%HM %HP"}'`, `{"t":"%t","c":"%ci","fe":"%f","be":"%b","srv":"%s","a":"%si:%sp","st":%ST,"ts":"%ts","rc":%rc,"r":"%HM %HP"}`},
	"of quotes": {`log-format "%{+Q}o %t %ci %ft %b %s %ST %tsc %rc %{-Q}r"`, `%{+Q}o %t %ci %ft %b %s %ST %tsc %rc %{-Q}r`},
}

// TestHAProxyJudge has HAProxy meet backends that misbehave, and reads what it logs in each format.
func TestHAProxyJudge(t *testing.T) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip(err)
	}
	hung := backend(t, hangs)
	tests := []struct {
		name, directives, server string
		cause                    Cause
		status                   int
	}{
		{"refused", "server a1 " + refuses(t), "a1", ConnectFailed, 503},
		{"connect-timeout", "timeout connect 200ms\n    server a1 " + full(t), "a1", ConnectTimeout, 503},
		{"closed", "server a1 " + backend(t, closes), "a1", ClosedEarly, 502},
		{"hung", "timeout server 200ms\n    server a1 " + hung, "a1", ReadTimeout, 504},
		{"invalid", "server a1 " + backend(t, says("SSH-2.0-OpenSSH_9.2\r\n\r\n")), "a1", HeaderInvalid, 502},
		{"cut", "server a1 " + backend(t, says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")), "a1", AnswerCut, 200},
		{"answered", "server a1 " + backend(t, says("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")), "a1", Answered, 503},
		{"empty", "balance roundrobin", "", NoServer, 503},
		{"returned", "http-request return status 503", "", Local, 503},
		{"denied", "http-request deny deny_status 502", "", Denied, 502},
		{"redispatched", "option redispatch 1\n    retries 2\n    balance first\n    server a1 " + refuses(t) + "\n    server a2 " + backend(t, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), "a2", Retried, 200},
	}
	var routes, sections strings.Builder
	for _, test := range tests {
		fmt.Fprintf(&routes, "    use_backend %s if { path /%[1]s }\n", test.name)
		fmt.Fprintf(&sections, "backend %s\n    %s\n", test.name, test.directives)
	}
	for name, log := range haproxyFormats {
		t.Run(name, func(t *testing.T) {
			var formats []*Format
			if log.format != "" {
				format, err := CompileHAProxy(log.format)
				if err != nil {
					t.Fatal(err)
				}
				formats = append(formats, format)
			}
			said, address := runHAProxy(t, "    "+log.option+"\n"+routes.String(), sections.String())
			for _, test := range tests {
				status := get("http://" + address + "/" + test.name)
				e, ok := eventually(t, func() []Event { return said.events(t, formats...) },
					func(e Event) bool { return e.Path() == "/"+test.name && e.Cause == test.cause })
				if !ok {
					t.Fatalf("%s: no event of cause %s; the log is:\n%s", test.name, test.cause, said)
				}
				backend := test.name
				if test.name == "returned" || test.name == "denied" {
					backend = e.Backend // "www" in versions that answer before they choose
				}
				if status != test.status || e.Status != status || e.ServerName != test.server || e.Backend != backend || e.Frontend != "www" {
					t.Errorf("%s: the client got %d; event %+v", test.name, status, e)
				}
				if time.Since(e.Time) > time.Minute || time.Since(e.Time) < -time.Minute {
					t.Errorf("%s: time %s", test.name, e.Time)
				}
			}
		})
	}
}

// runHAProxy starts HAProxy with a frontend and backends, and returns its log and its address.
func runHAProxy(t *testing.T, frontend, backends string) (*syslog, string) {
	t.Helper()
	said, address := &syslog{}, refuses(t)
	text := fmt.Sprintf(`global
    log %s len 8192 local0
defaults
    log global
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    timeout queue 200ms
    retries 0
frontend www
    bind %s
%s
%s
`, said.listen(t), address, frontend, backends)
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, address, "haproxy", "-db", "-f", config)
	return said, address
}

// TestHAProxyChecksJudge has health checks fail, and requests wait in a queue.
func TestHAProxyChecksJudge(t *testing.T) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip(err)
	}
	hung, plain := backend(t, hangs), backend(t, says("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
	const quick = " check inter 100ms fall 1"
	tests := []struct {
		name, directives string
		cause            Cause
		detail           string
	}{
		{"l4", "server a1 " + refuses(t) + quick, CheckConnect, "Connection refused"},
		{"l4-timeout", "timeout connect 200ms\n    server a1 " + full(t) + quick, CheckConnectTimeout, "Layer4 timeout"},
		{"l6", "server a1 " + plain + quick + " check-ssl verify none", CheckTLS, "Layer6"},
		{"l7-status", "option httpchk\n    server a1 " + plain + quick, CheckStatus, "code: 500"},
		{"l7-timeout", "option httpchk\n    timeout check 200ms\n    server a1 " + hung + quick, CheckTimeout, "Layer7 timeout"},
		{"l7-invalid", "option httpchk\n    server a1 " + backend(t, says("SSH-2.0-x\r\n\r\n")) + quick, CheckInvalid, "Layer7 invalid response"},
	}
	sections := "backend queued\n    timeout server 1s\n    server a1 " + hung + " maxconn 1\n"
	for _, test := range tests {
		sections += fmt.Sprintf("backend %s\n    %s\n", test.name, test.directives)
	}
	said, address := runHAProxy(t, "    option httplog\n    default_backend queued", sections)
	for _, test := range tests {
		e, ok := eventually(t, func() []Event { return said.events(t) }, func(e Event) bool { return e.Cause == test.cause && e.Backend == test.name })
		if !ok || e.ServerName != "a1" || !strings.Contains(e.Detail, test.detail) || e.Status != 0 {
			t.Errorf("%s: %v %+v; the log is:\n%s", test.name, ok, e, said)
		}
		if e, ok := eventually(t, func() []Event { return said.events(t) }, func(e Event) bool { return e.Cause == NoServer && e.Backend == test.name }); !ok {
			t.Errorf("%s: nothing tells that no server is left", test.name)
		} else if e.Status != 0 {
			t.Errorf("%s: a message is no lost request, got status %d", test.name, e.Status)
		}
	}
	go get("http://" + address + "/first")
	time.Sleep(100 * time.Millisecond)
	status := get("http://" + address + "/second")
	if e, ok := eventually(t, func() []Event { return said.events(t) }, func(e Event) bool { return e.Cause == QueueTimeout }); !ok || e.Status != status || status != 503 {
		t.Errorf("queue: %v %+v, status %d; the log is:\n%s", ok, e, status, said)
	}
}
