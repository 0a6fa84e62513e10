package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLSPClient has a real client edit a workspace. What is checked stands in client.mjs.
func TestLSPClient(t *testing.T) {
	home, err := filepath.Abs("../../testdata/lsp")
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat(filepath.Join(home, "node_modules")); err != nil {
		t.Skip("the client is not installed: npm ci --prefix testdata/lsp")
	}
	workspace := t.TempDir()
	if err := os.CopyFS(workspace, os.DirFS(filepath.Join(home, "workspace"))); err != nil {
		t.Fatal(err)
	}
	server, err := exec.LookPath("proxylint") // testscript puts this test's binary there
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, node, filepath.Join(home, "client.mjs"), server, workspace).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// The exit code is the protocol's: 0 after shutdown and exit, else 1.
func TestLSPExit(t *testing.T) {
	const (
		initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}`
		shutdown   = `{"jsonrpc":"2.0","id":2,"method":"shutdown"}`
		exit       = `{"jsonrpc":"2.0","method":"exit"}`
	)
	for _, tt := range []struct {
		name     string
		messages []string
		want     int
		answers  int
	}{
		{"in order", []string{initialize, shutdown, exit}, exitClean, 2},
		{"exit alone", []string{exit}, exitFindings, 0},
		{"without shutdown", []string{initialize, exit}, exitFindings, 1},
		{"the stream ends", []string{initialize}, exitFindings, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var in, out, stderr strings.Builder
			for _, m := range tt.messages {
				fmt.Fprintf(&in, "Content-Length: %d\r\n\r\n%s", len(m), m)
			}
			if got := run([]string{"lsp"}, strings.NewReader(in.String()), &out, &stderr); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			if stderr.Len() > 0 {
				t.Errorf("on standard error: %s", stderr.String())
			}
			if n := strings.Count(out.String(), "Content-Length: "); n != tt.answers {
				t.Errorf("%d answers, want %d: %q", n, tt.answers, out.String())
			}
		})
	}
}
