package rules

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/fcgi"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Not proved here: that HAProxy without a global maxconn follows "ulimit -n", which a test does not change.

// TestIgnoredRulesBeforeTheJudge asks for what a rule in mode tcp would deny. The refused pairs are proved by the example.
func TestIgnoredRulesBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	_, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })
	const deny = "http-request deny deny_status 429"
	for name, test := range map[string]struct {
		frontend, backend, lines string
		status                   int
	}{
		"http":       {"mode http", "mode http", "", http.StatusTooManyRequests},
		"tcp":        {"mode tcp", "mode tcp", "", http.StatusOK},
		"default":    {"", "", "", http.StatusOK},
		"tcp to it":  {"mode tcp", "mode http", "", http.StatusTooManyRequests},
		"switched":   {"mode tcp", "mode tcp", "tcp-request inspect-delay 2s\n tcp-request content switch-mode http if HTTP", http.StatusTooManyRequests},
		"in backend": {"mode tcp", "mode tcp\n " + deny, "", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			rule := deny
			if strings.Contains(test.backend, deny) {
				rule = ""
			}
			text := fmt.Sprintf("defaults\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n"+
				"frontend www\n bind :8080\n %s\n %s\n %s\n default_backend app\n"+
				"backend app\n %s\n server app1 127.0.0.1:%s\n", test.frontend, test.lines, rule, test.backend, port)
			wantStatus(t, syntax.HAProxy, text, test.status)
			found := lintText(t, syntax.HAProxy, text, []*lint.Rule{Find("mode-mismatch")})
			if (len(found) > 0) != (test.status == http.StatusOK) {
				t.Errorf("%d findings for status %d", len(found), test.status)
			}
		})
	}
}

// TestBindCrtWithoutSSLBeforeTheJudge greets HAProxy with TLS, with the certificate in the example and the repair.
func TestBindCrtWithoutSSLBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	file := filepath.Join(t.TempDir(), "www.pem")
	writeFile(t, file, selfSigned(t))
	rule := Find("bind-crt-without-ssl")
	bad := strings.NewReplacer(":443", ":8080", "/etc/haproxy/www.pem", file).Replace(rule.Doc.Bad.HAProxy)
	good := applied(lintText(t, syntax.HAProxy, bad, []*lint.Rule{rule})[0].Fix.Edits)
	for _, text := range good {
		if err := greet(startProxy(t, syntax.HAProxy, text)); err != nil {
			t.Errorf("with ssl: %v", err)
		}
	}
	if ok, output := loads(t, syntax.HAProxy, bad); !ok {
		t.Errorf("HAProxy refuses a certificate without ssl: %s", output)
	}
	if err := greet(startProxy(t, syntax.HAProxy, bad)); err == nil {
		t.Error("HAProxy speaks TLS without ssl")
	}
}

// TestListenWithoutSSLBeforeTheJudge does the same with nginx, and shows that one listen with ssl is enough for a port.
func TestListenWithoutSSLBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	file := filepath.Join(t.TempDir(), "www.pem")
	writeFile(t, file, selfSigned(t))
	rule := Find("bind-crt-without-ssl")
	bad := strings.NewReplacer("/etc/nginx/www.pem", file, "/etc/nginx/www.key", file).Replace(rule.Doc.Bad.Nginx)
	onPort := strings.NewReplacer("listen 443", "listen 8080")
	for _, text := range applied(lintText(t, syntax.Nginx, bad, []*lint.Rule{rule})[0].Fix.Edits) {
		if err := greet(startProxy(t, syntax.Nginx, onPort.Replace(text))); err != nil {
			t.Errorf("with ssl: %v", err)
		}
	}
	other := strings.Replace(bad, "http {", "http { server { listen 443 ssl; server_name other.lan; ssl_certificate "+file+"; ssl_certificate_key "+file+"; }", 1)
	for text, want := range map[string]bool{bad: false, other: true} {
		found := lintText(t, syntax.Nginx, text, []*lint.Rule{rule})
		if err := greet(startProxy(t, syntax.Nginx, onPort.Replace(text))); (err == nil) != want || (len(found) == 0) != want {
			t.Errorf("%v and %d findings with\n%s", err, len(found), text)
		}
	}
}

