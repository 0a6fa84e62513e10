package rules

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// quickChecks makes the checks of an example fast enough to wait for.
var quickChecks = strings.NewReplacer(" check", " check inter 50ms fall 1").Replace

// patiently gives checks longer than from one to the next, so that a busy machine takes no server for down.
func patiently(text string) string {
	return strings.Replace(text, "    timeout connect", "    timeout check 2s\n    timeout connect", 1)
}

// settles waits until the proxy has taken a server out, or for its checks to pass, and returns the status of a request.
func (p *running) settles(t *testing.T, server string, down bool) int {
	t.Helper()
	if down {
		p.waitFor(server+" is DOWN", true)
	} else {
		time.Sleep(300 * time.Millisecond)
	}
	status, _ := p.get(t)
	return status
}

// TestServerUncheckedBeforeTheJudge has one of two servers dead. With checks it is out before the requests come.
func TestServerUncheckedBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	_, port := serveHTTP(t, func(http.ResponseWriter, *http.Request) {})
	dead := freePort(t)
	doc := Find("server-unchecked").Doc
	adapt := strings.NewReplacer("timeout connect 1s", "timeout connect 100ms", "10.0.0.10:3000", "127.0.0.1:"+port, "10.0.0.11:3000", "127.0.0.1:"+dead).Replace
	late := strings.Replace(adapt(doc.Bad.HAProxy), "127.0.0.1:"+dead, "127.0.0.1:"+dead+"\n    default-server check inter 50ms fall 1", 1)
	for name, test := range map[string]struct {
		text  string
		fails bool
	}{
		"httpchk without check":   {adapt(doc.Bad.HAProxy), true},
		"default-server too late": {late, true},
		"check":                   {quickChecks(adapt(doc.Good.HAProxy)), false},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, syntax.HAProxy, patiently(test.text))
			p.settles(t, "app/app2", !test.fails)
			if failed := failures(t, p, 4); (failed > 0) != test.fails {
				t.Errorf("%d of 4 requests failed: %s", failed, p.log())
			}
		})
	}
}

// failures counts the answers of 503 to n requests.
func failures(t *testing.T, p *running, n int) int {
	t.Helper()
	failed := 0
	for range n {
		if status, _ := p.get(t); status == http.StatusServiceUnavailable {
			failed++
		}
	}
	return failed
}

// TestRedispatchMissingBeforeTheJudge has one of two servers dead, and checks that come too late to see it.
func TestRedispatchMissingBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	_, port := serveHTTP(t, func(http.ResponseWriter, *http.Request) {})
	doc := Find("redispatch-missing").Doc
	adapt := strings.NewReplacer("10.0.0.10:3000 check", "127.0.0.1:"+port, "10.0.0.11:3000 check", "127.0.0.1:"+freePort(t),
		"timeout connect 1s", "timeout connect 100ms").Replace
	never := strings.Replace(adapt(doc.Good.HAProxy), "mode http", "mode http\n    retries 0", 1)
	for name, test := range map[string]struct {
		text  string
		fails bool
	}{
		"bad":       {adapt(doc.Bad.HAProxy), true},
		"retries 0": {never, true},
		"good":      {adapt(doc.Good.HAProxy), false},
	} {
		t.Run(name, func(t *testing.T) {
			if failed := failures(t, startProxy(t, syntax.HAProxy, test.text), 2); (failed > 0) != test.fails {
				t.Errorf("%d of 2 requests failed", failed)
			}
		})
	}
}

// TestHTTPCheckHostBeforeTheJudge checks a server that, as HTTP/1.1 wants, answers 400 to a request without Host.
func TestHTTPCheckHostBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	_, port := serveHTTP(t, func(http.ResponseWriter, *http.Request) {})
	doc := Find("httpchk-host").Doc
	adapt := strings.NewReplacer("10.0.0.10:3000 check", "127.0.0.1:"+port+" check inter 50ms fall 1").Replace
	send := "option httpchk\n    http-check send meth GET uri /health ver HTTP/1.1"
	for name, test := range map[string]struct {
		text string
		want int
	}{
		"send":          {doc.Bad.HAProxy, http.StatusServiceUnavailable},
		"send, Host":    {doc.Good.HAProxy, http.StatusOK},
		"option":        {strings.Replace(doc.Bad.HAProxy, send, "option httpchk GET /health HTTP/1.1", 1), http.StatusServiceUnavailable},
		"option, Host":  {strings.Replace(doc.Bad.HAProxy, send, `option httpchk GET /health HTTP/1.1\r\nHost:\ app`, 1), http.StatusOK},
		"option, both":  {strings.Replace(doc.Bad.HAProxy, send, "option httpchk GET /health HTTP/1.1\n    http-check send hdr Host app", 1), http.StatusOK},
		"HTTP/1.0":      {strings.Replace(doc.Bad.HAProxy, " ver HTTP/1.1", "", 1), http.StatusOK},
		"bare":          {strings.Replace(doc.Bad.HAProxy, send, "option httpchk", 1), http.StatusOK},
		"version apart": {strings.Replace(doc.Bad.HAProxy, send, "option httpchk GET /health\n    http-check send ver HTTP/1.1", 1), http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, syntax.HAProxy, patiently(adapt(test.text)))
			if status := p.settles(t, "app/app1", test.want != http.StatusOK); status != test.want {
				t.Errorf("status %d, want %d: %s", status, test.want, p.log())
			}
		})
	}
}

