package rules

import (
	"fmt"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Not proved here: timeout-too-long and the retries of timeout-chain, which take a host that drops packets and up to
// minutes, and websocket-timeout, whose shortest case takes a minute.

// slowBackend answers after a while.
func slowBackend(t *testing.T, wait time.Duration) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(wait)
		fmt.Fprint(w, "app")
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestTimeoutTooShortBeforeTheJudge has the proxies wait for an answer that takes 300 ms.
func TestTimeoutTooShortBeforeTheJudge(t *testing.T) {
	for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			backend := slowBackend(t, 300*time.Millisecond)
			doc := Find("timeout-too-short").Doc
			for text, want := range map[string]int{
				doc.Bad.For(dialect):  http.StatusGatewayTimeout,
				doc.Good.For(dialect): http.StatusOK,
			} {
				wantStatus(t, dialect, strings.ReplaceAll(text, "10.0.0.10:3000", backend), want)
			}
		})
	}
}

// TestZeroTimeoutBeforeTheJudge shows that 0 is not "no limit" in nginx.
func TestZeroTimeoutBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	bad := strings.ReplaceAll(Find("timeout-too-short").Doc.Bad.Nginx, "10.0.0.10:3000", slowBackend(t, 50*time.Millisecond))
	wantStatus(t, syntax.Nginx, strings.Replace(bad, "100ms", "0", 1), http.StatusGatewayTimeout)
	wantStatus(t, syntax.Nginx, strings.Replace(bad, "proxy_read_timeout 100ms", "proxy_connect_timeout 0", 1), http.StatusGatewayTimeout)
}

func wantStatus(t *testing.T, dialect syntax.Dialect, text string, want int) {
	t.Helper()
	if status, _ := startProxy(t, dialect, text).get(t); status != want {
		t.Errorf("status %d, want %d with\n%s", status, want, text)
	}
}

// TestWrongModuleBeforeTheJudge sends a response whose header is larger than one memory page.
func TestWrongModuleBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go fcgi.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Token", strings.Repeat("x", 9000))
		fmt.Fprint(w, "app")
	}))
	doc := Find("wrong-module").Doc
	for text, want := range map[string]int{doc.Bad.Nginx: http.StatusBadGateway, doc.Good.Nginx: http.StatusOK} {
		text = strings.Replace(text, "fastcgi_pass", `fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_pass`, 1)
		wantStatus(t, syntax.Nginx, strings.Replace(text, "10.0.0.10:9000", l.Addr().String(), 1), want)
	}
}

// TestCheckTimeoutBeforeTheJudge has HAProxy check a server whose health page takes 600 ms.
func TestCheckTimeoutBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			time.Sleep(600 * time.Millisecond)
		}
		fmt.Fprint(w, "app")
	}))
	defer server.Close()
	doc := Find("check-timeout").Doc
	for text, want := range map[string]int{doc.Bad.HAProxy: http.StatusServiceUnavailable, doc.Good.HAProxy: http.StatusOK} {
		text = strings.Replace(text, "10.0.0.10:3000", server.Listener.Addr().String(), 1)
		p := startProxy(t, syntax.HAProxy, text)
		status := 0
		for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			if status, _ = p.get(t); status == http.StatusServiceUnavailable {
				break
			}
		}
		if status != want {
			t.Errorf("status %d, want %d with\n%s", status, want, text)
		}
	}
}

// TestQueueTimeoutBeforeTheJudge sends two requests at a time to a server that takes one, for two seconds.
func TestQueueTimeoutBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	backend := slowBackend(t, 2*time.Second)
	doc := Find("queue-timeout").Doc
	for text, want := range map[string]int{doc.Bad.HAProxy: http.StatusServiceUnavailable, doc.Good.HAProxy: http.StatusOK} {
		text = strings.Replace(text, "10.0.0.10:3000 check", backend, 1)
		p := startProxy(t, syntax.HAProxy, text)
		var statuses [2]int
		var wait sync.WaitGroup
		for i := range statuses {
			wait.Go(func() { statuses[i], _ = p.get(t) })
		}
		wait.Wait()
		if worst := max(statuses[0], statuses[1]); worst != want {
			t.Errorf("statuses %v, want %d with\n%s", statuses, want, text)
		}
	}
}

// TestTimeoutChainBeforeTheJudge has an outer nginx wait for an inner one, whose backend takes 1.5 s. Times are a tenth or
// so of what people write.
func TestTimeoutChainBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	const text = `events {}
http {
    server {
        listen 8080;
        location / { proxy_read_timeout %s; proxy_pass http://127.0.0.1:%s; }
    }
    server {
        listen 127.0.0.1:%[2]s;
        location / { proxy_read_timeout 3s; proxy_pass http://%[3]s; }
    }
}
`
	backend := slowBackend(t, 1500*time.Millisecond)
	rule := []*lint.Rule{Find("timeout-chain")}
	for outer, want := range map[string]int{"1s": http.StatusGatewayTimeout, "4s": http.StatusOK} {
		text := fmt.Sprintf(text, outer, freePort(t), backend)
		wantStatus(t, syntax.Nginx, text, want)
		if found := lintText(t, syntax.Nginx, text, rule); (len(found) > 0) != (want != http.StatusOK) {
			t.Errorf("%d findings for status %d", len(found), want)
		}
	}
}

// TestTimeoutChainBetweenProxies lints an nginx and a HAProxy together. They may be meant for different hosts, so it
// is an info, and nothing where a third one listens on the same port, or where folders or programs speak for two hosts.
func TestTimeoutChainBetweenProxies(t *testing.T) {
	const nginx = `events {}
http {
    server {
        listen 443 ssl;
        location / { proxy_read_timeout 90s; proxy_pass http://127.0.0.1:8080; }
    }
}
`
	haproxy := strings.Replace(Find("timeout-too-short").Doc.Good.HAProxy, "timeout server 30s", "timeout server 5m", 1)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, text)
		return path
	}
	two := []string{write("nginx.conf", nginx), write("haproxy.cfg", haproxy)}
	elsewhere := []string{two[0], write("web2/haproxy.cfg", haproxy)}
	beside := []string{write("etc/nginx/nginx.conf", nginx), write("etc/haproxy/haproxy.cfg", haproxy)}
	slower := strings.NewReplacer("443 ssl", "8080", ":8080;", ":3000;", "90s", "5m").Replace(nginx)
	alike := []string{two[0], write("slower.conf", slower)}
	three := append(two[:2:2], write("other.conf", strings.NewReplacer("443 ssl", "8080", ":8080;", ":3000;").Replace(nginx)))
	for _, test := range []struct {
		paths []string
		want  int
	}{{two, 1}, {two[:1], 0}, {three, 0}, {elsewhere, 0}, {beside, 1}, {alike, 0}} {
		configs, err := parsers.Load(test.paths, parsers.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found := run(t, dir, configs, []*lint.Rule{Find("timeout-chain")})
		if len(found) != test.want || test.want > 0 && found[0].Severity != lint.Info {
			t.Errorf("%d findings in %d configurations (%d files), want %d: %v", len(found), len(configs), len(test.paths), test.want, found)
		}
	}
}
