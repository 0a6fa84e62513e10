package rules

import (
	"context"
	"fmt"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "check-rules-ignored",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "no effect",
	Run:      checkRulesIgnored,
	Doc: lint.Doc{
		Title: "http-check or tcp-check lines without the option that puts them to use",
		Why: `"http-check expect" says what an answer must be, "option httpchk" that a question is asked. Without the option, or where another
one such as "option tcp-check" counts, HAProxy warns at start that the rules are ignored, and "check" is a bare connection: an application
that answers every request with a 500 stays up and gets its share of them.

The same goes for "tcp-check send" and "tcp-check expect" without "option tcp-check". Files whose defaults section is not there may have
the option in it, and are left alone.`,
		How: `Write the option above the lines.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    http-check expect status 200
    server app1 10.0.0.10:3000 check
    server app2 10.0.0.11:3000 check
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
    option httpchk GET /health
    http-check expect status 200
    server app1 10.0.0.10:3000 check
    server app2 10.0.0.11:3000 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-http-check%20expect",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-option%20httpchk",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-option%20tcp-check",
		},
		Since: "0.1.0",
	},
})

func checkRulesIgnored(_ context.Context, p *lint.Pass) {
	for _, u := range p.Config.Upstreams {
		if len(u.Endpoints) == 0 || u.Check == nil && hasUnseenDefaults(u) || slices.ContainsFunc(u.Checking.Lines, isConditional) {
			continue
		}
		counts := ""
		if u.Check != nil {
			counts = u.Check.At.Text()
		}
		for _, kind := range [...]struct{ keyword, option string }{{"http-check", "httpchk"}, {"tcp-check", "tcp-check"}} {
			if lines := checkRules(u.Stmt, kind.keyword); len(lines) > 0 && counts != kind.option {
				reportIgnored(p, u, lines, kind.option)
			}
		}
	}
}

func isConditional(s *syntax.Stmt) bool { return s.When != nil }

// checkRules returns the lines of a section that are steps of a check, rather than say what becomes of its result.
func checkRules(section *syntax.Stmt, keyword string) []*syntax.Stmt {
	var lines []*syntax.Stmt
	for _, s := range section.Block.Stmts {
		if s.Name() != keyword {
			continue
		}
		switch s.Arg(1) {
		case "comment", "connect", "expect", "send", "send-binary", "send-lf", "send-binary-lf", "set-var", "set-var-fmt", "unset-var":
			lines = append(lines, s)
		}
	}
	return lines
}

func reportIgnored(p *lint.Pass, u *proxy.Upstream, lines []*syntax.Stmt, option string) {
	first := lines[0]
	d := lint.Diagnostic{
		At:      first.Ref(0),
		Message: fmt.Sprintf("%s %s is ignored, since %s has no option %s", first.Name(), first.Arg(1), sectionName(u.Stmt), option),
		Hint:    "option " + option,
	}
	d.At.Span.End = first.Ref(1).Span.End
	if option == "httpchk" && !slices.ContainsFunc(lines, func(s *syntax.Stmt) bool { return s.Arg(1) == "send" }) {
		d.Hint = "option httpchk GET PATH"
	}
	switch checked := checkedServer(u); {
	case u.Check != nil:
		d.Message = fmt.Sprintf("%s %s is ignored, since option %s says how %s is checked", first.Name(), first.Arg(1), u.Check.At.Text(), sectionName(u.Stmt))
		d.Related = []lint.Related{{At: u.Check.At, Message: "the kind of check"}}
	case checked != nil:
		d.Message += ": a server that takes connections is up, whatever it answers"
		d.Related = []lint.Related{{At: checked.Check.At, Message: "the check"}}
	}
	for _, s := range lines[1:min(len(lines), maxRelated)] {
		d.Related = append(d.Related, lint.Related{At: s.Ref(0), Message: "ignored, too"})
	}
	p.Report(d)
}
