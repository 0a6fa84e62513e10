package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func lockFile(text string) *syntax.File {
	return syntax.NewFile("/srv/upstreams.lock", text, syntax.AnyDialect, nil)
}

// TestLockFaults has files that no lock is made of, and some whose faults must do no harm.
func TestLockFaults(t *testing.T) {
	const day = `{"first": "2026-05-01", "last": "2026-05-02"}`
	for text, want := range map[string]string{
		``:                                     "is no lock file: it is not the JSON that proxylint writes",
		`[]`:                                   "is no lock file: it is not the JSON that proxylint writes",
		`{"version": 1, "names": [1]}`:         "is no lock file: it is not the JSON that proxylint writes",
		`{}`:                                   "is a lock file of version 0, want 1",
		`{"version": 2}`:                       "is a lock file of version 2, want 1",
		`{"version": 1, "names": null}`:        "",
		`{"version": 1, "names": {"a": null}}`: `does not say when "a" was seen`,
		`{"version": 1, "names": {"a": {"seen": "yesterday"}}}`:                                                                                          `does not say when "a" was seen`,
		`{"version": 1, "names": {"a": {"seen": "2026-05-01", "former": {"b": null}}}}`:                                                                  `does not say when "a" had "b"`,
		`{"version": 1, "endpoints": {"a:1": {}}}`:                                                                                                       `does not say when "a:1" was seen`,
		`{"version": 1, "names": {"a": {"seen": "2026-05-01", "former": {"b": ` + day + `}}, "a": {"seen": "2026-05-01"}}}`:                              "",
		`{"version": 1, "names": {"\u0061": {"seen": "2026-05-01", "former": {"\u0061": ` + day + `}}}}`:                                                 "",
		`{"version": 1, "Names": {"a": {"seen": "2026-05-01"}}, "names": {"b": {"seen": "2026-05-01", "former": {"c": ` + day + `, "c": ` + day + `}}}}`: "",
	} {
		got := ""
		if _, err := parseLock(lockFile(text)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestLockOf(t *testing.T) {
	const text = `{"version": 1, "names": {"a": {"seen": "2026-05-01"}}}`
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"upstreams.lock", "a/upstreams.lock", "a/b/upstreams.lock", "named/upstreams.lock"} {
		write(name, text)
	}
	facts := &Facts{}
	facts.Discover(filepath.Join(dir, "a"))
	if err := facts.ReadFile(filepath.Join(dir, "named", "upstreams.lock")); err != nil {
		t.Fatal(err)
	}
	for root, want := range map[string]string{
		"a/nginx.conf": "a", "a/x/nginx.conf": "a", "a/b/c/nginx.conf": "b", "ab/nginx.conf": "named", "nginx.conf": "named",
	} {
		configs, err := parsers.Load([]string{write(root, "events {}\nhttp {}\n")}, parsers.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := filepath.Base(filepath.Dir(facts.LockOf(configs[0]).Path)); got != want {
			t.Errorf("%s: the lock is in %s, want %s", root, got, want)
		}
	}
	facts.Forget(time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC))
	if n := len(facts.Locks[0].Names); n != 0 {
		t.Errorf("%d names are left", n)
	}
}

// FuzzLock has text that anyone may have put into a repository.
func FuzzLock(f *testing.F) {
	f.Add(`{"version": 1, "names": {"a": {"seen": "2026-05-01", "former": {"10.0.0.1": {"first": "2026-05-01", "last": "2026-05-02"}}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		lock, err := parseLock(lockFile(text))
		if err == nil {
			lock.forget("2026-05-02")
			if _, err := lock.Text(); err != nil {
				t.Error(err)
			}
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is more than one line", err)
		}
	})
}
