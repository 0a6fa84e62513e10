package rules

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "socket-in-private-tmp",
	Family:   lint.Pools,
	Severity: lint.Info,
	Symptom:  "502",
	Run:      socketInPrivateTmp,
	Doc: lint.Doc{
		Title: "a backend's unix socket in a folder for temporary files",
		Why: `systemd can give a service a /tmp and /var/tmp of its own (PrivateTmp), and the units of many distributions do so, for
proxies and backends alike. A socket that one of the two makes there is not there for the other: nginx answers 502, with "No such
file or directory" in the error log, HAProxy 503, while a look from a shell finds the socket in place. Besides, what lies in
these folders is deleted when it gets old.

It is a warning where a unit beside the configuration makes the socket and says PrivateTmp. Left out is a HAProxy with chroot, for
which such a path leads elsewhere.`,
		How: `Put the socket into a folder below /run that the backend's unit makes ("RuntimeDirectory=app").`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://unix:/tmp/app.sock;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 unix@/tmp/app.sock check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://unix:/run/app/app.sock;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 unix@/run/app/app.sock check
`,
		},
		Links: []string{
			"https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#PrivateTmp=",
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
		},
		Since: "0.1.0",
	},
})

func socketInPrivateTmp(_ context.Context, p *lint.Pass) {
	uses := map[string][]syntax.Ref{}
	var first []peer
	for u := range peers(p.Config) {
		socket := u.addr.Socket
		if socket == "" || privateFolder(socket) == "" {
			continue
		}
		if uses[socket] == nil {
			first = append(first, u)
		}
		uses[socket] = append(uses[socket], u.addr.At)
	}
	if len(first) == 0 || p.Config.Dialect == syntax.HAProxy && (p.Config.Tree.Fragment || hasChroot(p.Config.Tree)) {
		return
	}
	around := surroundingsOf(p)
	for _, u := range first {
		socket := u.addr.Socket
		d := lint.Diagnostic{
			Symptom: u.unanswered(),
			At:      u.addr.At,
			Message: fmt.Sprintf("a service with PrivateTmp has a %s of its own, and sees no %s that another made",
				privateFolder(socket), path.Base(socket)),
			Hint:    fmt.Sprintf("unix:/run/%s/%s", serviceOf(socket), path.Base(socket)),
			Related: alsoAt(uses[socket][1:], "used here too"),
		}
		if b := around.inPrivateTmp(socket); b != nil {
			d.Severity = lint.Warning
			d.Message = fmt.Sprintf("%s has a %s of its own, and makes %s there", b.title(), privateFolder(socket), path.Base(socket))
			d.Related = append(around.chain(*b, "sets the folder apart", b.PrivateTmp), d.Related...)
		}
		p.Report(d)
	}
}

// inPrivateTmp returns the server that makes a socket in a folder for temporary files that its unit sets apart; nil when
// no unit of the machine says so.
func (s *surroundings) inPrivateTmp(socket string) *backendApp {
	if s == nil || s.home != nil {
		return nil
	}
	for _, b := range s.onSocket(socket) {
		if !b.PrivateTmp.IsZero() && b.bind.Addr.At.File == b.PrivateTmp.File { // systemd makes those of .socket units itself
			return &b
		}
	}
	return nil
}

// privateFolder returns the folder of a socket's path that PrivateTmp= sets apart; "" where none does (systemd.exec(5)).
func privateFolder(socket string) string {
	for _, folder := range [...]string{"/tmp", "/var/tmp"} {
		if strings.HasPrefix(socket, folder+"/") && !strings.HasSuffix(socket, "/") {
			return folder
		}
	}
	return ""
}

// serviceOf guesses what a socket's service is called: the socket's name without its ending.
func serviceOf(socket string) string {
	name := path.Base(socket)
	if stem, _, _ := strings.Cut(name, "."); stem != "" {
		return stem
	}
	return "app"
}

func hasChroot(tree *syntax.Tree) bool {
	found := false
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		found = found || s.Name() == "chroot"
		return s.Name() == "global"
	})
	return found
}
