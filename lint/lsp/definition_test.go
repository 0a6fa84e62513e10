package lsp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// In the texts "<" stands before the name that is asked for. The answer is the text behind each place.
func TestDefinition(t *testing.T) {
	for _, tt := range []struct {
		name, file, text string
		want             []string
	}{
		{
			"group of a pass", "nginx.conf",
			"events {}\nhttp {\n upstream app { server 10.0.0.1; }\n server { location / { proxy_pass http://<app; } }\n}\n",
			[]string{"nginx.conf app { server 10.0.0.1; }"},
		},
		{
			"group of another protocol", "nginx.conf",
			"events {}\nhttp {\n upstream php { server unix:/php; }\n server { location / { fastcgi_pass <php; } }\n}\n",
			[]string{"nginx.conf php { server unix:/php; }"},
		},
		{
			"address that is none", "nginx.conf",
			"events {}\nhttp {\n server { location / { proxy_pass http://<10.0.0.1; } }\n}\n", nil,
		},
		{
			"directive itself", "nginx.conf",
			"events {}\nhttp {\n upstream app { server 10.0.0.1; }\n server { location / { <proxy_pass http://app; } }\n}\n", nil,
		},
		{
			"includes of a pattern", "nginx.conf", "events {}\nhttp {\n include <conf.d/*.conf;\n}\n",
			[]string{"conf.d/a.conf # a", "conf.d/b.conf # b"},
		},
		{
			"named location of the server", "nginx.conf",
			"events {}\nhttp {\n server { location @app { return 200; } location / { try_files /x <@app; } }\n server { location @app { return 201; } }\n}\n",
			[]string{"nginx.conf @app { return 200; } location / { try_files /x @app; } }"},
		},
		{
			"backend", "haproxy.cfg", "global\nfrontend web\n default_backend <app\nbackend app\nlisten other\n",
			[]string{"haproxy.cfg app"},
		},
		{
			"listen section", "haproxy.cfg", "global\nfrontend web\n use_backend <app if TRUE\nlisten app\n",
			[]string{"haproxy.cfg app"},
		},
		{
			"section of another kind", "haproxy.cfg", "global\nfrontend web\n use_backend <web if TRUE\n", nil,
		},
		{
			"rules of a name, negated", "haproxy.cfg",
			"global\nfrontend web\n acl api path /a\n acl api path /b\n use_backend app if !<api\nfrontend other\n acl api path /c\n",
			[]string{"haproxy.cfg api path /a", "haproxy.cfg api path /b"},
		},
		{
			"resolvers", "haproxy.cfg", "resolvers dns\n nameserver a 10.0.0.1:53\nbackend app\n server a app:80 resolvers <dns\n",
			[]string{"haproxy.cfg dns"},
		},
		{
			"defaults", "haproxy.cfg", "defaults base\n mode http\nbackend app from <base\n",
			[]string{"haproxy.cfg base"},
		},
		{
			"mailers", "haproxy.cfg", "mailers post\n mailer a 10.0.0.1:25\nbackend app\n email-alert mailers <post\n",
			[]string{"haproxy.cfg post"},
		},
		{"section itself", "haproxy.cfg", "defaults base\n mode http\nbackend <app from base\n", nil},
		{
			"server", "haproxy.cfg", "backend app\n server one 10.0.0.1:80\n use-server <one if TRUE\n",
			[]string{"haproxy.cfg one 10.0.0.1:80"},
		},
		{
			"table", "haproxy.cfg", "backend counts\nfrontend web\n http-request track-sc0 src table <counts\n",
			[]string{"haproxy.cfg counts"},
		},
		{
			"inside a ConfigMap", "map.yaml",
			"kind: ConfigMap\ndata:\n  haproxy.cfg: |\n    frontend web\n      default_backend <app\n    backend app\n      mode http\n",
			[]string{"map.yaml app"},
		},
		{"nothing", "nginx.conf", "events {}\nhttp {}\n<\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parts := map[string]string{"conf.d/a.conf": "# a\n", "conf.d/b.conf": "# b\n"}
			e := start(t, parts)
			e.initialize(`{}`)
			text := strings.Replace(tt.text, "<", "", 1)
			e.open(tt.file, "", text)
			before := strings.Split(tt.text[:strings.Index(tt.text, "<")], "\n")
			last := before[len(before)-1]
			at := position{uint32(len(before) - 1), uint32(len(last))}
			var found []location
			if code := e.ask("textDocument/definition", positionParams{textDocument{e.uri(tt.file)}, at}, &found); code != 0 {
				t.Fatalf("code %d", code)
			}
			parts[tt.file] = text
			var got []string
			for _, l := range found {
				name := strings.TrimPrefix(l.URI, e.uri("")+"/")
				line := strings.Split(parts[name], "\n")[l.Range.Start.Line]
				got = append(got, fmt.Sprintf("%s %s", name, line[l.Range.Start.Character:]))
			}
			slices.Sort(got)
			if !cmp.Equal(got, tt.want) {
				t.Error(cmp.Diff(tt.want, got))
			}
		})
	}
}
