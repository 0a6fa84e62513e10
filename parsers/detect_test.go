package parsers

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestDetect(t *testing.T) {
	const (
		nginx   = syntax.Nginx
		haproxy = syntax.HAProxy
		neither = syntax.AnyDialect
	)
	tests := []struct {
		name, src string
		want      syntax.Dialect
	}{
		{"x.yml", "tunnel: a\ningress:\n  - service: http://app:80\n", syntax.Cloudflared},
		{"nginx.yml", "ingress:\n  - hostname: a.dev\n    service: http://app:80\n", syntax.Cloudflared},
		{"x.conf", "tunnel: a\ningress:\n  - service: http://app:80\n", neither},
		// content
		{"x", "events {}\nhttp { }\n", nginx},
		{"x", "# global\nserver {\n", nginx},
		{"x", "\ufeffserver {\n  listen 80;\n}", nginx},
		{"x", "upstream app\n{\n  server 10.0.0.1;\n}", nginx},
		{"x", "proxy_set_header Host $host;", nginx},
		{"x", "fastcgi_param  QUERY_STRING  $query_string;\n", nginx},
		{"x", "types {\n text/html html;\n}", nginx},
		{"x", "server_name a\n  backend\n  b;\nroot /srv;", nginx},
		{"x", "global\n  daemon\n", haproxy},
		{"x", "  defaults\r\n  mode http\r\n", haproxy},
		{"x", "defaults web from base # both\n", haproxy},
		{"x", ".if defined(A)\nbackend app\n", haproxy},
		{"x", "{{ ansible_managed | comment }}\nfrontend web\n  http-request deny if { src 10.0.0.1 }\n", haproxy},
		{"x", "listen stats\n  bind :8404\n", haproxy},
		{"x", "resolvers dns\n  nameserver a 10.0.0.1:53\n", haproxy},
		{"site.conf", "listen 80\nserver_name a;\n", nginx}, // a lost semicolon, not a section
		{"x.cfg", "server {\n  listen 80;\n}\n", nginx},
		{"x.conf", "backend app\n  server a 10.0.0.1:80\n", haproxy},

		// names
		{"haproxy.cfg", "  server a 10.0.0.1:80 check\n", haproxy},
		{"etc/HAProxy.CFG.j2", "{% for s in servers %}\n", haproxy},
		{"nginx.conf", "listen web\n", nginx},
		{"my-nginx.conf.template", "", nginx},
		{"site.conf", "", nginx},
		{"site.conf", "no_such_directive on;\n", nginx},
		{"web.cfg", "# nothing yet\n", haproxy},
		{"haproxy-to-nginx.conf", "global\n", haproxy}, // both names: the content decides

		// other programs' files
		{"x", "", neither},
		{"notes.txt", "the backend is down; we look into it\n", neither},
		{"package.json", "{\n  \"main\": \"index.js\"\n}\n", neither},
		{"compose.yml", "services:\n  nginx:\n    image: nginx\n", neither},
		{"www.conf", "; pool of workers;\n[www]\nlisten = 127.0.0.1:9000\nuser = www-data\n", neither},
		{"my.cnf", "[client]\nuser = root\n", neither},
		{"setup.cfg", "[metadata]\nname = x\n", neither},
		{"nginx.tmpl", "{{ a }}", nginx},
		{"haproxy.j2", "", haproxy},
		{"default.conf.template", "listen ${PORT};\n", nginx},
		{"lb.j2", "{% for b in c %}\nbackend {{ b }}\n", haproxy},
		{"nginx.service.j2", "[Unit]\nDescription={{ a }}\n", neither},
		{"nginx.init.erb", "#!/bin/sh\n", neither},
		{"application.conf", "akka.http.server = 1\n", neither},
		{"nginx.md", "# nginx\n", neither},
		{"main.go", "package main\n\nfunc main() {\n\treturn\n}\n", neither},
		{"radius", "server default {\n  listen {\n    type = auth\n  }\n}\n", neither},
	}
	for _, test := range tests {
		if got := detect(test.name, test.src); got != test.want {
			t.Errorf("%s, %q: got %q, want %q", test.name, test.src, got, test.want)
		}
	}
}

func TestIsMain(t *testing.T) {
	for src, want := range map[string]bool{
		"user www;\nevents {}\n":        true,
		"events\n{\n}\n":                true,
		"\thttp{server{listen 80;}}":    true,
		"stream { # tcp":                true,
		"server { listen 80; }":         false,
		"# http {":                      false,
		"http2 on;":                     false,
		"https_redirect {":              false,
		"upstream http { server a:80;}": false,
	} {
		if got := isMain("nginx.conf", src); got != want {
			t.Errorf("%q: got %v, want %v", src, got, want)
		}
	}
}

// TestDetectCorpus goes by content alone where it can, since a folder's files are taken in by nothing else.
func TestDetectCorpus(t *testing.T) {
	corpus := os.Getenv("PROXYLINT_CORPUS")
	if corpus == "" {
		t.Skip("PROXYLINT_CORPUS is not set")
	}
	for folder, want := range map[string]syntax.Dialect{"nginx": syntax.Nginx, "haproxy": syntax.HAProxy} {
		files, unsure := 0, 0
		err := filepath.WalkDir(filepath.Join(corpus, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			switch got := byContent(path, string(text)); got {
			case want:
			case syntax.AnyDialect:
				unsure++ // a snippet of a few lines
			default:
				t.Errorf("%s: got %v", path, got)
			}
			if err := checkText(string(text)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if unsure > files*3/100 {
			t.Errorf("%s: can't tell %d of %d files", folder, unsure, files)
		}
	}
}
