package rules

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// patience bounds every wait for a proxy.
const patience = 10 * time.Second

// TestResolverMissingBeforeTheJudge lets nginx answer requests for targets with variables.
func TestResolverMissingBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") }))
	defer backend.Close()
	port := strconv.Itoa(backend.Listener.Addr().(*net.TCPAddr).Port)
	rule := Find("resolver-missing")
	bad := strings.ReplaceAll(rule.Doc.Bad.Nginx, ":3000", ":"+port)
	good := strings.ReplaceAll(rule.Doc.Good.Nginx, ":3000", ":"+port)
	local := strings.Replace(bad, "set $backend app", "set $backend localhost", 1)
	for _, test := range []struct {
		name, text string
		status     int
	}{
		{"name", bad, http.StatusBadGateway},
		{"name of the hosts file", local, http.StatusBadGateway},
		{"address", strings.Replace(bad, "set $backend app", "set $backend 127.0.0.1", 1), http.StatusOK},
		{"address with a resolver", strings.Replace(good, "set $backend app", "set $backend 127.0.0.1", 1), http.StatusOK},
		{"group", strings.NewReplacer(
			"http {", "http {\n    upstream app { server 127.0.0.1:"+port+"; }",
			"$backend:"+port, "$backend",
		).Replace(bad), http.StatusOK},
		{"group with a port", strings.Replace(bad,
			"http {", "http {\n    upstream app { server 127.0.0.1:"+port+"; }", 1,
		), http.StatusBadGateway},
		{"name that also stands in a target without variables", strings.Replace(local,
			"listen 8080;", "listen 8080;\n        location /direct { proxy_pass http://localhost:"+port+"; }", 1,
		), http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startProxy(t, syntax.Nginx, test.text)
			status, _ := p.get(t)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			told := p.waitFor("no resolver defined to resolve", status != http.StatusOK)
			if told != (test.status == http.StatusBadGateway) {
				t.Errorf("status %d with the log %s", status, p.log())
			}
			if found := lintText(t, syntax.Nginx, test.text, []*lint.Rule{rule}); (len(found) > 0) != told {
				t.Errorf("%d findings for status %d", len(found), status)
			}
		})
	}
}

// TestFrozenDNSBeforeTheJudge changes the address of a name while a proxy runs, in a hosts file that only
// the proxy sees. What the good examples do needs a name server, and is not proved here.
func TestFrozenDNSBeforeTheJudge(t *testing.T) {
	if err := exec.Command("unshare", "--map-root-user", "--mount", "true").Run(); err != nil {
		t.Skipf("no mount namespaces here: %v", err)
	}
	for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			port := twoBackends(t)
			hosts := filepath.Join(t.TempDir(), "hosts")
			writeFile(t, hosts, "127.0.0.2 app\n")
			text := strings.ReplaceAll(Find("frozen-dns").Doc.Bad.For(dialect), ":3000", ":"+port)
			p := startProxy(t, dialect, text, "unshare", "--map-root-user", "--mount", "sh", "-c",
				`mount --bind "$0" /etc/hosts && exec "$@"`, hosts)
			if _, body := p.get(t); body != "127.0.0.2" {
				t.Fatalf("the answer comes from %q: %s", body, p.log())
			}
			writeFile(t, hosts, "127.0.0.3 app\n")
			if _, body := p.get(t); body != "127.0.0.2" {
				t.Errorf("after the change the answer comes from %q", body)
			}
		})
	}
}

// twoBackends starts two servers on the same port of 127.0.0.2 and 127.0.0.3, which answer with their
// address, and returns the port.
func twoBackends(t *testing.T) string {
	port := ""
	for _, host := range []string{"127.0.0.2", "127.0.0.3"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Skip(err)
		}
		_, port, _ = net.SplitHostPort(l.Addr().String())
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, host) })}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
	}
	return port
}

func skipWithout(t *testing.T, dialect syntax.Dialect) {
	t.Helper()
	if ok, output := loads(t, dialect, judges[dialect].smallest); !ok {
		t.Skipf("%s does not work here: %s", dialect, output)
	}
}

// running is a proxy that a test started.
type running struct {
	url    string
	output *lockedBuffer
}

// startProxy runs a proxy on the text of a configuration that listens on port 8080, put on a free port, and
// returns once it accepts connections. It ends with the test. wrap are the words of a command to run it with.
func startProxy(t *testing.T, dialect syntax.Dialect, text string, wrap ...string) *running {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, dialect.String()+extensions[dialect])
	port := freePort(t)
	text = strings.NewReplacer(
		"listen 8080", "listen 127.0.0.1:"+port, "bind :8080", "bind 127.0.0.1:"+port,
		"http {", "http {\n    access_log off;",
	).Replace(text)
	writeFile(t, file, text)
	args := []string{"haproxy", "-db", "-f", file}
	if dialect == syntax.Nginx {
		args = []string{"nginx", "-e", "stderr", "-p", dir, "-c", file,
			"-g", "daemon off; master_process off; pid " + filepath.Join(dir, "pid") + ";"}
	}
	args = append(wrap[:len(wrap):len(wrap)], args...)
	p := &running{url: "http://127.0.0.1:" + port + "/", output: &lockedBuffer{}}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = p.output, p.output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			cmd.Process.Kill()
			<-ended
		}
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return p
		}
		select {
		case <-ended:
			t.Fatalf("%s does not start: %s", dialect, p.log())
		default:
		}
	}
	t.Fatalf("%s does not listen: %s", dialect, p.log())
	return nil
}

// get asks the proxy and returns the status and the body of its answer.
func (p *running) get(t *testing.T) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(p.url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// log returns what the proxy wrote so far.
func (p *running) log() string { return p.output.String() }

// waitFor reports whether the proxy's log holds a text, and gives it time to if it should.
func (p *running) waitFor(text string, should bool) bool {
	for deadline := time.Now().Add(patience); should && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(p.log(), text) {
			return true
		}
	}
	return strings.Contains(p.log(), text)
}

// lockedBuffer takes a process's output while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// givenPorts are those that freePort returned: nobody may listen on one yet.
var givenPorts sync.Map

func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(15000 + rand.IntN(17000)) // below those that systems give to connections
		if _, given := givenPorts.LoadOrStore(port, true); given {
			continue
		}
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}
