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

// TestInterruptLookUp ends a run that waits for the address of a name in a comment.
func TestInterruptLookUp(t *testing.T) {
	mute, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	config := filepath.Join(t.TempDir(), "nginx.conf")
	text := "events {}\nhttp {\nupstream app {\nserver 192.0.2.7:80; # app.example.com\n}\nserver { location / { proxy_pass http://app; } }\n}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "proxylint", "lint", "--resolve", "--resolver", mute.LocalAddr().String(), config)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	mute.SetReadDeadline(time.Now().Add(30 * time.Second)) // a net.PacketConn takes one
	if _, _, err := mute.ReadFrom(make([]byte, 512)); err != nil {
		t.Fatal(err, stderr.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // with whatever was found in the file
	if code := cmd.ProcessState.ExitCode(); code != exitClean && code != exitFindings {
		t.Errorf("%s", cmd.ProcessState)
	}
	if got := stderr.String(); got != "proxylint: interrupted: this is what is known so far\n" {
		t.Errorf("standard error: %q", got)
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
