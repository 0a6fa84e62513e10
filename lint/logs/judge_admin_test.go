//go:build unix

package logs

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestAdminJudge has sessions ended, and servers taken out and in again, by an administrator.
func TestAdminJudge(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{})
	hung := backend(t, func(conn net.Conn) {
		conn.Read(make([]byte, 4096))
		reached <- struct{}{}
		hangs(conn)
	})
	tests := []struct {
		name, directives string
		command          string
		state            string
		target           string
		cause            Cause
		status           int
	}{
		{"killed", "server a1 " + hung, "shutdown sessions server killed/a1", "K", "a1", Killed, 502},
		{"down", "server a1 " + hung + " on-marked-down shutdown-sessions", "set server down/a1 state maint", "D", "a1", ServerWentDown, 502},
		{"up", "server a1 " + hung + " on-marked-up shutdown-backup-sessions disabled\n    server b1 " + hung + " backup", "set server up/a1 state ready", "U", "b1", ServerWentDown, 502},
	}
	var sections strings.Builder
	addresses := map[string]string{}
	for _, test := range tests {
		for _, mode := range []string{"http", "tcp"} {
			name := test.name + "-" + mode
			addresses[name] = free(t)
			fmt.Fprintf(&sections, "listen %s\n    bind %s\n    mode %s\n    option %slog\n    %s\n", name, addresses[name], mode, mode, test.directives)
		}
	}
	h := runHAProxy(t, sections.String())
	for _, test := range tests {
		for _, mode := range []string{"http", "tcp"} {
			name := test.name + "-" + mode
			t.Run(name, func(t *testing.T) {
				statuses := make(chan int)
				go func() { statuses <- asked(addresses[name]) }()
				<-reached
				if said := h.tell(t, strings.ReplaceAll(test.command, test.name+"/", name+"/")); said != "" {
					t.Errorf("%s: %s", test.command, said)
				}
				status := <-statuses
				e, ok := eventually(t, func() []Event { return h.said.events(t) }, func(e Event) bool { return e.Frontend == name })
				want := test.status
				if mode == "tcp" {
					want = 0
				}
				if !ok || e.Cause != test.cause || !strings.HasPrefix(e.State, test.state) || e.Status != want || status != want || e.ServerName != test.target || h.line(t, e) != h.lineOf(name, "server "+test.target) {
					t.Errorf("the client got %d; %+v", status, e)
				}
			})
		}
	}
}

