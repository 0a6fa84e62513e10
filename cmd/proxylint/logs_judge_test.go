//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const nginxToJudge = `daemon off; master_process off; worker_processes 1; pid PID; error_log LOG; events {}
http {
    access_log off;
    upstream app {
        server DEAD max_fails=0;
    }
    server {
        listen FRONT;
        server_name judge.test;
        location /api/ { proxy_pass http://app; }
    }
}
`

const haproxyToJudge = `global
    log stdout format raw local0
defaults
    mode http
    log global
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    retries 0
frontend www
    bind FRONT
    log-format '%ci|%t|%ft|%b|%s|%ST|%tsc|%HM %HP'
    default_backend app
backend app
    balance first
    server a1 DEAD
`

// TestLogsJudge has real proxies fail at a server that nobody runs, and looks where proxylint leads from their logs.
func TestLogsJudge(t *testing.T) {
	for _, test := range []struct {
		program, config, cause, route string
		args                          []string
	}{
		{"nginx", nginxToJudge, "refused", "proxy_pass http://app, location /api/", []string{"-e", "LOG", "-p", "DIR", "-c", "CONFIG"}},
		{"haproxy", haproxyToJudge, "connect-failed", "default_backend app", []string{"-db", "-f", "CONFIG"}},
	} {
		t.Run(test.program, func(t *testing.T) {
			if _, err := exec.LookPath(test.program); err != nil {
				t.Skip(err)
			}
			dir, front, dead := t.TempDir(), unused(t), unused(t)
			log, config := filepath.Join(dir, "proxy.log"), filepath.Join(dir, "proxy.conf")
			fill := strings.NewReplacer("FRONT", front, "DEAD", dead, "DIR", dir, "LOG", log, "PID", filepath.Join(dir, "pid"), "CONFIG", config)
			text := fill.Replace(test.config)
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for i := range test.args {
				test.args[i] = fill.Replace(test.args[i])
			}
			failOnce(t, exec.Command(test.program, test.args...), log, "http://"+front+"/api/x")
			before, _, _ := strings.Cut(text, dead)
			line := strings.Count(before, "\n")
			place := fmt.Sprintf("%s:%d:%d: error: %s ", config, line+1, len(before)-strings.LastIndexByte(before, '\n'), test.cause)
			out, _ := exec.Command("proxylint", "logs", "--no-inventory", "--config", config, log).Output() // 1: there are causes
			if !strings.HasPrefix(string(out), place) || !strings.Contains(string(out), test.route) {
				said, _ := os.ReadFile(log)
				t.Errorf("want %q and the route %q, got:\n%s\nof the log:\n%s", place, test.route, out, said)
			}
			dialing := []string{"logs", "--live", "--no-inventory", "--config", config, log}
			if out, _ := exec.Command("proxylint", dialing...).Output(); !strings.Contains(string(out), "[live-refused]\n") {
				t.Errorf("it is not told that nobody listens still:\n%s", out)
			}
			serveAt(t, dead)
			if out, _ := exec.Command("proxylint", dialing...).Output(); !strings.Contains(string(out), "    = dialed now: "+dead+" answers 204 after ") {
				t.Errorf("it is not told that somebody listens now:\n%s", out)
			}
		})
	}
}

// serveAt starts a server at an address, which answers without a body.
func serveAt(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
}

// unused returns an address that nobody listens on.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// failOnce runs a proxy until it has answered with an error, and ends it, so that its log is whole.
func failOnce(t *testing.T, proxy *exec.Cmd, log, url string) {
	t.Helper()
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	proxy.Stdout, proxy.Stderr = file, file
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(20*time.Second, func() { proxy.Process.Kill() })
	defer kill.Stop()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "judge.test"
	status := 0
	for deadline := time.Now().Add(10 * time.Second); status == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
			status = response.StatusCode
		}
	}
	time.Sleep(100 * time.Millisecond) // HAProxy logs what it has answered
	proxy.Process.Signal(syscall.SIGTERM)
	proxy.Wait()
	if status < 500 {
		t.Fatalf("%s answers %d", proxy.Path, status)
	}
}
