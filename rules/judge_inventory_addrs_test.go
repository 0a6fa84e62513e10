package rules

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Which machine has an address, what Docker keeps apart and what a Service hands on can't be run here: those claims are
// about who answers, and are taken from the manuals. What a proxy makes of a port without a listener and of a foreign source
// address is shown. For names of Services see TestNamesInComposeBeforeTheJudge: nobody knows them here either.

// TestOwnMachineBeforeTheJudge dials a port of this machine that nobody listens on, and from an address that it does not have.
func TestOwnMachineBeforeTheJudge(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	defer backend.Close()
	open := "127.0.0.1:" + strings.TrimPrefix(backend.URL, "http://127.0.0.1:")
	shut := "127.0.0.1:" + freePort(t)
	for dialect, status := range map[syntax.Dialect]struct{ refused, unbound int }{
		syntax.Nginx:   {http.StatusBadGateway, http.StatusInternalServerError},
		syntax.HAProxy: {http.StatusServiceUnavailable, http.StatusServiceUnavailable},
	} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			run := func(text, backend string, want int) {
				t.Helper()
				replace := strings.NewReplacer("127.0.0.1:3000", backend, "127.0.0.1:3001", backend, "10.0.0.50", "192.0.2.50",
					" check", "", "mode http", "mode http\n    retries 0")
				wantStatus(t, dialect, replace.Replace(text), want)
			}
			listener, source := Find("inv-listener-missing").Doc, Find("source-address").Doc
			run(listener.Bad.For(dialect), shut, status.refused)
			run(listener.Good.For(dialect), open, http.StatusOK)
			run(source.Bad.For(dialect), open, status.unbound)
			run(source.Good.For(dialect), open, http.StatusOK)
		})
	}
}

// TestDockerDNSBeforeTheJudge asks 127.0.0.11 for a name on a machine, where nobody answers.
func TestDockerDNSBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	bad := Find("resolver-docker-elsewhere").Doc.Bad.Nginx
	wantStatus(t, syntax.Nginx, strings.Replace(bad, "127.0.0.11;", "127.0.0.11; resolver_timeout 1s;", 1), http.StatusBadGateway)
}
