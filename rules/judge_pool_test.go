package rules

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// The Bad example of backup-unreachable is proved by TestExamplesBeforeTheJudge. The nginx here has no stream module, so
// what the rules say of stream is not proved.

// poolBackend answers at once, after a second and a half at /slow, and with 500 or 429 at /500 and /429.
func poolBackend(t *testing.T) (port string) {
	_, port = serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			time.Sleep(1500 * time.Millisecond)
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		case "/429":
			w.WriteHeader(http.StatusTooManyRequests)
		}
		fmt.Fprint(w, "app")
	})
	return port
}

// inFrontOf points the servers of an example at two ports.
func inFrontOf(text, port, second string) string {
	return strings.NewReplacer("10.0.0.10:3000", "127.0.0.1:"+port, "10.0.0.11:3000", "127.0.0.1:"+second).Replace(text)
}

// emptied asks nginx for some pages, and reports whether an ordinary one then finds no server.
func emptied(t *testing.T, text string, pages ...string) bool {
	t.Helper()
	p := startProxy(t, syntax.Nginx, text)
	for _, page := range pages {
		p.at(page).get(t)
	}
	status, _ := p.get(t)
	if status != http.StatusOK && status != http.StatusBadGateway {
		t.Errorf("status %d: %s", status, p.log())
	}
	return p.waitFor("no live upstreams", status == http.StatusBadGateway)
}

// TestSinglePeerFailureBeforeTheJudge asks for one page that takes longer than the read timeout.
func TestSinglePeerFailureBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	rule := Find("single-peer-failure")
	bad := strings.Replace(rule.Doc.Bad.Nginx, "proxy_pass", "proxy_read_timeout 1s; proxy_pass", 1)
	good := strings.Replace(rule.Doc.Good.Nginx, "proxy_pass", "proxy_read_timeout 1s; proxy_pass", 1)
	pair := strings.Replace(bad, " down", "", 1)
	for name, test := range map[string]struct {
		text     string
		emptied  bool
		findings int
	}{
		"beside one that is down": {bad, true, 1},
		"max_fails=0":             {good, false, 0},
		"a backup":                {strings.NewReplacer("10:3000", "10:3000 down", "11:3000 down", "11:3000 backup").Replace(bad), true, 1},
		"beside a backup":         {strings.Replace(bad, "11:3000 down", "11:3000 down backup", 1), true, 1},
		"sole":                    {withoutLine(bad, " down"), false, 0},
		"sole with max_fails":     {strings.Replace(withoutLine(bad, " down"), "10:3000", "10:3000 max_fails=1 fail_timeout=1m", 1), false, 1},
		"pair":                    {pair, true, 1},
		"pair with max_fails":     {strings.ReplaceAll(pair, ":3000;", ":3000 max_fails=3;"), false, 0},
		"pair and one try":        {strings.Replace(pair, "proxy_pass", "proxy_next_upstream_tries 1; proxy_pass", 1), false, 0},
		"pair without timeout":    {strings.Replace(pair, "proxy_pass", "proxy_next_upstream error; proxy_pass", 1), false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := emptied(t, inFrontOf(test.text, poolBackend(t), poolBackend(t)), "slow"); got != test.emptied {
				t.Errorf("no server is left: %t", got)
			}
			if found := lintText(t, syntax.Nginx, test.text, []*lint.Rule{rule}); len(found) != test.findings {
				t.Errorf("%d findings, want %d", len(found), test.findings)
			}
		})
	}
}

// TestOwnFailuresBeforeTheJudge asks twice for a page that the application answers with a status of its own.
func TestOwnFailuresBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	rule := Find("next-upstream-off")
	bad := rule.Doc.Bad.Nginx
	for name, test := range map[string]struct {
		text    string
		page    string
		emptied bool
	}{
		"500":         {bad, "500", true},
		"429":         {strings.Replace(bad, "http_500", "http_429", 1), "429", true},
		"good":        {rule.Doc.Good.Nginx, "500", false},
		"max_fails=0": {strings.ReplaceAll(bad, ":3000;", ":3000 max_fails=0;"), "500", false},
		"one try":     {strings.Replace(bad, "proxy_pass", "proxy_next_upstream_tries 1; proxy_pass", 1), "500", false},
		"sole":        {withoutLine(bad, "11:3000"), "500", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := emptied(t, inFrontOf(test.text, poolBackend(t), poolBackend(t)), test.page, test.page); got != test.emptied {
				t.Errorf("no server is left: %t", got)
			}
			if found := lintText(t, syntax.Nginx, test.text, []*lint.Rule{rule}); (len(found) > 0) != test.emptied {
				t.Errorf("%d findings", len(found))
			}
		})
	}
}

// TestNextUpstreamOffBeforeTheJudge has the first server of a group be down.
func TestNextUpstreamOffBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	good := Find("next-upstream-off").Doc.Good.Nginx
	with := func(list string) string {
		return inFrontOf(strings.Replace(good, "proxy_next_upstream error timeout", "proxy_next_upstream "+list, 1), freePort(t), poolBackend(t))
	}
	try(t, "next-upstream-off", []trial{
		{"off", syntax.Nginx, with("off"), http.StatusBadGateway},
		{"without error", syntax.Nginx, with("timeout http_502"), http.StatusBadGateway},
		{"error", syntax.Nginx, with("error"), http.StatusOK},
	})
}

