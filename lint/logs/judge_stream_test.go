//go:build unix

package logs

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// streamModule is where Debian's libnginx-mod-stream puts the module.
const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so"

// sends opens a connection of TCP or UDP, sends a byte and waits until the other end closes it.
func sends(network string) func(string) int {
	return func(address string) int {
		conn, err := net.Dial(network, address)
		if err != nil {
			return 0
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Second))
		io.WriteString(conn, "x")
		io.Copy(io.Discard, conn)
		return 0
	}
}

// streamTrials are servers that fail in one way each; the status is that of the session in nginx' own log.
func streamTrials(t *testing.T) []streamTrial {
	tcp, udp := sends("tcp"), sends("udp")
	web, hung := plainServer(t), backend(t, hangs)
	silent, broken := nameServer(t, -1), nameServer(t, dns.RcodeNameError)
	pinned := "proxy_ssl on; proxy_ssl_verify on; proxy_ssl_trusted_certificate " + certificate(t) + "; "
	return []streamTrial{
		{"", "proxy_pass @;", refuses(t), Refused, 502, tcp, ""},
		{"", "proxy_connect_timeout 300ms; proxy_pass @;", full(t), ConnectTimeout, 502, tcp, ""},
		{"", "proxy_pass @;", "unix:" + filepath.Join(t.TempDir(), "none.sock"), SocketMissing, 502, tcp, ""},
		{"", "proxy_pass @;", "unix:" + fullSocket(t), BacklogFull, 502, tcp, ""},
		{"", "proxy_pass @;", "255.255.255.255:80", NoRoute, 502, tcp, ""},
		{"", "proxy_bind 192.0.2.1; proxy_pass @;", web, SourceAddress, 500, tcp, ""},
		{"", "proxy_pass @;", "pool", NoLiveUpstream, 502, func(a string) int { tcp(a); return tcp(a) }, "upstream pool"},
		{"", "resolver " + silent + "; resolver_timeout 300ms; set $up @:80; proxy_pass $up;", "app.test", ResolverTimeout, 500, tcp, ""},
		{"", "resolver " + broken + "; set $up @:80; proxy_pass $up;", "app.test", NameNotFound, 500, tcp, ""},
		{"", "set $up @:80; proxy_pass $up;", "app.test", NoResolver, 500, tcp, ""},
		{"", "set $up @; proxy_pass $up;", "app.test", InvalidUpstream, 500, tcp, ""},
		{"", "proxy_ssl on; proxy_pass @;", web, TLSNotSpoken, 502, tcp, ""},
		{"", "proxy_ssl on; proxy_pass @;", backend(t, closes), TLSClosed, 502, tcp, ""},
		{"", pinned + "proxy_ssl_name other.test; proxy_pass @;", secure(t), TLSName, 502, tcp, ""},
		{"", "proxy_ssl on; proxy_ssl_verify on; proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt; proxy_pass @;", secure(t), TLSVerify, 502, tcp, ""},
		{"", "proxy_ssl on; proxy_ssl_protocols TLSv1.2; proxy_pass @;", secureOf(t, &tls.Config{MinVersion: tls.VersionTLS13}, http.NotFound), TLSAlert, 502, tcp, ""},
		{"", "proxy_pass @;", backend(t, resets), AnswerCut, 200, tcp, ""},
		{"", "proxy_timeout 300ms; proxy_pass @;", hung, AnswerTimeout, 200, tcp, ""},
		{"", "limit_conn at 1; proxy_timeout 1s; proxy_pass " + hung + ";", "", LimitedConnections, 503, func(a string) int { go tcp(a); time.Sleep(moment); return tcp(a) }, ""},
		{"", "proxy_timeout 300ms; proxy_pass " + hung + ";", "", ClientTLS, 500, tcp, ""},
		{" udp", "proxy_responses 1; proxy_timeout 300ms; proxy_pass @;", free(t), Refused, 200, udp, ""},
		{" udp", "proxy_responses 1; proxy_timeout 300ms; proxy_pass @;", deaf(t), ReadTimeout, 502, udp, ""},
	}
}

// streamTrial is a server whose connections go wrong in one way.
type streamTrial struct {
	udp        string // " udp"; "": TCP
	directives string // @ stands for the upstream
	upstream   string
	cause      Cause
	status     int
	ask        func(address string) int
	at         string // what its line holds; "": that of the server
}

// deaf returns an address that takes datagrams and does not answer.
func deaf(t *testing.T) string { return nameServer(t, -1) }

// TestStreamJudge has nginx' stream module meet backends that misbehave, and reads both of its logs.
func TestStreamJudge(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(streamModule); err != nil {
		t.Skip(err)
	}
	const format = `$remote_addr [$time_local] $protocol $status $server_addr:$server_port "$upstream_addr" $session_time`
	tests := streamTrials(t)
	addresses := make([]string, len(tests))
	var servers strings.Builder
	for i, test := range tests {
		addresses[i] = free(t)
		ssl := ""
		if test.cause == ClientTLS {
			ssl = " ssl"
		}
		fmt.Fprintf(&servers, "server { listen %s%s%s; %s }\n", addresses[i], test.udp, ssl, strings.ReplaceAll(test.directives, "@", test.upstream))
	}
	cert, key := serverKeys(t)
	accessLog := filepath.Join(t.TempDir(), "access.log")
	n := runNginx(t, "load_module "+streamModule+"; master_process off; events {}\n", fmt.Sprintf(`stream {
log_format session '%s'; access_log %s session; limit_conn_zone $server_port zone=at:1m; ssl_certificate %s; ssl_certificate_key %s;
upstream pool { server %s; server %s; }
server { listen @; return ok; }
%s}`, format, accessLog, cert, key, refuses(t), refuses(t), servers.String()))
	compiled, err := CompileNginx(format)
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range tests {
		t.Run(test.cause.String()+test.udp, func(t *testing.T) {
			t.Parallel()
			test.ask(addresses[i])
			e := n.event(t, func(e Event) bool { return e.Server == addresses[i] && e.Cause == test.cause })
			if e.Upstream != test.upstream || e.Client != "127.0.0.1" {
				t.Errorf("upstream %q, client %q", e.Upstream, e.Client)
			}
			want := test.status
			if want == 200 || test.cause == ClientTLS {
				want = 0
			}
			if e.Status != want {
				t.Errorf("status %d, want %d", e.Status, want)
			}
			holds := test.at
			if holds == "" {
				holds = "listen " + addresses[i]
			}
			if at, want := n.line(t, e), n.lineOf(holds); at != want {
				t.Errorf("line %d, want %d", at, want)
			}
			if test.status == 200 {
				return
			}
			if a, ok := eventually(t, func() []Event { return eventsOf(t, accessLog, compiled) },
				func(e Event) bool { return e.Status == test.status && strings.Contains(e.Text, " "+addresses[i]+" ") }); !ok {
				t.Error("the access log tells nothing")
			} else if a.Upstream != "" && a.Upstream != test.upstream && test.cause != NoLiveUpstream {
				t.Errorf("upstream %q in the access log", a.Upstream)
			}
		})
	}
	t.Cleanup(func() {
		for _, e := range eventsOf(t, n.errorLog) {
			if e.Cause == Unknown {
				t.Errorf("what happened is not known: %s", e.Text)
			}
		}
	})
}
