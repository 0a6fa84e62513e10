package rules

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// system is an upstream in trouble. Its configuration for nginx is a pass, for HAProxy a server line; "" where it can't be
// said there.
type system struct {
	name           string
	nginx, haproxy string
	rule           string // that tells of it; "" when nothing is wrong
}

// TestLiveBeforeTheJudge lets Debian's proxies answer for upstreams that are in trouble: the client gets the status that
// proxylint predicts, and nginx logs the line that it foretells.
func TestLiveBeforeTheJudge(t *testing.T) {
	for _, s := range systems(t) {
		for dialect, text := range s.configurations() {
			t.Run(s.name+"/"+dialect.String(), func(t *testing.T) {
				skipWithout(t, dialect)
				t.Parallel()
				predicted, logged := predict(t, dialect, text, s.rule)
				p := startProxy(t, dialect, text)
				status, _ := p.get(t)
				if predicted == "" {
					predicted = "200"
				}
				if strconv.Itoa(status) != predicted {
					t.Errorf("the client gets %d, predicted was %s: %s", status, predicted, p.log())
				}
				for part := range strings.SplitSeq(logged, "...") {
					if dialect == syntax.Nginx && !p.waitFor(part, true) {
						t.Errorf("nginx does not log %q but %s", logged, p.log())
					}
				}
			})
		}
	}
}

func (s system) configurations() map[syntax.Dialect]string {
	texts := map[syntax.Dialect]string{}
	if s.nginx != "" {
		texts[syntax.Nginx] = fmt.Sprintf(`events {}
http {
    proxy_connect_timeout 1s;
    proxy_read_timeout 1s;
    fastcgi_read_timeout 1s;
    server {
        listen 8080;
        location / {
            %s
        }
    }
}
`, s.nginx)
	}
	if s.haproxy != "" {
		texts[syntax.HAProxy] = fmt.Sprintf(`global
    ssl-server-verify none
defaults
    mode http
    retries 0
    timeout connect 1s
    timeout client 5s
    timeout server 1s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 %s
`, s.haproxy)
	}
	return texts
}

// predict dials as "proxylint live" does, and returns the symptom of the rule that is to tell of it, and the log line that
// is foretold.
func predict(t *testing.T, dialect syntax.Dialect, text, rule string) (symptom, logged string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), proxyFile(dialect))
	writeFile(t, path, text)
	configs := load(t, path)
	o := probe.Defaults()
	o.AnswerTimeout, o.Measure = 2*time.Second, false
	results := probe.Run(context.Background(), probe.Plan(configs, nil), o)
	live := []*lint.Rule{}
	for _, r := range All() {
		if r.Live {
			live = append(live, r)
		}
	}
	found := lint.Run(context.Background(), configs, live, lint.Around{Inventory: &inventory.Facts{}, Live: results}).Diagnostics
	for _, d := range found {
		if d.Severity < lint.Warning {
			continue
		}
		if d.Rule != rule {
			t.Errorf("found %s", show(d))
		}
		for _, note := range d.Notes {
			if line, ok := strings.CutPrefix(note, "nginx logs: "); ok {
				logged = line
			}
		}
		symptom = string(d.Symptom)
	}
	if rule != "" && symptom == "" {
		t.Errorf("nothing was found: %+v", results.List[0].Tries)
	}
	return symptom, logged
}

func systems(t *testing.T) []system {
	refused := listen(t)
	refused.Close()
	dir := t.TempDir()
	dead := filepath.Join(dir, "dead.sock")
	deadListener, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	deadListener.SetUnlinkOnClose(false)
	deadListener.Close()
	http80 := func(addr string) (string, string) { return "proxy_pass http://" + addr + ";", addr }
	list := []system{
		systemOf("it answers", http80, backendOf(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), ""),
		systemOf("refused", http80, refused.Addr().String(), "live-refused"),
		systemOf("mute", http80, backendOf(t, ""), "live-slow"),
		systemOf("closes", http80, closing(t), "live-protocol-mismatch"),
		systemOf("503", http80, backendOf(t, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), "live-http-5xx"),
		systemOf("a header that does not fit", http80, backendOf(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 17000)+"\r\nContent-Length: 0\r\n\r\n"), "live-header-too-big"),
		{name: "no socket", nginx: "proxy_pass http://unix:" + dir + "/none.sock;", haproxy: "unix@" + dir + "/none.sock", rule: "live-socket-missing"},
		{name: "a dead socket", nginx: "proxy_pass http://unix:" + dead + ";", haproxy: "unix@" + dead, rule: "live-refused"},
		{name: "no socket but a folder", nginx: "proxy_pass http://unix:" + dir + ";", haproxy: "unix@" + dir, rule: "live-socket-missing"},
		{name: "HTTP where FastCGI is configured", nginx: "fastcgi_pass " + backendOf(t, "HTTP/1.1 400 Bad Request\r\n\r\n") + ";", rule: "live-protocol-mismatch"},
		systemOf("FastCGI where HTTP is", http80, "127.0.0.1:"+serveFastCGI(t, new(atomic.Int32)), "live-protocol-mismatch"),
		{name: "a name that no DNS server knows", nginx: "resolver " + nobodyKnows(t) + " valid=1s; set $app gone.test; proxy_pass http://$app;", rule: "host-unresolvable"},
	}
	if filtered, ok := fullBacklog(t); ok {
		list = append(list, systemOf("filtered", http80, filtered, "live-timeout"))
	}
	return append(list, tlsSystems(t)...)
}

