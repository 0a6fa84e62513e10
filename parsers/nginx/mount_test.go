package nginx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestMount(t *testing.T) {
	for _, test := range []struct {
		name, include string
		mounts        map[string]string
		prefix        string
		want          string // "": nothing is read
	}{
		{"a file", "/etc/nginx/a.conf", map[string]string{"/etc/nginx": "repo"}, "", "repo/a.conf"},
		{"a pattern", "/etc/nginx/conf.d/*.conf", map[string]string{"/etc/nginx": "repo"}, "", "repo/conf.d/b.conf"},
		{"the longest path", "/etc/nginx/conf.d/b.conf", map[string]string{"/etc/nginx": "main", "/etc/nginx/conf.d": "repo/conf.d"}, "", "repo/conf.d/b.conf"},
		{"one file", "/run/a", map[string]string{"/run/a": "repo/a.conf"}, "", "repo/a.conf"},
		{"a chroot", "/conf.d/b.conf", map[string]string{"/": "repo"}, "", "repo/conf.d/b.conf"},
		{"dots", "/etc/nginx/../nginx/a.conf", map[string]string{"/etc/nginx": "repo"}, "", "repo/a.conf"},
		{"a name that begins alike", "/etc/nginx2/a.conf", map[string]string{"/etc/nginx": "repo"}, "", ""},
		{"dots that lead elsewhere", "/etc/nginx/../a.conf", map[string]string{"/etc/nginx": "repo/conf.d"}, "", ""},
		{"a link that leads out", "/etc/nginx/link.conf", map[string]string{"/etc/nginx": "repo"}, "", ""},
		{"a prefix", "a.conf", nil, "repo", "repo/a.conf"},
		{"a prefix is not for absolute paths", "/a.conf", nil, "repo", ""},
		{"no prefix", "a.conf", nil, "", ""},
	} {
		main := "events {}\nhttp { include " + test.include + "; }\n"
		dir := plant(t, map[string]string{
			"main/nginx.conf": main, "repo/a.conf": "", "repo/conf.d/b.conf": "", "secret.conf": "", "repo/link.conf": "→../secret.conf",
		})
		for _, isAbsolute := range []bool{true, false} {
			base := dir + "/"
			if !isAbsolute {
				t.Chdir(dir)
				base = ""
			}
			o := Options{Map: map[string]string{}}
			if test.prefix != "" {
				o.Prefix = base + test.prefix
			}
			for path, here := range test.mounts {
				o.Map[path] = here // as seen from the working directory, whatever the main file's name
				if isAbsolute {
					o.Map[path] = base + here
				}
			}
			var want []string
			if test.want != "" {
				want = []string{test.want}
			}
			tree := Load(syntax.Source{Path: base + "main/nginx.conf", Src: main}, o).Tree
			if diff := cmp.Diff(want, includes(tree, dir)); diff != "" {
				t.Errorf("%s, absolute %v (-want +got):\n%s", test.name, isAbsolute, diff)
			}
		}
	}
}

// A file that is reached by a name of this machine and by one of nginx's is one file.
func TestMountNamesOnce(t *testing.T) {
	main := "events {}\nhttp { include conf.d/a.conf; include /etc/nginx/conf.d/a.conf; }\n"
	dir := plant(t, map[string]string{"nginx.conf": main, "conf.d/a.conf": ""})
	t.Chdir(dir)
	for _, path := range []string{"nginx.conf", filepath.Join(dir, "nginx.conf")} {
		tree := Load(syntax.Source{Path: path, Src: main}, Options{Map: map[string]string{"/etc/nginx": "."}}).Tree
		if len(tree.Files) != 2 {
			t.Errorf("%s: %d files, want 2", path, len(tree.Files))
		}
	}
}

func TestOwnDirectives(t *testing.T) {
	dir := plant(t, map[string]string{"nginx.conf": "events {}\nhttp { our_filter on; your_filter on; our_block { any thing; } }\n"})
	text, err := os.ReadFile(filepath.Join(dir, "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	tree := Load(syntax.Source{Path: "nginx.conf", Src: string(text)}, Options{Directives: []string{"our_filter", "our_block"}}).Tree
	if len(tree.Problems) != 1 || tree.Problems[0].File.Text(tree.Problems[0].At) != "your_filter" {
		t.Errorf("got %+v, want your_filter alone", tree.Problems)
	}
}
