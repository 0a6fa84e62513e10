//go:build unix

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const failure = "2025/11/23 14:02:01 [error] 12#12: *NUMBER connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.1.1, " +
	`server: shop.test, request: "GET /api/ HTTP/1.1", upstream: "http://SERVER/api/", host: "shop.test"` + "\n"

// following is a proxylint logs --follow that runs.
type following struct {
	*testing.T
	*exec.Cmd
	lines chan string
}

func startFollowing(t *testing.T, stdin io.Reader, args ...string) *following {
	t.Helper()
	f := &following{T: t, Cmd: exec.Command("proxylint", append([]string{"logs", "--follow", "--no-inventory"}, args...)...), lines: make(chan string, 1000)}
	f.Stdin = stdin
	f.Env = append(os.Environ(), "TZ=UTC")
	out, err := f.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.Stderr = f.Stdout
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(20*time.Second, func() { f.Process.Kill() })
	t.Cleanup(func() { kill.Stop() })
	go func() {
		defer close(f.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.lines <- lines.Text()
		}
	}()
	return f
}

// until reads lines up to one that begins in a way.
func (f *following) until(start string) {
	f.Helper()
	var before []string
	for line := range f.lines {
		if strings.HasPrefix(line, start) {
			return
		}
		before = append(before, line)
	}
	f.Fatalf("no line begins with %q:\n%s", start, strings.Join(before, "\n"))
}

// ends waits until it has ended, which it must do with an exit code.
func (f *following) ends(code int) {
	f.Helper()
	for range f.lines {
	}
	f.Wait()
	if got := f.ProcessState.ExitCode(); got != code {
		f.Errorf("exit code %d, want %d", got, code)
	}
}

// TestFollow follows two logs, one of which is not there yet, with a configuration, until an interrupt.
func TestFollow(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
		return path
	}
	requests := 0
	fails := func(server string) string {
		requests++
		return strings.NewReplacer("SERVER", server, "NUMBER", strconv.Itoa(requests)).Replace(failure)
	}
	config := write("nginx.conf", "events {}\nhttp {\n    server {\n        listen 80;\n        server_name shop.test;\n"+
		"        location / { proxy_pass http://10.0.0.7:8080; }\n    }\n}\n")
	write("error.log.1", fails("10.0.0.9:8080"))
	log := write("error.log", fails("10.0.0.7:8080"))
	other := filepath.Join(dir, "other.log")

	f := startFollowing(t, nil, "--config", config, log, other)
	f.until("proxylint: " + other + ": no such file or directory; waiting for it")
	f.until(config + ":6:40: error: refused 10.0.0.7:8080 for shop.test: 1 × 502")
	write("error.log", fails("10.0.0.8:8080"))
	f.until(config + ":6:33: error: refused 10.0.0.8:8080 for shop.test: 1 × 502")
	write("other.log", fails("10.0.0.6:8080"))
	f.until(config + ":6:33: error: refused 10.0.0.6:8080 for shop.test: 1 × 502")
	f.Process.Signal(syscall.SIGINT)
	f.until("4 requests lost in 4 lines of 3 files: 4 × 502")
	f.ends(1)
}

// TestFollowInput follows standard input: to its end, and to an interrupt that comes before.
func TestFollowInput(t *testing.T) {
	for name, end := range map[string]func(*following, io.Closer){
		"end":       func(_ *following, in io.Closer) { in.Close() },
		"interrupt": func(f *following, _ io.Closer) { f.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			f := startFollowing(t, out, "--format", "json", "-")
			out.Close()
			if _, err := io.WriteString(in, failure); err != nil {
				t.Fatal(err)
			}
			f.until(`{"version":1,"group":{"cause":"refused",`)
			end(f, in)
			f.until(`{"version":1,"summary":{"files":1,"lines":1,`)
			f.ends(1)
		})
	}
}
