package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestReplaceFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes, and links need a privilege")
	}
	dir := t.TempDir()
	file, link := filepath.Join(dir, "nginx.conf"), filepath.Join(dir, "link.conf")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	const mode = 0o604
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nginx.conf", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link} {
		if err := replaceFile(path, "new by "+path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, file); got != "new by "+path || info.Mode() != mode {
			t.Errorf("%s: %q with mode %o", path, got, info.Mode())
		}
	}
	if to, err := os.Readlink(link); to != "nginx.conf" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if err := replaceFile(filepath.Join(dir, "new.json"), "x"); err != nil {
		t.Error(err)
	}
	if err := replaceFile(dir, "x"); err == nil {
		t.Error("a folder was replaced")
	}
	checkNames(t, dir, "link.conf", "new.json", "nginx.conf")
}

func checkNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := fs.ReadDir(os.DirFS(dir), ".")
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if len(entries) != len(want) || e.Name() != want[i] {
			t.Fatalf("%s holds %v, want %v", dir, entries, want)
		}
	}
}
