package rules

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
)

// projects are folders as people have them: a proxy's configuration, and what stands around it.
const projects = "../testdata/projects"

// mutations are faults that the files around the configuration show. Each changes one text of one file, the first
// time it stands there, and one rule must tell of it, once.
var mutations = []struct{ project, file, old, new, rule string }{
	// the host is mistyped
	{"fpm", "nginx.conf", "fastcgi_pass php:", "fastcgi_pass phb:", "inv-host-unknown"},
	{"gunicorn", "nginx/conf.d/default.conf", "server web:", "server wbe:", "inv-host-unknown"},
	{"networks", "haproxy.cfg", "stock stock:", "stock stocks:", "inv-host-unknown"},
	{"node", "nginx.conf", "//api:", "//apis:", "inv-host-unknown"},
	{"tomcat", "haproxy.cfg", "tomcat1 tomcat:", "tomcat1 tomact:", "inv-host-unknown"},
	{"uwsgi", "proxy/nginx.conf", "server app:", "server apo:", "inv-host-unknown"},
	{"template", "templates/default.conf.template", "//api:8080", "//apy:8080", "inv-host-unknown"},
	// the host's side of a published port is taken for the container's
	{"gunicorn", "nginx/conf.d/default.conf", "web:8001", "web:9001", "inv-published-port"},
	{"node", "nginx.conf", "api:3000", "api:13000", "inv-published-port"},
	{"node", "nginx.conf", "admin:4000", "admin:13100", "inv-published-port"},
	{"tomcat", "haproxy.cfg", "tomcat:8081", "tomcat:18080", "inv-published-port"},
	// the port is another one
	{"gunicorn", "nginx/conf.d/default.conf", "web:8001", "web:8012", "inv-port-mismatch"},
	{"node", "nginx.conf", "api:3000", "api:3011", "inv-port-mismatch"},
	{"node", "nginx.conf", "admin:4000", "admin:4011", "inv-port-mismatch"},
	{"networks", "haproxy.cfg", "shop.internal:8080", "shop.internal:8091", "inv-port-mismatch"},
	{"uwsgi", "proxy/nginx.conf", "app:3031", "app:3042", "inv-port-mismatch"},
	{"tomcat", "haproxy.cfg", "tomcat:8081", "tomcat:8092", "inv-port-mismatch"},
	{"template", "templates/default.conf.template", "api:8080", "api:8091", "inv-port-mismatch"},
	{"gunicorn", "compose.yml", "--bind 0.0.0.0:8001", "--bind 0.0.0.0:8012", "inv-port-mismatch"},
	{"tomcat", "server.xml", `port="8081"`, `port="8092"`, "inv-port-mismatch"},
	// the backend is looked for in the proxy's own container
	{"fpm", "nginx.conf", "fastcgi_pass php:", "fastcgi_pass 127.0.0.1:", "inv-localhost-in-container"},
	{"node", "nginx.conf", "//api:", "//localhost:", "inv-localhost-in-container"},
	{"networks", "haproxy.cfg", "stock stock:", "stock 127.0.0.1:", "inv-localhost-in-container"},
	{"uwsgi", "proxy/nginx.conf", "server app:", "server 127.0.0.1:", "inv-localhost-in-container"},
	// the host is that of the machine
	{"node", "nginx.conf", "//api:", "//host.docker.internal:", "inv-host-gateway"},
	// the two share no network
	{"networks", "haproxy.cfg", "stock stock:8081", "db db:5432", "inv-network-disjoint"},
	{"networks", "compose.yml", "networks: [front, back]", "networks: [front, data]", "inv-network-disjoint"},
	// the name is that which compose gives a container today
	{"node", "nginx.conf", "//api:", "//node-api-1:", "inv-container-index-name"},
	// the backend listens for itself alone
	{"gunicorn", "compose.yml", "--bind 0.0.0.0:", "--bind 127.0.0.1:", "inv-loopback-bound"},
	{"uwsgi", "app/uwsgi.ini", "socket = :3031", "socket = 127.0.0.1:3031", "inv-loopback-bound"},
	{"tomcat", "server.xml", `port="8081"`, `port="8081" address="127.0.0.1"`, "inv-loopback-bound"},
	// the socket is another one
	{"fpm-socket", "conf/nginx.conf", "php-fpm.sock", "php8.1-fpm.sock", "inv-fpm-socket-mismatch"},
	{"fpm-socket", "php/zz-docker.conf", "php-fpm.sock", "php8.4-fpm.sock", "inv-fpm-socket-mismatch"},
	{"systemd", "nginx.conf", "gunicorn.sock", "gunicorn.socket", "inv-socket-mismatch"},
	// nginx may not open it
	{"fpm-socket", "php/zz-docker.conf", "listen.mode = 0666", "listen.mode = 0600", "inv-fpm-socket-permission"},
	// something else is spoken there
	{"uwsgi", "proxy/nginx.conf", "uwsgi_pass django", "proxy_pass http://django", "inv-protocol-mismatch"},
	{"uwsgi", "app/uwsgi.ini", "socket = :3031", "http-socket = :3031", "inv-protocol-mismatch"},
	{"fpm", "nginx.conf", "fastcgi_pass php:9000", "proxy_pass http://php:9000", "inv-protocol-mismatch"},
	{"tomcat", "haproxy.cfg", "tomcat:8081", "tomcat:8009", "inv-protocol-mismatch"},
	{"gunicorn", "nginx/conf.d/default.conf", "proxy_pass http://web", "uwsgi_pass web", "inv-protocol-mismatch"},
	// the Service has another port
	{"kubernetes", "configmap.yaml", "svc.cluster.local:80", "svc.cluster.local:3000", "inv-k8s-service-port"},
	{"kubernetes", "configmap.yaml", "stock:8000", "stock:80", "inv-k8s-service-port"},
	{"configmap", "haproxy.yaml", "app1 app:8080", "app1 app:5000", "inv-k8s-service-port"},
	{"kubernetes", "configmap.yaml", "api.shop.svc", "apy.shop.svc", "inv-k8s-service-missing"},
	// the address lies in no network of the project
	{"networks", "haproxy.cfg", "stock stock:", "stock 10.98.0.7:", "inv-ip-outside-subnet"},
}

