package parsers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// indented puts blanks before every line of a text.
func indented(text string, blanks int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.Repeat(" ", blanks) + line)
	}
	return b.String()
}

// configMap is a manifest with texts in literal blocks, in the order of their keys.
func configMap(texts files) string {
	manifest := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: conf\ndata:\n"
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		manifest += "  " + key + ": |\n" + indented(texts[key], 4)
	}
	return manifest
}

const tunnel = "tunnel: shop\ningress:\n  - service: http://app:8080\n"

func TestEmbedded(t *testing.T) {
	list := "kind: ConfigMapList\nitems:\n" + "- " + strings.TrimLeft(indented(configMap(files{"nginx.conf": mainConf()}), 2), " ")
	for _, test := range []struct {
		name  string
		files files
		paths []string
		want  []string
	}{
		{
			"both proxies and other texts",
			files{"cm.yaml": configMap(files{"nginx.conf": mainConf(), "haproxy.cfg": settings, "my.cnf": "[mysqld]\n", "app.yaml": site})},
			[]string{"cm.yaml"},
			[]string{"nginx cm.yaml#18/nginx.conf", "haproxy cm.yaml#11/haproxy.cfg"},
		},
		{
			"keys include each other by their names, a pattern only what nothing names",
			files{"cm.yaml": configMap(files{
				"a.conf":     "server {\n  include /etc/nginx/snippets/proxy.conf;\n}\n",
				"nginx.conf": mainConf("/etc/nginx/mime.types", "/etc/nginx/conf.d/*.conf", "/etc/nginx/more/*.conf"),
				"proxy.conf": "proxy_read_timeout 5s;\n", "mime.types": "types {}\n", "whole.conf": mainConf(),
			})},
			[]string{"cm.yaml"},
			[]string{
				"nginx cm.yaml#13/nginx.conf + cm.yaml#11/mime.types cm.yaml#20/proxy.conf cm.yaml#7/a.conf",
				"nginx cm.yaml#22/whole.conf",
			},
		},
		{"includes in a circle", files{"cm.yaml": configMap(files{"a.conf": "include b.conf;\nevents {}\n", "b.conf": "include a.conf;\nserver {}\n"})},
			[]string{"cm.yaml"},
			[]string{"nginx cm.yaml#7/a.conf + cm.yaml#10/b.conf"}},
		{"a tunnel, by itself and in a ConfigMap", files{
			"cm.yaml": configMap(files{"config.yaml": tunnel, "values.yaml": "ingress:\n  enabled: true\n"}), ".cloudflared/config.yml": tunnel,
			"ingress.yaml": "kind: Ingress\nspec:\n  rules:\n    - host: a.dev\n", "nginx.conf": mainConf(),
		},
			[]string{"."},
			[]string{"cloudflared .cloudflared/config.yml", "cloudflared cm.yaml#7/config.yaml", "nginx nginx.conf"}},
		{"documents and a list", files{"all.yml": "a: 1\n---\n" + configMap(files{"nginx.conf": mainConf()}) + "---\n" + list + "---\n[\n"},
			[]string{"all.yml"},
			[]string{"nginx all.yml#9/nginx.conf", "nginx all.yml#21/nginx.conf"}},
		{"a folder, a file named twice", files{
			"k8s/cm.yaml": configMap(files{"default": site}), "k8s/values.yaml": "nginx.conf: |\n  events {}\n", "a.conf": site, "bad.yaml": "ConfigMap: [\n",
		},
			[]string{"k8s/cm.yaml", ".", "./k8s/cm.yaml"},
			[]string{"nginx k8s/cm.yaml#7/default", "nginx a.conf"}},
		{
			"compose configs by service",
			files{"compose.yml": `
services:
  web: {configs: [{source: main, target: /etc/nginx/nginx.conf}, {source: site, target: /etc/nginx/conf.d/site.conf}, other]}
  lb: {configs: [haproxy.cfg]}
configs:
  main:
    content: |
      events {}
      http { include conf.d/*.conf; }
  site:
    content: |
      server { set $$a b; }
  haproxy.cfg: {content: "global\n"}
  other: {file: ./x}
  spare.conf:
    content: |
      server {}
`},
			[]string{"compose.yml"},
			[]string{"nginx compose.yml#8/nginx.conf + compose.yml#12/site.conf", "nginx compose.yml#17/spare.conf"},
		},
		{"one text under two keys", files{"cm.yaml": "kind: ConfigMap\ndata:\n  a.conf: &a |\n    server {}\n  b.conf: *a\n"},
			[]string{"cm.yaml"},
			[]string{"nginx cm.yaml#4/a.conf", "nginx cm.yaml#4/b.conf"}},
		{"explicit indentation, CRLF, tabs", files{"cm.yaml": "kind: ConfigMap\r\ndata:\r\n  nginx.conf: |2+\r\n\r\n      events {}\r\n    \thttp {}\r\n\r\n"},
			[]string{"cm.yaml"},
			[]string{"nginx cm.yaml#4/nginx.conf"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.files.enter(t)
			configs, err := Load(test.paths, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, summary(configs)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, c := range configs {
				for _, f := range c.Tree.Files {
					if f.Origin != nil && (f.Origin.In.Dialect != c.Dialect || f.Origin.In.Path != strings.Split(f.Path, "#")[0]) {
						t.Errorf("%s lies in %s of %s", f.Path, f.Origin.In.Path, f.Origin.In.Dialect)
					}
				}
			}
		})
	}
}

func TestEmbeddedUnread(t *testing.T) {
	files{
		"folded.yaml": "kind: ConfigMap\ndata:\n  nginx.conf: >\n    events {}\n\n    http {}\n",
		"quoted.yaml": "kind: ConfigMap\ndata:\n  haproxy.cfg: \"global\\n\"\n",
		"only.yaml":   configMap(files{"haproxy.cfg": settings}),
		"dir/q.yml":   "kind: ConfigMap\ndata:\n  nginx.conf: 'events {}'\n",
		"none/c.yml":  "kind: ConfigMap\ndata:\n  a: |\n    server {}\n",
	}.enter(t)
	for path, want := range map[string]string{
		"folded.yaml": "folded.yaml: nginx.conf is not shown line by line: write it as a block after |",
		"quoted.yaml": "quoted.yaml: haproxy.cfg is not shown line by line: write it as a block after |",
		"dir":         "dir/q.yml: nginx.conf is not shown line by line: write it as a block after |",
		"none":        "none: no nginx or HAProxy configuration in this folder",
	} {
		if configs, err := Load([]string{path}, Options{}); err == nil || err.Error() != want {
			t.Errorf("%s: %d configurations, error %v, want %s", path, len(configs), err, want)
		}
	}
	// a text of the other proxy is none to read
	files{"k/only.yaml": configMap(files{"haproxy.cfg": settings})}.enter(t)
	if configs, err := Load([]string{"k"}, Options{Dialect: syntax.Nginx}); err == nil {
		t.Errorf("got %q", summary(configs))
	}
}

func TestLoadTextEmbedded(t *testing.T) {
	configs, err := LoadText("cm.yaml", configMap(files{"nginx.conf": mainConf(), "haproxy.cfg": settings}), Options{})
	if err != nil || len(configs) != 2 {
		t.Errorf("%d configurations, error %v", len(configs), err)
	}
}

// Aliases that make a small file large must not be followed for long.
func TestEmbeddedBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("kind: ConfigMap\nx: &x |\n" + strings.Repeat("  server {}\n", 10_000) + "data:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "  %d.conf: *x\n", i)
	}
	src := b.String()
	groups := findEmbedded("a.yaml", src).groups
	size := 0
	for _, group := range groups {
		for _, text := range group {
			size += len(text.Src)
		}
	}
	if size == 0 || size > 4*len(src) {
		t.Errorf("%d bytes of %d", size, len(src))
	}
}

