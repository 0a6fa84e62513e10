package rules

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "inv-fpm-socket-mismatch",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      invFPMSocketMismatch,
	Doc: lint.Doc{
		Title: "php-fpm listens elsewhere than nginx asks",
		Why: `nginx passes PHP to a socket, or to a port, where no php-fpm pool listens: it answers 502, with "No such file or
directory" or "Connection refused" in the error log. It happens when PHP is upgraded (php8.1-fpm.sock, php8.2-fpm.sock), when the
two containers share no volume for the socket, and with the official PHP images: they read their own zz-docker.conf last, which
says "listen = 9000" for the pool www, whatever www.conf says.

The pools are those in files beside the configuration. It is an error where a mount or a COPY shows in which container the
configuration runs and which volumes it shares, a warning where pools and configuration merely lie together, and an info where a
file that may say more was not read. A socket that does not look like PHP's is passed over.`,
		How: `Write the address from "listen" of the pool. Between containers, give both the volume in which the socket lies.
With an official PHP image, mount your file as zz-docker.conf, or dial port 9000.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        root /var/www;
        location ~ \.php$ {
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_pass unix:/run/php/php8.1-fpm.sock;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        root /var/www;
        location ~ \.php$ {
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_pass unix:/run/php/php8.2-fpm.sock;
        }
    }
}
`},
		Beside: []lint.File{{Name: "pool.d/www.conf", Text: `[www]
user = www-data
group = www-data
listen = /run/php/php8.2-fpm.sock
listen.owner = www-data
listen.group = www-data
pm = ondemand
pm.max_children = 5
`}},
		Links: []string{
			"https://www.php.net/manual/en/install.fpm.configuration.php#listen",
			"https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
			"https://hub.docker.com/_/php",
		},
		Since: "0.1.0",
	},
})

func invFPMSocketMismatch(_ context.Context, p *lint.Pass) {
	around := surroundingsOf(p)
	if around == nil {
		return
	}
	for u := range appUses(p.Config) {
		if u.route.Hop.Protocol != proxy.FastCGI {
			continue
		}
		d := around.unheardPort(u)
		if isFPMSocket(u.endpoint.Addr.Socket) {
			d = around.unheardSocket(u, isFPM, func(a, _ string) bool { return isFPMSocket(a) })
		}
		if d != nil {
			p.Report(*d)
		}
	}
}

// isFPMSocket reports whether a socket is php-fpm's by its path.
func isFPMSocket(socket string) bool {
	socket = strings.ToLower(path.Base(path.Dir(socket)) + "/" + path.Base(socket))
	return strings.Contains(socket, "php") || strings.Contains(socket, "fpm")
}

// unheardPort tells of a port on which php-fpm does not listen, since its pools listen on sockets alone.
func (s *surroundings) unheardPort(u appUse) *lint.Diagnostic {
	a := u.endpoint.Addr
	services, certain := s.services(a)
	if !certain || len(services) != 1 || a.Socket != "" {
		return nil
	}
	found, known := boundApps(services[0], isFPM)
	others := slices.ContainsFunc(services[0].Apps, func(app *inventory.App) bool { return !isFPM(app) })
	declared := slices.ContainsFunc(services[0].Ports, func(p inventory.Port) bool { return p.Number == a.Port && p.Source.Explicit() })
	if !known || others || declared || slices.ContainsFunc(found, func(b backendApp) bool { return b.bind.Addr.Socket == "" }) || len(found) == 0 {
		return nil
	}
	d := s.absence(u, found[0])
	d.Message = fmt.Sprintf("nothing listens on port %d of %s: %s listens on the socket %s alone",
		a.Port, a.Host, found[0].title(), found[0].bind.Addr.Socket)
	if socket := s.dialedAs(found[0]); socket != "" && len(found) == 1 {
		d.Hint = "unix:" + socket
	} else {
		d.Hint = fmt.Sprintf("listen = %d (in the pool)", a.Port)
	}
	return d
}
