package rules

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Not proved here: what an edge does, which is taken from its manual (edge-timeout, edge-port, and the status of all others).

// TestEdgeKeepaliveBeforeTheJudge is a load balancer that keeps a connection for 1.5 s, with times scaled down to fit.
func TestEdgeKeepaliveBeforeTheJudge(t *testing.T) {
	_, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })
	doc := Find("edge-keepalive").Doc
	for dialect := range extensions {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			t.Parallel()
			for name, test := range map[string]struct {
				text string
				kept bool
			}{
				"bad":  {strings.NewReplacer("65s", "1s", "timeout client 30s", "timeout client 1s").Replace(doc.Bad.For(dialect)), false},
				"good": {doc.Good.For(dialect), true},
			} {
				text := strings.ReplaceAll(test.text, "10.0.0.10:3000", "127.0.0.1:"+port)
				if kept := answersAfter(t, startProxy(t, dialect, text), 1500*time.Millisecond); kept != test.kept {
					t.Errorf("%s: a second request on the connection is answered: %v, want %v", name, kept, test.kept)
				}
			}
		})
	}
}

// answersAfter sends a request, waits, and reports whether another on the same connection is answered.
func answersAfter(t *testing.T, p *running, idle time.Duration) bool {
	t.Helper()
	conn, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(p.url, "http:"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(idle + patience))
	answers := bufio.NewReader(conn)
	ask := func() error {
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app\r\n\r\n"); err != nil {
			return err
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(idle)
	return ask() == nil
}

// TestEdgeTLSBeforeTheJudge greets nginx with names, as Cloudflare does.
func TestEdgeTLSBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	file := filepath.Join(t.TempDir(), "cloudflare.pem")
	writeFile(t, file, selfSigned(t))
	text := strings.ReplaceAll(`events {}
http {
    real_ip_header CF-Connecting-IP;
    server {
        listen 8080 ssl default_server;
        ssl_reject_handshake on;
    }
    server {
        listen 8080 ssl;
        server_name a.example.com *.wild.example.com;
        ssl_certificate FILE;
        ssl_certificate_key FILE;
    }
    server {
        listen unix:plain.sock;
        server_name a.example.com b.example.com x.wild.example.com;
        location / { proxy_pass http://10.0.0.10:3000; }
    }
}
`, "FILE", file)
	p := startProxy(t, syntax.Nginx, text)
	linted := strings.NewReplacer("8080 ssl", "443 ssl", "unix:plain.sock", "80").Replace(text)
	found := lintText(t, syntax.Nginx, linted, []*lint.Rule{Find("edge-tls")})
	for _, name := range []string{"a.example.com", "b.example.com", "x.wild.example.com"} {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", strings.Trim(strings.TrimPrefix(p.url, "http:"), "/"),
			&tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err == nil {
			conn.Close()
		}
		told := false
		for _, d := range found {
			told = told || d.At.Text() == name
		}
		if told != (err != nil) {
			t.Errorf("%s: told %v, handshake: %v", name, told, err)
		}
	}
}

// TestEdgeRealipStaleBeforeTheJudge is two clients behind an edge that comes from a network which is, or is not, in the list.
func TestEdgeRealipStaleBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	for network, want := range map[string]int{"127.0.0.0/8": http.StatusOK, "173.245.48.0/20": http.StatusServiceUnavailable} {
		p := startProxy(t, syntax.Nginx, fmt.Sprintf(`events {}
http {
    set_real_ip_from %s;
    real_ip_header CF-Connecting-IP;
    limit_req_zone $binary_remote_addr zone=all:1m rate=1r/m;
    server {
        listen 8080;
        location / {
            limit_req zone=all;
            error_page 404 =200 /;
            try_files /none =404;
        }
    }
}
`, network))
		for i, wanted := range []int{0, want} {
			request, err := http.NewRequest(http.MethodGet, p.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("CF-Connecting-IP", fmt.Sprintf("192.0.2.%d", i))
			status, _ := do(t, http.DefaultTransport, request)
			if (status == http.StatusServiceUnavailable) != (wanted == http.StatusServiceUnavailable) {
				t.Errorf("%s: client %d gets %d", network, i, status)
			}
		}
	}
}

// TestEdgeHeaderLimitBeforeTheJudge has a backend answer with 40 kB of headers, which an Application Load Balancer refuses.
func TestEdgeHeaderLimitBeforeTheJudge(t *testing.T) {
	_, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Big", strings.Repeat("x", 40_000)) })
	doc := Find("edge-header-limit").Doc
	for dialect := range extensions {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			for text, want := range map[string]int{doc.Bad.For(dialect): http.StatusOK, doc.Good.For(dialect): http.StatusBadGateway} {
				wantStatus(t, dialect, strings.ReplaceAll(text, "10.0.0.10:3000", "127.0.0.1:"+port), want)
			}
		})
	}
}
