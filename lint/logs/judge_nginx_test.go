//go:build unix

package logs

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const judgeFormat = `$remote_addr|$time_iso8601|$request|$status|$upstream_addr|$upstream_status|$upstream_header_time`

// trial is a location whose requests go wrong in one way.
type trial struct {
	name       string
	directives string // @ stands for the upstream
	upstream   string
	cause      Cause
	detail     string
	ask        func(url string) int // returns the status; nil: get
	at         string               // what its line holds; "": that of the location
}

// answered starts a server that answers so, and then closes.
func answered(t *testing.T, answer string) string {
	return backend(t, func(conn net.Conn) {
		says(answer)(conn)
		conn.(*net.TCPConn).CloseWrite()
		hangs(conn)
	})
}

// connectTrials fail before there is a connection.
func connectTrials(t *testing.T) []trial {
	web := plainServer(t)
	failed := nameServer(t, dns.RcodeServerFailure)
	notFound, broken, silent := nameServer(t, dns.RcodeNameError), nameServer(t, dns.RcodeRefused), nameServer(t, -1)
	return []trial{
		{"refused", "proxy_pass http://@;", refuses(t), Refused, "", nil, ""},
		{"connect-timeout", "proxy_connect_timeout 300ms; proxy_pass http://@;", full(t), ConnectTimeout, "", nil, ""},
		{"socket", "proxy_pass http://@:/;", "unix:" + filepath.Join(t.TempDir(), "none.sock"), SocketMissing, "", nil, ""},
		{"slash", "proxy_pass http://@;", "unix:" + fullSocket(t) + "/", SocketMissing, "what stands before the last slash is no folder", nil, ""},
		{"backlog", "proxy_pass http://@:/;", "unix:" + fullSocket(t), BacklogFull, "", nil, ""},
		{"unreachable", "proxy_pass http://@;", "255.255.255.255:80", NoRoute, "", nil, ""},
		{"linklocal", "proxy_pass http://@;", "[fe80::1]:80", NoRoute, "", nil, ""},
		{"source", "proxy_bind 192.0.2.1; proxy_pass http://@;", web, SourceAddress, "", nil, ""},
		{"nxdomain", "resolver " + notFound + "; set $up @; proxy_pass http://$up;", "app.test", NameNotFound, "", nil, ""},
		{"dns-refused", "resolver " + broken + "; set $up @; proxy_pass http://$up;", "app.test", ResolverFailed, "", nil, ""},
		{"dns-failed", "resolver " + failed + "; set $up @; proxy_pass http://$up;", "app.test", ResolverFailed, "", nil, ""},
		{"dns-silent", "resolver " + silent + "; resolver_timeout 300ms; set $up @; proxy_pass http://$up;", "app.test", ResolverTimeout, "", nil, ""},
		{"no-resolver", "set $up @; proxy_pass http://$up;", "app.test", NoResolver, "", nil, ""},
		{"port", "set $up @; proxy_pass http://$up;", "127.0.0.1:99999", InvalidUpstream, "", nil, ""},
		{"no-host", "set $up @; proxy_pass http://$up;", ":80", InvalidUpstream, "", nil, ""},
		{"scheme", "set $up @; proxy_pass $up;", "127.0.0.1", InvalidUpstream, "", nil, ""},
		{"group", "proxy_pass http://@;", "pool", NoLiveUpstream, "", twice, "upstream pool "},
	}
}

