package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestEditable(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"site/nginx.conf", "site/conf.d/a.conf", "folder/a.conf", "other/a.conf", "site2/a.conf"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{
		"site/nginx.conf": true, "site/conf.d/a.conf": true, "folder/a.conf": true,
		"other/a.conf": false, "site2/a.conf": false, "site/none.conf": false,
	}
	if os.Symlink("../other/a.conf", "site/out.conf") == nil && os.Symlink("../site/conf.d/a.conf", "other/in.conf") == nil {
		want["site/out.conf"], want["other/in.conf"] = false, true
	}
	target := editable([]string{"site/nginx.conf", "folder"})
	for path, may := range want {
		got := target(syntax.NewFile(path, "", syntax.Nginx, nil))
		if (got != "") != may {
			t.Errorf("%s: got %q, want one: %v", path, got, may)
		}
	}
}
