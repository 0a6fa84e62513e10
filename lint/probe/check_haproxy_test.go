package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// checkCase is a check that HAProxy makes and the replay makes again. In its texts {other} is a second server's port.
type checkCase struct {
	name     string
	defaults string // lines of a defaults section of its own
	lines    string // of the backend
	server   string // options of the server
	backend  backend
	want     string // what both must report: "L7STS 404"
}

// backend is how the server of a case behaves on every connection.
type backend struct {
	greets  string
	answer  string // to whatever comes first
	next    string // to whatever comes then
	secure  bool
	old     bool // over TLS it offers HTTP/1.1 alone
	closes  bool // after the answer
	hangsUp bool // after the greeting
	silent  bool
	reset   bool
	dead    bool
}

func answers(status string, rest ...string) backend {
	text := "HTTP/1.1 " + status + "\r\n" + strings.Join(rest, "")
	if len(rest) == 0 {
		text += "content-length: 0\r\n\r\n"
	}
	return backend{answer: text}
}

const body = "content-length: 7\r\nX-A: one, two\r\nServer: fake/1\r\n\r\nhealthy"

var checkCases = []checkCase{
	{name: "connection", want: "L4OK"},
	{name: "refused", backend: backend{dead: true}, want: "L4CON"},
	{name: "httpchk", lines: "option httpchk", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "httpchk 301", lines: "option httpchk", backend: answers("301 Moved"), want: "L7OK 301"},
	{name: "httpchk uri", lines: "option httpchk /up", backend: answers("404 Not Found"), want: "L7STS 404"},
	{name: "httpchk method", lines: "option httpchk HEAD /up", backend: answers("500 Oops"), want: "L7STS 500"},
	{name: "httpchk other method", lines: "option httpchk PURGE /up", backend: answers("405 No"), want: "L7STS 405"},
	{name: "httpchk 1.1", lines: "option httpchk GET /up HTTP/1.1", backend: answers("400 Bad Request"), want: "L7STS 400"},
	{name: "httpchk hidden header", lines: `option httpchk GET /up "HTTP/1.1\r\nHost: Up.example\r\nUser-Agent: x"`, backend: answers("200 OK"), want: "L7OK 200"},
	{name: "httpchk no HTTP", lines: "option httpchk", backend: backend{answer: "SSH-2.0-x\r\n"}, want: "L7RSP"},
	{name: "httpchk closed", lines: "option httpchk", backend: backend{closes: true}, want: "L7RSP"},
	{name: "httpchk reset", lines: "option httpchk", backend: backend{reset: true}, want: "SOCKERR"},
	{name: "httpchk half", lines: "option httpchk", backend: backend{answer: "HTTP/1.1 200 OK\r\nA: b\r\n", closes: true}, want: "L7RSP"},
	{name: "httpchk silent", lines: "option httpchk\ntimeout check 150ms", backend: backend{silent: true}, want: "L7TOUT"},
	{name: "silent for inter", lines: "option httpchk\ntimeout check 0", backend: backend{silent: true}, want: "L7TOUT"},
	{name: "send", lines: "option httpchk\nhttp-check send meth GET uri /up ver HTTP/1.1 hdr Host up.example hdr X-B c", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "send body", lines: "option httpchk\nhttp-check send meth POST uri /up ver HTTP/1.1 hdr Content-Type text/plain hdr host a body ping", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "send body 1.0", lines: "option httpchk\nhttp-check send meth POST uri /up body ping%", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "send POST empty", lines: "option httpchk\nhttp-check send meth POST uri /up ver HTTP/1.1", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "send over option", lines: "option httpchk GET /a HTTP/1.1\nhttp-check send uri /b hdr Host x", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "option over send", lines: "http-check send meth GET uri /b hdr Host x\noption httpchk PUT /a HTTP/1.1", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "send percent", lines: "option httpchk\nhttp-check send hdr X-P 50%% uri /%41", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "connection header", lines: "option httpchk\nhttp-check send ver HTTP/1.1 hdr Connection close hdr Host a", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "expect status", lines: "option httpchk\nhttp-check expect status 200,204", backend: answers("301 Moved"), want: "L7STS 301"},
	{name: "expect ! status", lines: "option httpchk\nhttp-check expect ! status 500-599", backend: answers("404 Gone"), want: "L7OK 404"},
	{name: "expect rstatus", lines: "option httpchk\nhttp-check expect rstatus ^2", backend: answers("302 Found"), want: "L7STS 302"},
	{name: "expect string", lines: "option httpchk\nhttp-check expect string healthy", backend: answers("500 Oops", body), want: "L7OK 500"},
	{name: "expect string unmet", lines: "option httpchk\nhttp-check expect string ready", backend: answers("200 OK", body), want: "L7RSP"},
	{name: "expect no body", lines: "option httpchk\nhttp-check expect string ready", backend: answers("200 OK"), want: "L7RSP"},
	{name: "expect ! rstring", lines: "option httpchk\nhttp-check expect ! rstring ^heal", backend: answers("200 OK", body), want: "L7RSP"},
	{name: "expect hdr", lines: "option httpchk\nhttp-check expect hdr name x-a value two", backend: answers("200 OK", body), want: "L7OK 200"},
	{name: "expect fhdr", lines: "option httpchk\nhttp-check expect fhdr name x-a value two", backend: answers("200 OK", body), want: "L7STS 200"},
	{name: "expect fhdr whole", lines: "option httpchk\nhttp-check expect fhdr name x-a value \"one, two\"", backend: answers("200 OK", body), want: "L7OK 200"},
	{name: "expect hdr reg", lines: "option httpchk\nhttp-check expect hdr name -m beg SER value -m reg ^fake/[0-9]$", backend: answers("200 OK", body), want: "L7OK 200"},
	{name: "expect ! hdr", lines: "option httpchk\nhttp-check expect ! hdr name server", backend: answers("200 OK", body), want: "L7STS 200"},
	{name: "two requests", lines: "option httpchk\nhttp-check connect\nhttp-check send uri /a\nhttp-check expect status 200\nhttp-check connect port {other}\nhttp-check send uri /b\nhttp-check expect status 404", backend: answers("200 OK"), want: "L7STS 503"},
	{name: "disable-on-404", lines: "option httpchk\nhttp-check disable-on-404", backend: answers("404 Not Found"), want: "L7OKC 404"},
	{name: "inherited", defaults: "option httpchk GET /a\nhttp-check expect status 204", backend: answers("200 OK"), want: "L7STS 200"},
	{name: "own rules replace", defaults: "option httpchk GET /a\nhttp-check expect status 204", lines: "http-check send uri /b", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "own option replaces", defaults: "option httpchk GET /a\nhttp-check expect status 204", lines: "option httpchk /b", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "tcp-check inherited", defaults: "option tcp-check\ntcp-check send PING\\r\\n\ntcp-check expect string +PONG", lines: "option tcp-check", backend: backend{answer: "+PONG\r\n"}, want: "L7OK"},
	{name: "tcp-check empty", lines: "option tcp-check", want: "L4OK"},
	{name: "tcp-check connect", lines: "option tcp-check\ntcp-check connect port {other}", backend: backend{dead: true}, want: "L4OK"},
	{name: "tcp-check send", lines: "option tcp-check\ntcp-check send abc", want: "L7OK"},
	{name: "tcp-check unmet", lines: "option tcp-check\ntcp-check send QUIT\\r\\n\ntcp-check expect string +OK", backend: backend{answer: "-ERR no\r\n", closes: true}, want: "L7RSP"},
	{name: "tcp-check silent", lines: "option tcp-check\ntimeout check 150ms\ntcp-check expect string +OK", backend: backend{silent: true}, want: "L7TOUT"},
	{name: "tcp-check ! string", lines: "option tcp-check\ntcp-check expect ! string ERR", backend: backend{greets: "+OK\r\n", hangsUp: true}, want: "L7OK"},
	{name: "tcp-check ! string waits", lines: "option tcp-check\ntimeout check 150ms\ntcp-check expect ! string ERR", backend: backend{greets: "+OK\r\n"}, want: "L7TOUT"},
	{name: "tcp-check min-recv", lines: "option tcp-check\ntcp-check expect min-recv 3 ! string ERR", backend: backend{greets: "+OK\r\n"}, want: "L7OK"},
	{name: "tcp-check two expectations", lines: "option tcp-check\ntcp-check expect ! string ERR min-recv 1\ntcp-check expect string OK", backend: backend{greets: "+OK\r\n"}, want: "L7OK"},
	{name: "tcp-check matched unwanted", lines: "option tcp-check\ntcp-check expect ! string ERR", backend: backend{greets: "-ERR\r\n"}, want: "L7RSP"},
	{name: "tcp-check dialogue", lines: "option tcp-check\ntcp-check expect rstring ^220\ntcp-check send HELO\\ x\\r\\n\ntcp-check expect rstring ^250\ntcp-check send-binary 515549540d0a", backend: backend{greets: "220 hi\r\n", answer: "250 ok\r\n"}, want: "L7OK"},
	{name: "tcp-check binary", lines: "option tcp-check\ntcp-check send-binary 00ff\ntcp-check expect binary 01fe", backend: backend{answer: "\x01\xfe"}, want: "L7OK"},
	{name: "tcp-check rbinary", lines: "option tcp-check\ntcp-check send-binary 00ff\ntcp-check expect rbinary ^01F", backend: backend{answer: "\x01\xfe"}, want: "L7OK"},
	{name: "tcp-check comment", lines: "option tcp-check\ntcp-check comment hello\ntcp-check connect\ntcp-check send x\ntcp-check expect rstring ^ok$ error-status L7STS on-error down", backend: backend{answer: "no\n", closes: true}, want: "L7STS"},
	{name: "tcp-check line end", lines: "option tcp-check\ntcp-check expect rstring ^ok$", backend: backend{greets: "ok\n", hangsUp: true}, want: "L7OK"},
	{name: "redis", lines: "option redis-check", backend: backend{answer: "+PONG\r\n"}, want: "L7OK"},
	{name: "redis auth", lines: "option redis-check", backend: backend{answer: "-NOAUTH Authentication required.\r\n", closes: true}, want: "L7STS"},
	{name: "smtp", lines: "option smtpchk", backend: backend{greets: "220 mail\r\n", answer: "250-ok\r\n250 more\r\n", next: "221 bye\r\n"}, want: "L7OK 221"},
	{name: "smtp EHLO", lines: "option smtpchk EHLO me.example", backend: backend{greets: "220 mail\r\n", answer: "550 go away\r\n", closes: true}, want: "L7STS 550"},
	{name: "smtp mute", lines: "option smtpchk\ntimeout check 150ms", backend: backend{greets: "220 mail\r\n"}, want: "L7TOUT"},
	{name: "smtp greeting", lines: "option smtpchk", backend: backend{greets: "421 busy\r\n"}, want: "L7STS 421"},
	{name: "ssl-hello", lines: "option ssl-hello-chk", backend: backend{answer: "\x15\x03\x00\x00\x02\x02\x28"}, want: "L6OK"},
	{name: "ssl-hello no TLS", lines: "option ssl-hello-chk", backend: answers("400 Bad"), want: "L6RSP"},
	{name: "mysql", lines: "option mysql-check", backend: backend{greets: "\x06\x00\x00\x00\x0a8.0.1\x00"}, want: "L7OK"},
	{name: "mysql error", lines: "option mysql-check", backend: backend{greets: "\x0a\x00\x00\x00\xff\x15\x04blocked"}, want: "L7STS 1045"},
	{name: "check port", server: "port {other}", lines: "option httpchk", backend: backend{dead: true}, want: "L7STS 503"},
	{name: "connect addr", lines: "option tcp-check\ntcp-check connect addr 127.0.0.1:{other}\ntcp-check send x\ntcp-check expect string 503", backend: backend{dead: true}, want: "L7OK"},
	{name: "check addr", server: "addr 127.0.0.2", backend: backend{}, want: "L4CON"},
	{name: "send-proxy", server: "send-proxy", lines: "option httpchk", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "send-proxy-v2", server: "send-proxy-v2", lines: "option httpchk", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "send-proxy with port", server: "send-proxy port {other}", lines: "option httpchk", backend: backend{}, want: "L7STS 503"},
	{name: "check-send-proxy", server: "send-proxy-v2 check-send-proxy port {other}", lines: "option httpchk", backend: backend{}, want: "L7STS 503"},
	{name: "check-send-proxy alone", server: "check-send-proxy", lines: "option httpchk", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "connect send-proxy", lines: "option httpchk\nhttp-check connect send-proxy\nhttp-check send uri /a", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "connect default", server: "send-proxy", lines: "option httpchk\nhttp-check connect default\nhttp-check send uri /a", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "connect without default", server: "send-proxy", lines: "option httpchk\nhttp-check connect\nhttp-check send uri /a", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "TLS", server: "ssl verify none", backend: backend{secure: true}, want: "L6OK"},
	{name: "TLS httpchk", server: "ssl verify none sni str(a.example)", lines: "option httpchk", backend: backend{secure: true, answer: "HTTP/1.0 200 OK\r\n\r\n"}, want: "L7OK 200"},
	{name: "TLS ALPN", server: "ssl verify none alpn h2,http/1.1", lines: "option httpchk", backend: backend{secure: true, old: true, answer: "HTTP/1.0 200 OK\r\n\r\n"}, want: "L7OK 200"},
	{name: "check-ssl", server: "check-ssl verify none check-sni b.example check-alpn http/1.1", lines: "option httpchk", backend: backend{secure: true, answer: "HTTP/1.0 503 No\r\n\r\n"}, want: "L7STS 503"},
	{name: "no-check-ssl", server: "ssl verify none no-check-ssl", lines: "option httpchk", backend: answers("200 OK"), want: "L7OK 200"},
	{name: "TLS to plain text", server: "ssl verify none", backend: answers("400 Bad"), want: "L6RSP"},
	{name: "TLS silent", server: "ssl verify none", backend: backend{silent: true}, want: "L6TOUT"},
	{name: "connect ssl", lines: "option httpchk\nhttp-check connect ssl sni c.example alpn http/1.1\nhttp-check send uri /a", server: "verify none", backend: backend{secure: true, answer: "HTTP/1.0 200 OK\r\n\r\n"}, want: "L7OK 200"},
}

