package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestCommandApps(t *testing.T) {
	env := map[string]Value{"PORT": {Text: "7000", At: syntax.Ref{File: syntax.NewFile("env", "", 0, nil)}}}
	for _, test := range []struct{ command, want string }{
		{"gunicorn app:app --bind=0.0.0.0:8000 -b unix:/run/a.sock", "gunicorn 0.0.0.0:8000 HTTP, /run/a.sock HTTP, kill 30s"},
		{"gunicorn -k gevent -b :8000 --keep-alive 5 a", "gunicorn 0.0.0.0:8000 HTTP, idle 5s"},
		{"gunicorn -c conf.py a", "gunicorn"},
		{"python -m uvicorn a:b --port 9000", "uvicorn 127.0.0.1:9000 HTTP, idle 5s"},
		{"uvicorn a:b --uds /run/u.sock", "uvicorn /run/u.sock HTTP, idle 5s"},
		{"poetry run uvicorn a:b --host=0.0.0.0 --timeout-keep-alive 75", "uvicorn 0.0.0.0:8000 HTTP, idle 1m15s"},
		{"flask --app a run -h 0.0.0.0", "Flask 0.0.0.0:5000 HTTP"},
		{"flask db upgrade", ""},
		{"python manage.py migrate", ""},
		{"python manage.py runserver 0.0.0.0:8000", "Django 0.0.0.0:8000 HTTP"},
		{"python manage.py runserver 8001", "Django 127.0.0.1:8001 HTTP"},
		{"python3 -m http.server 9 --bind ::1", "http.server ::1:9 HTTP"},
		{"php -S localhost:8080 -t public", "php localhost:8080 HTTP"},
		{"php worker.php", ""},
		{"php artisan serve --host=0.0.0.0", "php 0.0.0.0:8000 HTTP"},
		{"bundle exec rails s -p 3001 -b 0.0.0.0", "Rails 0.0.0.0:3001 HTTP"},
		{"npx next start -p 4000", "node 0.0.0.0:4000 HTTP, idle 5s"},
		{"next dev", "node 0.0.0.0:7000 HTTP, idle 5s"},
		{"vite --port 5173 --host", "node 0.0.0.0:5173 HTTP, idle 5s"},
		{"node server.js", "node, idle 5s"},
		{"java -Dserver.port=8085 -jar a.jar --server.address=127.0.0.1", "java 127.0.0.1:8085 HTTP"},
		{"uwsgi --socket :3031 --http-socket=0.0.0.0:8080 --harakiri 20", "uwsgi 0.0.0.0:3031 uwsgi, 0.0.0.0:8080 HTTP, kill 20s"},
		{"dumb-init -- /usr/sbin/php-fpm8.2 -F", "php-fpm"},
		{"catalina.sh run", "Tomcat, idle 20s"},
		{`sh -c "pip install gunicorn && PORT=1 exec gunicorn a -b 0.0.0.0:$PORT"`, "gunicorn 0.0.0.0:7000 HTTP, kill 30s"},
		{`sh -c 'gunicorn a -b "0.0.0.0:${NONE}"'`, "gunicorn ? HTTP, kill 30s"},
		{`bash -lc "uvicorn a --port $(cat port)"`, "uvicorn ? HTTP, idle 5s"},
		{"redis-server --port 6380", "redis :6380 TCP"},
		{"echo gunicorn -b :80", ""},
		{"sleep infinity", ""},
	} {
		file := syntax.NewFile("a", test.command, syntax.AnyDialect, nil)
		words := shellWords(Value{Text: test.command, At: file.Ref(syntax.Span{End: syntax.Pos(len(test.command))})})
		var got []string
		for _, app := range commandApps(words, env) {
			name := app.Kind
			for i, b := range app.Binds {
				at := fmt.Sprintf("%s%s:%d", b.Addr.Socket, b.Addr.Host, b.Addr.Port)
				switch {
				case b.Addr.Dynamic:
					at = "?"
				case b.Addr.Socket != "":
					at = b.Addr.Socket
				}
				sep := " "
				if i > 0 {
					sep = ", "
				}
				name += fmt.Sprintf("%s%s %s", sep, at, b.Protocol)
			}
			if app.Kill.Known {
				name += fmt.Sprintf(", kill %v", app.Kill.Value)
			}
			if app.Idle.Known {
				name += fmt.Sprintf(", idle %v", app.Idle.Value)
			}
			got = append(got, name)
		}
		if text := strings.Join(got, "; "); text != test.want {
			t.Errorf("%s\n got %q\nwant %q", test.command, text, test.want)
		}
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("services: {a: {image: b, ports: ['1-2:3-4/udp'], command: sh -c \"x $$A\", networks: {n: {aliases: [c]}}}}", "FROM a\nCMD [\"b\"]\n", "A=b\n")
	f.Add("services: {a: {build: ., volumes: [a:b:c], environment: [A], env_file: .env, extends: a}}", "FROM a AS b\nENV a b\\\n\nFROM b\nCOPY <<E /x\nE\n", "A='\nB=\"${A:-\"")
	f.Fuzz(func(t *testing.T, compose, docker, env string) {
		facts := &Facts{}
		r := newReader(facts, ".")
		for path, src := range map[string]string{"compose.yml": compose, "Dockerfile": docker, ".env": env} {
			r.opened[path] = syntax.NewFile(path, src, syntax.AnyDialect, nil)
		}
		for _, name := range composeNames {
			if _, seen := r.opened[name]; !seen {
				r.opened[name] = nil
			}
		}
		r.compose(r.opened["compose.yml"])
		for _, p := range facts.Projects {
			for _, s := range p.Services {
				_ = shows(s)
				s.Lookup("a")
				s.Beside()
			}
		}
	})
}
