package rules

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// What compose makes of names, networks and published ports needs Docker, and is taken from its manual. What the
// proxies make of it is shown here: a port that nobody listens on, and a name that nobody has.

// TestPortsInComposeBeforeTheJudge dials what the examples dial: refused where they are bad, answered where they are good.
func TestPortsInComposeBeforeTheJudge(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	defer backend.Close()
	open := strings.TrimPrefix(backend.URL, "http://127.0.0.1:")
	for dialect, refused := range map[syntax.Dialect]int{syntax.Nginx: http.StatusBadGateway, syntax.HAProxy: http.StatusServiceUnavailable} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			for _, id := range []string{"inv-published-port", "inv-port-mismatch", "inv-localhost-in-container", "inv-loopback-bound"} {
				doc := Find(id).Doc
				wantStatus(t, dialect, dialing(doc.Bad.For(dialect), freePort(t)), refused)
				wantStatus(t, dialect, dialing(doc.Good.For(dialect), open), http.StatusOK)
			}
		})
	}
}

var composeAddress = regexp.MustCompile(`(app|api|127\.0\.0\.1|\$backend):\d+`)

// dialing lets an example dial a port of this machine, HAProxy without a pause before its last try.
func dialing(text, port string) string {
	text = composeAddress.ReplaceAllLiteralString(text, "127.0.0.1:"+port)
	return strings.NewReplacer(" check", "", "mode http", "mode http\n    retries 0").Replace(text)
}

// TestNamesInComposeBeforeTheJudge lets nginx start with names that nobody has.
func TestNamesInComposeBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	for id, name := range map[string]string{
		"inv-host-unknown": "//ap:", "inv-network-disjoint": "//app:", "inv-host-gateway": "//host.docker.internal:",
		"inv-container-index-name": "//shop-app-1:",
	} {
		bad := Find(id).Doc.Bad.Nginx
		ok, output := loads(t, syntax.Nginx, strings.Replace(bad, name, "//nobody.invalid:", 1))
		if ok || !strings.Contains(output, "host not found in upstream") {
			t.Errorf("%s: nginx says %q", id, output)
		}
	}
}