// tlsTrials fail in TLS.
func tlsTrials(t *testing.T) []trial {
	web, hung := plainServer(t), backend(t, hangs)
	trusted := "proxy_ssl_verify on; proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt; "
	pinned := "proxy_ssl_verify on; proxy_ssl_trusted_certificate " + certificate(t) + "; "
	return []trial{
		{"plain", "proxy_pass https://@;", web, TLSNotSpoken, "wrong version number", nil, ""},
		{"tls-long", "proxy_pass https://@;", answered(t, "\x16\x03\x01\xff\xff"), TLSNotSpoken, "packet length too long", nil, ""},
		{"alert", "proxy_ssl_server_name on; proxy_ssl_name stranger.test; proxy_pass https://@;", secure(t), TLSAlert, "alert 80, internal_error", nil, ""},
		{"old", "proxy_pass https://@;", secureOf(t, &tls.Config{MinVersion: tls.VersionTLS13}, http.NotFound), TLSAlert, "alert 70, protocol_version", nil, ""},
		{"certificate", "proxy_ssl_protocols TLSv1.3; proxy_pass https://@;", secureOf(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert}, http.NotFound), TLSAlert, "alert 116, certificate_required", nil, ""},
		{"certificate12", "proxy_pass https://@;", secureOf(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert}, http.NotFound), TLSAlert, "alert 40, handshake_failure", nil, ""},
		{"tls-closed", "proxy_pass https://@;", backend(t, closes), TLSClosed, "", nil, ""},
		{"tls-reset", "proxy_pass https://@;", backend(t, resets), TLSClosed, "", nil, ""},
		{"tls-hung", "proxy_connect_timeout 300ms; proxy_pass https://@;", hung, TLSTimeout, "", nil, ""},
		{"tls-broken", "proxy_pass https://@;", answered(t, "\x16\x03\x03\x00\x04\x02\x00\x00\x00"), TLSHandshake, "length mismatch", nil, ""},
		{"verify", trusted + "proxy_pass https://@;", secure(t), TLSVerify, "", nil, ""},
		{"name", pinned + "proxy_ssl_name other.test; proxy_pass https://@;", secure(t), TLSName, "", nil, ""},
		{"garbage", "proxy_pass https://@;", secureOf(t, &tls.Config{}, breaksTLS), AnswerCut, "", nil, ""},
	}
}