// TestCheckTLSBeforeTheJudge checks TLS servers in plain text, plain ones with TLS, and one that ends handshakes without a name.
func TestCheckTLSBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	secured := answering(t, func(s *httptest.Server) { s.StartTLS() })
	plain := answering(t, func(s *httptest.Server) { s.Start() })
	strict, ca := strictTLS(t, "www.example.com")
	port := secured[strings.LastIndexByte(secured, ':')+1:]
	bad, _, _ := strings.Cut(Find("check-tls-mismatch").Doc.Bad.HAProxy, "    default-server")
	named := fmt.Sprintf("%s ssl verify required ca-file %s sni str(www.example.com) check", strict, ca)
	for server, want := range map[string]int{
		secured + " ssl verify none check":                        http.StatusOK,
		secured + " ssl verify none check port " + port:           http.StatusServiceUnavailable,
		secured + " ssl verify none check addr 127.0.0.1":         http.StatusServiceUnavailable,
		secured + " ssl verify none check check-ssl port " + port: http.StatusOK,
		plain + " check check-ssl verify none":                    http.StatusServiceUnavailable,
		plain + " check":                                          http.StatusOK,
		named:                                                     http.StatusServiceUnavailable,
		named + " check-sni www.example.com":                      http.StatusOK,
	} {
		if server == named && sendsCheckNames(t) {
			continue
		}
		t.Run(server, func(t *testing.T) {
			text := bad + "    server app1 " + strings.Replace(server, " check", " inter 200ms fall 1 check", 1) + "\n"
			p := startProxy(t, syntax.HAProxy, patiently(text))
			if status := p.settles(t, "app/app1", want != http.StatusOK); status != want {
				t.Errorf("status %d, want %d: %s", status, want, p.log())
			}
		})
	}
}

// sendsCheckNames reports whether the HAProxy here sends a name with checks of its own accord, as it does from 3.3 on.
func sendsCheckNames(t *testing.T) bool {
	ok, _ := loads(t, syntax.HAProxy, "backend app\n    server app1 127.0.0.1:443 ssl verify none no-check-sni-auto\n")
	return ok
}

// TestCheckTypeBeforeTheJudge asks a server over HTTP that speaks first, as MySQL does. The examples' mode is
// made http, so that the client gets a status.
func TestCheckTypeBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	database := foreignServer(t, "J\x00\x00\x00\x0a8.0.36\x00")
	doc := Find("check-type-mismatch").Doc
	adapt := strings.NewReplacer("mode tcp", "mode http", "10.0.0.10:3306 check", database+" check inter 50ms fall 1").Replace
	p := startProxy(t, syntax.HAProxy, adapt(doc.Bad.HAProxy))
	if status := p.settles(t, "db/db1", true); status != http.StatusServiceUnavailable {
		t.Errorf("status %d: %s", status, p.log())
	}
	p = startProxy(t, syntax.HAProxy, patiently(adapt(strings.Replace(doc.Good.HAProxy, "mysql-check user haproxy", "tcp-check", 1))))
	if p.settles(t, "db/db1", false); p.waitFor("is DOWN", false) {
		t.Errorf("a check that only connects fails: %s", p.log())
	}
}

// TestObserveMarkDownBeforeTheJudge sends requests that end in a 500, and then one that would be answered.
func TestObserveMarkDownBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	_, port := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	doc := Find("observe-mark-down").Doc
	for text, want := range map[string]int{doc.Bad.HAProxy: http.StatusServiceUnavailable, doc.Good.HAProxy: http.StatusOK} {
		p := startProxy(t, syntax.HAProxy, strings.Replace(text, "10.0.0.10:3000", "127.0.0.1:"+port, 1))
		for range 5 {
			p.at("broken").get(t)
		}
		if status, _ := p.get(t); status != want {
			t.Errorf("status %d, want %d: %s", status, want, p.log())
		}
	}
}

// TestCheckRulesIgnoredBeforeTheJudge has an application that answers 500, which only a check that asks can see.
func TestCheckRulesIgnoredBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	_, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	doc := Find("check-rules-ignored").Doc
	adapt := strings.NewReplacer("10.0.0.10:3000 check", "127.0.0.1:"+port+" check inter 50ms fall 1", "    server app2 10.0.0.11:3000 check\n", "").Replace
	other := strings.Replace(doc.Good.HAProxy, "status 200\n", "status 200\n    option tcp-check\n", 1)
	for name, test := range map[string]struct {
		text   string
		status int
	}{
		"no option":    {doc.Bad.HAProxy, http.StatusInternalServerError},
		"other option": {other, http.StatusInternalServerError},
		"option":       {doc.Good.HAProxy, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, syntax.HAProxy, patiently(adapt(test.text)))
			if status := p.settles(t, "app/app1", test.status == http.StatusServiceUnavailable); status != test.status {
				t.Errorf("status %d, want %d: %s", status, test.status, p.log())
			}
		})
	}
}
