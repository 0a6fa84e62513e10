package inventory

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// appsIn reads the files, "path" and text in turn, below one root.
func appsIn(t testing.TB, files ...string) *Facts {
	t.Helper()
	root := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		write(t, filepath.Join(root, files[i]), files[i+1])
	}
	var f Facts
	f.Discover(root)
	return &f
}

// describeApps writes apps as lines: kind, name, addresses and what limits them, with the lines they stand on.
func describeApps(apps []*App) string {
	var out strings.Builder
	for _, a := range apps {
		fmt.Fprintf(&out, "%s %q", a.Kind, a.Name)
		for _, b := range a.Binds {
			out.WriteString(" " + describeBind(b))
		}
		if a.Kill.Known {
			fmt.Fprintf(&out, " kill %v%s", a.Kill.Value, lineOf(a.Kill.At))
		}
		if a.Idle.Known {
			fmt.Fprintf(&out, " idle %v%s", a.Idle.Value, lineOf(a.Idle.At))
		}
		if a.Header.Known {
			fmt.Fprintf(&out, " header %d%s", a.Header.Value, lineOf(a.Header.At))
		}
		for _, v := range a.Allowed {
			fmt.Fprintf(&out, " allow %s%s", v.Text, lineOf(v.At))
		}
		for _, v := range []struct {
			name string
			Value
		}{{"ping", a.Ping}, {"user", a.User}, {"dir", a.RuntimeDir}, {"worker", a.Worker}} {
			if v.isSet() {
				fmt.Fprintf(&out, " %s %s%s", v.name, v.Text, lineOf(v.At))
			}
		}
		if !a.PrivateTmp.IsZero() {
			out.WriteString(" privatetmp" + lineOf(a.PrivateTmp))
		}
		out.WriteString("\n")
	}
	return out.String()
}

