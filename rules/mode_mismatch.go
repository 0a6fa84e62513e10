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
	ID:       "mode-mismatch",
	Family:   lint.Pools,
	Severity: lint.Error,
	Dialect:  syntax.HAProxy,
	Symptom:  "start failure",
	Run:      modeMismatch,
	Doc: lint.Doc{
		Title: "a mode that does not go with the backend, or with the section's own rules",
		Why: `A frontend in mode http may lead to backends in mode http only. HAProxy does not start otherwise: "http frontend
'www' tries to use incompatible tcp backend 'app'". The reverse is fine: the connection becomes HTTP on its way to the backend.
Without a mode line, here or in the defaults section that applies, the mode is tcp.

As a warning: rules for HTTP in a section in mode tcp. HAProxy only mentions at its start that they are "ignored", and goes on: nothing
is redirected, denied or added. In a frontend they do count for requests that go to a backend in mode http, whatever
that message says, and after "tcp-request content switch-mode http"; such sections are left alone.`,
		How: `Write the same mode on both sides, best in the defaults section. What must stay in mode tcp needs "tcp-request" rules.`,
		Bad: lint.Example{HAProxy: `defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    mode http
    bind :8080
    default_backend app

backend app
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
    server app1 10.0.0.10:3000 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-mode",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-tcp-request%20content",
		},
		Since: "0.1.0",
	},
})

func modeMismatch(_ context.Context, p *lint.Pass) {
	m := modes{pass: p, told: map[*syntax.Stmt]bool{}}
	m.reportRefused()
	m.reportIgnored()
}

// modes finds out where sections have their modes from.
type modes struct {
	pass     *lint.Pass
	defaults map[*syntax.Stmt]*syntax.Stmt // see defaultsOf; nil: not asked for yet
	told     map[*syntax.Stmt]bool         // the causes that a finding is about
}

func (m *modes) defaultsFor(section *syntax.Stmt) *syntax.Stmt {
	if m.defaults == nil {
		m.defaults = defaultsOf(m.pass.Config.Tree)
	}
	return m.defaults[section]
}

// line returns the line that gives a section its mode; nil where that is HAProxy's default. known is false where the
// environment decides.
func (m *modes) line(section *syntax.Stmt) (line *syntax.Stmt, known bool) {
	if line, known = lastLine("mode", section); line != nil || !known {
		return line, known
	}
	if defaults := m.defaultsFor(section); defaults != nil {
		return lastLine("mode", defaults)
	}
	return nil, true
}

// cause returns the section whose mode line is wrong or lacks: the section itself, or the defaults that apply to it.
func (m *modes) cause(section *syntax.Stmt) *syntax.Stmt {
	if line, _ := m.line(section); line != nil {
		return line.Parent
	}
	if defaults := m.defaultsFor(section); defaults != nil {
		return defaults
	}
	return section
}

// related tells where a section has its mode from; nothing where nobody wrote it.
func (m *modes) related(section *syntax.Stmt) []lint.Related {
	line, _ := m.line(section)
	if line == nil {
		return nil
	}
	return []lint.Related{{At: line.Ref(1), Message: "the mode of " + sectionName(section)}}
}

// say names the mode of a section.
func (m *modes) say(section *syntax.Stmt, mode string) string {
	if line, _ := m.line(section); line == nil {
		return "mode " + mode + " (the default)"
	}
	return "mode " + mode
}

// reportRefused tells of the routes from HTTP to backends in mode tcp, of those with one cause at once.
func (m *modes) reportRefused() {
	var order []*syntax.Stmt
	byCause := map[*syntax.Stmt][]*proxy.Route{}
	for _, r := range m.pass.Config.Routes {
		if r.To == nil || r.To.Protocol != proxy.TCP || len(r.From) == 0 || r.From[0].Protocol != proxy.HTTP ||
			!m.isRefused(r) || !m.pass.Config.Wants(r.At.File) {
			continue
		}
		cause := m.cause(r.To.Stmt)
		if byCause[cause] == nil {
			order = append(order, cause)
		}
		byCause[cause] = append(byCause[cause], r)
	}
	for _, cause := range order {
		m.told[cause] = true
		m.reportPair(byCause[cause])
	}
}

// isRefused reports whether the two sides of a route are there whatever the environment is. HAProxy checks a disabled
// backend too.
func (m *modes) isRefused(r *proxy.Route) bool {
	if r.Stmt.When != nil || r.Section.When != nil || r.To.Stmt.When != nil || !serves(r.Section, proxy.HTTP) {
		return false
	}
	_, frontend := m.line(r.Section)
	_, backend := m.line(r.To.Stmt)
	return frontend && backend
}

func (m *modes) reportPair(routes []*proxy.Route) {
	frontend, backend := routes[0].Section, routes[0].To.Stmt
	var more []syntax.Ref
	for _, r := range routes[1:] {
		if r.At != routes[0].At { // from the same defaults section
			more = append(more, r.At)
		}
	}
	m.pass.Report(lint.Diagnostic{
		At: routes[0].At,
		Message: fmt.Sprintf("%s is in %s, and %s in %s: HAProxy refuses the pair",
			sectionName(frontend), m.say(frontend, "http"), sectionName(backend), m.say(backend, "tcp")),
		Hint:    fmt.Sprintf("mode http in %s, or mode tcp in %s", sectionName(backend), sectionName(frontend)),
		Related: slices.Concat(m.related(frontend), m.related(backend), alsoAt(more, "likewise")),
	})
}

// ignoredRules are the lines for HTTP of a section in mode tcp.
type ignoredRules struct {
	section *syntax.Stmt
	first   syntax.Ref
	count   int
}

// reportIgnored tells of the sections in mode tcp that have rules for HTTP, of those with one cause at once.
func (m *modes) reportIgnored() {
	mayBeHTTP := map[*syntax.Stmt]bool{}
	for _, r := range m.pass.Config.Routes {
		if r.To == nil || r.To.Protocol != proxy.TCP {
			mayBeHTTP[r.Section] = true
		}
	}
	var order []*syntax.Stmt
	byCause := map[*syntax.Stmt][]ignoredRules{}
	seen := map[*syntax.Stmt]bool{}
	look := func(section *syntax.Stmt, mode proxy.Protocol) {
		if mode != proxy.TCP || seen[section] || mayBeHTTP[section] || !m.pass.Config.Wants(section.File) {
			return
		}
		seen[section] = true
		rules := rulesForHTTP(section)
		if rules.count == 0 || !m.staysTCP(section) {
			return
		}
		cause := m.cause(section)
		if byCause[cause] == nil {
			order = append(order, cause)
		}
		byCause[cause] = append(byCause[cause], rules)
	}
	for _, l := range m.pass.Config.Listeners {
		look(l.Section, l.Protocol)
	}
	for _, u := range m.pass.Config.Upstreams {
		look(u.Stmt, u.Protocol)
	}
	for _, cause := range order {
		if !m.told[cause] {
			m.reportRules(byCause[cause])
		}
	}
}

// staysTCP reports whether a section that takes traffic never treats it as HTTP, whatever the environment is.
func (m *modes) staysTCP(section *syntax.Stmt) bool {
	if _, known := m.line(section); !known || !serves(section, proxy.TCP) || switchesMode(section) {
		return false
	}
	defaults := m.defaultsFor(section)
	return defaults == nil || !switchesMode(defaults)
}

func rulesForHTTP(section *syntax.Stmt) ignoredRules {
	rules := ignoredRules{section: section}
	for _, s := range section.Block.Stmts {
		if !isForHTTP(s, section) || !s.When.Live() {
			continue
		}
		if rules.count++; rules.count == 1 {
			rules.first = s.Ref(0)
			if s.Name() == "option" {
				rules.first = s.Ref(1)
			}
		}
	}
	return rules
}

func (m *modes) reportRules(list []ignoredRules) {
	rules, section := list[0], list[0].section
	what := rules.first.Text()
	if more := rules.count - 1; more > 0 {
		what += fmt.Sprintf(" and %d more %s for HTTP are", more, plural(more, "line"))
	} else {
		what += " is"
	}
	var more []syntax.Ref
	for _, other := range list[1:] {
		more = append(more, other.first)
	}
	m.pass.Report(lint.Diagnostic{
		Severity: lint.Warning,
		Symptom:  "no effect",
		At:       rules.first,
		Message:  fmt.Sprintf("%s ignored: %s is in %s", what, sectionName(section), m.say(section, "tcp")),
		Hint:     "mode http",
		Related:  append(m.related(section), alsoAt(more, "likewise")...),
	})
}

// isForHTTP reports whether a line says something of requests or responses that mode tcp does not look at.
func isForHTTP(s, section *syntax.Stmt) bool {
	switch s.Name() {
	case "http-request", "http-response", "http-after-response", "redirect", "stats":
		return true
	case "cookie":
		return section.Name() != "frontend" // where it is ignored in any mode
	case "option":
		return s.Arg(1) == "forwardfor"
	}
	return false
}

// switchesMode reports whether a rule of a section takes HTTP out of mode tcp.
func switchesMode(section *syntax.Stmt) bool {
	return slices.ContainsFunc(section.Block.Stmts, func(s *syntax.Stmt) bool { return s.Arg(2) == "switch-mode" && s.When.Live() })
}
