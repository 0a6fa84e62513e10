package parsers

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// files is a folder's content, by path.
type files map[string]string

// enter writes the files to a new folder and makes it the working directory.
func (f files) enter(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for path, text := range f {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// summary is one line for every configuration: its dialect, its roots, "+" all other files, and "only"
// those that findings are wanted for.
func summary(configs []*proxy.Config) []string {
	list := []string{}
	for _, c := range configs {
		line := c.Dialect.String()
		rest := maps.Clone(c.Tree.Files)
		for _, root := range c.Tree.Roots {
			line += " " + root.Path
			delete(rest, root.Path)
		}
		if len(rest) > 0 {
			line += " + " + strings.Join(slices.Sorted(maps.Keys(rest)), " ")
		}
		if c.Only != nil {
			line += " only " + strings.Join(slices.Sorted(maps.Keys(c.Only)), " ")
		}
		list = append(list, line)
	}
	return list
}

const (
	site     = "server {\n  listen 80;\n}\n"
	settings = "global\n  daemon\ndefaults\n  mode http\n"
)

func mainConf(includes ...string) string {
	text := "events {}\nhttp {\n"
	for _, name := range includes {
		text += "  include " + name + ";\n"
	}
	return text + "}\n"
}

func TestLoad(t *testing.T) {
	tests := []struct {
		name    string
		files   files
		paths   []string
		dialect syntax.Dialect
		want    []string
	}{
		{
			name:  "a file of each proxy",
			files: files{"nginx.conf": mainConf("conf.d/*.conf"), "conf.d/a.conf": site, "haproxy.cfg": settings},
			paths: []string{"haproxy.cfg", "nginx.conf"},
			want:  []string{"haproxy haproxy.cfg", "nginx nginx.conf + conf.d/a.conf"},
		},
		{
			name:  "a file named twice",
			files: files{"nginx.conf": mainConf(), "haproxy.cfg": settings},
			paths: []string{"nginx.conf", "./nginx.conf", "haproxy.cfg", "haproxy.cfg", "."},
			want:  []string{"nginx nginx.conf", "haproxy haproxy.cfg"},
		},
		{
			name:  "a fragment belongs to the nginx.conf around it",
			files: files{"nginx.conf": mainConf("conf.d/*.conf"), "conf.d/a.conf": site, "conf.d/b.conf": site},
			paths: []string{"conf.d/a.conf"},
			want:  []string{"nginx nginx.conf + conf.d/a.conf conf.d/b.conf only conf.d/a.conf"},
		},
		{
			name:  "two fragments of one configuration",
			files: files{"nginx.conf": mainConf("conf.d/*.conf"), "conf.d/a.conf": site, "conf.d/b.conf": site, "conf.d/c.conf": site},
			paths: []string{"conf.d/a.conf", "conf.d/c.conf"},
			want:  []string{"nginx nginx.conf + conf.d/a.conf conf.d/b.conf conf.d/c.conf only conf.d/a.conf conf.d/c.conf"},
		},
		{
			name:  "a fragment, then the whole",
			files: files{"nginx.conf": mainConf("conf.d/*.conf"), "conf.d/a.conf": site},
			paths: []string{"conf.d/a.conf", "nginx.conf"},
			want:  []string{"nginx nginx.conf + conf.d/a.conf"},
		},
		{
			name:  "a fragment, then a whole that FindRoot does not know",
			files: files{"main.conf": mainConf("conf.d/*.conf"), "conf.d/a.conf": site},
			paths: []string{"conf.d/a.conf", "main.conf"},
			want:  []string{"nginx main.conf + conf.d/a.conf"},
		},
		{
			name: "a fragment with a part, then the whole, then the part",
			files: files{
				"main.conf": mainConf("a.conf"), "a.conf": "server {\n include part.conf;\n}\n", "part.conf": "listen 80;\n",
			},
			paths: []string{"a.conf", "main.conf", "part.conf"},
			want:  []string{"nginx main.conf + a.conf part.conf"},
		},
		{
			name:  "a fragment that no nginx.conf includes",
			files: files{"nginx.conf": mainConf(), "sites/a.conf": site},
			paths: []string{"sites/a.conf"},
			want:  []string{"nginx sites/a.conf"},
		},
		{
			name: "folder: included files are no configurations of their own",
			files: files{
				"nginx.conf": mainConf("conf.d/*.conf"), "conf.d/a.conf": site, "conf.d/tcp.conf": "stream {\n}\n",
				"loose.conf": site,
			},
			paths: []string{"."},
			want:  []string{"nginx nginx.conf + conf.d/a.conf conf.d/tcp.conf", "nginx loose.conf"},
		},
		{
			name:  "folder: the including file comes last",
			files: files{"a.conf": "stream {\n}\n", "z.conf": mainConf("a.conf")},
			paths: []string{"."},
			want:  []string{"nginx z.conf + a.conf"},
		},
		{
			name: "folder: other programs' files, hidden folders and other people's code",
			files: files{
				"nginx.conf": mainConf(), ".git/nginx.conf": mainConf(), "node_modules/a/nginx.conf": mainConf(),
				"vendor/a/nginx.conf": mainConf(), "php/www.conf": "[www]\nlisten = 9000\n", "setup.cfg": "[metadata]\n",
				"notes.md": "server {\n listen 80;\n}", "bin.conf": "\x7fELF" + strings.Repeat("\x00", 20),
				"testdata/nginx.conf": mainConf(),
			},
			paths: []string{"."},
			want:  []string{"nginx nginx.conf", "nginx testdata/nginx.conf"},
		},
		{
			name:  "folder: sites without an ending",
			files: files{"sites-available/example.org": site, "sites-available/README": "Put sites here.\n"},
			paths: []string{"."},
			want:  []string{"nginx sites-available/example.org"},
		},
		{
			name:  "a folder of fragments belongs to the nginx.conf above",
			files: files{"nginx.conf": mainConf("conf.d/*.conf"), "conf.d/a.conf": site, "conf.d/b.conf": site},
			paths: []string{"conf.d"},
			want:  []string{"nginx nginx.conf + conf.d/a.conf conf.d/b.conf only conf.d/a.conf conf.d/b.conf"},
		},
		{
			name: "folder: HAProxy files that make one configuration",
			files: files{
				"lb/00-global.cfg": "global\n  daemon\n", "lb/10-defaults.cfg": "defaults\n  mode http\n",
				"lb/20-web.cfg": "frontend web\n", "lb/30-app.cfg": "backend app\n", "lb/old.conf": "backend app\n",
			},
			paths: []string{"."},
			want:  []string{"haproxy lb/old.conf", "haproxy lb/00-global.cfg lb/10-defaults.cfg lb/20-web.cfg lb/30-app.cfg"},
		},
		{
			name: "folder: HAProxy files that are complete each",
			files: files{
				"a.cfg": settings + "listen a\n", "b.cfg": settings + "listen b\n",
			},
			paths: []string{"."},
			want:  []string{"haproxy a.cfg", "haproxy b.cfg"},
		},
		{
			name:  "folder: HAProxy files with one section in both",
			files: files{"a.cfg": settings + "backend app\n", "b.cfg": "backend app\n"},
			paths: []string{"."},
			want:  []string{"haproxy a.cfg", "haproxy b.cfg"},
		},
		{
			name:    "folder: one proxy alone",
			files:   files{"nginx.conf": mainConf(), "haproxy.cfg": settings},
			paths:   []string{"."},
			dialect: syntax.HAProxy,
			want:    []string{"haproxy haproxy.cfg"},
		},
		{
			name:    "the language is given",
			files:   files{"x.txt": "backend app\n"},
			paths:   []string{"x.txt"},
			dialect: syntax.Nginx,
			want:    []string{"nginx x.txt"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.files.enter(t)
			configs, err := Load(test.paths, Options{Dialect: test.dialect})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, summary(configs)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLoadFromInside(t *testing.T) {
	files{"nginx.conf": mainConf("conf.d/*.conf"), "conf.d/a.conf": site}.enter(t)
	t.Chdir("conf.d")
	configs, err := Load([]string{"a.conf"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := filepath.Abs("a.conf")
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(maps.Keys(configs[0].Only)); len(got) != 1 || !sameFile(t, got[0], want) || !filepath.IsAbs(got[0]) {
		t.Errorf("got %q, want %q, which reports can shorten to a.conf", got, want)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(x, y)
}

func TestLoadFollowsNoLinkOut(t *testing.T) {
	files{
		"out/nginx.conf": mainConf(), "out/sub/haproxy.cfg": settings,
		"in/..data/haproxy.cfg": settings, "in/loose.conf": site,
	}.enter(t)
	for link, target := range map[string]string{
		"in/nginx.conf": "../out/nginx.conf", "in/sub": "../out/sub", "in/haproxy.cfg": "..data/haproxy.cfg", "in/loop": ".",
	} {
		if err := os.Symlink(filepath.FromSlash(target), link); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	configs, err := Load([]string{"in"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"nginx in/loose.conf", "haproxy in/haproxy.cfg"}, summary(configs)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	files{
		"empty/x.txt": "", "notes.txt": "just words\n", "bin": "\x7fELF" + strings.Repeat("\x00", 20),
		"wide.conf": "\xff\xfee\x00v\x00", "locked.conf": site,
	}.enter(t)
	tests := map[string]string{
		"none.conf": "none.conf: no such file or directory",
		"empty":     "empty: no nginx or HAProxy configuration in this folder",
		"notes.txt": "notes.txt: cannot tell whether this is for nginx or HAProxy, use --dialect",
		"bin":       "bin: binary file, not a configuration",
		"wide.conf": "wide.conf: UTF-16 text, which no proxy reads: save it as UTF-8",
	}
	if runtime.GOOS != "windows" {
		tests["/dev/zero"] = "/dev/zero: not a regular file"
		if os.Getuid() != 0 {
			if err := os.Chmod("locked.conf", 0); err != nil {
				t.Fatal(err)
			}
			tests["locked.conf"] = "locked.conf: permission denied"
		}
	} else {
		tests["none.conf"] = "none.conf: The system cannot find the file specified."
	}
	for path, want := range tests {
		if _, err := Load([]string{path}, Options{}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

func TestDiscoverIsBounded(t *testing.T) {
	deep := "top/" + strings.Repeat("d/", maxDepth)
	files{deep + "nginx.conf": mainConf(), deep + "d/nginx.conf": mainConf()}.enter(t)
	found, _, err := newLoader(Options{}).discover("top")
	if err != nil || len(found) != 1 {
		t.Errorf("got %v, %v, want what lies %d deep alone", found, err, maxDepth)
	}
	full := finder{loader: newLoader(Options{}), dir: "top", looked: maxCandidates, seen: map[string]bool{}}
	if err := full.folder("top", 0); err == nil || !strings.HasPrefix(err.Error(), "top: more than 20000 files") {
		t.Errorf("one file too many: got %v", err)
	}
}

func TestLoadText(t *testing.T) {
	files{"conf.d/mime.conf": "types {\n}\n"}.enter(t)
	configs, err := LoadText("conf.d/nginx.conf", mainConf("mime.conf"), Options{NginxVersion: proxy.Version{1, 27, 3}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"nginx conf.d/nginx.conf + conf.d/mime.conf"}, summary(configs)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := configs[0].Version; got != (proxy.Version{1, 27, 3}) {
		t.Errorf("got version %v", got)
	}
	if _, err := LoadText("<stdin>", "words\n", Options{}); err == nil {
		t.Error("no error for a text of unknown language")
	}
}
