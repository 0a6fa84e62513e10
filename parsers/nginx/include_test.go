package nginx

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// plant writes files into a new folder and returns it. A text that begins with "→" is a symbolic link.
func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, isLink := strings.CutPrefix(text, "→"); isLink {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load reads nginx.conf of a folder.
func load(t *testing.T, dir string) *syntax.Tree {
	t.Helper()
	path := filepath.Join(dir, "nginx.conf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return Load(syntax.Source{Path: path, Src: string(text)}, Options{}).Tree
}

// includes tells which files each include statement of a tree brought in, in the order of a walk.
func includes(tree *syntax.Tree, dir string) []string {
	var list []string
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		for _, f := range tree.Includes[s] {
			list = append(list, strings.TrimPrefix(f.Path, filepath.ToSlash(dir)+"/"))
		}
		return true
	})
	return list
}

const wrapped = "events {}\nhttp {\n%s\n}\n"

// TestIncludes reads small trees and holds what is loaded, and what is told, against nginx itself.
func TestIncludes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links and file names that Windows refuses")
	}
	tests := []struct {
		name     string
		http     string // what stands in the http block of nginx.conf
		files    map[string]string
		want     []string
		problems []string
		fails    bool // nginx refuses the tree
	}{
		{"relative to the main file", "include conf.d/a.conf;", map[string]string{"conf.d/a.conf": "include conf.d/b.conf;", "conf.d/b.conf": "gzip on;"},
			[]string{"conf.d/a.conf", "conf.d/b.conf"}, nil, false},
		{"missing among others", "include conf.d/a.conf;", map[string]string{"conf.d/b.conf": "gzip on;"},
			nil, []string{"3:9 error: conf.d/a.conf does not exist, while other files of its folder do"}, true},
		{"missing folder", "include other/a.conf;", nil, nil, []string{"3:9 info: other/a.conf was not read: it is not here"}, true},
		{"missing behind a glob", "include conf.d/*.conf;", nil, nil, nil, false},
		{"quoted", `include "conf.d/a.conf";`, map[string]string{"conf.d/a.conf": "gzip on;"}, []string{"conf.d/a.conf"}, nil, false},
		{"folder", "include conf.d;", map[string]string{"conf.d/a.conf": "gzip on;"},
			nil, []string{"3:9 error: conf.d is a folder: nginx includes files"}, true},
		{"hidden files", "include conf.d/*;", map[string]string{"conf.d/.a.conf": "nonsense", "conf.d/b": "gzip on;"}, []string{"conf.d/b"}, nil, false},
		{"order by whole path", "include d*/x.conf;", map[string]string{"d/x.conf": "gzip on;", "d-1/x.conf": "tcp_nodelay on;"},
			[]string{"d-1/x.conf", "d/x.conf"}, nil, false},
		{"negated class", "include [!b]*.conf;", map[string]string{"a.conf": "gzip on;", "b.conf": "nonsense", "nginx.conf": ""},
			nil, nil, true},
		{"class", "include conf.d/[!b]*.conf;", map[string]string{"conf.d/a.conf": "gzip on;", "conf.d/b.conf": "nonsense"},
			[]string{"conf.d/a.conf"}, nil, false},
		{"question mark", "include conf.d/?.conf;", map[string]string{"conf.d/a.conf": "gzip on;", "conf.d/bb.conf": "nonsense"},
			[]string{"conf.d/a.conf"}, nil, false},
		{"twice", "server { listen 127.0.0.1:1; include a.conf; }\nserver { listen 127.0.0.1:2; include a.conf; }",
			map[string]string{"a.conf": "root /srv;"}, []string{"a.conf", "a.conf"}, nil, false},
		{"link", "include on/*.conf;", map[string]string{"off/a.conf": "gzip on;", "on/a.conf": "→../off/a.conf"}, []string{"on/a.conf"}, nil, false},
		{"shipped", "include mime.types;", nil, nil, []string{"3:9 info: mime.types was not read: it is not here; nginx's package ships a file of that name"}, true},
		{"inside a map", "map $host $b { include m; }", map[string]string{"m": "default 1;"}, []string{"m"}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := plant(t, tt.files)
			text := fmt.Sprintf(wrapped, tt.http)
			if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			tree := load(t, dir)
			if tt.name == "negated class" { // it matches nginx.conf itself
				if got := told(tree); len(got) != 1 || !strings.Contains(got[0], "in a circle") {
					t.Errorf("told %q, want a circle", got)
				}
				return
			}
			if got := includes(tree, dir); !cmp.Equal(got, tt.want) {
				t.Error(cmp.Diff(tt.want, got))
			}
			if got := told(tree); !cmp.Equal(got, tt.problems) {
				t.Error(cmp.Diff(tt.problems, got))
			}
			judgeTree(t, dir, tt.want, tt.fails)
		})
	}
}

// told renders the include problems of a tree.
func told(tree *syntax.Tree) []string {
	var list []string
	for _, p := range tree.Problems {
		if p.Code != "include-missing" {
			continue
		}
		grade := map[syntax.Grade]string{syntax.Fatal: "error", syntax.Warn: "warning", syntax.Note: "info"}[p.Grade]
		at := p.File.Position(p.At.Start)
		list = append(list, fmt.Sprintf("%d:%d %s: %s", at.Line, at.Byte, grade, p.Msg))
	}
	return list
}

