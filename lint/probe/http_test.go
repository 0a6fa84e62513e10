package probe

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// targetAt is a plain HTTP target of nginx at an address.
func targetAt(addr net.Addr) *Target {
	tcp := addr.(*net.TCPAddr)
	return &Target{
		Dialect: syntax.Nginx, Protocol: proxy.HTTP, Path: "/", Host: "app.test",
		Addr: proxy.Address{Host: tcp.IP.String(), Port: tcp.Port},
	}
}

// dial tries a target once.
func dial(t *testing.T, target *Target) Try {
	t.Helper()
	o := Defaults()
	o.AnswerTimeout = 500 * time.Millisecond
	o.Diagnose = false
	return newProber(o).target(context.Background(), target).Tries[0]
}

// fake answers every connection with what answer does, until the test ends.
func fake(t *testing.T, answer func(net.Conn)) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
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
				answer(conn)
			}()
		}
	}()
	return l.Addr()
}

// says answers a request, once something came, with a text.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, text)
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c) // what is not read would reset the connection
	}
}

// greets says a text without being asked.
func greets(text string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, text)
		io.Copy(io.Discard, c)
	}
}

func reset(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Read(make([]byte, 1))
}

func TestSpeakHTTP(t *testing.T) {
	header := strings.Repeat("x", 3000)
	for _, test := range []struct {
		name   string
		answer func(net.Conn)
		want   string
	}{
		{"200", says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "L7OK ok 200 header=38"},
		{"any status but a gateway's", says("HTTP/1.0 404 Not Found\r\n\r\n"), "L7OK ok 404 header=26"},
		{"line ends of one byte", says("HTTP/1.1 200 OK\nA: b\n\n"), "L7OK ok 200 header=22"},
		{"interim answers", says("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), "L7OK ok 200 header=19"},
		{"a line as long as what is read at once", says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 4096-3) + "\r\nY: z\r\n\r\n"), "L7OK ok 200 header=4123"},
		{"interim answers without end", says(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 1000)), "L7RSP closed: interim answers without end"},
		{"a header without limit", says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHeader)), "L7OK ok 200 header=262144"},
		{"no status", says("HTTP/1.1 banana\r\n\r\n"), "L7RSP other-protocol speaks=something else: it says HTTP/1.1 banana\r\n"},
		{"a header that stops", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nA: b")
			io.Copy(io.Discard, c)
		}, "L7TOUT silent: after 21 bytes of the header"},
		{"TLS is wanted: Tomcat", says("HTTP/1.1 400 \r\n\r\nThis combination of host and port requires TLS.\r\n"), "L7RSP other-protocol 400 speaks=TLS header=17"},
		{"a long header", says("HTTP/1.1 200 OK\r\nX: " + header + header + "\r\n\r\n"), "L7OK ok 200 header=6024"},
		{"503", says("HTTP/1.1 503 Service Unavailable\r\n\r\n"), "L7STS bad-status 503 header=36"},
		{"TLS is wanted: nginx", says("HTTP/1.1 400 Bad Request\r\n\r\n<center>The plain HTTP request was sent to HTTPS port</center>"), "L7RSP other-protocol 400 speaks=TLS header=28"},
		{"TLS is wanted: Go", says("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"), "L7RSP other-protocol 400 speaks=TLS header=28"},
		{"an alert", says("\x15\x03\x01\x00\x02\x02\x46"), "L7RSP other-protocol speaks=TLS"},
		{"a SETTINGS frame", says("\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"), "L7RSP other-protocol speaks=HTTP/2"},
		{"sshd", greets("SSH-2.0-OpenSSH_9.2\r\n"), "L7RSP other-protocol speaks=SSH"},
		{"a mail server", greets("220 mail.test ESMTP\r\n"), "L7RSP other-protocol speaks=SMTP"},
		{"MySQL", greets("\x4a\x00\x00\x00\x0a8.0.36\x00"), "L7RSP other-protocol speaks=MySQL"},
		{"redis", says("-ERR unknown command\r\n"), "L7RSP other-protocol speaks=redis"},
		{"what nobody knows", says("hello\n"), "L7RSP other-protocol speaks=something else: it says hello\n"},
		{"closed", func(c net.Conn) { c.Read(make([]byte, 4096)) }, "L7RSP closed: connection closed"},
		{"reset", reset, "L7RSP closed: connection reset"},
		{"mute", func(c net.Conn) { io.Copy(io.Discard, c) }, "L7TOUT silent"},
		{"a header without end", says("HTTP/1.1 200 OK\r\nA: b"), "L7RSP closed: after 21 bytes of the header"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := describeTry(dial(t, targetAt(fake(t, test.answer)))); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestGreeting reads what servers say first without waiting for more.
func TestGreeting(t *testing.T) {
	for _, text := range []string{"SSH-2.0-OpenSSH_9.2\r\n", "\x4a\x00\x00\x00\x0a8.0.36\x00", "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00", "+OK"} {
		try := dial(t, targetAt(fake(t, greets(text))))
		if try.Cause != OtherProtocol || try.Took > 400*time.Millisecond {
			t.Errorf("%q: %s after %s", text, describeTry(try), try.Took)
		}
	}
}

// TestGoodbye reads a short body before closing: what is unread resets a connection.
func TestGoodbye(t *testing.T) {
	for name, keep := range map[string]time.Duration{"close": 0, "keep-alive": time.Minute} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			target := targetAt(fake(t, func(c net.Conn) {
				c.Read(make([]byte, 4096))
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
				time.Sleep(20 * time.Millisecond)
				io.WriteString(c, strings.Repeat("x", 60000))
				_, err := c.Read(make([]byte, 1))
				ended <- err
			}))
			target.Limits.Idle.Value = keep
			if try := dial(t, target); !try.OK() || try.Took > 200*time.Millisecond {
				t.Errorf("%s after %s", describeTry(try), try.Took)
			}
			if err := <-ended; err != io.EOF {
				t.Errorf("the server sees %v", err)
			}
		})
	}
}

