package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/revision"
)

// scratchRepository makes a repository of one configuration the working directory, and returns its folder.
func scratchRepository(t *testing.T) string {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	if err := os.WriteFile("nginx.conf", []byte("events {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "nginx.conf"},
		{"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "first"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	return dir
}

// An interrupted lint of the past ends at once, where it began, and leaves no files behind.
func TestInterruptedPast(t *testing.T) {
	dir := scratchRepository(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	p, err := newPast(t.Context(), "HEAD", &input{paths: []string{"nginx.conf"}, facts: &inventory.Facts{}})
	if err != nil {
		t.Fatal(err)
	}
	if known, err := p.known(t.Context(), nil); err != nil || known == nil {
		t.Fatalf("not interrupted: %v, %v", known, err)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.known(interrupted, nil); err == nil || err.Error() != "interrupted" {
		t.Errorf("the error is %v", err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if cwd, err := os.Getwd(); err != nil || realName(t, cwd) != realName(t, dir) {
		t.Errorf("the working directory is %s, %v", cwd, err)
	}
}

func realName(t *testing.T, path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return real
}

// Paths lead into the tree of the revision, and nowhere else beside it.
func TestPastPaths(t *testing.T) {
	p := &past{cwd: "/repo/deploy", top: "/repo", dir: "/tmp/x/repo", rev: &revision.Revision{Top: "/repo"}}
	if filepath.Separator != '/' {
		t.Skip("paths are written otherwise")
	}
	for path, want := range map[string]string{
		"a.conf":              "deploy/a.conf",
		"../a.conf":           "a.conf",
		"/repo/deploy/a.conf": "deploy/a.conf",
		"../../a.conf":        "/a.conf",
		"/etc/hosts":          "/etc/hosts",
		"/repository/a":       "/repository/a",
	} {
		if got := p.name(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"":                    "",
		"facts.csv":           "/repo/deploy/facts.csv",
		"../../../etc/passwd": "/etc/passwd",
		"/etc/passwd":         "/etc/passwd",
	} {
		if got := p.fact(path); got != want {
			t.Errorf("the facts of %q are read from %q, want %q", path, got, want)
		}
	}
}
