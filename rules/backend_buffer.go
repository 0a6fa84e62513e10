package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "backend-buffer",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      backendBuffer,
	Doc: lint.Doc{
		Title: "larger request headers pass nginx than the backend takes",
		Why: `large_client_header_buffers says how long a line of a request's header may be. uWSGI takes all lines together in
buffer-size, 4096 bytes unless written: a longer cookie or address ends in "invalid request block size" in its log and 502 for
the client. gunicorn (limit_request_field_size) and Tomcat (maxHttpHeaderSize) answer 400.

It is a warning where somebody raised nginx's buffers above what the backend takes. With nginx's 8k, which is more than uWSGI's
4096 too, it is an info.`,
		How: `Raise the backend's limit to what nginx lets through, with room for the other lines.`,
		Bad: lint.Example{Nginx: `events {}
http {
    large_client_header_buffers 4 32k;
    server {
        listen 8080;
        location / {
            uwsgi_param REQUEST_METHOD $request_method;
            uwsgi_param REQUEST_URI $request_uri;
            uwsgi_pass 127.0.0.1:3031;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    large_client_header_buffers 4 16k;
    server {
        listen 8080;
        location / {
            uwsgi_param REQUEST_METHOD $request_method;
            uwsgi_param REQUEST_URI $request_uri;
            uwsgi_pass 127.0.0.1:3031;
        }
    }
}
`},
		Beside: []lint.File{{Name: "uwsgi.ini", Text: "[uwsgi]\nsocket = 127.0.0.1:3031\nbuffer-size = 20480\nmodule = app:application\n"}},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers",
			"https://uwsgi-docs.readthedocs.io/en/latest/Options.html#buffer-size",
			"https://docs.gunicorn.org/en/stable/settings.html#limit-request-field-size",
		},
		Since: "0.1.0",
	},
})

// lineEnd are the bytes that nginx counts to a line, and gunicorn does not.
const lineEnd = 2

func backendBuffer(_ context.Context, p *lint.Pass) {
	around := surroundingsOf(p)
	if around == nil {
		return
	}
	for u := range appUses(p.Config) {
		limit, ok := headerLetThrough(u.route)
		if !ok {
			continue
		}
		b, ok := largestHeader(around.behind(u.endpoint.Addr))
		if !ok || b.Header.Value+lineEnd >= limit.Value || !limit.Written() && b.Kind != "uwsgi" {
			continue
		}
		p.Report(headerFinding(around, u, limit, b))
	}
}

// headerLetThrough returns the largest of the lines that the listeners of a route take; false where one's is not known.
func headerLetThrough(r *proxy.Route) (largest proxy.Setting[int64], ok bool) {
	for _, l := range r.From {
		if l.Header.Origin == proxy.Unknown || l.Header.Dynamic {
			return largest, false
		}
		if l.Header.Value > largest.Value {
			largest = l.Header
		}
	}
	return largest, len(r.From) > 0
}

// largestHeader returns the one of some servers that takes the largest header; false where one's limit is not known.
func largestHeader(list []backendApp) (largest backendApp, ok bool) {
	for i, b := range list {
		if !b.Header.Known {
			return backendApp{}, false
		}
		if i == 0 || b.Header.Value > largest.Header.Value {
			largest = b
		}
	}
	return largest, len(list) > 0
}

func headerFinding(around *surroundings, u appUse, limit proxy.Setting[int64], b backendApp) lint.Diagnostic {
	d := lint.Diagnostic{
		Severity: lint.Info,
		Symptom:  "400",
		At:       u.endpoint.Addr.At,
		Message:  fmt.Sprintf("a header line of %s passes nginx, but %s takes %d bytes", sizeText(limit.Value), b.title(), b.Header.Value),
		Hint:     headerSetting(b, limit.Value),
		Related:  around.chain(b, fmt.Sprintf("its limit is %d bytes", b.Header.Value), b.Header.At),
	}
	if b.Kind == "uwsgi" {
		d.Symptom = "502"
		d.Message += " for the whole header"
	}
	if limit.Written() {
		d.Severity, d.At = lint.Warning, limit.At
	}
	return d
}

// headerSetting is the line that lets a backend take a header line of some bytes.
func headerSetting(b backendApp, size int64) string {
	switch b.Kind {
	case "uwsgi":
		return fmt.Sprintf("buffer-size = %d", min(2*size, 65535))
	case "gunicorn":
		return fmt.Sprintf("limit_request_field_size = %d", size)
	case "Tomcat":
		return fmt.Sprintf("maxHttpHeaderSize=\"%d\"", 2*size)
	}
	return ""
}
