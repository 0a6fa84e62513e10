package inventory

import (
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// appText writes apps without their places, all of which are on the first line.
func appText(apps ...*App) string {
	text := strings.ReplaceAll(describeApps(apps), "@1", "")
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
	return strings.ReplaceAll(text, ` ""`, "")
}

func TestLineApp(t *testing.T) {
	tests := []struct{ line, want string }{
		{"gunicorn --bind=0.0.0.0:8001 -b unix:/a.sock --keep-alive 75 -k gthread app:app", "gunicorn HTTP[0.0.0.0:8001] HTTP[unix:/a.sock],0777 idle 1m15s header 8190 worker gthread"},
		{"gunicorn -k uvicorn.workers.UvicornWorker -t 10 app", "gunicorn HTTP[127.0.0.1:8000],default idle 2s worker uvicorn.workers.UvicornWorker"},
		{"gunicorn -c gunicorn.conf.py app", "gunicorn"},
		{"PORT=80 gunicorn app", "gunicorn HTTP[:80] kill 30s header 8190"},
		{"gunicorn -b :${PORT:-8000} app", "gunicorn HTTP[:8000],dynamic kill 30s header 8190"},
		{`sh -c "cd /app && PORT=7 exec gunicorn -b \"0.0.0.0:$PORT\" app"`, "gunicorn HTTP[0.0.0.0:-1],dynamic kill 30s header 8190"},
		{"bash -lc 'exec poetry run uvicorn a:b --host 0.0.0.0 --port 8000'", "uvicorn HTTP[0.0.0.0:8000] idle 5s"},
		{"uvicorn a:b --uds /run/a.sock --timeout-keep-alive 0", "uvicorn HTTP[unix:/run/a.sock],0666"},
		{"uvicorn a:b --host 0.0.0.0", "uvicorn HTTP[0.0.0.0:8000] idle 5s"},
		{"python3.11 -u -m uvicorn a:b", "uvicorn HTTP[127.0.0.1:8000],default idle 5s"},
		{"python manage.py migrate && python manage.py runserver --noreload 0.0.0.0:8002", "Django HTTP[0.0.0.0:8002]"},
		{"./manage.py runserver 8003", "Django HTTP[127.0.0.1:8003]"},
		{"python -m http.server -b 127.0.0.1 8004", "http.server HTTP[127.0.0.1:8004]"},
		{"flask --app x run -h 0.0.0.0 -p5001", "Flask HTTP[0.0.0.0:5001]"},
		{"hypercorn -b 0.0.0.0:8005 a:b", "hypercorn HTTP[0.0.0.0:8005] idle 5s"},
		{"daphne -b 0.0.0.0 -p 8006 a:b", "daphne HTTP[0.0.0.0:8006]"},
		{"uwsgi --socket :3031 --harakiri=30 --chmod-socket=660", "uwsgi uwsgi[:3031] kill 30s header 4096"},
		{"uwsgi -s /run/u.sock --chmod-socket", "uwsgi uwsgi[unix:/run/u.sock],0666 header 4096"},
		{"bundle exec puma -b tcp://0.0.0.0:9292 -b 'unix:///run/p.sock?umask=0111'", "puma HTTP[0.0.0.0:9292] HTTP[unix:/run/p.sock]"},
		{"bin/rails server -b 0.0.0.0 -p 3002", "Rails HTTP[0.0.0.0:3002]"},
		{"node --inspect server.js --port 3003", "node HTTP[:3003] idle 5s"},
		{"node build.js && vite preview --host --port 4000", "vite HTTP[:4000] idle 5s"},
		{"vite build", ""},
		{"npx next start -H 127.0.0.1", "next HTTP[127.0.0.1:3000] idle 5s"},
		{"yarn serve", ""},
		{"npm start", ""},
		{"http-server dist -p 8007", "http-server HTTP[:8007] idle 5s"},
		{"java -Xmx1g -Dserver.port=9000 -jar app.jar --server.port=9001", "java HTTP[:9001]"},
		{"SERVER_PORT=9002 java -jar app.jar", "java HTTP[:9002]"},
		{"php -S 0.0.0.0:8008 -t public", "php HTTP[0.0.0.0:8008]"},
		{"php artisan serve --host=0.0.0.0", "php HTTP[0.0.0.0:8000]"},
		{"/usr/sbin/php-fpm8.2 -F", "php-fpm"},
		{"gosu www-data php-fpm", "php-fpm"},
		{"node a.js > log 2>&1 &", "node idle 5s"},
		{"PORT=$(cat port) node a.js", "node HTTP[:-1],dynamic idle 5s"},
		{"cat x | grep gunicorn", ""},
		{"", ""},
	}
	for _, tt := range tests {
		got := ""
		if app := lineApp(Value{Text: tt.line, At: lineFile(tt.line)}); app != nil {
			got = appText(app)
		}
		if got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
}

func lineFile(text string) syntax.Ref {
	return syntax.NewFile("x", text, syntax.AnyDialect, nil).Ref(syntax.Span{End: syntax.Pos(len(text))})
}

func TestCommandOfWords(t *testing.T) {
	var words []Value
	for _, word := range []string{"sh", "-c", "uvicorn main:app --port 8009"} {
		words = append(words, Value{Text: word, At: lineFile(word)})
	}
	app := firstApp(commandApps(words, nil))
	if app == nil || len(app.Binds) != 1 || app.Binds[0].Addr.Port != 8009 || app.Binds[0].Addr.PortAt.Text() != "8009" {
		t.Errorf("got %+v", app)
	}
}

func TestCommandApps(t *testing.T) {
	env := map[string]Value{"PORT": {Text: "7000", At: lineFile("7000")}}
	for _, test := range []struct{ command, want string }{
		{"gunicorn app:app --bind=0.0.0.0:8000 -b unix:/run/a.sock", "gunicorn HTTP[0.0.0.0:8000] HTTP[unix:/run/a.sock],0777 kill 30s header 8190"},
		{"gunicorn -k gevent -b :8000 --keep-alive 5 a", "gunicorn HTTP[:8000] idle 5s header 8190 worker gevent"},
		{"gunicorn -c conf.py a", "gunicorn"},
		{"python -m uvicorn a:b --port 9000", "uvicorn HTTP[127.0.0.1:9000] idle 5s"},
		{"uvicorn a:b --uds /run/u.sock", "uvicorn HTTP[unix:/run/u.sock],0666 idle 5s"},
		{"poetry run uvicorn a:b --host=0.0.0.0 --timeout-keep-alive 75", "uvicorn HTTP[0.0.0.0:8000] idle 1m15s"},
		{"flask --app a run -h 0.0.0.0", "Flask HTTP[0.0.0.0:5000]"},
		{"flask db upgrade", ""},
		{"python manage.py migrate", ""},
		{"python manage.py runserver 0.0.0.0:8000", "Django HTTP[0.0.0.0:8000]"},
		{"python manage.py runserver 8001", "Django HTTP[127.0.0.1:8001]"},
		{"python3 -m http.server 9 --bind ::1", "http.server HTTP[::1:9]"},
		{"php -S localhost:8080 -t public", "php HTTP[localhost:8080]"},
		{"php worker.php", ""},
		{"php artisan serve --host=0.0.0.0", "php HTTP[0.0.0.0:8000]"},
		{"bundle exec rails s -p 3001 -b 0.0.0.0", "Rails HTTP[0.0.0.0:3001]"},
		{"npx next start -p 4000", "next HTTP[:4000] idle 5s"},
		{"next dev", "next HTTP[:7000] idle 5s"},
		{"vite --port 5173 --host", "vite HTTP[:5173] idle 5s"},
		{"node server.js", "node idle 5s"},
		{"java -Dserver.port=8085 -jar a.jar --server.address=127.0.0.1", "java HTTP[127.0.0.1:8085]"},
		{"uwsgi --socket :3031 --http-socket=0.0.0.0:8080 --harakiri 20", "uwsgi uwsgi[:3031] HTTP[0.0.0.0:8080] kill 20s header 4096"},
		{"dumb-init -- /usr/sbin/php-fpm8.2 -F", "php-fpm"},
		{"catalina.sh run", "Tomcat idle 20s"},
		{`sh -c "pip install gunicorn && PORT=1 exec gunicorn a -b 0.0.0.0:$PORT"`, "gunicorn HTTP[0.0.0.0:7000] kill 30s header 8190"},
		{`sh -c 'gunicorn a -b "0.0.0.0:${NONE}"'`, "gunicorn HTTP[0.0.0.0:-1],dynamic kill 30s header 8190"},
		{`bash -lc "uvicorn a --port $(cat port)"`, "uvicorn HTTP[127.0.0.1:-1],dynamic idle 5s"},
		{"redis-server --port 6380", "redis TCP[:6380]"},
		{"echo gunicorn -b :80", ""},
		{"/docker-entrypoint.sh gunicorn -b :81 a", "gunicorn HTTP[:81] kill 30s header 8190"},
		{"./wait-for-it.sh db:5432 -- gunicorn -b :81 a", "gunicorn HTTP[:81] kill 30s header 8190"},
		{"gosu node node a.js", "node idle 5s"},
		{"entry a=b -- serve -l 81", "serve HTTP[:81] idle 5s"},
		{"npm start -- serve -l 81", ""},
		{"sh -c 'if [ -z $PORT ]; then PORT=82; fi; exec uvicorn a --port $PORT'", "uvicorn HTTP[127.0.0.1:-1],dynamic idle 5s"},
		{"sh -c 'uvicorn a & next start'", "uvicorn HTTP[127.0.0.1:8000],default idle 5s; next HTTP[:7000] idle 5s"},
		{"gunicorn a", "gunicorn kill 30s header 8190"},
		{"gunicorn -c conf.py -k gevent a", "gunicorn worker gevent"},
		{"vite build", ""},
		{"rails runner s", ""},
		{"bun run start", "bun"},
		{"sleep infinity", ""},
	} {
		words := shellWords(Value{Text: test.command, At: lineFile(test.command)})
		if got := appText(commandApps(words, env)...); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.command, got, test.want)
		}
	}
}
