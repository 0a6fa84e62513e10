package rules

import (
	"context"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "inv-fpm-socket-permission",
	Family:   lint.Inventory,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      invFPMSocketPermission,
	Doc: lint.Doc{
		Title: "php-fpm's socket is closed to nginx's user",
		Why: `php-fpm makes its socket with mode 0660: only listen.owner and listen.group may connect, and where they are not written
that is root, who started it. When "user" of nginx is neither, every request ends in 502, with "connect() to unix:... failed (13:
Permission denied)" in the error log.

It is a warning, since nginx's user may have been added to the group, which no file here shows. Silent where the configuration
writes no "user", where the socket's mode lets everybody in, and with listen.acl_users or listen.acl_groups.`,
		How: `Name nginx's user in listen.owner and its group in listen.group. Between containers the numbers of the users
count, not their names: give both images a user of one number.`,
		Bad: lint.Example{Nginx: `user www-data;
events {}
http {
    server {
        listen 8080;
        root /var/www;
        location ~ \.php$ {
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_pass unix:/run/php/app.sock;
        }
    }
}
`},
		Good: lint.Example{Nginx: `user www-data;
events {}
http {
    server {
        listen 8080;
        root /var/www;
        location ~ \.php$ {
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_pass unix:/run/php/web.sock;
        }
    }
}
`},
		Beside: []lint.File{{Name: "pool.d/app.conf", Text: `[app]
user = app
group = app
listen = /run/php/app.sock
pm = static
pm.max_children = 5

[web]
user = app
group = app
listen = /run/php/web.sock
listen.owner = www-data
listen.group = www-data
pm = static
pm.max_children = 5
`}},
		Links: []string{
			"https://www.php.net/manual/en/install.fpm.configuration.php#listen-owner",
			"https://nginx.org/en/docs/ngx_core_module.html#user",
			"https://man7.org/linux/man-pages/man7/unix.7.html",
		},
		Since: "0.1.0",
	},
})

func invFPMSocketPermission(_ context.Context, p *lint.Pass) { reportKeptOut(p, isFPM) }