// greet makes a TLS handshake with a proxy.
func greet(p *running) error {
	dialer := &net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(dialer, "tcp", strings.Trim(strings.TrimPrefix(p.url, "http:"), "/"), &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		conn.Close()
	}
	return err
}

// selfSigned returns a certificate and its key as HAProxy wants them in one file.
func selfSigned(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// TestALPNWithoutTLSBeforeTheJudge asks a backend what it was spoken to in.
func TestALPNWithoutTLSBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	both := &http.Protocols{}
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	l := listen(t)
	server := &http.Server{Protocols: both, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) })}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	doc := Find("alpn-without-tls").Doc
	for text, want := range map[string]string{doc.Bad.HAProxy: "HTTP/1.1", doc.Good.HAProxy: "HTTP/2.0"} {
		text = strings.ReplaceAll(text, "10.0.0.10:3000", "127.0.0.1:"+listenPort(l))
		if status, body := startProxy(t, syntax.HAProxy, text).get(t); status != http.StatusOK || body != want {
			t.Errorf("status %d, spoken to in %q, want %q", status, body, want)
		}
	}
}

// TestGlobalMaxconnBeforeTheJudge asks HAProxy beside three idle connections, where the global limit is 2 and 5.
func TestGlobalMaxconnBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	_, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })
	doc := Find("connection-limit").Doc
	for text, waits := range map[string]bool{
		strings.Replace(doc.Bad.HAProxy, "maxconn 1000", "maxconn 2", 1):  true,
		strings.Replace(doc.Good.HAProxy, "maxconn 5000", "maxconn 5", 1): false,
	} {
		p := startProxy(t, syntax.HAProxy, strings.ReplaceAll(text, "10.0.0.10:3000", "127.0.0.1:"+port))
		var idle []net.Conn
		for range 3 {
			conn, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(p.url, "http:"), "/"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			idle = append(idle, conn)
		}
		// for an answer to have had the time to come, and for the connections to be taken
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err == nil {
			response.Body.Close()
		}
		if (err != nil) != waits {
			t.Errorf("the answer is %v, and waiting should be %v", err, waits)
		}
		for _, conn := range idle {
			conn.Close()
		}
		if status, _ := p.get(t); status != http.StatusOK {
			t.Errorf("status %d once there is room", status)
		}
	}
}

// TestWorkerConnectionsBeforeTheJudge fills one group with idle connections, and then asks the other. Whether the last
// connection goes to a client, who is then closed, or to a backend, so that the next client gets a 500, depends on the
// limit being odd or even: it takes two of them.
func TestWorkerConnectionsBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	_, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(500 * time.Millisecond)
		fmt.Fprint(w, "app")
	})
	const atOnce = 7
	ask := func(limit int) map[int]int {
		text := fmt.Sprintf(`events { worker_connections %d; }
http {
    upstream a { server 127.0.0.1:%[2]s; keepalive %[3]d; }
    upstream b { server 127.0.0.1:%[2]s; keepalive %[3]d; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    server {
        listen 8080;
        location /a { proxy_pass http://a; }
        location /b { proxy_pass http://b; }
    }
}
`, limit, port, atOnce)
		p := startProxy(t, syntax.Nginx, text)
		if counts := p.at("a").together(atOnce); counts[http.StatusOK] != atOnce {
			t.Errorf("statuses of the first group with %d connections: %v", limit, counts)
		}
		if told := len(lintText(t, syntax.Nginx, text, []*lint.Rule{Find("connection-limit")})) > 0; told != (limit < 4*atOnce) {
			t.Errorf("findings: %v for %d connections", told, limit)
		}
		return p.at("b").together(atOnce)
	}
	if odd, even := ask(17), ask(18); odd[http.StatusInternalServerError]+even[http.StatusInternalServerError] == 0 {
		t.Errorf("statuses of the second group: %v and %v", odd, even)
	}
	if enough := ask(64); enough[http.StatusOK] != atOnce {
		t.Errorf("statuses with enough connections: %v", enough)
	}
}

