package inventory

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers"
)

func TestAssociate(t *testing.T) {
	const server = "events {}\nhttp { server { listen 80; } }\n"
	const frontend = "frontend f\n bind :80\n"
	for _, test := range []struct{ name, archive, conf, want string }{
		{"a mounted file", "-- compose.yml --\nservices:\n  x:\n    image: mine\n    volumes: [./nginx.conf:/etc/nginx/nginx.conf:ro]\n" +
			"-- nginx.conf --\n" + server, "nginx.conf",
			`x true compose.yml:4 "./nginx.conf:/etc/nginx/nginx.conf:ro" service x mounts it at /etc/nginx/nginx.conf`},
		{"a mounted folder", "-- deploy/compose.yml --\nservices:\n  x:\n    image: nginx\n    volumes:\n    - ../conf:/etc/nginx/conf.d\n" +
			"-- conf/a.conf --\nserver { listen 80; }\n", "conf/a.conf",
			`x true deploy/compose.yml:5 "../conf:/etc/nginx/conf.d" service x mounts it at /etc/nginx/conf.d/a.conf`},
		{"any target in a proxy", "-- compose.yml --\nservices:\n  x:\n    image: haproxy:3\n    volumes: [./h.cfg:/my.cfg]\n" +
			"-- h.cfg --\n" + frontend, "h.cfg", `x true compose.yml:4 "./h.cfg:/my.cfg" service x mounts it at /my.cfg`},
		{"a config", "-- compose.yml --\nservices:\n  x:\n    image: haproxy\n    configs:\n    - {source: c, target: /usr/local/etc/haproxy/haproxy.cfg}\n" +
			"configs: {c: {file: h.cfg}}\n-- h.cfg --\n" + frontend, "h.cfg",
			`x true compose.yml:5 "c" service x mounts it at /usr/local/etc/haproxy/haproxy.cfg`},
		{"a COPY", "-- compose.yml --\nservices:\n  x: {build: web}\n" +
			"-- web/Dockerfile --\nFROM nginx AS a\nWORKDIR /etc/nginx\nCOPY *.conf ./\nFROM a\n-- web/nginx.conf --\n" + server, "web/nginx.conf",
			`x true web/Dockerfile:3 "COPY *.conf ./" the image of service x holds it as /etc/nginx/nginx.conf`},
		{"the only proxy near it", "-- compose.yml --\nservices:\n  nginx: {build: .}\n  b: {image: nginx/nginx-prometheus-exporter}\n" +
			"-- a/nginx.conf --\n" + server, "a/nginx.conf", `nginx false compose.yml:2 "nginx" service nginx is the only nginx near it`},
		{"two proxies near it", "-- compose.yml --\nservices:\n  a: {image: nginx}\n  b: {image: openresty/openresty}\n" +
			"-- nginx.conf --\n" + server, "nginx.conf", "none"},
		{"another has its place", "-- compose.yml --\nservices:\n  a:\n    image: nginx\n    volumes: [./a.conf:/etc/nginx/nginx.conf]\n" +
			"-- a.conf --\n" + server + "-- b.conf --\n" + server, "b.conf", "none"},
		{"the wrong proxy", "-- compose.yml --\nservices:\n  a: {image: haproxy}\n-- nginx.conf --\n" + server, "nginx.conf", "none"},
		{"its variant", "-- compose.yml --\nservices:\n  a:\n    image: nginx\n    volumes: [./a.conf:/etc/nginx/nginx.conf]\n" +
			"-- compose.dev.yml --\nservices:\n  b:\n    image: nginx\n    volumes: [./a.conf:/etc/nginx/nginx.conf]\n" +
			"-- a.conf --\n" + server, "a.conf",
			`a true compose.yml:4 "./a.conf:/etc/nginx/nginx.conf" service a mounts it at /etc/nginx/nginx.conf also b`},
	} {
		t.Run(test.name, func(t *testing.T) {
			facts := discovered(t, test.archive)
			paths := []string{test.conf}
			if strings.Contains(test.archive, "-- a.conf --") && test.conf != "a.conf" {
				paths = append(paths, "a.conf")
			}
			configs, err := parsers.Load(paths, parsers.Options{})
			if err != nil {
				t.Fatal(err)
			}
			facts.Associate(configs)
			got := "none"
			if home := facts.Home(configs[0]); home != nil {
				e := home.Evidence[0]
				got = fmt.Sprintf("%s %v %s %s", home.Service.Name, home.Proven, place(e.At), e.Text)
				for _, s := range home.Also {
					got += " also " + s.Name
				}
			}
			want(t, got, test.want)
		})
	}
}

func TestLookup(t *testing.T) {
	facts := discovered(t, `
-- compose.yml --
services:
  web:
    image: nginx
    networks: [front]
    links: ["api:backend", "far:away"]
    external_links: ["elsewhere:other"]
    extra_hosts: ["gw:host-gateway", "fixed:10.1.2.3"]
  api:
    image: a
    container_name: the-api
    hostname: api.local
    networks: {front: {aliases: [v1]}, back: {aliases: [inner]}}
  far: {image: a, networks: [back]}
  side: {image: a, network_mode: "service:web"}
  host: {image: a, network_mode: host}
  box: {image: a, network_mode: "container:x"}
networks: {front: , back: }
`)
	services := map[string]*Service{}
	for _, s := range facts.Projects[0].Services {
		services[s.Name] = s
	}
	for _, test := range []struct{ from, host, want string }{
		{"web", "api", "api"}, {"web", "API.", "api"}, {"web", "the-api", "api"}, {"web", "api.local", "api"},
		{"web", "tasks.api", "api"}, {"web", "v1", "api"}, {"web", "inner", "apart api"}, {"far", "inner", "api"},
		{"web", "backend", "api"}, {"web", "away", "apart far"}, {"web", "other", "unknown"},
		{"web", "gw", "gateway"}, {"web", "fixed", "10.1.2.3"}, {"web", "far", "apart far"},
		{"web", "nobody", ""}, {"web", "host", "apart host"}, {"web", "side", "apart side"}, {"web", "web", "web"},
		{"side", "api", "api"}, {"side", "gw", "gateway"}, {"host", "api", "apart api"}, {"box", "api", "unknown"},
	} {
		a := services[test.from].Lookup(test.host)
		var got []string
		for _, s := range a.Services {
			got = append(got, s.Name)
		}
		for _, s := range a.Apart {
			got = append(got, "apart "+s.Name)
		}
		for _, addr := range a.Addrs {
			got = append(got, addr.String())
		}
		if a.Gateway {
			got = append(got, "gateway")
		}
		if a.Unknown {
			got = append(got, "unknown")
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%s in %s is %q, want %q", test.host, test.from, text, test.want)
		}
	}
	if beside := services["web"].Beside(); len(beside) != 2 || beside[1].Name != "side" {
		t.Errorf("beside web: %v", beside)
	}
	if !(Answer{Addrs: []netip.Addr{{}}}).Found() || (Answer{Apart: facts.Projects[0].Services}).Found() {
		t.Error("an address is found, what is apart is not")
	}
}