// TestMaxConnsNoQueueBeforeTheJudge asks for a page while another request holds the only connection.
func TestMaxConnsNoQueueBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	doc := Find("max-conns-no-queue").Doc
	for text, want := range map[string]int{doc.Bad.Nginx: http.StatusBadGateway, doc.Good.Nginx: http.StatusOK} {
		arrived, release := make(chan struct{}), make(chan struct{})
		_, held := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			close(arrived)
			select {
			case <-release:
			case <-time.After(patience):
			}
		})
		p := startProxy(t, syntax.Nginx, inFrontOf(text, held, poolBackend(t)))
		answered := make(chan error, 1)
		go func() {
			response, err := http.Get(p.url)
			if err == nil {
				response.Body.Close()
			}
			answered <- err
		}()
		<-arrived
		if status, _ := p.get(t); status != want {
			t.Errorf("status %d, want %d: %s", status, want, p.log())
		}
		close(release)
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
}

// TestBackupUnreachableBeforeTheJudge loads groups with a backup server on either side of a method.
func TestBackupUnreachableBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	for _, method := range []string{"hash $uri", "ip_hash", "random", "least_conn"} {
		for _, lines := range []string{"%s; server 10.0.0.10; server 10.0.0.11 backup;", "server 10.0.0.10; server 10.0.0.11 backup; %s;"} {
			text := fmt.Sprintf("events {}\nhttp { upstream app { "+lines+" } }\n", method)
			found := lintText(t, syntax.Nginx, text, []*lint.Rule{Find("backup-unreachable")})
			ok, output := loads(t, syntax.Nginx, text)
			if ok != (len(found) == 0) || !ok && !strings.Contains(output, `balancing method does not support parameter "backup"`) {
				t.Errorf("%d findings, and nginx says %q of\n%s", len(found), output, text)
			}
		}
	}
}

// TestBalanceOrderBeforeTheJudge counts the connections of five requests.
func TestBalanceOrderBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	rule := Find("balance-order")
	for _, method := range []string{"least_conn", "ip_hash", "hash $uri", "random"} {
		for text, want := range map[string]int32{rule.Doc.Bad.Nginx: 5, rule.Doc.Good.Nginx: 1} {
			text = strings.Replace(text, "least_conn", method, 1)
			connections, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })
			p := startProxy(t, syntax.Nginx, inFrontOf(text, port, port))
			for range 5 {
				p.get(t)
			}
			if got := connections.Load(); got != want {
				t.Errorf("%s: %d connections, want %d", method, got, want)
			}
			if redefined := p.waitFor("load balancing method redefined", want > 1); redefined != (want > 1) {
				t.Errorf("%s: nginx says %q", method, p.log())
			}
			if found := lintText(t, syntax.Nginx, text, []*lint.Rule{rule}); (len(found) > 0) != (want > 1) {
				t.Errorf("%s: %d findings for %d connections", method, len(found), want)
			}
		}
	}
}

// TestStatic5xxBeforeTheJudge asks proxies that answer by themselves, in front of a backend that is well.
func TestStatic5xxBeforeTheJudge(t *testing.T) {
	for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
		doc := Find("static-5xx").Doc
		port := poolBackend(t)
		try(t, "static-5xx", []trial{
			{dialect.String() + " bad", dialect, inFrontOf(doc.Bad.For(dialect), port, port), http.StatusServiceUnavailable},
			{dialect.String() + " good", dialect, inFrontOf(doc.Good.For(dialect), port, port), http.StatusOK},
		})
	}
	bad := inFrontOf(Find("static-5xx").Doc.Bad.Nginx, "1", "1")
	whole := strings.Replace(withoutLine(bad, "return 503"), "location", "return 503;\n        location", 1)
	try(t, "static-5xx", []trial{{"a whole server", syntax.Nginx, whole, http.StatusServiceUnavailable}})
}

// TestSocketInPrivateTmpBeforeTheJudge gives the proxies a /var/tmp of their own, as PrivateTmp does.
func TestSocketInPrivateTmpBeforeTheJudge(t *testing.T) {
	const private = "mount -t tmpfs none /var/tmp"
	if err := exec.Command("unshare", "--map-root-user", "--mount", "sh", "-c", private).Run(); err != nil {
		t.Skipf("no mount namespaces here: %v", err)
	}
	dir, err := os.MkdirTemp("/var/tmp", "proxylint")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "app.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })}
	go server.Serve(l)
	defer server.Close()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o777); err != nil { // nginx's worker may be somebody else
		t.Fatal(err)
	}
	for dialect, failure := range map[syntax.Dialect]int{syntax.Nginx: http.StatusBadGateway, syntax.HAProxy: http.StatusServiceUnavailable} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			text := withoutCheck(strings.Replace(Find("socket-in-private-tmp").Doc.Bad.For(dialect), "/tmp/app.sock", socket, 1))
			if status, _ := startProxy(t, dialect, text).get(t); status != http.StatusOK {
				t.Errorf("status %d with the same /var/tmp", status)
			}
			p := startProxy(t, dialect, text, "unshare", "--map-root-user", "--mount", "sh", "-c", private+` && exec "$0" "$@"`)
			if status, _ := p.get(t); status != failure {
				t.Errorf("status %d, want %d: %s", status, failure, p.log())
			}
		})
	}
}

func withoutCheck(text string) string { return strings.ReplaceAll(text, " check\n", "\n") }