var noCertificate tls.Certificate

// recorder is a server that keeps what it is sent, connection by connection.
type recorder struct {
	backend
	net.Listener
	certificate tls.Certificate
	mutex       sync.Mutex
	seen        []*bytes.Buffer
	accepting   sync.WaitGroup
	done        sync.WaitGroup // each connection
}

func record(t *testing.T, b backend, certificate tls.Certificate) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{backend: b, Listener: l, certificate: certificate}
	if b.dead {
		return r
	}
	r.accepting.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := &bytes.Buffer{}
			r.mutex.Lock()
			r.seen = append(r.seen, buf)
			r.mutex.Unlock()
			r.done.Go(func() { r.serve(conn, buf) })
		}
	})
	t.Cleanup(func() { l.Close() })
	return r
}

// end takes no more connections, and waits until those there are have ended.
func (r *recorder) end() {
	r.Close()
	r.accepting.Wait()
	r.done.Wait()
}

func (r *recorder) port() string { return strconv.Itoa(r.Addr().(*net.TCPAddr).Port) }

func (r *recorder) note(buf *bytes.Buffer, text []byte) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	buf.Write(text)
}

func (r *recorder) serve(conn net.Conn, buf *bytes.Buffer) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(3 * time.Second))
	if r.reset {
		conn.Read(make([]byte, 4096))
		conn.(*net.TCPConn).SetLinger(0)
		return
	}
	if r.secure {
		protocols := []string{"h2", "http/1.1"}
		if r.old {
			protocols = protocols[1:]
		}
		secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{r.certificate}, NextProtos: protocols})
		if secured.Handshake() != nil {
			return
		}
		state := secured.ConnectionState()
		r.note(buf, fmt.Appendf(nil, "<%s %s>", state.ServerName, state.NegotiatedProtocol))
		conn = secured
	}
	io.WriteString(conn, r.greets)
	if r.hangsUp {
		return
	}
	replies := []string{r.answer, r.next}
	part := make([]byte, 4096)
	for {
		n, err := conn.Read(part)
		r.note(buf, part[:n])
		if err != nil {
			return
		}
		header := part[:n]
		if (bytes.HasPrefix(header, []byte("PROXY ")) && bytes.Count(header, []byte("\n")) == 1) || n == 16 && bytes.HasPrefix(header, []byte("\r\n\r\n\x00")) {
			continue // the request comes apart from the PROXY header
		}
		if len(replies) > 0 && !r.silent {
			io.WriteString(conn, replies[0])
			replies = replies[1:]
		}
		if r.closes {
			conn.(interface{ CloseWrite() error }).CloseWrite()
		}
	}
}