// together asks several times, each before the one above is answered, and returns how often each status came; 0 stands
// for a connection that was closed.
func (p *running) together(times int) map[int]int {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	var wait sync.WaitGroup
	var mu sync.Mutex
	counts := map[int]int{}
	for range times {
		wait.Go(func() {
			status := 0
			if response, err := client.Get(p.url); err == nil {
				status = response.StatusCode
				response.Body.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			counts[status]++
		})
		time.Sleep(20 * time.Millisecond)
	}
	wait.Wait()
	return counts
}

// TestHeaderLimitBeforeTheJudge sends headers of 6 kB, and many small ones, both ways.
func TestHeaderLimitBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	_, port := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/big":
			w.Header().Set("X-Token", strings.Repeat("x", 6000))
		case "/many":
			for i := range 70 {
				w.Header().Set(fmt.Sprintf("X-%d", i), "x")
			}
		}
		fmt.Fprint(w, "app")
	})
	doc := Find("header-limit").Doc
	for _, test := range []struct {
		text, path string
		status     int
	}{
		{doc.Bad.HAProxy, "big", http.StatusBadGateway},
		{doc.Good.HAProxy, "big", http.StatusOK},
		{strings.Replace(doc.Good.HAProxy, "tune.bufsize 16384", "tune.http.maxhdr 64", 1), "many", http.StatusBadGateway},
		{doc.Good.HAProxy, "many", http.StatusOK},
	} {
		p := startProxy(t, syntax.HAProxy, strings.ReplaceAll(test.text, "10.0.0.10:3000", "127.0.0.1:"+port))
		if status, _ := p.at(test.path).get(t); status != test.status {
			t.Errorf("status %d, want %d for %s with\n%s", status, test.status, test.path, test.text)
		}
		want := http.StatusOK
		if test.status != want {
			want = http.StatusBadRequest
		}
		request := "GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n"
		for i := range 70 {
			request += fmt.Sprintf("X-%d: %s\r\n", i, strings.Repeat("x", 60))
		}
		if status, err := ask(t, p.url, request+"\r\n"); status != want {
			t.Errorf("status %d, want %d (%v) for a request with\n%s", status, want, err, test.text)
		}
	}
}

// TestFCGIAppIncompleteBeforeTheJudge asks a FastCGI server by HTTP. The refused ones are proved here too.
func TestFCGIAppIncompleteBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	l := listen(t)
	go fcgi.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") }))
	good := strings.ReplaceAll(Find("fcgi-app-incomplete").Doc.Good.HAProxy, "10.0.0.10:9000", "127.0.0.1:"+listenPort(l))
	if ok, _ := loads(t, syntax.HAProxy, withoutLine(good, "docroot")); ok {
		t.Error("HAProxy accepts an application without a docroot")
	}
	wantStatus(t, syntax.HAProxy, good, http.StatusOK)
	mixed := strings.Replace(good, "server php1", "server php2 127.0.0.1:1 proto fcgi backup\n    server php1", 1)
	mixed = strings.Replace(mixed, listenPort(l)+" proto fcgi", listenPort(l), 1)
	wantStatus(t, syntax.HAProxy, mixed, http.StatusBadGateway)
}

// TestRateLimit503BeforeTheJudge asks twice at once, or more often than is granted.
func TestRateLimit503BeforeTheJudge(t *testing.T) {
	_, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })
	doc := Find("rate-limit-503").Doc
	for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			for text, want := range map[string]int{
				doc.Bad.For(dialect):  http.StatusServiceUnavailable,
				doc.Good.For(dialect): http.StatusTooManyRequests,
			} {
				text = strings.NewReplacer("10.0.0.10:3000", "127.0.0.1:"+port, " burst=30 nodelay", "", "gt 50", "gt 1").Replace(text)
				p := startProxy(t, dialect, text)
				if counts := p.together(5); counts[want] == 0 || counts[want]+counts[http.StatusOK] != 5 {
					t.Errorf("statuses %v, want %d", counts, want)
				}
			}
		})
	}
}
