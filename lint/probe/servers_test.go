package probe

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// givenPorts are those that freePort returned: nobody may listen on one yet.
var givenPorts sync.Map

// freePort returns a port of the loopback network that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 15000 + rand.IntN(17000) // below those that systems give to connections
		if _, given := givenPorts.LoadOrStore(port, true); given {
			continue
		}
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// program starts a server until the test ends, and waits until it listens on a port.
func program(t *testing.T, port int, name string, args ...string) net.Addr {
	t.Helper()
	command := exec.Command(name, args...)
	var said strings.Builder
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		command.Wait() // the test is over, or listening below says what is wrong
		close(ended)
	}()
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt) // it may have ended
		select {
		case <-ended:
		case <-time.After(2 * time.Second):
			command.Process.Kill()
			<-ended
		}
	})
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr.String()); err == nil {
			conn.Close()
			return addr
		}
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", name, said.String())
		default:
		}
	}
	t.Fatalf("%s does not listen", name)
	return nil
}

// installed returns the path of a program; "" where there is none.
func installed(pattern string) string {
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") {
		if found, _ := filepath.Glob(filepath.Join(folder, pattern)); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// written returns the path of a new file.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func startFPM(t *testing.T) net.Addr {
	path := installed("php-fpm*")
	if path == "" {
		return nil
	}
	port := freePort(t)
	config := written(t, "fpm.conf", fmt.Sprintf(`[global]
error_log = /dev/stderr
[www]
listen = 127.0.0.1:%d
pm = static
pm.max_children = 1
`, port))
	args := []string{"--nodaemonize", "--fpm-config", config}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-to-run-as-root")
		appendTo(t, config, "user = nobody\n") // which a pool has to name then
	}
	return program(t, port, path, args...)
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
}

// startUWSGI starts uWSGI with one kind of socket, for an application that answers 404 with a header of 1,000 bytes.
func startUWSGI(t *testing.T, socket string) net.Addr {
	path := installed("uwsgi")
	if _, err := os.Stat("/usr/lib/uwsgi/plugins/python3_plugin.so"); path == "" || err != nil {
		return nil
	}
	app := written(t, "app.py", `
def application(environ, start_response):
    start_response("404 Not Found", [("X-Long", "x" * 1000)])
    return [b"none"]
`)
	port := freePort(t)
	return program(t, port, path, "--plugin", "python3", "--wsgi-file", app, "--die-on-term", socket, fmt.Sprintf("127.0.0.1:%d", port))
}

func startRedis(t *testing.T) net.Addr {
	path := installed("redis-server")
	if path == "" {
		return nil
	}
	port := freePort(t)
	return program(t, port, path, "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
}

func startMemcached(t *testing.T) net.Addr {
	path := installed("memcached")
	if path == "" {
		return nil
	}
	port := freePort(t)
	return program(t, port, path, "-l", "127.0.0.1", "-p", fmt.Sprint(port), "-U", "0", "-u", "nobody")
}

// pemFile writes a certificate for app.test and its key.
func pemFile(t *testing.T) string {
	t.Helper()
	pair := newAuthority(t).sign(t, "app.test", time.Now().Add(time.Hour))
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return written(t, "pair.pem", block("CERTIFICATE", pair.Certificate[0])+block("PRIVATE KEY", key))
}

// startNginx starts nginx with one listener, whose requests a location serves.
func startNginx(t *testing.T, options, location string) net.Addr {
	path := installed("nginx")
	if path == "" {
		return nil
	}
	port, folder, pair := freePort(t), t.TempDir(), pemFile(t)
	config := written(t, "nginx.conf", fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/pid;
error_log %[1]s/error.log;
events {}
http {
    access_log off;
    keepalive_timeout 1s;
    client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
    ssl_certificate %[2]s;
    ssl_certificate_key %[2]s;
    server {
        listen 127.0.0.1:%[3]d %[4]s;
        location / { %[5]s }
    }
}
`, folder, pair, port, options, location))
	return program(t, port, path, "-c", config, "-e", "stderr")
}

// startHAProxy starts HAProxy with one listener, which answers 200.
func startHAProxy(t *testing.T, options string) net.Addr {
	path := installed("haproxy")
	if path == "" {
		return nil
	}
	port := freePort(t)
	config := written(t, "haproxy.cfg", fmt.Sprintf(`
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend www
    bind 127.0.0.1:%d %s
    http-request return status 200
`, port, strings.ReplaceAll(options, "PEM", pemFile(t))))
	return program(t, port, path, "-db", "-q", "-f", config)
}

// startHTTP2 starts a server of HTTP/2 alone, as gRPC servers are.
func startHTTP2(t *testing.T) net.Addr {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: &protocols, Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l.Addr()
}

// fakeAJP answers a ping, and resets what is none (Tomcat's framing).
func fakeAJP(c net.Conn) {
	b := make([]byte, len(ajpPing))
	if _, err := io.ReadFull(c, b); err == nil && string(b) == ajpPing {
		io.WriteString(c, ajpPong)
		return
	}
	c.(*net.TCPConn).SetLinger(0)
}

// fakeSSH greets, and closes the connection after a line that is no greeting.
func fakeSSH(c net.Conn) {
	io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n")
	c.Read(make([]byte, 4096))
}
