package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "live-header-too-big",
	Severity: lint.Error,
	Symptom:  "502",
	Live:     true,
	Run:      liveHeaderTooBig,
	Doc: lint.Doc{
		Title: `a response header that does not fit into the buffer`,
		Why: `nginx reads the header of a response, from the status line to the empty line, into one buffer of proxy_buffer_size (4k or 8k by default;
fastcgi_buffer_size and so on for the other protocols); one byte more, and the client gets 502 with "upstream sent too big header" in the
error log. HAProxy's buffer is tune.bufsize, of which some 1,100 bytes are kept free.

It is a warning from three quarters on: the request was sent without cookies, and those of users who are logged in make headers longer.`,
		How: `Make the buffer larger: "proxy_buffer_size 16k; proxy_buffers 8 16k;" in nginx, tune.bufsize in HAProxy.`,
		Bad: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 ok header=5000
events {}
http {
    upstream app {
        server 10.0.0.7:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: 10.0.0.7:8080 ok header=15274
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:8080 check
`,
		},
		Good: lint.Example{
			Nginx: `# live: 10.0.0.7:8080 ok header=5000
events {}
http {
    upstream app {
        server 10.0.0.7:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_buffer_size 16k;
            proxy_buffers 8 16k;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: 10.0.0.7:8080 ok header=5000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.7:8080 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size",
			"https://docs.haproxy.org/3.0/configuration.html#tune.bufsize",
		},
		Since: "0.2.0",
	},
})

func liveHeaderTooBig(_ context.Context, p *lint.Pass) {
	for _, r := range p.Live.Of(p.Config) {
		limit := r.HeaderRoom()
		for _, try := range r.Tries {
			if limit <= 0 || try.Header*4 < limit*3 {
				continue
			}
			d := lint.Diagnostic{
				At: r.Addr.At, Severity: lint.Error,
				Message: fmt.Sprintf("the response header of %s has %d bytes, and only %d fit into the buffer", r.Dialed(try), try.Header, limit),
				Hint:    bufferHint(r.Target, try.Header),
			}
			if at := r.Limits.Header.At; !at.IsZero() {
				d.At = at
			}
			if !r.Overflows(try) {
				d.Severity = lint.Warning
				d.Message = fmt.Sprintf("the response header of %s has %d bytes of the %d that fit into the buffer, and no cookies were sent", r.Dialed(try), try.Header, limit)
			}
			p.Report(d)
			break
		}
	}
}

// bufferHint returns the line that makes the buffer twice as large as the header is.
func bufferHint(t *probe.Target, header int) string {
	kilobytes := 4
	for kilobytes<<10 < 2*header {
		kilobytes *= 2
	}
	if t.Dialect == syntax.HAProxy {
		return fmt.Sprintf("tune.bufsize %d", kilobytes<<10)
	}
	module := map[proxy.Protocol]string{
		proxy.FastCGI: "fastcgi", proxy.UWSGI: "uwsgi", proxy.SCGI: "scgi", proxy.GRPC: "grpc", proxy.Memcached: "memcached",
	}[t.Protocol]
	if module == "" {
		module = "proxy"
	}
	if t.Protocol == proxy.GRPC || t.Protocol == proxy.Memcached {
		return fmt.Sprintf("%s_buffer_size %dk;", module, kilobytes)
	}
	return fmt.Sprintf("%s_buffer_size %dk; %s_buffers 8 %dk;", module, kilobytes, module, kilobytes)
}