func describeTry(try Try) string {
	text := string(try.Code) + " " + try.Cause.String()
	if try.Status != 0 {
		text += fmt.Sprintf(" %d", try.Status)
	}
	if try.Speaks != "" {
		text += " speaks=" + try.Speaks
	}
	if try.Header != 0 {
		text += fmt.Sprintf(" header=%d", try.Header)
	}
	if try.Detail != "" {
		text += ": " + try.Detail
	}
	return text
}

func TestRequest(t *testing.T) {
	came := make(chan string, 1)
	target := targetAt(fake(t, func(c net.Conn) {
		var text strings.Builder
		for b := bufio.NewReader(c); !strings.HasSuffix(text.String(), "\r\n\r\n"); {
			line, err := b.ReadString('\n')
			text.WriteString(line)
			if err != nil {
				break
			}
		}
		came <- text.String()
	}))
	target.Host, target.Path, target.SendProxy = "shop.test:81", "/a b\r\nX: y", 1
	dial(t, target)
	got := <-came
	line, rest, _ := strings.Cut(got, "\r\n")
	if !strings.HasPrefix(line, "PROXY TCP4 127.0.0.1 127.0.0.1 ") || !strings.HasSuffix(line, fmt.Sprintf(" %d", target.Addr.Port)) {
		t.Errorf("the PROXY header is %q", line)
	}
	want := "GET / HTTP/1.1\r\nHost: shop.test:81\r\nUser-Agent: proxylint\r\nAccept: */*\r\nConnection: close\r\n\r\n"
	if rest != want {
		t.Errorf("the request is %q, want %q", rest, want)
	}
}

func TestProxyHeader2(t *testing.T) {
	came := make(chan []byte, 1)
	target := targetAt(fake(t, func(c net.Conn) {
		b := make([]byte, 28)
		io.ReadFull(c, b)
		came <- b
	}))
	target.SendProxy = 2
	dial(t, target)
	got := <-came
	want := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01"
	port := fmt.Sprintf("%c%c", target.Addr.Port>>8, target.Addr.Port&0xff)
	if string(got[:24]) != want || len(port) == 2 && string(got[26:]) != port {
		t.Errorf("the header is %q", got)
	}
}

func TestKeepAliveHeader(t *testing.T) {
	target := targetAt(fake(t, says("HTTP/1.1 200 OK\r\nKeep-Alive: max=5, timeout=7\r\n\r\n")))
	target.Limits.Idle.Value = time.Minute
	if try := dial(t, target); try.Idle != 7*time.Second || !try.IdleSaid {
		t.Errorf("idle for %s, said: %v", try.Idle, try.IdleSaid)
	}
	for _, value := range []string{"timeout=0", "timeout=-5", "timeout=9999999999999", "timeout=5s", "max=5"} {
		if timeout, said := (head{raw: []byte("HTTP/1.1 200 OK\r\nKeep-Alive: " + value + "\r\n\r\n")}).keepAlive(); said {
			t.Errorf("%s is read as %s", value, timeout)
		}
	}
}