// describeBind checks on the way that host and port stand where they say.
func describeBind(b Bind) string {
	a := b.Addr
	text := fmt.Sprintf("%s[%s:%d]", b.Protocol, a.Host, a.Port)
	if a.Socket != "" {
		text = fmt.Sprintf("%s[unix:%s]", b.Protocol, a.Socket)
	}
	asIs := !a.Dynamic && !strings.ContainsAny(a.At.Text(), `$\`)
	if asIs && !a.HostAt.IsZero() && a.HostAt.Text() != a.Host {
		text += fmt.Sprintf("!host at %q", a.HostAt.Text())
	}
	if asIs && !a.PortAt.IsZero() && a.PortAt.Text() != fmt.Sprint(a.Port) {
		text += fmt.Sprintf("!port at %q", a.PortAt.Text())
	}
	text += lineOf(a.At)
	for _, flag := range []struct {
		set  bool
		name string
	}{{a.Dynamic, "dynamic"}, {b.Default, "default"}, {b.TLS, "tls"}} {
		if flag.set {
			text += "," + flag.name
		}
	}
	if b.Owner.isSet() || b.Group.isSet() {
		text += "," + b.Owner.Text + "/" + b.Group.Text
	}
	if b.Mode != 0 && a.Socket != "" {
		text += fmt.Sprintf(",%#o%s", b.Mode, lineOf(b.ModeAt))
	}
	return text
}

func lineOf(at syntax.Ref) string {
	if at.IsZero() {
		return ""
	}
	return fmt.Sprintf("@%d", at.Position().Line)
}

func TestApps(t *testing.T) {
	tests := []struct {
		name  string
		files []string
		want  string
	}{
		{"pools", []string{"php/www.conf", `; a comment
[global]
listen = 1
[www]
user = www-data
listen = /run/php/$pool.sock ; here
listen.owner = "nginx"
listen.group = web
listen.mode = 0600
pm = dynamic
ping.path = /ping
request_terminate_timeout = 2m
[api]
listen = 9001
listen.allowed_clients = 127.0.0.1, 10.0.0.2
request_terminate_timeout = 0
[v6]
listen = [::]:9002
[rel]
prefix = /srv/php
listen = run/fpm.sock
[env]
listen = ${FPM_PORT}
`}, `php-fpm "www" FastCGI[unix:/run/php/www.sock]@6,nginx/web,0600@9 kill 2m0s@12 ping /ping@11 user www-data@5
php-fpm "api" FastCGI[:9001]@14 allow 127.0.0.1@15 allow 10.0.0.2@15
php-fpm "v6" FastCGI[:::9002]@18
php-fpm "rel" FastCGI[unix:/srv/php/run/fpm.sock]@21,0660
php-fpm "env" FastCGI[:-1]@23,dynamic
`},
		{"a pool read last", []string{
			"php-fpm.d/www.conf", "[www]\nlisten = 127.0.0.1:9000\npm = static\n",
			"php-fpm.d/zz-docker.conf", "[global]\ndaemonize = no\n\n[www]\nlisten = 9000\n",
			"conf/www.conf", "[www]\nlisten = 1\n", // no pm, and no PHP in the path
			"conf/www-nginx.conf", "server { listen 80; }\n",
			"fpm/www.conf", "[www]\nlisten = 9003\nlisten.acl_users = nginx\n",
			"fpm/www.prod.conf", "[www]\r\nlisten = 9004\r\n",
		}, `php-fpm "www" FastCGI[:9003]@2
php-fpm "www" FastCGI[:9004]@2
php-fpm "www" FastCGI[:9000]@5
`},
		{"uwsgi", []string{"deploy/app.ini", `[uwsgi]
# comment
socket = 127.0.0.1:3031
http-socket = :8080
https = 0.0.0.0:8443,c.pem,k.pem
socket = /run/%n.sock
uwsgi-socket = /run/app.sock
chmod-socket = 664
chown-socket = app:web
uid = app
harakiri = 20
http-timeout = 10
if-env = PORT
http = :$(PORT)
http = :81
endif =
`, "php.ini", "[PHP]\nsocket = :1\n"}, `uwsgi "app" uwsgi[127.0.0.1:3031]@3 HTTP[:8080]@4 HTTP[0.0.0.0:8443]@5,tls uwsgi[:-1]@6,dynamic uwsgi[unix:/run/app.sock]@7,app/web,0664@8 HTTP[:-1]@14,dynamic HTTP[:-1]@15,dynamic kill 20s@11 header 4096 user app@10
`},
		{"uwsgi's router", []string{"uwsgi.ini", "[uwsgi]\nhttp = :9090\nharakiri = 120\nbuffer-size = 32768\n"},
			"uwsgi \"uwsgi\" HTTP[:9090]@2 kill 1m0s header 32768@4\n"},
		{"uwsgi speaks HTTP", []string{"uwsgi.ini", "[uwsgi]\nprotocol = http\nsocket = :5000\nsocket = 3\n"},
			"uwsgi \"uwsgi\" HTTP[:5000]@3 HTTP[:-1]@4,dynamic header 4096\n"},
		{"gunicorn", []string{"gunicorn.conf.py", `"""bind = 'no'
timeout = 1
"""
import os
bind = "0.0.0.0:8000"  # comment
worker_class = 'sync'
timeout: int = 1_20
keepalive = 5
limit_request_field_size = 16384
workers = os.cpu_count() * 2
`}, "gunicorn \"\" HTTP[0.0.0.0:8000]@5 kill 2m0s@7 header 16384@9 worker sync@6\n"},
		{"gunicorn with several", []string{"app/gunicorn_conf.py", `bind = [
    "unix:/run/app.sock",  # one
    '[::1]:8001',
]
umask = 0o007
user = "app"
worker_class = "gthread"
timeout = 60
`}, "gunicorn \"\" HTTP[unix:/run/app.sock]@2,app/,0770@5 HTTP[::1:8001]@3 idle 2s header 8190 user app@6 worker gthread@7\n"},
		{"gunicorn computed", []string{"gunicorn_config.py", `bind = "0.0.0.0:" + os.environ["PORT"]
timeout = 60 * 2
if debug:
    worker_class = "gevent"
`}, "gunicorn \"\" HTTP[:-1]@1,dynamic worker @4\n"},
		{"gunicorn's silence", []string{"gunicorn.conf.py", "workers = 2\n"}, "gunicorn \"\"\n"},
		{"Procfile", []string{"Procfile", "# c\nweb: PORT=3001 node server.js\nworker: node worker.js\napi: uvicorn main:app --port 9000\nasgi: gunicorn -b 0.0.0.0:$PORT app\n"},
			"node \"web\" HTTP[:3001]@2 idle 5s\nuvicorn \"api\" HTTP[127.0.0.1:9000]@4 idle 5s\ngunicorn \"asgi\" HTTP[0.0.0.0:-1]@5,dynamic kill 30s header 8190\n"},
		{"Procfile without a port", []string{"Procfile", "web: gunicorn app\n"}, "gunicorn \"web\" kill 30s header 8190\n"},
		{"package.json", []string{"package.json", `{
  "name": "x",
  "config": {"scripts": {"start": "next start -p 1"}},
  "scripts": {
    "dev": "vite --port 1",
    "start": "next build && next start -p 3005",
    "serve": "serve -s build -l tcp://0.0.0.0:5000"
  }
}`}, "next \"start\" HTTP[:3005]@6 idle 5s\nserve \"serve\" HTTP[0.0.0.0:5000]@7 idle 5s\n"},
		{"package.json with dev alone", []string{"package.json", "{\"scripts\": {\n\"dev\": \"cross-env PORT=\\\"3001\\\" next dev\"}}"}, "next \"dev\" HTTP[:3001]@2 idle 5s\n"},
		{"service", []string{"app.service", `[Service]
User=app
Group=www-data
PrivateTmp=yes
RuntimeDirectory=app
Environment="PORT=3000" A=b
ExecStart=/srv/venv/bin/gunicorn \
    --workers 3 \
    # between
    --bind unix:/run/app/app.sock \
    wsgi:app
`}, "gunicorn \"app\" HTTP[unix:/run/app/app.sock]@10,app/www-data,0777 kill 30s header 8190 user app@2 dir app@5 privatetmp@4\n"},
		{"service with a port", []string{"app.service", "[Service]\nEnvironment=PORT=3000\nExecStart=-/usr/bin/node server.js\n"}, "node \"app\" HTTP[:3000]@2 idle 5s\n"},
		{"socket and service", []string{
			"gunicorn.socket", "[Socket]\nListenStream=/run/gunicorn.sock\nSocketUser=www-data\nSocketMode=660\n",
			"gunicorn.service", "[Service]\nExecStart=gunicorn --timeout 90 app\n",
		}, "gunicorn \"gunicorn\" HTTP[unix:/run/gunicorn.sock]@2,www-data/,0660@4 kill 1m30s@2 header 8190\n"},
		{"socket alone", []string{"a.socket", "[Socket]\nListenStream=1\nListenStream=\nListenStream=8080\nListenStream=127.0.0.1:81\nListenStream=[::1]:82\nListenStream=%t/x\nListenStream=/run/a\n"},
			"systemd \"a\" unknown[:8080]@4 unknown[127.0.0.1:81]@5 unknown[::1:82]@6 unknown[:-1]@7,dynamic unknown[unix:/run/a]@8,0666\n"},
		{"Tomcat", []string{"conf/server.xml", `<?xml version="1.0" encoding="ISO-8859-1"?>
<Server port="8005" shutdown="SHUTDOWN">
  <!-- <Connector port="1"/> -->
  <Connector port="8080" protocol="HTTP/1.1"
             connectionTimeout="20000" />
  <Connector executor="a=b" address = '127.0.0.1'
             port="8443" SSLEnabled="true" keepAliveTimeout="-1" maxHttpHeaderSize="65536"/>
  <Connector protocol="AJP/1.3" port="8009" secretRequired="false"/>
  <Connector port="${http.port}"/>
</Server>`}, `Tomcat "" HTTP[:8080]@4 idle 20s@5 header 8192
Tomcat "" HTTP[127.0.0.1:8443]@7,tls header 65536@7
Tomcat "" AJP[:8009]@8
Tomcat "" HTTP[:-1]@9,dynamic idle 1m0s header 8192
`},
		{"Spring", []string{
			"src/main/resources/application.properties", "# c\nserver.port = 8081\nserver.address=127.0.0.1\nserver.tomcat.keep-alive-timeout=75s\nserver.maxHttpRequestHeaderSize=16KB\n",
			"src/main/resources/application-prod.yml", "server:\n  port: ${PORT:8082}\n  ssl:\n    key-store: k\nmanagement.server.port: 9001\n",
			"src/test/resources/application.properties", "server.port=1\n",
			"x/application.yml", "spring:\n  application.name: x\n---\nspring.config.activate.on-profile: dev\nserver:\n  port: 9\n",
			"y/application.yml", "quarkus:\n  http:\n    port: 1\n",
			"z/applications.yml", "server:\n  port: 1\n",
		}, `Spring "prod" HTTP[:8082]@2,dynamic,tls HTTP[:9001]@5
Spring "" HTTP[127.0.0.1:8081]@2 idle 1m15s@4 header 16384@5
Spring "" HTTP[:8080]@1,default
Spring "dev" HTTP[:9]@6
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := describeApps(appsIn(t, tt.files...).Apps); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestAppGaps(t *testing.T) {
	tests := []struct{ file, text, apps, why string }{
		{"package.json", `{"scripts": {"start": "next start"}, oops`, "", "is not valid JSON"},
		{"server.xml", `<Server><Connector port="80"/></Wrong`, "Tomcat \"\" HTTP[:80]@1 idle 1m0s header 8192\n", "is not well-formed XML"},
		{"application.yml", "server:\n  port: 81\n---\n a: @b@", "Spring \"\" HTTP[:81]@2\n", "is not valid YAML"},
		{"app.service.d/override.conf", "[Service]\nUser=x", "", "adds to a unit, and is not read with it"},
		{"uwsgi.ini", "[uwsgi]\nini = other.ini\n", "uwsgi \"uwsgi\" header 4096\n", "is another uwsgi configuration, which is not read with this one"},
	}
	for _, tt := range tests {
		f := appsIn(t, tt.file, tt.text)
		if got := describeApps(f.Apps); got != tt.apps {
			t.Errorf("%s: %s, want %s", tt.file, got, tt.apps)
		}
		if len(f.Gaps) != 1 || f.Gaps[0].Why != tt.why {
			t.Errorf("%s: gaps %v", tt.file, f.Gaps)
		}
	}
}

func TestAJP(t *testing.T) {
	if proxy.AJP.String() != "AJP" {
		t.Errorf("got %q", proxy.AJP)
	}
}

// hostile are texts that must neither panic nor take long.
var hostile = []string{
	"[", "[uwsgi]\nsocket", "bind = [", "bind = '", `bind = "\`, "web:", "web: '", "web: $(", "web: `", "web: ${",
	`{"scripts": {"start": "\`, "{", "[Service]\nExecStart=\\", "<Server><Connector", "<Server><Connector port='",
	"server:\n  port: &a [*a]", "\\", "bind = \\", "(", ")", "\x00", "\xff",
}

func FuzzApps(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := syntax.NewFile("php/x.yml", text, syntax.AnyDialect, nil)
		r := newReader(&Facts{}, t.TempDir())
		for _, kind := range kinds[2:] {
			kind.read(r, file)
		}
		r.spring(syntax.NewFile("application.properties", text, syntax.AnyDialect, nil))
		r.unit(syntax.NewFile("x.service", text, syntax.AnyDialect, nil))
		r.unit(syntax.NewFile("x.socket", text, syntax.AnyDialect, nil))
		lineApp(Value{Text: text, At: lineFile(text)})
		for _, app := range r.apps {
			for _, b := range app.Binds {
				_ = b.Addr.At.Text() + b.Addr.HostAt.Text() + b.Addr.PortAt.Text()
			}
		}
	})
}

// TestAppsInLargeTexts reads a megabyte of what could be slow.
func TestAppsInLargeTexts(t *testing.T) {
	for _, part := range []string{"$A", "A=$A ", "a;", "(", "'", "$(", "${", "gunicorn -b $A ", "listen = a,", "bind = [\n", "[a]\nlisten=1\npm=1\n",
		"sh -c '", "A=1 sh -c \"a;", "web: node\n", "{\"a\":", "\\\n"} {
		text := strings.Repeat(part, 1<<20/len(part))
		file := syntax.NewFile("php/x.yml", text, syntax.AnyDialect, nil)
		r := newReader(&Facts{}, t.TempDir())
		for _, kind := range kinds[2:] {
			kind.read(r, file)
		}
		lineApp(Value{Text: text, At: lineFile(text)})
		pool := syntax.NewFile("php/www.conf", "[www]\nlisten = 1\nlisten.allowed_clients = "+text, syntax.AnyDialect, nil)
		r.pool(pool)
	}
	bomb := "a0: &a0 {}\n"
	for i := 1; i < 30; i++ {
		bomb += fmt.Sprintf("a%d: &a%d {x: *a%d, y: *a%d, z: *a%d}\n", i, i, i-1, i-1, i-1)
	}
	newReader(&Facts{}, t.TempDir()).spring(syntax.NewFile("application.yml", bomb+"server: *a29\n", syntax.AnyDialect, nil))
}

// TestOverriddenPool knows what the official images' own last file says of the pool www.
func TestOverriddenPool(t *testing.T) {
	const pool = "[www]\nlisten = /run/php/www.sock\npm = static\n"
	for name, test := range map[string]struct{ service, want string }{
		"before it":    {"image: php:8.2-fpm\n    volumes: ['./www.conf:/usr/local/etc/php-fpm.d/www.conf']", "9000"},
		"behind it":    {"image: php:8.2-fpm\n    volumes: ['./www.conf:/usr/local/etc/php-fpm.d/zzz.conf']", "/run/php/www.sock"},
		"in its place": {"image: php:8.2-fpm\n    volumes: ['./www.conf:/usr/local/etc/php-fpm.d/zz-docker.conf']", "/run/php/www.sock"},
		"all of it":    {"image: php:8.2-fpm\n    volumes: ['.:/usr/local/etc/php-fpm.d']", "/run/php/www.sock"},
		"built":        {"build: .\n    volumes: ['./www.conf:/usr/local/etc/php-fpm.d/www.conf']", "dynamic"},
		"other image":  {"image: bitnami/php-fpm:8.2\n    volumes: ['./www.conf:/usr/local/etc/php-fpm.d/www.conf']", "/run/php/www.sock"},
	} {
		t.Run(name, func(t *testing.T) {
			f := appsIn(t, "compose.yml", "services:\n  php:\n    "+test.service+"\n", "www.conf", pool, "Dockerfile", "FROM php:8.2-fpm\n")
			apps := f.Projects[0].Services[0].Apps
			if len(apps) != 1 || len(apps[0].Binds) != 1 {
				t.Fatalf("%s", describeApps(apps))
			}
			addr := apps[0].Binds[0].Addr
			got := addr.Socket
			if addr.Port > 0 {
				got = fmt.Sprint(addr.Port)
			}
			if addr.Dynamic {
				got = "dynamic"
			}
			if got != test.want {
				t.Errorf("listens on %s, want %s", got, test.want)
			}
		})
	}
}
