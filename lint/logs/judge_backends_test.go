//go:build unix

package logs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

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
	conn.Close()
}

// answersThenResets sends a part of an answer, lets the proxy read it, and resets.
func answersThenResets(conn net.Conn) {
	says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")(conn)
	time.Sleep(50 * time.Millisecond)
	conn.(*net.TCPConn).SetLinger(0)
}

// idles takes nothing of what is sent, until the other end gives up or the test ends.
func idles(t *testing.T) func(net.Conn) {
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	return func(net.Conn) { <-ended }
}

func says(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		conn.Read(make([]byte, 4096))
		io.WriteString(conn, answer)
	}
}

// record is one of FastCGI (section 3.3 of its specification): 3 ends the request, 6 is the answer, 7 stderr.
func record(kind byte, content string) string {
	return string([]byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), 0, 0}) + content
}

// scriptSays answers in FastCGI: a text to stderr, then a page.
func scriptSays(text, page string) func(net.Conn) {
	return says(record(7, text) + record(6, page) + record(6, "") + record(3, strings.Repeat("\x00", 8)))
}

// frame is one of HTTP/2 (RFC 9113, section 4.1), of stream 1 where it is not about the connection.
func frame(kind, flags, stream byte, content string) string {
	return string([]byte{0, byte(len(content) >> 8), byte(len(content)), kind, flags, 0, 0, 0, stream}) + content
}

// bound returns a socket of TCP that has a port of its own, and that address.
func bound(t *testing.T) (fd int, address string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Skip(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Skip(err)
	}
	return fd, fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
}

// refuses returns an address that nobody listens on, as long as the test runs.
func refuses(t *testing.T) string {
	t.Helper()
	_, address := bound(t)
	return address
}

// fullSocket returns the path of a unix socket whose backlog is full.
func fullSocket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "full.sock")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Skip(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { conn.Close() })
	return path
}

// full returns an address whose backlog is full, so that connections to it are not answered.
func full(t *testing.T) string {
	t.Helper()
	fd, address := bound(t)
	if err := syscall.Listen(fd, 0); err != nil {
		t.Skip(err)
	}
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
	return secureOf(t, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "stranger.test" {
			return nil, errors.New("unrecognized name")
		}
		return nil, nil
	}}, http.NotFound)
}

// secureOf starts a TLS server.
func secureOf(t *testing.T, config *tls.Config, serve http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(serve)
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// plainServer starts an HTTP server that finds nothing.
func plainServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// certificate writes the certificate of all these TLS servers to a file, and returns its path.
func certificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
}

// file writes a file of its own folder, and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// breaksTLS begins an answer, and then sends what is no TLS.
func breaksTLS(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")
	time.Sleep(50 * time.Millisecond)
	io.WriteString(conn.(*tls.Conn).NetConn(), "no TLS at all")
}

// serverKeys writes the certificate and the key of these TLS servers, and returns the paths.
func serverKeys(t *testing.T) (cert, key string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	secret, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return certificate(t), file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}
