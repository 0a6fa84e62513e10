package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// systemCall is a line of strace about one: "[pid 7] socket(AF_INET, ...) = 3".
var systemCall = regexp.MustCompile(`(?m)^(?:\[pid +\d+\] |\d+ +)?(\w+)\(.*$`)

// TestNoSocket has the kernel say what a run does in the network: nothing, but where it is told to dial.
func TestNoSocket(t *testing.T) {
	binary := build(t)
	config := plant(t, "nginx.conf", `events {}
http {
    server {
        listen 8080;
        location /app/ {
            proxy_pass http://localhost:1; # app.test
        }
        location / {
            proxy_pass http://127.0.0.1:1;
        }
    }
}
`)
	out := t.TempDir()
	html := "html=" + filepath.Join(out, "report.html")
	for _, c := range []struct {
		name  string
		args  []string
		dials bool
	}{
		{"rules", []string{"lint", "--format", "text", "--format", html, "../../testdata/rules"}, false},
		{"projects", []string{"lint", "--format", "sarif", "--format", html, "../../testdata/projects", "../../testdata/configs"}, false},
		{"inventory", []string{"lint", "--inventory", "../../testdata/rules/inv-ip-conflict/machines.project/inventory.csv", config}, false},
		{"repairs", []string{"lint", "--diff-fix", "../../testdata/configs"}, false},
		{"graph", []string{"graph", "../../testdata/configs"}, false},
		{"plan", []string{"live", "--plan", config, "../../testdata/configs"}, false},
		{"help", []string{"live", "--help"}, false},
		{"lint --live", []string{"lint", "--live", config}, true},
		{"live", []string{"live", config}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := networkCalls(t, append([]string{binary}, c.args...))
			if (len(calls) > 0) != c.dials {
				t.Errorf("dials: %v, want %v: %s", len(calls) > 0, c.dials, calls)
			}
		})
	}
}

// networkCalls runs a command and returns the system calls about the network that it and what it starts make.
func networkCalls(t *testing.T, command []string) []string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	log := filepath.Join(t.TempDir(), "calls")
	traced := exec.Command(strace, append([]string{"-f", "--seccomp-bpf", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", log, "--"}, command...)...)
	output, err := traced.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitFindings) {
		t.Fatalf("%v: %s", err, output)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, m := range systemCall.FindAllStringSubmatch(string(text), 10) {
		calls = append(calls, m[0])
	}
	return calls
}
