//go:build unix

package logs

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

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
	t.Parallel()
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
			address := free(t)
			h := runHAProxy(t, fmt.Sprintf("frontend www\n    bind %s\n    %s\n%s%s", address, log.option, routes.String(), sections.String()))
			for _, test := range tests {
				status := get("http://" + address + "/" + test.name)
				e, ok := eventually(t, func() []Event { return h.said.events(t, formats...) },
					func(e Event) bool { return e.Path() == "/"+test.name && e.Cause == test.cause })
				if !ok {
					t.Fatalf("%s: no event of cause %s; the log is:\n%s", test.name, test.cause, h.said)
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

// haproxy is one that runs.
type haproxy struct {
	said           *syslog
	config, socket string
	pid            int
}

// runHAProxy starts HAProxy with some sections, of mode http unless they say otherwise.
func runHAProxy(t *testing.T, sections string) haproxy {
	t.Helper()
	h := haproxy{said: &syslog{}, socket: filepath.Join(t.TempDir(), "s")}
	address := free(t)
	h.config = fmt.Sprintf(`global
    log %s len 8192 local0
    stats socket %s level admin
    external-check
    insecure-fork-wanted
defaults
    log global
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    timeout queue 200ms
    retries 0
%slisten ready
    bind %s
    no log
`, h.said.listen(t), h.socket, sections, address)
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(config, []byte(h.config), 0o600); err != nil {
		t.Fatal(err)
	}
	h.pid = start(t, address, "haproxy", "-db", "-f", config)
	return h
}

// line returns the line of the configuration that an event stands on; 0: none.
func (h haproxy) line(t *testing.T, e Event) int {
	t.Helper()
	return lineOn(load(t, "haproxy.cfg", h.config), e)
}

// lineOf returns the first line of a section that holds a text.
func (h haproxy) lineOf(section, text string) int {
	before, after, _ := strings.Cut(h.config, "listen "+section+"\n")
	return strings.Count(before, "\n") + lineHolding("listen "+section+"\n"+after, text)
}

// tell gives HAProxy a command, and returns what it says.
func (h haproxy) tell(t *testing.T, command string) string {
	t.Helper()
	conn, err := net.Dial("unix", h.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, command)
	said, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(said))
}

// holding returns the lines of a log that hold a text.
func (s *syslog) holding(text string) string {
	var lines []string
	for line := range strings.Lines(s.String()) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
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