func TestSpeakHTTP2(t *testing.T) {
	serve := func(status int) net.Addr {
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		server := &http.Server{Protocols: &protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != 2 {
				t.Error("not HTTP/2:", r.Proto)
			}
			w.WriteHeader(status)
		})}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		return l.Addr()
	}
	for _, test := range []struct {
		name     string
		addr     net.Addr
		protocol proxy.Protocol
		want     string
	}{
		{"HTTP/2", serve(404), proxy.HTTP, "L7OK ok 404"},
		{"gRPC without health checks", serve(200), proxy.GRPC, "L7OK ok 200"},
		{"a gateway", serve(503), proxy.HTTP, "L7STS bad-status 503"},
		{"HTTP/1.1 alone", fake(t, says("HTTP/1.1 400 Bad Request\r\n\r\n")), proxy.GRPC, "L7RSP other-protocol speaks=HTTP"},
		{"closed", fake(t, func(c net.Conn) { c.Read(make([]byte, 4096)) }), proxy.GRPC, "L7RSP closed"},
		{"mute", fake(t, func(c net.Conn) { io.Copy(io.Discard, c) }), proxy.GRPC, "L7TOUT silent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := targetAt(test.addr)
			target.HTTP2, target.Protocol = true, test.protocol
			if got := describeTry(dial(t, target)); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	t.Run("plain HTTP to HTTP/2 alone", func(t *testing.T) {
		if try := dial(t, targetAt(serve(200))); try.Cause != Closed && try.Speaks != "HTTP/2" {
			t.Errorf("got %q", describeTry(try))
		}
	})
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // holds its certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return authority{cert, key, file}
}

// sign makes a server's certificate.
func (a authority) sign(t *testing.T, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a.signKey(t, key, name, until)
}

func (a authority) signRSA(t *testing.T, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return a.signKey(t, key, name, until)
}

func (a authority) signKey(t *testing.T, key crypto.Signer, name string, until time.Time) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// writePair writes a certificate and its key into one file.
func writePair(t *testing.T, path string, pair tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAgreedProtocol lets a server agree on HTTP/1.1, or on nothing, where HTTP/2 was offered first.
func TestAgreedProtocol(t *testing.T) {
	ca := newAuthority(t)
	good := ca.sign(t, "app.test", time.Now().Add(time.Hour))
	for _, test := range []struct {
		name    string
		dialect syntax.Dialect
		agrees  []string
		want    string
	}{
		{"HAProxy, HTTP/2", syntax.HAProxy, []string{"h2", "http/1.1"}, "L7OK ok 200 h2"},
		{"HAProxy, HTTP/1.1", syntax.HAProxy, []string{"http/1.1"}, "L7OK ok 200 header=94 http/1.1"},
		{"HAProxy, no ALPN", syntax.HAProxy, nil, "L7OK ok 200 header=94 "},
		{"cloudflared, HTTP/1.1", syntax.Cloudflared, []string{"http/1.1"}, "L7OK ok 200 header=94 http/1.1"},
		{"nginx, no ALPN", syntax.Nginx, nil, "L7RSP other-protocol speaks=HTTP "},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{NextProtos: test.agrees, Certificates: []tls.Certificate{good}})
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
			go server.Serve(l)
			t.Cleanup(func() { server.Close() })
			target := targetAt(l.Addr())
			target.Dialect, target.HTTP2, target.TLS = test.dialect, true, &TLS{ALPN: []string{"h2", "http/1.1"}}
			try := dial(t, target)
			if got := describeTry(try) + " " + try.ALPN; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestSlow asks a server that speaks as configured, and whose application does not answer in time.
func TestSlow(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(s.Close)
	target := targetAt(s.Listener.Addr())
	o := Defaults()
	o.AnswerTimeout = 100 * time.Millisecond
	if try := newProber(o).target(t.Context(), target).Tries[0]; try.Cause != Silent {
		t.Errorf("got %q: %s", describeTry(try), target.Message(try))
	}
}

// TestInsideTLS agrees on TLS with servers that don't answer in it as HTTP servers do.
func TestInsideTLS(t *testing.T) {
	slow := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	slow.Config.ErrorLog = log.New(io.Discard, "", 0)
	slow.StartTLS()
	t.Cleanup(slow.Close)
	config := &tls.Config{Certificates: slow.TLS.Certificates}
	sshd := fake(t, func(c net.Conn) { greets("SSH-2.0-x\r\n")(tls.Server(c, config)) })
	for _, test := range []struct {
		name              string
		addr              net.Addr
		message, log, end string
	}{
		{"slow", slow.Listener.Addr(), "accepts the connection and does not answer HTTP within", "while reading response header from upstream", " sH--"},
		{"SSH", sshd, "speaks SSH, not HTTP", "upstream sent no valid HTTP/1.0 header while reading response header from upstream", " PH--"},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := targetAt(test.addr)
			target.TLS = &TLS{}
			o := Defaults()
			o.AnswerTimeout = 100 * time.Millisecond
			try := newProber(o).target(t.Context(), target).Tries[0]
			if got := target.Message(try); !strings.Contains(got, test.message) {
				t.Errorf("%s: %s", describeTry(try), got)
			}
			if got := target.LogLine(try.Outcome); !strings.Contains(got, test.log) {
				t.Errorf("nginx logs %s", got)
			}
			target.Dialect = syntax.HAProxy
			if got := target.LogLine(try.Outcome); !strings.HasSuffix(got, test.end) {
				t.Errorf("HAProxy logs %s", got)
			}
		})
	}
}

// TestExpiredAuthority verifies a good certificate whose authority has expired.
func TestExpiredAuthority(t *testing.T) {
	ca := newAuthority(t)
	ended := time.Now().Add(30 * time.Hour)
	good := ca.sign(t, "app.test", ended)
	leaf, err := x509.ParseCertificate(good.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	var m Measure
	o := (&Target{TLS: &TLS{Verify: true, CA: ca.file}}).verify([]*x509.Certificate{leaf}, ended.Add(-time.Hour), &m)
	if o.Cause != TLSExpired || !m.Expires.Equal(ca.cert.NotAfter) {
		t.Errorf("got %s %q, until %s", o.Cause, o.Detail, m.Expires)
	}
}

func TestSecure(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	soon := time.Now().Add(72 * time.Hour).UTC().Truncate(time.Second)
	good := ca.sign(t, "app.test", soon)
	serve := func(config *tls.Config) net.Addr {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		server.TLS = config
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		return server.Listener.Addr()
	}
	own := ca.file + ".client"
	writePair(t, own, good)
	plain := serve(&tls.Config{Certificates: []tls.Certificate{good}})
	needsName := serve(&tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName != "app.test" {
			return nil, fmt.Errorf("no name")
		}
		return &tls.Config{Certificates: []tls.Certificate{good}}, nil
	}})
	for _, test := range []struct {
		name string
		addr net.Addr
		tls  TLS
		want string
	}{
		{"nothing is verified", plain, TLS{}, "L7OK ok 200"},
		{"verified", plain, TLS{SNI: "app.test", Verify: true, Name: "app.test", CA: ca.file}, "L7OK ok 200"},
		{"another name", plain, TLS{Verify: true, Name: "group", CA: ca.file}, "L6RSP tls-name"},
		{"a name that is not compared", plain, TLS{Verify: true, CA: ca.file}, "L7OK ok 200"},
		{"another authority", plain, TLS{Verify: true, Name: "app.test", CA: stranger.file}, "L6RSP tls-untrusted"},
		{"an authority that can't be read here", plain, TLS{Verify: true, Name: "app.test", CA: "/none/ca.pem"}, "L7OK ok 200"},
		{"expired", serve(&tls.Config{Certificates: []tls.Certificate{ca.sign(t, "app.test", time.Now().Add(-time.Hour))}}), TLS{Verify: true, Name: "app.test", CA: ca.file}, "L6RSP tls-expired"},
		{"a server that wants a name", needsName, TLS{}, "L6RSP tls-failed: alert: internal error; with the server name app.test it agrees"},
		{"and gets it", needsName, TLS{SNI: "app.test"}, "L7OK ok 200"},
		{"an old server", serve(&tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), TLS{}, "L6RSP tls-failed: alert: protocol version not supported; it speaks nothing newer than TLS 1.1"},
		{"a client certificate, TLS 1.2", serve(&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}), TLS{}, "L6RSP tls-client-needed"},
		{"a client certificate, TLS 1.3", serve(&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert}), TLS{}, "L7RSP tls-client-needed"},
		{"a client certificate that is refused", serve(&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}), TLS{Cert: own, Key: own}, "L7RSP tls-client-needed: alert: unknown certificate authority"},
		{"a client certificate that can't be read here", serve(&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert}), TLS{Cert: "/none/app.pem", Key: "/none/app.pem"}, " not-testable: /none/app.pem, the proxy's certificate, can't be read here"},
		{"a client certificate", serve(&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert}), TLS{Cert: own, Key: own}, "L7OK ok 200"},
		{"RSA key exchange alone", serve(&tls.Config{Certificates: []tls.Certificate{good, ca.signRSA(t, "app.test", soon)}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}), TLS{}, "L7OK ok 200"},
		{"HTTP/2 in the clear", fake(t, greets("\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80")), TLS{}, "L6RSP other-protocol speaks=HTTP/2"},
		{"an FTP server", fake(t, greets("220 ready (vsFTPd 3.0.3)\r\n")), TLS{}, "L6RSP other-protocol speaks=FTP"},
		{"plain HTTP", fake(t, says("HTTP/1.1 400 Bad Request\r\n\r\n")), TLS{}, "L6RSP other-protocol speaks=HTTP"},
		{"sshd", fake(t, greets("SSH-2.0-OpenSSH_9.2\r\n")), TLS{}, "L6RSP other-protocol speaks=SSH"},
		{"closed", fake(t, func(c net.Conn) { c.Read(make([]byte, 4096)) }), TLS{}, "L6RSP tls-failed: connection closed"},
		{"mute", fake(t, func(c net.Conn) { io.Copy(io.Discard, c) }), TLS{}, "L6TOUT silent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := targetAt(test.addr)
			target.TLS = &test.tls
			try := dial(t, target)
			if got := describeTry(try); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if try.OK() && (!try.Expires.Equal(soon) || len(try.Names) != 1 || try.Names[0] != "app.test") {
				t.Errorf("the certificate is for %v until %s", try.Names, try.Expires)
			}
		})
	}
}

