package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "unreachable-rule",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Dialect:  syntax.HAProxy,
	Symptom:  "wrong backend",
	Run:      unreachableRule,
	Doc: lint.Doc{
		Title: "a rule below one of its kind that ends every request's way",
		Why: `HAProxy goes through the rules of a kind in order, and the first that applies and is final ends it: a use_backend, or
an http-request deny, return or redirect. Where such a line has no condition (or "if TRUE"), those of the same kind below it
are never reached. HAProxy warns of it for http-request and http-response, and keeps silent about use_backend and tcp-request.

Rules of different kinds don't stand in each other's way, wherever they stand: HAProxy takes tcp-request before http-request,
and that before use_backend.`,
		How: `Put the line without a condition last, or give it the condition it was meant to have. In place of a
use_backend without one, write default_backend.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    use_backend app
    use_backend api if { path_beg /api/ }

backend app
    server app1 10.0.0.10:8080 check

backend api
    server api1 10.0.0.11:8080 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    use_backend api if { path_beg /api/ }
    default_backend app

backend app
    server app1 10.0.0.10:8080 check

backend api
    server api1 10.0.0.11:8080 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-use_backend",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-http-request",
		},
		Since: "0.1.0",
	},
})

func unreachableRule(_ context.Context, p *lint.Pass) {
	for _, f := range p.Config.Tree.Roots {
		for _, s := range f.Stmts {
			if s.Block != nil && s.When.Live() && p.Config.Wants(f) && mayHoldConditions(s.Name()) {
				findUnreachable(p, s)
			}
		}
	}
}

// finalRule is a rule that ends every request's way through those of its kind, and the rules below it.
type finalRule struct {
	kind        ruleKind
	rule, after *syntax.Stmt
	more        []syntax.Ref
}

// ruleBranch is where a final rule ends the way: in a branch of an .if block, or everywhere.
type ruleBranch struct {
	kind ruleKind
	when *syntax.Branch
}

func findUnreachable(p *lint.Pass, section *syntax.Stmt) {
	var finals []*finalRule
	var ended map[ruleBranch]*finalRule
	for _, s := range section.Block.Stmts {
		kind, ok := kindOfRule(s)
		if !ok || !s.When.Live() {
			continue
		}
		f := ended[ruleBranch{kind, nil}]
		if f == nil {
			f = ended[ruleBranch{kind, s.When}]
		}
		switch {
		case f == nil && endsAll(kind, s):
			f = &finalRule{kind: kind, rule: s}
			if ended == nil {
				ended = map[ruleBranch]*finalRule{}
			}
			ended[ruleBranch{kind, s.When}] = f
			finals = append(finals, f)
		case f == nil:
		case f.after == nil:
			f.after = s
		default:
			f.more = append(f.more, s.Ref(0))
		}
	}
	for _, f := range finals {
		if f.after != nil {
			reportUnreachable(p, section, f)
		}
	}
}

func reportUnreachable(p *lint.Pass, section *syntax.Stmt, f *finalRule) {
	d := lint.Diagnostic{
		At:      f.after.Ref(0),
		Message: fmt.Sprintf("%s is never reached, since %q above always applies", ruleText(f.after), f.rule.File.Text(f.rule.Span)),
		Related: append([]lint.Related{{At: f.rule.Ref(0), Message: "this one has no condition"}}, alsoAt(f.more, "nor is this")...),
	}
	if conditionAt(f.rule) > 0 {
		d.Related[0].Message = "this one always applies"
	}
	switch f.kind.name {
	case "use_backend":
		if section.Name() == "frontend" {
			d.Hint = "default_backend " + f.rule.Arg(1)
		}
	case "redirect":
		d.Symptom = "wrong redirect"
	case "http-request", "tcp-request":
		d.Symptom = "no effect"
		if isFinal(f.after.Arg(f.kind.action())) {
			d.Symptom = "wrong answer"
		}
	default:
		d.Symptom = "no effect"
	}
	p.Report(d)
}

// ruleText names a rule by its first words.
func ruleText(s *syntax.Stmt) string {
	switch {
	case s.Name() == "redirect" || s.Args() == 0:
		return s.Name()
	case s.Name() == "tcp-request" || s.Name() == "tcp-response":
		return s.Name() + " " + s.Arg(1) + " " + s.Arg(2)
	}
	return s.Name() + " " + s.Arg(1)
}

// ruleKind is a list of rules that HAProxy goes through in order: "tcp-request" has one for each "layer".
type ruleKind struct{ name, layer string }

// action returns the index of the word that says what a rule of the kind does.
func (k ruleKind) action() int {
	if k.layer != "" {
		return 2
	}
	return 1
}

func kindOfRule(s *syntax.Stmt) (kind ruleKind, ok bool) {
	switch name := s.Name(); name {
	case "use_backend", "redirect", "http-request", "http-response", "http-after-response":
		return ruleKind{name: name}, s.Args() > 0
	case "tcp-request", "tcp-response":
		layer := s.Arg(1)
		return ruleKind{name, layer}, layer == "connection" || layer == "session" || layer == "content"
	}
	return ruleKind{}, false
}

// endsAll reports whether a rule ends the way of every request through the rules of its kind.
func endsAll(kind ruleKind, s *syntax.Stmt) bool {
	switch kind.name {
	case "use_backend": // where no backend has the name that a sample gives, the next rule decides
		return literalName(s, 1) && alwaysHolds(s)
	case "redirect":
		return !hasWord(s, "ignore-empty") && alwaysHolds(s)
	}
	switch s.Arg(kind.action()) {
	case "accept", "allow", "auth", "close", "deny", "redirect", "reject", "return", "silent-drop", "tarpit":
		return !hasWord(s, "ignore-empty") && alwaysHolds(s)
	}
	return false
}

// literalName reports whether a word holds no sample, variable or mark of a template.
func literalName(s *syntax.Stmt, i int) bool {
	raw := s.File.Raw(s.Words[i])
	for j := range len(raw) {
		if raw[j] == '%' || raw[j] == '$' {
			return false
		}
	}
	return !isPlaceholder(raw)
}