func TestProjects(t *testing.T) {
	entries, err := os.ReadDir(projects)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			for _, d := range lintProject(t, filepath.Join(projects, e.Name())) {
				if isFromInventory(d) {
					t.Errorf("nothing is wrong with it: %s [%s]", show(d), d.Rule)
				}
			}
		})
	}
	for _, m := range mutations {
		t.Run(m.project+"/"+m.new, func(t *testing.T) {
			dir := copyOf(t, filepath.Join(projects, m.project))
			path := filepath.Join(dir, filepath.FromSlash(m.file))
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), m.old) {
				t.Fatalf("%s does not hold %q", m.file, m.old)
			}
			writeFile(t, path, strings.Replace(string(text), m.old, m.new, 1))
			var told []lint.Diagnostic
			for _, d := range lintProject(t, dir) {
				if isFromInventory(d) {
					told = append(told, d)
				}
			}
			if len(told) != 1 || told[0].Rule != m.rule {
				t.Errorf("%s tells %d things, want one from %s", m.file, len(told), m.rule)
				for _, d := range told {
					t.Logf("%s [%s]", show(d), d.Rule)
				}
				return
			}
			if d := told[0]; d.Severity < lint.Warning || len(d.Related) == 0 {
				t.Errorf("want a warning at least, with the place that shows it: %s, %d related", show(d), len(d.Related))
			}
		})
	}
}

func isFromInventory(d lint.Diagnostic) bool { return strings.HasPrefix(d.Rule, "inv-") }

func lintProject(t *testing.T, dir string) []lint.Diagnostic {
	t.Helper()
	facts := &inventory.Facts{}
	facts.Discover(dir)
	configs, err := parsers.Load([]string{dir}, parsers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	facts.Associate(configs)
	return lint.Run(context.Background(), configs, All(), lint.Around{Inventory: facts}).Diagnostics
}
