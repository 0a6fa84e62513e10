//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInterrupt ends a run that would go on trying: what is known is written, and the exit code is that of the findings.
func TestInterrupt(t *testing.T) {
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	config := filepath.Join(t.TempDir(), "nginx.conf")
	text := "events {}\nhttp { server {\nlocation /a { proxy_pass http://%s; }\nlocation /b { proxy_pass http://%s; }\n} }\n"
	if err := os.WriteFile(config, fmt.Appendf(nil, text, closed.Addr(), open.Addr()), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "proxylint", "live", "--wait", "1m", config)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(30*time.Second, func() { open.Close() }) // Accept must not wait for ever
	conn, err := open.Accept()
	if err != nil {
		t.Fatal(err, stderr.String())
	}
	defer conn.Close()
	time.Sleep(500 * time.Millisecond) // for the other to be refused
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitFindings {
		t.Errorf("%v, want the exit code of findings", err)
	}
	if got := stderr.String(); got != "proxylint: interrupted: this is what is known so far\n" {
		t.Errorf("standard error: %q", got)
	}
	if got := stdout.String(); !strings.Contains(got, "[live-refused]") {
		t.Errorf("standard output: %s", got)
	}
}

func TestTellEvery(t *testing.T) {
	told := make(chan struct{})
	stop := tellEvery(time.Millisecond, func() { told <- struct{}{} })
	<-told
	<-told
	go func() {
		for range told { // one may be under way
		}
	}()
	stop()
}
