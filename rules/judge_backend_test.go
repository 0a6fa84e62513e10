package rules

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// tls-verify-off has no proof here: it is no fault that a client sees. tls-verify-without-ca is a start failure, which
// TestExamplesBeforeTheJudge sees.

// trial is a configuration, and the status that it must give.
type trial struct {
	name    string
	dialect syntax.Dialect
	text    string
	status  int
}

// try lets the proxies answer, and checks that the rule tells of what does not get through.
func try(t *testing.T, rule string, trials []trial) {
	for _, test := range trials {
		t.Run(test.name, func(t *testing.T) {
			skipWithout(t, test.dialect)
			p := startProxy(t, test.dialect, test.text)
			if status, _ := p.get(t); status != test.status {
				t.Errorf("status %d, want %d: %s", status, test.status, p.log())
			}
			found := lintText(t, test.dialect, test.text, []*lint.Rule{Find(rule)})
			if (len(found) > 0) != (test.status != http.StatusOK) {
				t.Errorf("%d findings for status %d", len(found), test.status)
			}
		})
	}
}

func TestSNIMissingBeforeTheJudge(t *testing.T) {
	address, _ := strictTLS(t, "api.example.com")
	nginx := strings.NewReplacer("https://api.example.com", "https://"+address, "10.0.0.10", address)
	haproxy := strings.NewReplacer("api.example.com:443", address, "10.0.0.10:443", address, "verify required ca-file @system-ca", "verify none")
	doc := Find("sni-missing").Doc
	try(t, "sni-missing", []trial{
		{"nginx without", syntax.Nginx, nginx.Replace(doc.Bad.Nginx), http.StatusBadGateway},
		{"nginx with", syntax.Nginx, nginx.Replace(doc.Good.Nginx), http.StatusOK},
		{"haproxy without", syntax.HAProxy, haproxy.Replace(doc.Bad.HAProxy), http.StatusServiceUnavailable},
		{"haproxy with", syntax.HAProxy, haproxy.Replace(doc.Good.HAProxy), http.StatusOK},
	})
}

func TestTLSNameIsGroupBeforeTheJudge(t *testing.T) {
	address, certificate := strictTLS(t, "app.example.com", "")
	one := strings.NewReplacer("server 10.0.0.10:443;", "server "+address+";", "        server 10.0.0.11:443;\n", "")
	doc := Find("tls-name-is-group").Doc
	bad, good := one.Replace(doc.Bad.Nginx), one.Replace(doc.Good.Nginx)
	verify := strings.NewReplacer("proxy_ssl_server_name on;",
		"proxy_ssl_server_name off; proxy_ssl_verify on; proxy_ssl_trusted_certificate "+certificate+";")
	try(t, "tls-name-is-group", []trial{
		{"group sent", syntax.Nginx, bad, http.StatusBadGateway},
		{"host sent", syntax.Nginx, good, http.StatusOK},
		{"group verified", syntax.Nginx, verify.Replace(bad), http.StatusBadGateway},
		{"host verified", syntax.Nginx, verify.Replace(good), http.StatusOK},
	})
}

// strictTLS starts a server that refuses handshakes for names it does not know ("" stands for none), and returns its
// address and the file with its certificate, which is for *.example.com.
func strictTLS(t *testing.T, names ...string) (address, certificate string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		for _, name := range names {
			if hello.ServerName == name {
				return nil, nil
			}
		}
		return nil, errors.New("unrecognized name")
	}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	certificate = filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	return server.Listener.Addr().String(), certificate
}

// TestHostBeforeTheJudge asks a backend that answers for one host only.
func TestHostBeforeTheJudge(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "127.0.0.1" {
			http.Error(w, "unknown host", http.StatusBadRequest)
		}
	}))
	defer backend.Close()
	port := strconv.Itoa(backend.Listener.Addr().(*net.TCPAddr).Port)
	for _, id := range []string{"headers-not-inherited", "duplicate-host-header", "host-header-is-group"} {
		t.Run(id, func(t *testing.T) {
			here := strings.NewReplacer("10.0.0.10:3000", "127.0.0.1:"+port, "10.0.0.11:3000", "127.0.0.1:"+port)
			doc := Find(id).Doc
			try(t, id, []trial{
				{"bad", syntax.Nginx, here.Replace(doc.Bad.Nginx), http.StatusBadRequest},
				{"good", syntax.Nginx, here.Replace(doc.Good.Nginx), http.StatusOK},
			})
		})
	}
}

// TestProtocolMismatchBeforeTheJudge has a FastCGI server at a socket with php-fpm's name.
func TestProtocolMismatchBeforeTheJudge(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "php8.2-fpm.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	go fcgi.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") }))
	here := strings.NewReplacer("/run/php/php8.2-fpm.sock", socket,
		"fastcgi_param REQUEST_METHOD $request_method;",
		"fastcgi_param REQUEST_METHOD $request_method; fastcgi_param REQUEST_URI $request_uri; fastcgi_param SERVER_PROTOCOL HTTP/1.1;")
	doc := Find("protocol-mismatch").Doc
	try(t, "protocol-mismatch", []trial{
		{"http", syntax.Nginx, here.Replace(doc.Bad.Nginx), http.StatusBadGateway},
		{"fastcgi", syntax.Nginx, here.Replace(doc.Good.Nginx), http.StatusOK},
	})
}