func TestMatchesName(t *testing.T) {
	for _, test := range []struct {
		pattern, name  string
		nginx, haproxy bool
	}{
		{"app.test", "APP.test", true, true},
		{"app.test", "app.test.", false, false},
		{"*.test", "app.test", false, true},
		{"*.app.test", "a.app.test", true, true},
		{"*.app.test", "a.b.app.test", false, false},
		{"*.app.test", "app.test", false, false},
		{"a*.app.test", "abc.app.test", true, true},
		{"*c.app.test", "abc.app.test", true, true},
		{"a*.app.test", "bc.app.test", false, false},
		{"a.*.test", "a.app.test", false, false},
		{"*", "app", false, false},
		{"app.test", "app", false, false},
	} {
		if matchesName(test.pattern, test.name, 2) != test.nginx || matchesName(test.pattern, test.name, 1) != test.haproxy {
			t.Errorf("%q is compared with %q otherwise", test.name, test.pattern)
		}
	}
}

func FuzzReadHead(f *testing.F) {
	for _, seed := range []string{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 100 \r\n\r\nHTTP/1.0 500\n\n", "\x15\x03\x01", "HTTP/1."} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHead(strings.NewReader(string(b)), func() {})
		if len(h.raw) > len(b) || h.status != 0 && (h.status < 100 || h.status > 999) {
			t.Errorf("%d bytes, status %d", len(h.raw), h.status)
		}
		if err == nil && h.status != 0 && len(h.raw) < maxHeader {
			for i, line := range strings.SplitAfter(strings.TrimSuffix(string(h.raw), "\n"), "\n") {
				if isEmpty, isLast := strings.Trim(line, "\r\n") == "", !strings.HasSuffix(line, "\n"); isEmpty != isLast || isEmpty && i == 0 {
					t.Errorf("line %d is %q in %q", i+1, line, h.raw)
				}
			}
			rest, _ := io.ReadAll(h.rest)
			if !strings.HasSuffix(string(b), string(h.raw)+string(rest)) {
				t.Errorf("%q and %q are not the end of %q", h.raw, rest, b)
			}
		}
		h.keepAlive()
		identify(b)
	})
}
