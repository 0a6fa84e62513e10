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
	ID:       "httpchk-host",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503: all servers down",
	Run:      httpchkHost,
	Doc: lint.Doc{
		Title: "an HTTP health check without a Host header",
		Why: `HAProxy's health checks send the headers that are written, and no others. A request that says HTTP/1.1 must have a Host
header, and servers answer 400 to one without (RFC 9112, 3.2): the check fails, all servers are down, and every request
gets a 503, though the application works.

Two infos. The bare "option httpchk" asks "OPTIONS / HTTP/1.0" without a host, which many applications answer with 403, 404 or
405; it is told once. And a check without Host of a backend to which requests go with a fixed one asks another virtual host than the
users do.`,
		How: `Write "http-check send meth GET uri /health ver HTTP/1.1 hdr Host www.example.com" with the name that the application answers
to.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk
    http-check send meth GET uri /health ver HTTP/1.1
    server app1 10.0.0.10:3000 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk
    http-check send meth GET uri /health ver HTTP/1.1 hdr Host app.internal
    server app1 10.0.0.10:3000 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-option%20httpchk",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-http-check%20send",
			"https://www.rfc-editor.org/rfc/rfc9112#section-3.2",
		},
		Since: "0.1.0",
	},
})

func httpchkHost(_ context.Context, p *lint.Pass) {
	var defaults map[*syntax.Stmt]*syntax.Stmt
	bare := newCauses(p)
	told := map[syntax.Ref]bool{}
	for _, u := range p.Config.Upstreams {
		if u.Check == nil || u.Check.Protocol != proxy.HTTP || u.Check.Host != "" || checkedServer(u) == nil {
			continue
		}
		if defaults == nil {
			defaults = defaultsOf(p.Config.Tree)
		}
		check := hostlessCheck{upstream: u, option: optionLine(u, defaults[u.Stmt]), lines: httpCheckLines(u.Stmt)}
		if len(check.lines) == 0 && defaults[u.Stmt] != nil {
			check.lines = httpCheckLines(defaults[u.Stmt])
		}
		if check.option == nil || check.isHidden() {
			continue
		}
		if at := check.version(); !at.IsZero() {
			if !told[at] {
				told[at] = true
				p.Report(check.refused(at))
			}
			continue
		}
		if host := check.fixedHost(); !host.IsZero() {
			p.Report(check.otherHost(host))
		} else if check.isBare() {
			bare.add(cause{severity: lint.Info}, u.Check.At, check.unspecific)
		}
	}
	bare.report()
}

// hostlessCheck is the HTTP check of a backend that sends no Host.
type hostlessCheck struct {
	upstream *proxy.Upstream
	option   *syntax.Stmt   // the option httpchk line
	lines    []*syntax.Stmt // the http-check lines in effect
}

// optionLine returns the line that a backend's check comes from; nil where a defaults section further up has it.
func optionLine(u *proxy.Upstream, defaults *syntax.Stmt) *syntax.Stmt {
	for _, section := range []*syntax.Stmt{u.Stmt, defaults} {
		if section == nil || section.File != u.Check.At.File {
			continue
		}
		for _, s := range section.Block.Stmts {
			if s.Start <= u.Check.At.Span.Start && u.Check.At.Span.End <= s.End {
				return s
			}
		}
	}
	return nil
}

func httpCheckLines(section *syntax.Stmt) []*syntax.Stmt {
	var lines []*syntax.Stmt
	for _, s := range section.Block.Stmts {
		if s.Name() == "http-check" && s.When.Live() {
			lines = append(lines, s)
		}
	}
	return lines
}

// isHidden reports whether the check may have a Host that can't be read: through a variable, or in a text that is written
// in an unusual way.
func (c hostlessCheck) isHidden() bool {
	for _, line := range append([]*syntax.Stmt{c.option}, c.lines...) {
		text := line.File.Text(line.Span)
		if strings.ContainsRune(text, '$') || isPlaceholder(text) || strings.Contains(strings.ToLower(text), "host:") {
			return true
		}
	}
	return false
}

// version returns where the check says HTTP/1.1.
func (c hostlessCheck) version() syntax.Ref {
	for _, line := range c.lines {
		if line.Arg(1) != "send" {
			continue
		}
		if at, value := lastOption(line, []string{"ver"}); !at.IsZero() && !value.IsZero() {
			if strings.EqualFold(value.Text(), "HTTP/1.1") {
				return value
			}
			return syntax.Ref{}
		}
	}
	for i := 3; i <= c.option.Args(); i++ {
		at := c.option.Ref(i)
		if text := at.Text(); len(text) >= len("HTTP/1.1") && strings.EqualFold(text[:len("HTTP/1.1")], "HTTP/1.1") {
			at.Span.End = at.Span.Start + syntax.Pos(len("HTTP/1.1"))
			return at
		}
	}
	return syntax.Ref{}
}

func (c hostlessCheck) refused(at syntax.Ref) lint.Diagnostic {
	u := c.upstream
	d := lint.Diagnostic{
		At:      at,
		Message: fmt.Sprintf("the check of %s says %s and sends no Host header, to which servers answer 400", sectionName(u.Stmt), at.Text()),
		Hint:    c.send("NAME"),
	}
	if !checkOfItsOwn(u) {
		d.Related = heirs([]*syntax.Stmt{u.Stmt})
	}
	return d
}

// send returns the line that asks the same with a Host.
func (c hostlessCheck) send(host string) string {
	method, uri := c.upstream.Check.Method, c.upstream.Check.URI
	if c.isBare() {
		method, uri = "GET", "/health"
	}
	return fmt.Sprintf("http-check send meth %s uri %s ver HTTP/1.1 hdr Host %s", method, uri, host)
}

// fixedHost returns the one Host that requests to the backend have; zero where there is none.
func (c hostlessCheck) fixedHost() syntax.Ref {
	for _, s := range c.upstream.Stmt.Block.Stmts {
		if s.Name() == "http-request" && s.Arg(1) == "set-header" && strings.EqualFold(s.Arg(2), "host") && s.Args() == 3 &&
			s.When == nil && isHostName(s.Arg(3)) {
			return s.Ref(3)
		}
	}
	return syntax.Ref{}
}

func (c hostlessCheck) otherHost(host syntax.Ref) lint.Diagnostic {
	u := c.upstream
	return lint.Diagnostic{
		Severity: lint.Info,
		At:       u.Check.At,
		Message:  fmt.Sprintf("the check of %s sends no Host header, while requests go to the virtual host %s", sectionName(u.Stmt), host.Text()),
		Hint:     c.send(host.Text()),
		Related:  []lint.Related{{At: host, Message: "the host of requests"}},
	}
}

// isBare reports whether nothing is said of what the check asks and expects.
func (c hostlessCheck) isBare() bool {
	for _, line := range c.lines {
		if what := line.Arg(1); what == "send" || what == "expect" || what == "connect" {
			return false
		}
	}
	last := c.option.Args()
	return c.option.Arg(last) == "httpchk"
}

func (c hostlessCheck) unspecific() lint.Diagnostic {
	return lint.Diagnostic{
		Message: "option httpchk alone asks OPTIONS / HTTP/1.0 without a Host header, which many applications refuse",
		Hint:    c.send("NAME"),
	}
}