// take returns what came on each connection, and forgets it.
func (r *recorder) take() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var list []string
	for _, buf := range r.seen {
		if buf.Len() > 0 { // HAProxy resets a connection that says nothing, often before it is accepted
			list = append(list, maskPorts(buf.String()))
		}
	}
	r.seen = nil
	return list
}

var ports = regexp.MustCompile(`(?s)^(PROXY TCP4 \S+ \S+) \d+ (\d+)\r\n|\x16\x03\x01.*`)

// maskPorts hides what differs from connection to connection: a port, the time in a check's ClientHello, and a real one.
func maskPorts(s string) string {
	const hello = "\x01\x00\x00\x75\x03\x00"
	if before, after, ok := strings.Cut(s, hello); ok && len(after) > 4 { // bytes, which a pattern may take for fewer characters
		s = before + hello + "TIME" + after[4:]
	}
	return ports.ReplaceAllString(s, "$1 PORT $2 ")
}

// TestCheckBeforeTheJudge has HAProxy make checks, and then the replay: the bytes sent and the results must be the same.
func TestCheckBeforeTheJudge(t *testing.T) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed")
	}
	certificates := httptest.NewTLSServer(http.NotFoundHandler())
	defer certificates.Close()
	certificate := certificates.TLS.Certificates[0]
	socket := filepath.Join(t.TempDir(), "stats")
	text := strings.Builder{}
	fmt.Fprintf(&text, "global\n    stats socket %s\n", socket)
	recorders, others := make([]*recorder, len(checkCases)), make([]*recorder, len(checkCases))
	for i, c := range checkCases {
		recorders[i], others[i] = record(t, c.backend, certificate), record(t, answers("503 Other"), certificate)
		fill := func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, "{other}", others[i].port()), "\n", "\n    ")
		}
		fmt.Fprintf(&text, "defaults d%d\n    mode http\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n    timeout check 4s\n    %s\n", i, fill(c.defaults))
		fmt.Fprintf(&text, "backend b%d from d%d\n    %s\n    server s 127.0.0.1:%s check inter 900ms %s\n", i, i, fill(c.lines), recorders[i].port(), fill(c.server))
	}
	for _, r := range slices.Concat(recorders, others) {
		if r.dead { // now that no other can get its port
			r.Close()
		}
	}
	judged := runHAProxy(t, text.String(), socket)
	sent := make([][2][]string, len(checkCases))
	for i := range checkCases {
		sent[i] = [2][]string{recorders[i].take(), others[i].take()}
	}

	targets := Plan(load(t, "haproxy.cfg", text.String()), nil)
	if len(targets) != len(checkCases) {
		t.Fatalf("%d targets", len(targets))
	}
	var plan bytes.Buffer // a plan loses nothing
	if err := WritePlan(&plan, targets); err != nil {
		t.Fatal(err)
	}
	targets, err := ReadPlan(&plan)
	if err != nil {
		t.Fatal(err)
	}
	p := newProber(Defaults())
	var work sync.WaitGroup
	outcomes := make([]*Outcome, len(targets))
	for i, target := range targets {
		work.Go(func() {
			outcomes[i] = p.check(context.Background(), &Result{Target: target, Found: p.resolve(context.Background(), target)})
		})
	}
	work.Wait()
	for i, c := range checkCases {
		t.Run(c.name, func(t *testing.T) {
			recorders[i].done.Wait()
			others[i].done.Wait()
			o := outcomes[i]
			code := string(o.Code)
			if o.Status != 0 {
				code += fmt.Sprintf(" %d", o.Status)
			}
			if code != c.want || judged[i].code != c.want {
				t.Errorf("the replay reports %s (%s), HAProxy %s, want %s", code, o.Detail, judged[i].code, c.want)
			}
			if said := judged[i].said; o.Detail != said && (strings.HasPrefix(said, "TCPCHK") || strings.HasPrefix(said, "HTTP") || o.Code == L7STS) {
				t.Errorf("the replay says %q, HAProxy %q", o.Detail, said)
			}
			for k, r := range []*recorder{recorders[i], others[i]} {
				replayed, first := r.take(), sent[i][k]
				first = first[:min(len(first), len(replayed))]
				if diff := cmp.Diff(first, replayed); diff != "" {
					t.Errorf("HAProxy sends (-), the replay (+): %s", diff)
				}
			}
		})
	}
}