// TestServersJudge has servers go down and up in all ways.
func TestServersJudge(t *testing.T) {
	t.Parallel()
	ok, web := backend(t, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), plainServer(t)
	hung := backend(t, hangs)
	agent := func(word string) string {
		return " agent-check agent-inter 100ms agent-port " + portOf(backend(t, func(c net.Conn) { fmt.Fprintf(c, "%s\n", word) }))
	}
	const quick = " check inter 100ms fall 1 rise 1"
	tests := []struct {
		name, directives string
		commands         []string
		cause            Cause
		says, detail     string
	}{
		{"maint", "server a1 " + ok, []string{"set server maint/a1 state maint"}, Maintenance, "is going DOWN for maintenance", ""},
		{"unmaint", "server a1 " + ok, []string{"set server unmaint/a1 state maint", "set server unmaint/a1 state ready"}, ServerUp, "(leaving forced maintenance)", ""},
		{"drain", "server a1 " + ok, []string{"set server drain/a1 state drain"}, Maintenance, "enters drain state", "drain"},
		{"undrain", "server a1 " + ok, []string{"set server undrain/a1 state drain", "set server undrain/a1 state ready"}, ServerUp, "(leaving forced drain)", ""},
		{"maint-drain", "server a1 " + ok, []string{"set server maint-drain/a1 state drain", "set server maint-drain/a1 state maint", "set server maint-drain/a1 state drain"}, Maintenance, "(leaving forced maintenance)", "drain"},
		{"maint-down", "server a1 " + ok + " track l4/a1", []string{"set server maint-down/a1 state maint", "set server maint-down/a1 state ready"}, CheckFailed, "(leaving forced maintenance)", "leaving forced maintenance"},
		{"backup", "server a1 " + refuses(t) + quick + " backup", nil, CheckConnect, "Backup Server", "Connection refused"},
		{"again", "server a1 " + ok + quick, []string{"set server again/a1 health down"}, ServerUp, "is UP", ""},
		{"agent-down", "server a1 " + ok + agent("down"), nil, CheckStatus, "is DOWN", "down"},
		{"agent-fail", "server a1 " + ok + agent("fail #overloaded"), nil, CheckStatus, "is DOWN", "overloaded"},
		{"agent-maint", "server a1 " + ok + agent("maint"), nil, Maintenance, "is going DOWN for maintenance", ""},
		{"agent-drain", "server a1 " + ok + agent("drain"), nil, Maintenance, "enters drain state", "drain"},
		{"agent-log", "option log-health-checks\n    server a1 " + ok + agent("down"), nil, CheckStatus, "Agent check for server", "down"},
		{"log", "option log-health-checks\n    server a1 " + refuses(t) + quick, nil, CheckConnect, "Health check for server", "Connection refused"},
		{"log-up", "option log-health-checks\n    server a1 " + ok + quick, []string{"set server log-up/a1 health down"}, ServerUp, "Health check for server", ""},
		{"disabled-404", "option httpchk\n    http-check disable-on-404\n    server a1 " + web + quick, nil, Maintenance, "is stopping", "code: 404"},
		{"observed", "mode http\n    server a1 " + answered(t, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") + quick + " observe layer7 error-limit 1 on-error mark-down", nil, CheckFailed, "is DOWN", "Health analyze"},
		{"tracking", "server a1 " + ok + " track l4/a1", nil, CheckFailed, "is DOWN via l4/a1", ""},
		{"l4", "server a1 " + refuses(t) + quick, nil, CheckConnect, "is DOWN", "Layer4 connection problem"},
		{"l4-timeout", "timeout connect 200ms\n    server a1 " + full(t) + quick, nil, CheckConnectTimeout, "is DOWN", "Layer4 timeout"},
		{"socket", "server a1 " + ok + " source 192.0.2.1" + quick, nil, CheckConnect, "is DOWN", "Can't bind to source address"},
		{"l6", "server a1 " + web + quick + " check-ssl verify none", nil, CheckTLS, "is DOWN", "Layer6 invalid response"},
		{"l6-timeout", "timeout check 200ms\n    server a1 " + hung + quick + " check-ssl verify none", nil, CheckTLS, "is DOWN", "Layer6 timeout"},
		{"l7", "option httpchk\n    server a1 " + answered(t, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") + quick, nil, CheckStatus, "is DOWN", "code: 500"},
		{"l7-timeout", "option httpchk\n    timeout check 200ms\n    server a1 " + hung + quick, nil, CheckTimeout, "is DOWN", "Layer7 timeout"},
		{"l7-invalid", "option httpchk\n    server a1 " + answered(t, "SSH-2.0-x\r\n\r\n") + quick, nil, CheckInvalid, "is DOWN", "Layer7 invalid response"},
		{"l7-closed", "option httpchk\n    server a1 " + backend(t, closes) + quick, nil, CheckInvalid, "is DOWN", "Layer7 invalid response"},
		{"redis", "option redis-check\n    server a1 " + answered(t, "HTTP/1.1 400 Bad Request\r\n\r\n") + quick, nil, CheckStatus, "is DOWN", "Layer7 wrong status"},
		{"expected", "option tcp-check\n    tcp-check expect string hello\n    server a1 " + backend(t, func(c net.Conn) { fmt.Fprint(c, "bye"); c.(*net.TCPConn).CloseWrite(); hangs(c) }) + quick, nil, CheckInvalid, "is DOWN", "Layer7"},
		{"external", "option external-check\n    external-check command /bin/false\n    server a1 " + ok + quick, nil, CheckFailed, "is DOWN", "External check error"},
		{"external-slow", "option external-check\n    timeout check 200ms\n    external-check command " + script(t, "exec /bin/sleep 2") + "\n    server a1 " + ok + quick, nil, CheckFailed, "is DOWN", "External check timeout"},
	}
	var sections strings.Builder
	addresses := map[string]string{}
	for _, test := range tests {
		addresses[test.name] = free(t)
		fmt.Fprintf(&sections, "listen %s\n    bind %s\n    mode tcp\n    timeout check 4s\n    %s\n", test.name, addresses[test.name], test.directives)
	}
	h := runHAProxy(t, sections.String())
	asked(addresses["observed"])
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, command := range test.commands {
				time.Sleep(250 * time.Millisecond)
				if said := h.tell(t, command); said != "" {
					t.Errorf("%s: %s", command, said)
				}
			}
			e, ok := eventually(t, func() []Event { return h.said.events(t) }, func(e Event) bool {
				return e.Backend == test.name && e.ServerName == "a1" && e.Cause == test.cause && strings.Contains(e.Text, test.says)
			})
			if !ok || !strings.Contains(e.Detail, test.detail) || e.Status != 0 || e.Source != HAProxyMessage || h.line(t, e) != h.lineOf(test.name, "server a1 ") {
				t.Errorf("%v, line %d, %+v; the log is:\n%s", ok, h.line(t, e), e, h.said.holding(" "+test.name+"/"))
			}
			if test.cause < CheckConnect || test.cause > CheckFailed || strings.Contains(test.says, "check for") {
				return
			}
			none, ok := eventually(t, func() []Event { return h.said.events(t) }, func(e Event) bool { return e.Cause == NoServer && e.Backend == test.name })
			if !ok || none.Status != 0 {
				t.Errorf("nothing tells that no server is left: %+v", none)
			}
		})
	}
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

func script(t *testing.T, text string) string {
	t.Helper()
	path := file(t, "check", "#!/bin/sh\n"+text+"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHAProxyClientsJudge has clients fail before there is a session, and HAProxy run out of files.
func TestHAProxyClientsJudge(t *testing.T) {
	t.Parallel()
	cert, key := serverKeys(t)
	pem := file(t, "both.pem", contents(t, cert)+contents(t, key))
	secure, proxied, plain := free(t), free(t), free(t)
	h := runHAProxy(t, fmt.Sprintf(`listen tls
    bind %s ssl crt %s
    mode http
    option httplog
    timeout client 300ms
listen proxied
    bind %s accept-proxy
    mode http
    option httplog
    timeout client 300ms
listen limited
    bind %s
    mode http
    option httplog
    http-request return status 200
`, secure, pem, proxied, plain))
	for _, test := range []struct {
		name, detail string
		cause        Cause
		ask          func()
	}{
		{"tls", "SSL handshake failure", ClientTLS, func() { spoken(secure, "GET / HTTP/1.1\r\n\r\n") }},
		{"tls", "Connection closed during SSL handshake", ClientTLS, func() { cutOff("\x16\x03\x01", 0)(secure) }},
		{"tls", "Timeout during SSL handshake", ClientTLS, func() { spoken(secure, "\x16\x03\x01") }},
		{"proxied", "Received something which does not look like a PROXY protocol header", ClientRequest, func() { spoken(proxied, "GET / HTTP/1.1\r\n\r\n") }},
		{"proxied", "Connection closed while waiting for PROXY protocol header", ClientRequest, func() { cutOff("", 0)(proxied) }},
		{"proxied", "Timeout while waiting for PROXY protocol header", ClientRequest, func() { spoken(proxied, "") }},
		{"limited", "process FD limit", ProxyLimit, func() {
			if out, err := exec.Command("prlimit", "--pid", fmt.Sprint(h.pid), "--nofile=20").CombinedOutput(); err != nil {
				t.Skipf("%v: %s", err, out)
			}
			for range 20 {
				if conn, err := net.Dial("tcp", plain); err == nil {
					defer conn.Close()
				}
			}
			time.Sleep(200 * time.Millisecond)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.ask()
			e, ok := eventually(t, func() []Event { return h.said.events(t) }, func(e Event) bool { return e.Frontend == test.name && strings.Contains(e.Detail, test.detail) })
			if !ok || e.Cause != test.cause || e.Status != 0 || h.line(t, e) != h.lineOf(test.name, "listen ") {
				t.Errorf("%v, line %d, %+v; the log is:\n%s", ok, h.line(t, e), e, h.said)
			}
		})
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