// judgeTree asks nginx, where it is installed, which files it loads.
func judgeTree(t *testing.T, dir string, want []string, fails bool) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		return
	}
	out, err := exec.Command(nginx, "-T", "-e", "stderr", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-g", "pid "+dir+"/pid;").CombinedOutput()
	if (err != nil) != fails {
		t.Errorf("nginx refuses: %v, want %v\n%s", err != nil, fails, out)
	}
	if err != nil {
		return
	}
	var loaded []string
	for _, line := range strings.Split(string(out), "\n") {
		if path, ok := strings.CutPrefix(line, "# configuration file "+dir+"/"); ok {
			if path = strings.TrimSuffix(path, ":"); path != "nginx.conf" {
				loaded = append(loaded, path)
			}
		}
	}
	once := map[string]bool{}
	var files []string
	for _, w := range want {
		if !once[w] {
			files = append(files, w)
		}
		once[w] = true
	}
	if !cmp.Equal(loaded, files) {
		t.Errorf("nginx loads others:\n%s", cmp.Diff(files, loaded))
	}
}

func TestIncludeCycle(t *testing.T) {
	dir := plant(t, map[string]string{
		"nginx.conf": "events {}\nhttp { include a.conf; }\n",
		"a.conf":     "gzip on;\ninclude b.conf;\n",
		"b.conf":     "include a.conf;\ntcp_nodelay on;\n",
	})
	tree := load(t, dir)
	if len(tree.Problems) != 1 {
		t.Fatalf("%d problems: %+v", len(tree.Problems), tree.Problems)
	}
	p := tree.Problems[0]
	if want := "this include leads in a circle: "; !strings.HasPrefix(p.Msg, want) || !strings.HasSuffix(p.File.Path, "b.conf") || len(p.Related) != 1 {
		t.Errorf("told in %s: %s (%d other places)", p.File.Path, p.Msg, len(p.Related))
	}
	names := 0
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if s.Name() == "gzip" || s.Name() == "tcp_nodelay" {
			names++
		}
		return true
	})
	if names != 2 {
		t.Errorf("%d of the two settings are left in the tree", names)
	}
}

// TestIncludeOutside makes sure that a configuration can't have other files of the machine read.
func TestIncludeOutside(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links")
	}
	secret := plant(t, map[string]string{"secret.conf": "password 1;"})
	for name, include := range map[string]string{
		"absolute": secret + "/secret.conf", "glob": secret + "/*.conf", "up": "../../../" + strings.TrimPrefix(secret, filepath.Dir(filepath.Dir(secret))+"/") + "/secret.conf", "link": "link.conf", "glob link": "l*.conf", "folder link": "dir/secret.conf",
	} {
		t.Run(name, func(t *testing.T) {
			dir := plant(t, map[string]string{
				"nginx.conf": fmt.Sprintf(wrapped, "include "+include+";"),
				"link.conf":  "→" + secret + "/secret.conf",
				"dir":        "→" + secret,
			})
			tree := load(t, dir)
			if len(tree.Files) != 1 {
				t.Errorf("read %d files", len(tree.Files))
			}
			if got := told(tree); len(got) != 1 || !strings.Contains(got[0], "info: ") || !strings.Contains(got[0], "outside") {
				t.Errorf("told %q", got)
			}
		})
	}
}

// TestIncludePackages reads what the machine's own configuration links to, and nothing for one that lies elsewhere.
func TestIncludePackages(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links")
	}
	own, packages := ownFolder, packagesFolder
	t.Cleanup(func() { ownFolder, packagesFolder = own, packages })
	packagesFolder = plant(t, map[string]string{"mod.conf": "gzip on;"})
	secret := plant(t, map[string]string{"secret.conf": "password 1;"})
	dir := plant(t, map[string]string{
		"nginx.conf":  fmt.Sprintf(wrapped, "include mod.conf; include secret.conf;"),
		"mod.conf":    "→" + packagesFolder + "/mod.conf",
		"secret.conf": "→" + secret + "/secret.conf",
	})
	for folder, files := range map[string]int{dir: 2, "/elsewhere": 1} {
		ownFolder = folder
		if tree := load(t, dir); len(tree.Files) != files {
			t.Errorf("%d files are read where %s holds the machine's own, want %d", len(tree.Files), folder, files)
		}
	}
}

// TestIncludeBomb reads files that include each other twice over: two to the power of thirty paths.
func TestIncludeBomb(t *testing.T) {
	files := map[string]string{"nginx.conf": "events {}\nhttp { include f0.conf; include f0.conf; }\n"}
	for i := range 30 {
		files[fmt.Sprintf("f%d.conf", i)] = fmt.Sprintf("include f%d.conf; include f%d.conf;\nupstream u%d { server 127.0.0.1; }\n", i+1, i+1, i)
	}
	files["f30.conf"] = "gzip on;\n"
	tree := load(t, plant(t, files))
	if len(tree.Files) != 32 {
		t.Errorf("read %d files", len(tree.Files))
	}
	steps := 0
	tree.Walk(func(*syntax.Scope, *syntax.Stmt) bool { steps++; return true })
	if steps == 0 || steps > 200_000 {
		t.Errorf("walked %d statements", steps)
	}
}

func TestFindRoot(t *testing.T) {
	plainly := func(string) Options { return Options{} }
	dir := plant(t, map[string]string{
		"nginx.conf":        fmt.Sprintf(wrapped, "include conf.d/*.conf;"),
		"conf.d/a.conf":     "server { listen 80; }",
		"other/b.conf":      "server { listen 80; }",
		"other/nginx.conf":  "events {}",
		"conf.d/unread.txt": "",
	})
	if root, ok := FindRoot(filepath.Join(dir, "conf.d", "a.conf"), plainly); !ok || root != filepath.Join(dir, "nginx.conf") {
		t.Errorf("the root of conf.d/a.conf is %q, %v", root, ok)
	}
	if root, ok := FindRoot(filepath.Join(dir, "other", "b.conf"), plainly); ok {
		t.Errorf("other/b.conf has the root %q", root)
	}
}
