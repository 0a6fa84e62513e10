package rules

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
)

var _ = register(lint.Rule{
	ID:       "inv-app-timeout-order",
	Family:   lint.Inventory,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      invAppTimeoutOrder,
	Doc: lint.Doc{
		Title: "the application ends long requests that the proxy was told to wait for",
		Why: `Somebody raised the proxy's read timeout for long requests, but the application ends them sooner: gunicorn's sync
workers are killed after "timeout" (30 s unless written), php-fpm's children after request_terminate_timeout, uWSGI's workers after
harakiri. The connection is cut off, and the client gets 502 at that moment, never the answer or the 504 that the proxy's own
timeout would make.

The rule speaks where the proxy's time is written, longer than a minute, and at least twice the application's. Other orders are
common and do no harm. It is silent where the application's limit is not known for all servers that may be meant.`,
		How: `Raise the application's limit to a little less than the proxy's, or lower the proxy's.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_read_timeout 300s;
            proxy_pass http://127.0.0.1:8000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 127.0.0.1:8000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_read_timeout 300s;
            proxy_pass http://127.0.0.1:8001;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 127.0.0.1:8001 check
`,
		},
		Beside: []lint.File{
			{Name: "app.service", Text: "[Service]\nUser=app\nExecStart=/srv/app/bin/gunicorn --bind 127.0.0.1:8000 --timeout 30 app.wsgi\n"},
			{Name: "slow.service", Text: "[Service]\nUser=app\nExecStart=/srv/app/bin/gunicorn --bind 127.0.0.1:8001 --timeout 290 app.wsgi\n"},
		},
		Links: []string{
			"https://docs.gunicorn.org/en/stable/settings.html#timeout",
			"https://www.php.net/manual/en/install.fpm.configuration.php#request-terminate-timeout",
			"https://uwsgi-docs.readthedocs.io/en/latest/Options.html#harakiri",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20server",
		},
		Since: "0.1.0",
	},
})

// raisedFrom is nginx's read timeout; one above it was raised on purpose.
const raisedFrom = time.Minute

func invAppTimeoutOrder(_ context.Context, p *lint.Pass) {
	around := surroundingsOf(p)
	if around == nil {
		return
	}
	for u := range appUses(p.Config) {
		read := u.readTimeout()
		if u.protocol() == proxy.TCP || !isWritten(read) || read.Value <= raisedFrom {
			continue
		}
		first, ok := firstToEnd(around.behind(u.endpoint.Addr))
		if !ok || first.Kill.Value*2 > read.Value {
			continue
		}
		name := "timeout server"
		if u.route != nil {
			name = passTimeout(u.route, "read_timeout")
		}
		limit := limitName(first.App)
		p.Report(lint.Diagnostic{
			At: read.At,
			Message: fmt.Sprintf("%s waits %s, but %s ends a request after %s: a 502",
				name, read.At.Text(), first.title(), brief(first.Kill.Value)),
			Hint:    fmt.Sprintf("%s %d (in %s)", limit, int(read.Value.Seconds())-10, first.title()),
			Related: around.chain(first, fmt.Sprintf("its limit is %s", brief(first.Kill.Value)), first.Kill.At),
		})
	}
}

// readTimeout is how long the proxy waits for a server.
func (u appUse) readTimeout() proxy.Setting[time.Duration] {
	switch {
	case u.route != nil:
		return u.route.Hop.Timeouts.Read
	case u.upstream.Timeouts != nil:
		return u.upstream.Timeouts.Read
	}
	return proxy.Setting[time.Duration]{}
}

// firstToEnd returns the one of some servers that gives requests the longest time, so that all of them end sooner;
// false where one's limit is not known.
func firstToEnd(list []backendApp) (longest backendApp, ok bool) {
	for i, b := range list {
		if !b.Kill.Known || !killsSurely(b) {
			return backendApp{}, false
		}
		if i == 0 || b.Kill.Value > longest.Kill.Value {
			longest = b
		}
	}
	return longest, len(list) > 0
}

// killsSurely reports whether a limit holds whatever the rest of the set-up is: gunicorn's sync workers alone have it,
// and a command may name another class than the file does.
func killsSurely(b backendApp) bool {
	if b.Kind != "gunicorn" {
		return true
	}
	if b.service == nil {
		return b.Worker.Text == "sync" || path.Ext(b.At.File.Path) != ".py"
	}
	_, more := b.service.Env["GUNICORN_CMD_ARGS"]
	return !more && !namesWorker(b.service.Args)
}

// namesWorker reports whether a command of gunicorn names a worker class or threads.
func namesWorker(args []inventory.Value) bool {
	for _, arg := range args {
		if arg.Dynamic || mentionsWorker(arg.Text) {
			return true
		}
	}
	return false
}

// mentionsWorker reports whether a word, or a shell's whole script, holds such an option.
func mentionsWorker(text string) bool {
	for _, option := range [...]string{"-k", "--worker-class", "--threads", "worker_class"} {
		if text == option || strings.HasPrefix(text, option+"=") || strings.Contains(text, " "+option) {
			return true
		}
	}
	return false
}

// limitName is the setting that ends requests.
func limitName(app *inventory.App) string {
	switch app.Kind {
	case "php-fpm":
		return "request_terminate_timeout ="
	case "uwsgi":
		return "harakiri ="
	}
	return "--timeout"
}
