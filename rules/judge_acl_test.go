package rules

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestUndefinedACLBeforeTheJudge has HAProxy refuse what the rule tells of, and accept the built-in names.
func TestUndefinedACLBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	rule := Find("undefined-acl")
	for _, condition := range []string{
		"is-api", "Is_Api", "is_api and is_api", "is_api && is_api", "{path_beg /api/ }", "path_beg /api/", "later", "TRUE",
		"! is_api", "!is_api || is_api OR HTTP_1.1", "!{ path /a } METH_GET", "METH_PATCH", "ALWAYS_TRUE", "true", `"is_api"`,
	} {
		text := strings.Replace(rule.Doc.Good.HAProxy, "if is_api\n", "if "+condition+"\n    acl later path /\n", 1)
		ok, output := loads(t, syntax.HAProxy, text)
		if found := lintText(t, syntax.HAProxy, text, []*lint.Rule{rule}); (len(found) == 0) != ok {
			t.Errorf("if %s: %d findings, and HAProxy says %q", condition, len(found), output)
		}
	}
	for _, name := range predefinedACLs {
		text := strings.Replace(rule.Doc.Good.HAProxy, "if is_api", "if "+name, 1)
		if ok, output := loads(t, syntax.HAProxy, text); !ok && name != "HTTP_3.0" { // since 2.9
			t.Errorf("if %s: HAProxy says %q", name, output)
		}
	}
}

// namedBackends starts a backend for each address in a configuration and puts it in its place. It answers with its name.
func namedBackends(t *testing.T, text string, addresses map[string]string) string {
	for address, name := range addresses {
		backend := httptest.NewServer(answerWith(name))
		t.Cleanup(backend.Close)
		text = strings.ReplaceAll(text, address+" check", backend.Listener.Addr().String())
	}
	return text
}

// answerWith answers with a text.
func answerWith(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

// ask sends a request for a path and a host to a proxy.
func (p *running) ask(t *testing.T, path, host string) (status int, body string) {
	request, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(p.url, "/")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	return do(t, &http.Transport{DisableKeepAlives: true}, request)
}

// TestNoDefaultBackendBeforeTheJudge asks for what no use_backend line takes.
func TestNoDefaultBackendBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	doc := Find("no-default-backend").Doc
	addresses := map[string]string{"10.0.0.10:8080": "app", "10.0.0.11:8080": "site"}
	host := strings.Replace(doc.Bad.HAProxy, "{ path_beg /app/ }", "{ hdr(host) app.acme.net }", 1)
	for name, test := range map[string]struct {
		text, path, host string
		status           int
	}{
		"taken":     {doc.Bad.HAProxy, "/app/", "acme.net", http.StatusOK},
		"not taken": {doc.Bad.HAProxy, "/", "acme.net", http.StatusServiceUnavailable},
		"good":      {doc.Good.HAProxy, "/", "acme.net", http.StatusOK},
		"same case": {host, "/", "app.acme.net", http.StatusOK},
		"its case":  {host, "/", "App.acme.net", http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, syntax.HAProxy, namedBackends(t, test.text, addresses))
			if status, _ := p.ask(t, test.path, test.host); status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
		})
	}
}

// TestWrongBackendsBeforeTheJudge sees which backend answers in the examples of the rules that tell of a wrong one.
func TestWrongBackendsBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	for _, test := range []struct {
		rule, path, host string
		addresses        map[string]string
		bad, good        string
	}{
		{"acl-host-port", "/", "app.acme.net:8080", map[string]string{"10.0.0.10:8080": "app", "10.0.0.11:8080": "site"}, "site", "app"},
		{"acl-host-port", "/", "app.acme.net", map[string]string{"10.0.0.10:8080": "app", "10.0.0.11:8080": "site"}, "app", "app"},
		{"unreachable-rule", "/api/", "acme.net", map[string]string{"10.0.0.10:8080": "app", "10.0.0.11:8080": "api"}, "app", "api"},
		{"servers-never-used", "/", "acme.net", map[string]string{"10.0.0.10:8080": "app", "10.0.0.11:8080": "old"}, "old", "app"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			doc := Find(test.rule).Doc
			for text, want := range map[string]string{doc.Bad.HAProxy: test.bad, doc.Good.HAProxy: test.good} {
				p := startProxy(t, syntax.HAProxy, namedBackends(t, text, test.addresses))
				if _, body := p.ask(t, test.path, test.host); body != want {
					t.Errorf("%s is to answer: %q", want, body)
				}
			}
		})
	}
}

// TestACLNeverTrueBeforeTheJudge sends a TLS greeting a little after the connection is open. That of a frontend that ends
// the TLS itself needs a certificate in a file, and is not proved here.
func TestACLNeverTrueBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	doc := Find("acl-never-true").Doc
	for name, test := range map[string]struct{ text, want string }{
		"bad":           {doc.Bad.HAProxy, "app"},
		"good":          {doc.Good.HAProxy, "mail"},
		"delay alone":   {strings.Replace(doc.Good.HAProxy, "    tcp-request content accept if { req.ssl_hello_type 1 }\n", "", 1), "app"},
		"rule alone":    {strings.Replace(doc.Good.HAProxy, "    tcp-request inspect-delay 5s\n", "", 1), "app"},
		"TLS not ended": {strings.Replace(doc.Good.HAProxy, "req.ssl_sni", "ssl_fc_sni", 1), "app"},
	} {
		t.Run(name, func(t *testing.T) {
			text := test.text
			for address, name := range map[string]string{"10.0.0.10:8443": "app", "10.0.0.11:8443": "mail"} {
				backend := httptest.NewUnstartedServer(answerWith(name))
				backend.Config.ErrorLog = log.New(io.Discard, "", 0) // the first connection brings no greeting
				backend.StartTLS()
				t.Cleanup(backend.Close)
				text = strings.ReplaceAll(text, address+" check", backend.Listener.Addr().String())
			}
			p := startProxy(t, syntax.HAProxy, text)
			transport := &http.Transport{
				TLSClientConfig:   &tls.Config{ServerName: "mail.acme.net", InsecureSkipVerify: true},
				DisableKeepAlives: true,
				DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := new(net.Dialer).DialContext(ctx, network, address)
					time.Sleep(50 * time.Millisecond)
					return conn, err
				},
			}
			request, err := http.NewRequest(http.MethodGet, strings.Replace(p.url, "http:", "https:", 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, body := do(t, transport, request); body != test.want {
				t.Errorf("%s is to answer: %q", test.want, body)
			}
		})
	}
}
