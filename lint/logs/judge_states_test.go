//go:build unix

package logs

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// session is a section of HAProxy whose connections end in one way.
type session struct {
	name       string
	state      string // the termination state
	directives string
	target     string // server, or what the line holds that the event stands on
	cause      Cause
	status     int
	retries    int
	ask        func(address string) int
}

// sent returns what sends a text, and waits for an answer.
func sent(text string) func(string) int {
	return func(address string) int { return spoken(address, text) }
}

// cutOff sends a text, and closes or, where it takes an answer, closes after its first byte.
func cutOff(text string, after time.Duration) func(string) int {
	return func(address string) int {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return 0
		}
		defer conn.Close()
		io.WriteString(conn, text)
		time.Sleep(after)
		return 0
	}
}

const request = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"

func asked(address string) int { return get("http://" + address + "/x") }

// httpSessions end in the states of mode http.
func httpSessions(t *testing.T) []session {
	hung, web, crowded := backend(t, hangs), plainServer(t), full(t)
	slow := backend(t, func(c net.Conn) { says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")(c); hangs(c) })
	long := backend(t, func(c net.Conn) {
		says("HTTP/1.1 200 OK\r\n\r\n")(c)
		for {
			if _, err := c.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	leave := cutOff(request, moment)
	return []session{
		{"refused", "SC", "retries 2\nserver a1 " + refuses(t), "a1", ConnectFailed, 503, 2, asked},
		{"no-tls", "SC", "server a1 " + web + " ssl verify none", "a1", ConnectFailed, 503, 0, asked},
		{"unverified", "SC", "server a1 " + secure(t) + " ssl verify required ca-file /etc/ssl/certs/ca-certificates.crt", "a1", ConnectFailed, 503, 0, asked},
		{"full", "sC", "timeout connect 200ms\nserver a1 " + crowded, "a1", ConnectTimeout, 503, 0, asked},
		{"tls-hung", "sC", "timeout connect 200ms\nserver a1 " + hung + " ssl verify none", "a1", ConnectTimeout, 503, 0, asked},
		{"no-server", "SC", "balance roundrobin", "listen no-server", NoServer, 503, 0, asked},
		{"disabled", "SC", "server a1 " + web + " disabled", "listen disabled", NoServer, 503, 0, asked},
		{"closed", "SH", "server a1 " + backend(t, closes), "a1", ClosedEarly, 502, 0, asked},
		{"reset", "SH", "server a1 " + backend(t, resets), "a1", ClosedEarly, 502, 0, asked},
		{"hung", "sH", "timeout server 200ms\nserver a1 " + hung, "a1", ReadTimeout, 504, 0, asked},
		{"cut", "SD", "server a1 " + answered(t, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"), "a1", AnswerCut, 200, 0, asked},
		{"slow", "sD", "timeout server 200ms\nserver a1 " + slow, "a1", AnswerTimeout, 200, 0, asked},
		{"invalid", "PH", "server a1 " + answered(t, "SSH-2.0-x\r\n\r\n"), "a1", HeaderInvalid, 502, 0, asked},
		{"denied-answer", "PH", "http-response deny\nserver a1 " + web, "a1", HeaderInvalid, 502, 0, asked},
		{"denied", "PR", "http-request deny deny_status 503\nserver a1 " + web, "listen denied", Denied, 503, 0, asked},
		{"bad", "PR", "server a1 " + web, "listen bad", Denied, 400, 0, sent("GET / x\r\n\r\n")},
		{"tarpit", "PT", "timeout tarpit 200ms\nhttp-request tarpit\nserver a1 " + web, "listen tarpit", Denied, 500, 0, asked},
		{"returned", "LR", "http-request return status 503\nserver a1 " + web, "listen returned", Local, 503, 0, asked},
		{"answered-itself", "LH", "http-response return status 503\nserver a1 " + web, "a1", Local, 503, 0, asked},
		{"rewritten", "PR", "http-request set-header X %[str(x),bytes(0,1)]" + strings.Repeat("%[path]", 60) + "\nserver a1 " + web, "listen rewritten", Denied, 500, 0,
			sent("GET /" + strings.Repeat("x", 4000) + " HTTP/1.1\r\nHost: x\r\n\r\n")},
		{"silent", "cR", "timeout http-request 200ms\nserver a1 " + web, "listen silent", ClientTimeout, 408, 0, sent("GET / HT")},
		{"left-request", "CR", "server a1 " + web, "listen left-request", ClientClosed, 400, 0, cutOff("GET / HT", 0)},
		{"left-body", "CD", "server a1 " + hung, "a1", ClientClosed, 0, 0, cutOff("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", moment)},
		{"left", "CH", "option abortonclose\nserver a1 " + hung, "a1", ClientClosed, 400, 0, leave},
		{"left-connect", "CC", "option abortonclose\nserver a1 " + crowded, "a1", ClientClosed, 0, 0, leave},
		{"left-answer", "CD", "server a1 " + long, "a1", ClientClosed, 200, 0, leave},
		{"unread", "cD", "timeout client 200ms\nserver a1 " + long, "a1", ClientTimeout, 200, 0, cutOff(request, 2*time.Second)},
		{"queued", "sQ", "server a1 " + hung + " maxconn 1", "listen queued", QueueTimeout, 503, 0, second},
		{"left-queue", "CQ", "option abortonclose\ntimeout queue 3s\nserver a1 " + hung + " maxconn 1", "listen left-queue", ClientClosed, 0, 0, func(a string) int { go get("http://" + a + "/y"); time.Sleep(moment); return leave(a) }},
		{"answered", "--", "server a1 " + answered(t, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), "a1", Answered, 503, 0, asked},
		{"no-port", "SC", "timeout server 1s\nserver a1 " + hung + " source 127.0.0.1:15000-15000", "a1", ConnectFailed, 503, 0, second},
		{"backlog", "SC", "server a1 unix@" + fullSocket(t), "a1", ConnectFailed, 503, 0, asked},
		{"no-source", "SC", "server a1 " + hung + " source 192.0.2.1", "a1", ConnectFailed, 503, 0, asked},
	}
}

// second has one request wait, and returns the status of the next.
func second(address string) int {
	go get("http://" + address + "/y")
	time.Sleep(moment)
	return asked(address)
}

// tcpSessions end in the states of mode tcp, which have two letters.
func tcpSessions(t *testing.T) []session {
	hung, crowded := backend(t, hangs), full(t)
	tcp := sends("tcp")
	return []session{
		{"tcp-refused", "SC", "retries 1\nserver a1 " + refuses(t), "a1", ConnectFailed, 0, 1, tcp},
		{"tcp-redispatched", "SC", "option redispatch 1\nretries 1\nbalance first\nserver a1 " + refuses(t) + "\nserver a2 " + refuses(t), "a2", ConnectFailed, 0, 1, tcp},
		{"tcp-full", "sC", "timeout connect 200ms\nserver a1 " + crowded, "a1", ConnectTimeout, 0, 0, tcp},
		{"tcp-no-server", "SC", "balance roundrobin", "listen tcp-no-server", NoServer, 0, 0, tcp},
		{"tcp-reset", "SD", "server a1 " + backend(t, resets), "a1", AnswerCut, 0, 0, tcp},
		{"tcp-hung", "sD", "timeout server 200ms\nserver a1 " + hung, "a1", AnswerTimeout, 0, 0, tcp},
		{"tcp-silent", "cD", "timeout client 200ms\nserver a1 " + hung, "a1", ClientTimeout, 0, 0, tcp},
		{"tcp-left", "CD", "server a1 " + hung, "a1", ClientClosed, 0, 0, resetting},
		{"tcp-denied", "PR", "tcp-request content reject\nserver a1 " + hung, "listen tcp-denied", Denied, 0, 0, tcp},
		{"tcp-queued", "sQ", "server a1 " + hung + " maxconn 1", "listen tcp-queued", QueueTimeout, 0, 0, func(a string) int { go tcp(a); time.Sleep(moment); return tcp(a) }},
		{"tcp-left-connect", "CC", "option abortonclose\nserver a1 " + crowded, "a1", ClientClosed, 0, 0, cutOff("", moment)},
	}
}

// resetting sends a byte and resets.
func resetting(address string) int {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0
	}
	io.WriteString(conn, "x")
	time.Sleep(moment)
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
	return 0
}

// TestStatesJudge has sessions end in all of HAProxy's ways that traffic alone leads to.
func TestStatesJudge(t *testing.T) {
	t.Parallel()
	judgeSessions(t, "http", "httplog", httpSessions(t))
	judgeSessions(t, "tcp", "tcplog", tcpSessions(t))
}

func judgeSessions(t *testing.T, mode, option string, sessions []session) {
	addresses := make([]string, len(sessions))
	var sections strings.Builder
	for i, s := range sessions {
		addresses[i] = free(t)
		fmt.Fprintf(&sections, "listen %s\n    bind %s\n    mode %s\n    option %s\n    %s\n", s.name, addresses[i], mode, option, strings.ReplaceAll(s.directives, "\n", "\n    "))
	}
	h := runHAProxy(t, sections.String())
	for i, s := range sessions {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			status := s.ask(addresses[i])
			e, ok := eventually(t, func() []Event { return h.said.events(t) }, func(e Event) bool { return e.Frontend == s.name && e.Cause == s.cause && e.Source != HAProxyMessage })
			if !ok {
				t.Fatalf("the client got %d; no event of cause %s; the log is:\n%s", status, s.cause, h.said.holding(s.name))
			}
			if e.State[:2] != s.state || e.Status != s.status || status != 0 && status != s.status || e.Retries != s.retries || e.Client != "127.0.0.1" || e.Backend != s.name {
				t.Errorf("the client got %d; %+v", status, e)
			}
			holds, server := s.target, ""
			if !strings.HasPrefix(s.target, "listen ") {
				holds, server = "server "+s.target+" ", s.target
			}
			if at, want := h.line(t, e), h.lineOf(s.name, holds); e.ServerName != server || at != want {
				t.Errorf("server %q, line %d, want %d", e.ServerName, at, want)
			}
		})
	}
}
