package rules

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// The examples of duplicate-upstream are proved by TestExamplesBeforeTheJudge. Those of host-reserved, ephemeral-address
// and the placeholders of unroutable-address stand on what a name server or another host answers, and upstream-unused has no symptom.

// TestUnroutableAddressBeforeTheJudge asks both proxies for a backend at addresses that no connection leads to.
func TestUnroutableAddressBeforeTheJudge(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") }))
	defer backend.Close()
	rule := Find("unroutable-address")
	for dialect, failure := range map[syntax.Dialect]int{syntax.Nginx: http.StatusBadGateway, syntax.HAProxy: http.StatusServiceUnavailable} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			for host, status := range map[string]int{"255.255.255.255": failure, "224.0.0.251": failure, "127.0.0.1": http.StatusOK} {
				text := strings.ReplaceAll(rule.Doc.Bad.For(dialect), "255.255.255.255:8080", host+":"+listenPort(backend.Listener))
				if got, _ := startProxy(t, dialect, text).get(t); got != status {
					t.Errorf("status %d from %s, want %d", got, host, status)
				}
			}
		})
	}
}

// TestLocalhostBeforeTheJudge gives localhost two addresses, in a hosts file that only nginx sees, and has the backend
// listen on one. As IPv6 is not everywhere, both are IPv4. Which address HAProxy takes is the system's choice, and not
// proved here.
func TestLocalhostBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	if err := exec.Command("unshare", "--map-root-user", "--mount", "true").Run(); err != nil {
		t.Skipf("no mount namespaces here: %v", err)
	}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") }))
	defer backend.Close()
	rule := Find("localhost-dual-stack")
	for name, test := range map[string]struct {
		text   string
		failed bool
	}{
		"bad":         {rule.Doc.Bad.Nginx, true},
		"good":        {rule.Doc.Good.Nginx, false},
		"second try":  {strings.Replace(rule.Doc.Bad.Nginx, "proxy_next_upstream_tries 1;", "", 1), false},
		"no next one": {strings.Replace(rule.Doc.Bad.Nginx, "proxy_next_upstream_tries 1;", "proxy_next_upstream off;", 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			hosts := filepath.Join(t.TempDir(), "hosts")
			writeFile(t, hosts, "127.0.0.1 localhost\n127.0.0.9 localhost\n")
			text := strings.ReplaceAll(test.text, ":3000", ":"+listenPort(backend.Listener))
			p := startProxy(t, syntax.Nginx, text, "unshare", "--map-root-user", "--mount", "sh", "-c",
				`mount --bind "$0" /etc/hosts && exec "$@"`, hosts)
			failures := 0
			for range 4 {
				if status, _ := p.get(t); status == http.StatusBadGateway {
					failures++
				}
			}
			if (failures > 0) != test.failed {
				t.Errorf("%d of 4 requests got 502: %s", failures, p.log())
			}
		})
	}
}

// TestUpstreamTypoBeforeTheJudge has nginx refuse a group's name with a letter missing.
func TestUpstreamTypoBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	_, output := loads(t, syntax.Nginx, strings.Replace(Find("upstream-typo").Doc.Bad.Nginx, "bakend", "bakend.invalid", 1))
	if !strings.Contains(output, "host not found in upstream") {
		t.Errorf("nginx says %s", output)
	}
}

// TestDuplicateDirectiveBeforeTheJudge has nginx refuse two of a kind, and HAProxy go by the later timeout.
func TestDuplicateDirectiveBeforeTheJudge(t *testing.T) {
	rule := Find("duplicate-directive")
	t.Run("nginx", func(t *testing.T) {
		skipWithout(t, syntax.Nginx)
		if _, output := loads(t, syntax.Nginx, rule.Doc.Bad.Nginx); !strings.Contains(output, `"proxy_read_timeout" directive is duplicate`) {
			t.Errorf("nginx says %q", output)
		}
	})
	t.Run("haproxy", func(t *testing.T) {
		skipWithout(t, syntax.HAProxy)
		backend, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
		if err != nil {
			t.Fatal(err)
		}
		defer backend.Close()
		text := strings.NewReplacer("timeout server 30s", "timeout server 1h", "timeout server 300s", "timeout server 200ms",
			"10.0.0.10:8080 check", "127.0.0.1:"+listenPort(backend)).Replace(rule.Doc.Bad.HAProxy)
		if got, _ := startProxy(t, syntax.HAProxy, text).get(t); got != http.StatusGatewayTimeout {
			t.Errorf("status %d: the first timeout counts", got)
		}
	})
}