// judgement is what HAProxy reports of a check.
type judgement struct{ code, said string }

// runHAProxy returns what HAProxy reports of the server of each backend, in order.
func runHAProxy(t *testing.T, text, socket string) []judgement {
	t.Helper()
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	run := exec.CommandContext(ctx, "haproxy", "-db", "-f", path)
	run.Stdout, run.Stderr = &log, &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); run.Wait() }()
	results := map[string]judgement{}
	for ctx.Err() == nil && len(results) < len(checkCases) {
		readStats(socket, results)
		time.Sleep(50 * time.Millisecond)
	}
	var list []judgement
	for i := range checkCases {
		list = append(list, results[fmt.Sprintf("b%d", i)])
	}
	if ctx.Err() == nil {
		return list
	}
	cancel()
	run.Wait()
	t.Fatalf("no results: %s", log.String())
	return nil
}

// readStats adds the first result of each backend's check. One that is under way tells nothing.
func readStats(socket string, results map[string]judgement) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	io.WriteString(conn, "show stat\n")
	rows, err := csv.NewReader(conn).ReadAll()
	if err != nil || len(rows) == 0 {
		return
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, row := range rows[1:] {
		code, name := row[column["check_status"]], row[column["# pxname"]]
		if _, known := results[name]; known || row[column["svname"]] != "s" || code == "" || code == "INI" || strings.HasPrefix(code, "*") {
			continue
		}
		if status := row[column["check_code"]]; status != "" && status != "0" {
			code += " " + status
		}
		results[name] = judgement{code, row[column["last_chk"]]}
	}
}