// Every byte of an embedded text stands in the file where its place says.
func FuzzEmbedded(f *testing.F) {
	f.Add("kind: ConfigMap\ndata:\n  nginx.conf: |\n    events {\n\n    é\n  a.conf: |2-\n     server {\n")
	f.Add("kind: ConfigMap\r\ndata:\r\n  haproxy.cfg: |+\r\n    \tglobal\r\n\r\n")
	f.Add("configs: {x: {content: &a |\n  server { $$b }\n}, nginx.conf: {content: *a}}\nservices: {a: {configs: [x, {source: x, target: /n.conf}]}}\n")
	f.Add("kind: List\nitems:\n- kind: ConfigMap\n  data: {nginx.conf: |\n   events {}\u2028\n  }\n")
	f.Fuzz(func(t *testing.T, src string) {
		configs, err := LoadText("a.yaml", src, Options{})
		if err != nil {
			return
		}
		for _, c := range configs {
			for _, file := range c.Tree.Files {
				if file.Origin != nil {
					checkOuter(t, file)
				}
			}
		}
	})
}

func checkOuter(t *testing.T, f *syntax.File) {
	for i := range f.Src {
		at := f.Ref(syntax.Span{Start: syntax.Pos(i), End: syntax.Pos(i + 1)})
		outer := at.Outer()
		if got, want := outer.Text(), at.Text(); got != want && want != "\n" && got != "$$" {
			t.Fatalf("byte %d is %q, outside %q", i, want, got)
		}
		if outer.Span.Start > outer.Span.End {
			t.Fatalf("byte %d: %+v", i, outer.Span)
		}
		if text, ok := at.OuterText("x\ny"); !ok || !strings.HasPrefix(text, "x") {
			t.Fatalf("a word at byte %d can't be replaced", i)
		}
	}
}
