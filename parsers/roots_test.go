package parsers

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestRoots(t *testing.T) {
	tree := files{
		"deploy/nginx.conf":    mainConf("/etc/nginx/site.conf"),
		"deploy/site.conf":     "server {\n}\n",
		"deploy/old/old.conf":  mainConf("../../shared/a.conf"),
		"shared/a.conf":        "server {\n}\n",
		"lb/anything":          "words\n",
		"lb/haproxy.cfg":       "defaults\n    mode http\n",
		"elsewhere/nginx.conf": mainConf(),
	}
	old, newer := proxy.Version{1, 18}, proxy.Version{1, 27, 3}
	roots := []Root{
		{Path: "deploy", Dialect: syntax.Nginx, Version: newer, Map: map[string]string{"/etc/nginx": "deploy"}},
		{Path: "deploy/old", Version: old},
		{Path: "lb", Dialect: syntax.HAProxy, Version: proxy.Version{3, 2}},
	}
	for _, test := range []struct {
		name    string
		path    string
		o       Options
		want    []string
		version proxy.Version // of the first configuration
	}{
		{"a root", "deploy/nginx.conf", Options{}, []string{"nginx deploy/nginx.conf + deploy/site.conf"}, newer},
		{"a part of one", "deploy/site.conf", Options{}, []string{"nginx deploy/nginx.conf + deploy/site.conf only deploy/site.conf"}, newer},
		{"the innermost", "deploy/old/old.conf", Options{}, []string{"nginx deploy/old/old.conf"}, old},
		{"may reach what the settings may", "deploy/old/old.conf", Options{Within: "."}, []string{"nginx deploy/old/old.conf + shared/a.conf"}, old},
		{"its dialect", "lb/anything", Options{}, []string{"haproxy lb/anything"}, proxy.Version{3, 2}},
		{"a stronger dialect", "lb/haproxy.cfg", Options{Dialect: syntax.Nginx}, []string{"nginx lb/haproxy.cfg"}, proxy.Version{}},
		{"a stronger version", "deploy/nginx.conf", Options{NginxVersion: old}, []string{"nginx deploy/nginx.conf + deploy/site.conf"}, old},
		{"no root", "elsewhere", Options{Within: "."}, []string{"nginx elsewhere/nginx.conf"}, proxy.Version{}},
		{"a folder", "deploy", Options{Excludes: func(path string) bool { return path == "deploy/old" }}, []string{"nginx deploy/nginx.conf + deploy/site.conf"}, newer},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree.enter(t)
			test.o.Roots = roots
			configs, err := Load([]string{test.path}, test.o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, summary(configs)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := configs[0].Version; got != test.version {
				t.Errorf("got version %v, want %v", got, test.version)
			}
		})
	}
}
