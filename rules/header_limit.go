package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "header-limit",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "502",
	Run:      headerLimit,
	Doc: lint.Doc{
		Title: "less room for headers than clients and backends need",
		Why: `All headers of a request or a response must fit into one buffer of tune.bufsize bytes (16384 by default), of which
tune.maxrewrite (1024, at most half of the buffer) are kept for what HAProxy adds. A response with more is answered with 502,
a request with 400. With less than 8 kB left, the cookies and tokens of common applications are enough for that: Tomcat alone
sends and takes headers of 8 kB without being told to.

tune.http.maxhdr is the number of headers (101 by default), with the same answers. Fewer are used up by a few
proxies and cookies on the way.`,
		How: `Leave the defaults, or raise tune.bufsize. Each busy connection then takes more memory.`,
		Bad: lint.Example{HAProxy: `global
    tune.bufsize 4096

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000
`},
		Good: lint.Example{HAProxy: `global
    tune.bufsize 16384

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#3.2-tune.bufsize",
			"https://docs.haproxy.org/3.2/configuration.html#3.2-tune.maxrewrite",
			"https://docs.haproxy.org/3.2/configuration.html#3.2-tune.http.maxhdr",
		},
		Since: "0.1.0",
	},
})

// HAProxy's defaults (manual 3.2), and the room that headers should have, in bytes.
const (
	defaultMaxRewrite = 1024
	defaultMaxHeaders = 101
	enoughForHeaders  = 8192
)

func headerLimit(_ context.Context, p *lint.Pass) {
	sections := globalSections(p.Config.Tree)
	if len(sections) == 0 || !handlesHTTP(p.Config) {
		return
	}
	reportHeaderRoom(p, sections)
	if line, _ := lastLine("tune.http.maxhdr", sections...); line != nil {
		if n, ok := wholeArgument(line); ok && n > 0 && n < defaultMaxHeaders {
			p.Report(lint.Diagnostic{
				At:      line.Ref(1),
				Message: fmt.Sprintf("a response with more than %d headers gets a 502, a request a 400 (default: %d)", n, defaultMaxHeaders),
				Hint:    fmt.Sprintf("tune.http.maxhdr %d", defaultMaxHeaders),
			})
		}
	}
}

// handlesHTTP reports whether any section of a HAProxy configuration looks at headers, or may.
func handlesHTTP(c *proxy.Config) bool {
	for _, l := range c.Listeners {
		if l.Protocol != proxy.TCP {
			return true
		}
	}
	for _, u := range c.Upstreams {
		if u.Protocol != proxy.TCP {
			return true
		}
	}
	return len(c.Listeners) == 0
}

// reportHeaderRoom tells of the line that leaves less than 8 kB of a buffer to headers.
func reportHeaderRoom(p *lint.Pass, sections []*syntax.Stmt) {
	bufsize, known := lastLine("tune.bufsize", sections...)
	maxrewrite, alsoKnown := lastLine("tune.maxrewrite", sections...)
	if bufsize == nil || !known || !alsoKnown {
		return // half of the default buffer is enough
	}
	size, ok := wholeArgument(bufsize)
	kept := defaultMaxRewrite
	if maxrewrite != nil {
		n, number := wholeArgument(maxrewrite)
		kept, ok = n, ok && number
	}
	kept = min(kept, size/2)
	room := size - kept
	if !ok || room >= enoughForHeaders {
		return
	}
	d := lint.Diagnostic{
		At: bufsize.Ref(1),
		Message: fmt.Sprintf("headers must fit into %d bytes, tune.bufsize %d less %d of tune.maxrewrite: a response with more gets a 502",
			room, size, kept),
		Hint: "tune.bufsize 16384",
	}
	if maxrewrite != nil {
		d.Related = []lint.Related{{At: maxrewrite.Ref(1), Message: "kept for what HAProxy adds"}}
	}
	p.Report(d)
}