func systemOf(name string, write func(addr string) (nginx, haproxy string), addr, rule string) system {
	nginx, haproxy := write(addr)
	return system{name: name, nginx: nginx, haproxy: haproxy, rule: rule}
}

// tlsSystems are upstreams with whose TLS something is wrong.
func tlsSystems(t *testing.T) []system {
	ca, key := newCertificate(t, "an authority", time.Now().Add(time.Hour), nil, nil)
	stranger, _ := newCertificate(t, "a stranger", time.Now().Add(time.Hour), nil, nil)
	dir := t.TempDir()
	files := map[string]string{}
	for name, c := range map[string]*x509.Certificate{"ca": ca, "stranger": stranger} {
		files[name] = filepath.Join(dir, name+".pem")
		writeFile(t, files[name], string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
	}
	good := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{pair(t, "app.test", time.Now().Add(720*time.Hour), ca, key)}})
	old := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{pair(t, "app.test", time.Now().Add(-time.Hour), ca, key)}})
	named := serveTLS(t, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName != "app.test" {
			return nil, fmt.Errorf("no name")
		}
		return &tls.Config{Certificates: []tls.Certificate{pair(t, "app.test", time.Now().Add(720*time.Hour), ca, key)}}, nil
	}})
	plain := backendOf(t, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	verify := func(addr, file, name string) (string, string) {
		return fmt.Sprintf("proxy_ssl_verify on; proxy_ssl_trusted_certificate %s; proxy_ssl_name %s; proxy_pass https://%s;", file, name, addr),
			fmt.Sprintf("%s ssl verify required ca-file %s verifyhost %s", addr, file, name)
	}
	trusting := func(addr string) (string, string) {
		return "proxy_pass https://" + addr + ";", addr + " ssl verify none"
	}
	with := func(file, name string) func(string) (string, string) {
		return func(addr string) (string, string) { return verify(addr, file, name) }
	}
	return []system{
		systemOf("TLS as it should be", with(files["ca"], "app.test"), good, ""),
		systemOf("another name", with(files["ca"], "other.test"), good, "live-tls-name"),
		systemOf("another authority", with(files["stranger"], "app.test"), good, "live-tls-handshake"),
		systemOf("expired", with(files["ca"], "app.test"), old, "live-tls-expired"),
		systemOf("a server name is wanted", trusting, named, "live-tls-handshake"),
		systemOf("plain HTTP where TLS is configured", trusting, plain, "live-protocol-mismatch"),
		systemOf("TLS where plain HTTP is", func(addr string) (string, string) { return "proxy_pass http://" + addr + ";", addr }, good, "live-protocol-mismatch"),
	}
}

// newCertificate makes a certificate, signed by another or, with none, by itself.
func newCertificate(t *testing.T, name string, until time.Time, by *x509.Certificate, byKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
	}
	if by == nil {
		template.IsCA, template.BasicConstraintsValid = true, true
		by, byKey = template, key
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, byKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

func pair(t *testing.T, name string, until time.Time, by *x509.Certificate, byKey *ecdsa.PrivateKey) tls.Certificate {
	certificate, key := newCertificate(t, name, until, by, byKey)
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}
}

func serveTLS(t *testing.T, config *tls.Config) (addr string) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// backendOf answers every request with a text; with "" it never does.
func backendOf(t *testing.T, text string) (addr string) {
	return serveConnections(t, func(c net.Conn) {
		if text != "" {
			c.Read(make([]byte, 4096))
			io.WriteString(c, text)
			c.(*net.TCPConn).CloseWrite()
		}
		io.Copy(io.Discard, c)
	})
}

func closing(t *testing.T) (addr string) {
	return serveConnections(t, func(c net.Conn) { c.Read(make([]byte, 4096)) })
}

func serveConnections(t *testing.T, answer func(net.Conn)) (addr string) {
	l := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// nobodyKnows runs a DNS server that knows no name.
func nobodyKnows(t *testing.T) (addr string) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeNameError))
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return conn.LocalAddr().String()
}

// fullBacklog returns an address that takes no more connections: they are queued by the kernel, and accepted by nobody.
func fullBacklog(t *testing.T) (addr string, ok bool) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr = fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 8 {
		conn, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			return addr, true
		}
		t.Cleanup(func() { conn.Close() })
	}
	return "", false
}
