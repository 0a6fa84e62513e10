package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "acl-never-true",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      aclNeverTrue,
	Doc: lint.Doc{
		Title: "a condition on something that is not there when HAProxy looks at it",
		Why: `A sample that has no value matches nothing, and HAProxy says nothing of it: the requests go to the default_backend, or get
a 503 where there is none.

In mode tcp a use_backend line is looked at as soon as the connection is open, before its first bytes have come. What looks into
them, such as req.ssl_sni or hdr(host), matches by luck or never, unless "tcp-request inspect-delay" and a
"tcp-request content" rule make HAProxy wait.

req.ssl_sni reads the client's TLS greeting in passing. Where HAProxy ends the TLS itself, or in mode http, it is not to be seen;
ssl_fc_sni has the name then. The other way round, ssl_fc_sni and all other ssl_fc_ and ssl_c_ samples are empty where no bind line
says ssl.`,
		How: `In mode tcp, wait for what the condition needs: "tcp-request inspect-delay 5s" and
"tcp-request content accept if { req.ssl_hello_type 1 }", or "... if HTTP". Where HAProxy ends the TLS, write ssl_fc_sni; where
it does not, req.ssl_sni.`,
		Bad: lint.Example{HAProxy: `defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend tls
    bind :8080
    use_backend mail if { req.ssl_sni -i mail.acme.net }
    default_backend app

backend app
    server app1 10.0.0.10:8443 check

backend mail
    server mail1 10.0.0.11:8443 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend tls
    bind :8080
    tcp-request inspect-delay 5s
    tcp-request content accept if { req.ssl_hello_type 1 }
    use_backend mail if { req.ssl_sni -i mail.acme.net }
    default_backend app

backend app
    server app1 10.0.0.10:8443 check

backend mail
    server mail1 10.0.0.11:8443 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#7.3.5-req.ssl_sni",
			"https://docs.haproxy.org/3.2/configuration.html#7.3.4-ssl_fc_sni",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-tcp-request%20inspect-delay",
		},
		Since: "0.1.0",
	},
})

func aclNeverTrue(_ context.Context, p *lint.Pass) {
	var defaults map[*syntax.Stmt]*syntax.Stmt
	for i := 0; i < len(p.Config.Listeners); { // those of one section follow each other
		l := p.Config.Listeners[i]
		n := i + 1
		for n < len(p.Config.Listeners) && p.Config.Listeners[n].Section == l.Section {
			n++
		}
		binds := p.Config.Listeners[i:n]
		i = n
		if !p.Config.Wants(l.Section.File) || !serves(l.Section, l.Protocol) {
			continue
		}
		if defaults == nil {
			defaults = defaultsOf(p.Config.Tree)
		}
		e := emptySamples{pass: p, section: l.Section, from: defaults[l.Section], mode: l.Protocol, tls: onBinds(binds)}
		e.hasDefault = sync.OnceValue(e.leadsOn)
		e.held = sync.OnceValues(e.holds)
		e.check()
	}
}

// bindTLS says which bind lines of a section end TLS.
type bindTLS uint8

const (
	someTLS bindTLS = iota // some do, or it is not known
	allTLS
	noTLS
)

func onBinds(binds []*proxy.Listener) bindTLS {
	encrypted := 0
	for _, l := range binds {
		if l.TLS {
			encrypted++
			continue
		}
		// a certificate without ssl is a mistake of its own
		if hasWord(l.Stmt, "crt") || strings.Contains(l.Stmt.File.Text(l.Stmt.Span), "$") || l.Stmt.When != nil {
			return someTLS
		}
	}
	switch encrypted {
	case 0:
		return noTLS
	case len(binds):
		return allTLS
	}
	return someTLS
}

// emptySamples looks for conditions of one section that stand on what it does not see.
type emptySamples struct {
	pass    *lint.Pass
	section *syntax.Stmt
	from    *syntax.Stmt // the defaults section that applies; nil: none is in sight
	mode    proxy.Protocol
	tls     bindTLS

	hasDefault func() bool               // whether a route takes what no use_backend line does
	held       func() (delay, rule bool) // which tcp-request lines are in effect that make connections wait
	acls       sectionACLs
	used       map[aclUse]bool
	order      []*lint.Diagnostic
	found      map[string]*lint.Diagnostic // by message
}

// aclUse is the use of an ACL in a kind of line.
type aclUse struct{ name, line string }

func (e *emptySamples) check() {
	for _, s := range e.section.Block.Stmts {
		i := conditionAt(s)
		if i == 0 || !s.When.Live() {
			continue
		}
		for t := range aclTerms(s, i) {
			if t.name == "" {
				e.test(s, criterion{s, t.at + 1, t.end - 1})
				continue
			}
			if e.acls == nil {
				e.acls, e.used = aclsOf(e.section), map[aclUse]bool{}
			}
			use := aclUse{t.name, s.Name()}
			if e.used[use] {
				continue
			}
			e.used[use] = true
			for _, c := range e.acls[t.name] {
				e.test(s, c)
			}
		}
	}
	for _, d := range e.order {
		e.pass.Report(*d)
	}
}

// test checks what a condition of line s asks.
func (e *emptySamples) test(s *syntax.Stmt, c criterion) {
	fetch, _, _ := c.sample()
	d := e.describe(s.Name(), fetch, c.line.Arg(c.at))
	if d == nil {
		return
	}
	d.At = c.line.Ref(c.at)
	if first := e.found[d.Message]; first != nil {
		if first.At != d.At && len(first.Related) < maxRelated {
			first.Related = append(first.Related, lint.Related{At: d.At, Message: "here too"})
		}
		return
	}
	d.Symptom = "no effect"
	if s.Name() == "use_backend" {
		d.Symptom = e.missed()
	}
	if e.found == nil {
		e.found = map[string]*lint.Diagnostic{}
	}
	e.found[d.Message] = d
	e.order = append(e.order, d)
}

// missed is what clients get when no use_backend line takes them.
func (e *emptySamples) missed() lint.Symptom {
	if e.hasDefault() {
		return "wrong backend"
	}
	return answered(e.mode, "503")
}

func (e *emptySamples) describe(line, fetch, written string) *lint.Diagnostic {
	switch {
	case strings.HasPrefix(fetch, "ssl_fc_") || strings.HasPrefix(fetch, "ssl_c_"):
		if e.tls != noTLS {
			return nil
		}
		d := &lint.Diagnostic{Message: fmt.Sprintf("%s is always empty: no bind of %s says ssl", written, sectionName(e.section))}
		if fetch == "ssl_fc_sni" && e.mode == proxy.TCP {
			d.Hint = "req.ssl_sni"
		}
		return d
	case strings.HasPrefix(fetch, "req.ssl_") || fetch == "req_ssl_sni":
		return e.hello(line, fetch, written)
	case line == "use_backend" && e.mode == proxy.TCP && isHTTPFetch(fetch) && !e.waits():
		return &lint.Diagnostic{
			Message: fmt.Sprintf("%s is looked at before the request has come: %s", written, e.lacks()),
			Hint:    e.waitHint("HTTP"),
		}
	}
	return nil
}

// hello tells of samples from the TLS greeting of a client.
func (e *emptySamples) hello(line, fetch, written string) *lint.Diagnostic {
	hint := ""
	if strings.HasSuffix(fetch, "ssl_sni") && e.tls == allTLS {
		hint = "ssl_fc_sni"
	}
	switch {
	case line == "tcp-request":
	case e.mode == proxy.HTTP:
		return &lint.Diagnostic{Message: fmt.Sprintf("%s is always empty in mode http", written), Hint: hint}
	case e.tls == allTLS:
		return &lint.Diagnostic{Message: fmt.Sprintf("%s is always empty where bind ends the TLS", written), Hint: hint}
	case line == "use_backend" && e.tls == noTLS && !e.waits():
		return &lint.Diagnostic{
			Message: fmt.Sprintf("%s is looked at before the client has sent it: %s", written, e.lacks()),
			Hint:    e.waitHint("{ req.ssl_hello_type 1 }"),
		}
	}
	return nil
}

// waits reports whether connections are held until their first bytes are there, or may be by what is not looked at.
func (e *emptySamples) waits() bool {
	if e.from == nil && e.section.Arg(2) == "from" || e.from != nil && (e.from.Arg(1) == "from" || e.from.Arg(2) == "from") {
		return true
	}
	delay, rule := e.held()
	return delay && rule
}

// holds reports which tcp-request lines are in effect that together make connections wait.
func (e *emptySamples) holds() (delay, rule bool) {
	for _, section := range []*syntax.Stmt{e.section, e.from} {
		if section == nil {
			continue
		}
		for _, s := range section.Block.Stmts {
			if s.Name() == "tcp-request" && s.When.Live() {
				delay = delay || s.Arg(1) == "inspect-delay"
				rule = rule || s.Arg(1) == "content"
			}
		}
	}
	return delay, rule
}

func (e *emptySamples) leadsOn() bool {
	return slices.ContainsFunc(e.pass.Config.Routes, func(r *proxy.Route) bool {
		return r.Section == e.section && r.Match.Kind == proxy.MatchAll
	})
}

// lacks names what is missing for the wait.
func (e *emptySamples) lacks() string {
	switch delay, rule := e.held(); {
	case delay:
		return "no tcp-request content rule waits for it"
	case rule:
		return "without tcp-request inspect-delay nothing waits for it"
	}
	return "neither tcp-request inspect-delay nor a content rule waits for it"
}

func (e *emptySamples) waitHint(condition string) string {
	delay, rule := e.held()
	var lines []string
	if !delay {
		lines = append(lines, "tcp-request inspect-delay 5s")
	}
	if !rule {
		lines = append(lines, "tcp-request content accept if "+condition)
	}
	return strings.Join(lines, ", ")
}

// isHTTPFetch reports whether a sample is read from an HTTP request (manual 7.3.6).
func isHTTPFetch(fetch string) bool {
	name, _, _ := strings.Cut(fetch, "_")
	switch name {
	case "path", "pathq", "hdr", "method", "url", "urlp", "base", "cook", "query", "req.hdr", "req.fhdr", "req.cook":
		return true
	}
	return false
}