// answerTrials fail after there is a connection.
func answerTrials(t *testing.T) []trial {
	hung, stuck := backend(t, hangs), idles(t)
	large := secureOf(t, &tls.Config{}, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 16<<20)) })
	return []trial{
		{"closed", "proxy_pass http://@;", backend(t, closes), ClosedEarly, "", nil, ""},
		{"reset", "proxy_pass http://@;", backend(t, resets), Reset, "", nil, ""},
		{"hung", "proxy_read_timeout 300ms; proxy_pass http://@;", hung, ReadTimeout, "", nil, ""},
		{"unread", "proxy_send_timeout 300ms; client_max_body_size 0; proxy_pass http://@;", backend(t, stuck), SendTimeout, "", post(16 << 20), ""},
		{"big", "proxy_pass http://@;", answered(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 9000)+"\r\n\r\n"), HeaderTooBig, "", nil, ""},
		{"invalid", "proxy_pass http://@;", answered(t, "HTTP/1.1 200 OK\r\nX\x00: y\r\n\r\n"), HeaderInvalid, "", nil, ""},
		{"ssh", "proxy_pass http://@;", answered(t, "SSH-2.0-OpenSSH_9.2\r\n"), NotHTTP, "", nil, ""},
		{"cut", "proxy_pass http://@;", answered(t, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"), AnswerCut, "", nil, ""},
		{"cut-unbuffered", "proxy_buffering off; proxy_pass http://@;", answered(t, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"), AnswerCut, "", nil, ""},
		{"cut-chunk", "proxy_http_version 1.1; proxy_pass http://@;", answered(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort"), AnswerCut, "", nil, ""},
		{"reset-body", "proxy_pass http://@;", backend(t, answersThenResets), AnswerCut, "", nil, ""},
		{"reset-unbuffered", "proxy_buffering off; proxy_pass http://@;", backend(t, answersThenResets), AnswerCut, "", nil, ""},
		{"chunk", "proxy_http_version 1.1; proxy_pass http://@;", answered(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz"), AnswerCut, "", nil, ""},
		{"long", "proxy_pass http://@;", answered(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nshort"), AnswerLong, "", nil, ""},
		{"long-chunks", "proxy_http_version 1.1; proxy_pass http://@;", answered(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore"), AnswerLong, "", nil, ""},
		{"slow-body", "proxy_read_timeout 300ms; proxy_pass http://@;", backend(t, func(c net.Conn) {
			says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")(c)
			hangs(c)
		}), AnswerTimeout, "", nil, ""},
		{"upgraded", "proxy_http_version 1.1; proxy_set_header Upgrade x; proxy_set_header Connection Upgrade; proxy_read_timeout 300ms; proxy_pass http://@;", backend(t, func(c net.Conn) {
			says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")(c)
			hangs(c)
		}), AnswerTimeout, "", raw("Upgrade: x\r\nConnection: Upgrade\r\n"), ""},
		{"stored", "proxy_pass https://@;", large, Buffered, "", slowly, ""},
		{"stored-body", "client_body_buffer_size 1k; proxy_pass http://" + answered(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") + ";", "", Buffered, "", post(64 << 10), ""},
	}
}

// protocolTrials have servers break protocols other than HTTP/1.
func protocolTrials(t *testing.T) []trial {
	const settings, ok = "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "HTTP/1.1 400 Bad Request\r\n\r\n"
	return []trial{
		{"not-fastcgi", "fastcgi_pass @;", answered(t, ok), NotFastCGI, "72 is the letter H", nil, ""},
		{"tls-fastcgi", "fastcgi_pass @;", answered(t, "\x15\x03\x01\x00\x02\x02\x0a"), NotFastCGI, "21 is a TLS alert", nil, ""},
		{"fastcgi-record", "fastcgi_pass @;", answered(t, record(9, "x")), NotFastCGI, "", nil, ""},
		{"fastcgi-type", "fastcgi_pass @;", answered(t, record(99, "x")), NotFastCGI, "", nil, ""},
		{"fastcgi-number", "fastcgi_pass @;", answered(t, "\x01\x06\x01\x01\x00\x00\x00\x00"), NotFastCGI, "", nil, ""},
		{"fastcgi-empty", "fastcgi_pass @;", answered(t, record(6, "")), ClosedEarly, "", nil, ""},
		{"fastcgi-cut", "fastcgi_pass @;", answered(t, record(6, "Content-Length: 99\r\n\r\nshort")+record(6, "")+record(3, "\x00\x00\x00\x00\x00\x00\x00\x00")), AnswerCut, "", nil, ""},
		{"fastcgi-unbuffered", "fastcgi_buffering off; fastcgi_pass @;", answered(t, record(6, "Content-Length: 99\r\n\r\nshort")+record(3, "\x00\x00\x00\x00\x00\x00\x00\x00")), AnswerCut, "", nil, ""},
		{"fastcgi-late", "fastcgi_pass @;", answered(t, record(6, "Content-Type: text/plain\r\n\r\nshort")+"HTTP/1.1"), NotFastCGI, "72 is the letter H", nil, ""},
		{"fastcgi-status", "fastcgi_pass @;", answered(t, record(6, "Status: none\r\n\r\n")), HeaderInvalid, "", nil, ""},
		{"script", "fastcgi_pass @;", backend(t, scriptSays("Primary script unknown", "Status: 404 Not Found\r\n\r\n")), ScriptUnknown, "", nil, ""},
		{"stderr", "fastcgi_pass @;", backend(t, scriptSays("PHP Fatal error: x\nStack trace:\n#0 {main}", "Status: 200 OK\r\n\r\n")), ScriptStderr, "#0 {main}", nil, ""},
		{"uwsgi", "uwsgi_pass @;", backend(t, closes), ClosedEarly, "", nil, ""},
		{"uwsgi-status", "uwsgi_pass @;", answered(t, "Status: none\r\n\r\n"), HeaderInvalid, "", nil, ""},
		{"suwsgi", "uwsgi_pass suwsgi://@;", plainServer(t), TLSNotSpoken, "wrong version number", nil, ""},
		{"scgi", "scgi_pass @;", backend(t, resets), Reset, "", nil, ""},
		{"memcached", "set $memcached_key a; memcached_pass @;", answered(t, ok), ProtocolError, "", nil, ""},
		{"memcached-length", "set $memcached_key a; memcached_pass @;", answered(t, "VALUE a 0 x\r\n"), ProtocolError, "", nil, ""},
		{"memcached-trailer", "set $memcached_key a; memcached_pass @;", answered(t, "VALUE a 0 1\r\nxxxxxxxx"), AnswerLong, "", nil, ""},
		{"grpc-http1", "grpc_pass @;", answered(t, ok), ProtocolError, "72 is the letter H", nil, ""},
		{"grpc-tls", "grpc_pass @;", answered(t, "\x15\x03\x01\x00\x02\x02\x0a"), ProtocolError, "21 is a TLS alert", nil, ""},
		{"grpc-to-plain", "grpc_pass grpcs://@;", plainServer(t), TLSNotSpoken, "wrong version number", nil, ""},
		{"grpc-goaway", "grpc_pass @;", answered(t, settings+frame(7, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x01")), ProtocolError, "", nil, ""},
		{"grpc-rejected", "grpc_pass @;", answered(t, settings+frame(3, 0, 1, "\x00\x00\x00\x02")), ProtocolError, "", nil, ""},
		{"grpc-unexpected", "grpc_pass @;", answered(t, settings+frame(5, 0, 1, "")), ProtocolError, "", nil, ""},
		{"grpc-stream", "grpc_pass @;", answered(t, settings+frame(1, 4, 3, "\x88")), ProtocolError, "", nil, ""},
		{"grpc-settings", "grpc_pass @;", answered(t, frame(4, 0, 0, "x")), ProtocolError, "", nil, ""},
		{"grpc-ping", "grpc_pass @;", answered(t, settings+frame(6, 0, 0, "x")), ProtocolError, "", nil, ""},
		{"grpc-no-status", "grpc_pass @;", answered(t, settings+frame(1, 4, 1, "\x40\x01a\x01b")), ProtocolError, "", nil, ""},
		{"grpc-hpack", "grpc_pass @;", answered(t, settings+frame(1, 4, 1, "\xff\xff\xff\xff\xff")), ProtocolError, "", nil, ""},
		{"grpc-closed", "grpc_pass @;", answered(t, settings), ClosedEarly, "", nil, ""},
		{"grpc-cut", "grpc_pass @;", answered(t, settings+frame(1, 4, 1, "\x88")), AnswerCut, "", nil, ""},
		{"grpc-trailer", "grpc_pass @;", answered(t, settings+frame(1, 4, 1, "\x88")+frame(1, 4, 1, "\x88")), ProtocolError, "", nil, ""},
	}
}

// ownTrials end in nginx itself, or are the client's fault.
func ownTrials(t *testing.T) []trial {
	web, hung := plainServer(t), backend(t, hangs)
	return []trial{
		{"limited", "limit_req zone=one; proxy_pass http://" + web + ";", "", LimitedRequests, "", twice, ""},
		{"crowded", "limit_conn at 1; proxy_read_timeout 500ms; proxy_pass http://" + hung + ";", "", LimitedConnections, "", both, ""},
		{"cycle", "rewrite ^ /cycle last;", "", RewriteCycle, "", nil, "server { listen "},
		{"subrequests", "ssi on; ssi_types *; root " + filepath.Dir(file(t, "subrequests", `<!--#include virtual="/subrequests" -->`)) + ";", "", RewriteCycle, "", nil, "server { listen "},
		{"auth", "auth_request /refused; proxy_pass http://" + web + ";", "", AuthRequest, "502", nil, ""},
		{"large", "client_max_body_size 1k; proxy_pass http://" + web + ";", "", BodyTooLarge, "2048 bytes", post(2 << 10), ""},
		{"large-chunks", "client_max_body_size 1k; proxy_pass http://" + web + ";", "", BodyTooLarge, "", postChunks, ""},
		{"gone", "proxy_pass http://@;", hung, ClientClosed, "", leaves, ""},
		{"bad-body", "proxy_pass http://" + web + ";", "", ClientRequest, "", raw("Transfer-Encoding: x\r\n"), ""},
		{"bad-length", "proxy_pass http://" + web + ";", "", ClientRequest, "", raw("Content-Length: x\r\n"), ""},
	}
}

// TestNginxJudge has nginx meet backends that misbehave, and reads what it logs.
func TestNginxJudge(t *testing.T) {
	t.Parallel()
	tests := slices.Concat(connectTrials(t), tlsTrials(t), answerTrials(t), protocolTrials(t), ownTrials(t))
	var locations strings.Builder
	for _, test := range tests {
		fmt.Fprintf(&locations, "location /%s { %s }\n", test.name, strings.ReplaceAll(test.directives, "@", test.upstream))
	}
	accessLog := filepath.Join(t.TempDir(), "access.log")
	n := runNginx(t, "master_process off; events {}\n", fmt.Sprintf(`http {
log_format judge '%s'; access_log %s judge; limit_req_zone $server_name zone=one:1m rate=1r/m; limit_conn_zone $server_name zone=at:1m;
upstream pool { server %s; server %s; }
server { listen @; server_name judge.test;
%s
}
}`, judgeFormat, accessLog, refuses(t), refuses(t), locations.String()))
	format, err := CompileNginx(judgeFormat)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ask := test.ask
			if ask == nil {
				ask = get
			}
			status := ask("http://" + n.address + "/" + test.name)
			e := n.event(t, func(e Event) bool { return e.Path() == "/"+test.name && e.Cause == test.cause })
			if e.Upstream != test.upstream || !strings.Contains(e.Detail, test.detail) || e.Server != "judge.test" {
				t.Errorf("upstream %q, detail %q, server %q", e.Upstream, e.Detail, e.Server)
			}
			if at, want := n.line(t, e), n.lineOf(cmp.Or(test.at, "location /"+test.name+" ")); at != want {
				t.Errorf("line %d, want %d", at, want)
			}
			if e.Status != 0 && status != 0 && e.Status != status {
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

// nginx is one that runs.
type nginx struct {
	address, config, errorLog string
	pid                       int
}

// runNginx starts nginx with a configuration, in which @ stands for its address.
func runNginx(t *testing.T, main, text string) nginx {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	n := nginx{address: free(t), errorLog: filepath.Join(dir, "error.log")}
	n.config = fmt.Sprintf("error_log %s info;\n%s%s", n.errorLog, main, strings.ReplaceAll(text, "@", n.address))
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, []byte(n.config), 0o600); err != nil {
		t.Fatal(err)
	}
	n.pid = start(t, n.address, "nginx", "-e", n.errorLog, "-p", dir, "-c", config, "-g", "daemon off; pid "+dir+"/pid;")
	return n
}

// event waits for an event in the error log.
func (n nginx) event(t *testing.T, fits func(Event) bool) Event {
	t.Helper()
	e, ok := eventually(t, func() []Event { return eventsOf(t, n.errorLog) }, fits)
	if !ok {
		said, _ := os.ReadFile(n.errorLog)
		t.Fatalf("no such event; the log ends:\n%s", said[max(0, len(said)-3000):])
	}
	if time.Since(e.Time).Abs() > time.Minute {
		t.Errorf("time %s", e.Time)
	}
	return e
}

// line returns the line of the configuration that an event stands on; 0: none.
func (n nginx) line(t *testing.T, e Event) int {
	t.Helper()
	return lineOn(load(t, "nginx.conf", n.config), e)
}

// lineOf returns the first line of the configuration that holds a text.
func (n nginx) lineOf(text string) int { return lineHolding(n.config, text) }
