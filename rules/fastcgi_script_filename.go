package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "fastcgi-script-filename",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "404",
	Run:      fastcgiScriptFilename,
	Doc: lint.Doc{
		Title: "PHP is not told which script to run",
		Why: `PHP-FPM runs the file that the parameter SCRIPT_FILENAME names. Without it the answer is "File not found.", with
"Primary script unknown" in the error log, or an empty page.

The file fastcgi_params that comes with nginx does not have that parameter; fastcgi.conf does. And a location that has one
fastcgi_param of its own inherits none of those set around it.

Other FastCGI programs may do without, so only passes that look like PHP are meant: by the location's pattern, the name of the
socket or host, or port 9000.`,
		How: `Include the parameters and set SCRIPT_FILENAME in the block that has the pass.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        root /srv/www;
        fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        location ~ \.php$ {
            fastcgi_pass 127.0.0.1:9000;
            fastcgi_param QUERY_STRING $query_string;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        root /srv/www;
        location ~ \.php$ {
            fastcgi_pass 127.0.0.1:9000;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param QUERY_STRING $query_string;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_param",
			"https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#variables",
		},
		Since: "0.1.0",
	},
})

func fastcgiScriptFilename(_ context.Context, p *lint.Pass) {
	for _, r := range p.Config.Routes {
		params := r.Hop.Headers
		if r.Hop.Protocol != proxy.FastCGI || params.Origin == proxy.Unknown || !isPHP(r) || namesScript(params) {
			continue
		}
		d := lint.Diagnostic{
			At:      r.At,
			Message: "no fastcgi_param SCRIPT_FILENAME is in effect here, and PHP finds its script by that",
			Hint:    "fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;",
		}
		if params.Origin == proxy.Explicit {
			first := params.Set[0]
			d.Message = fmt.Sprintf("the fastcgi_param lines here (%s) have no SCRIPT_FILENAME, and none is inherited beside them",
				paramNames(params.Set))
			d.Related = []lint.Related{{At: first.At, Message: "the first of them"}}
		}
		p.Report(d)
	}
}

// isPHP reports whether a pass leads to PHP, as far as names tell.
func isPHP(r *proxy.Route) bool {
	if strings.Contains(r.Match.Text, "php") || strings.Contains(r.At.Text(), "php") || strings.Contains(r.At.Text(), "fpm") {
		return true
	}
	if r.To == nil {
		return false
	}
	for _, e := range r.To.Endpoints {
		text := e.Addr.At.Text()
		if e.Addr.Port == fpmPort || strings.Contains(text, "php") || strings.Contains(text, "fpm") {
			return true
		}
	}
	return false
}

// namesScript reports whether one of the parameters that PHP-FPM takes the script's file from is set.
func namesScript(params *proxy.Headers) bool {
	for _, h := range params.Set {
		if h.Name == "SCRIPT_FILENAME" || h.Name == "PATH_TRANSLATED" || isPlaceholder(h.Name) {
			return true
		}
	}
	return false
}

// paramNames lists the first of some parameters.
func paramNames(set []proxy.Header) string {
	var names []string
	for _, h := range set {
		if len(names) == maxRelated {
			return strings.Join(names, ", ") + " ..."
		}
		names = append(names, h.Name)
	}
	return strings.Join(names, ", ")
}
