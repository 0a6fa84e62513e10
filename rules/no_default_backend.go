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
	ID:       "no-default-backend",
	Family:   lint.Pools,
	Severity: lint.Info,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Run:      noDefaultBackend,
	Doc: lint.Doc{
		Title: "an HTTP frontend with nothing for the requests that no use_backend line takes",
		Why: `A request that meets none of the conditions goes to the default_backend. Without one HAProxy answers 503 at once, the
same as for a dead backend, and the log shows the name of no server and no backend.

The finding is a warning where ordinary requests are missed. A name from map() without a default in it leads nowhere for every key
that the file lacks. And hdr(host) without -i misses every Host that is not written in the very same case; browsers write it in lower
case, others as they were given it.`,
		How: `Add a default_backend, or end the frontend's rules with an answer of its own, such as
http-request return status 404. Give map() a default: map(/etc/haproxy/hosts.map,app).`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    use_backend app if { path_beg /app/ }

backend app
    server app1 10.0.0.10:8080 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    use_backend app if { path_beg /app/ }
    default_backend site

backend app
    server app1 10.0.0.10:8080 check

backend site
    server site1 10.0.0.11:8080 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-default_backend",
			"https://docs.haproxy.org/3.2/configuration.html#7.3.1-map",
		},
		Since: "0.1.0",
	},
})

func noDefaultBackend(_ context.Context, p *lint.Pass) {
	if p.Config.Tree.Fragment {
		return
	}
	routes := p.Config.Routes
	for i := 0; i < len(routes); { // those of one section follow each other
		section := routes[i].Section
		n := i + 1
		for n < len(routes) && routes[n].Section == section {
			n++
		}
		list := routes[i:n]
		i = n
		if section.Name() == "frontend" && p.Config.Wants(section.File) && mayEndNowhere(section, list) {
			reportNoDefault(p, section, list)
		}
	}
}

// mayEndNowhere reports whether some request to an HTTP frontend meets no rule that says what becomes of it.
func mayEndNowhere(section *syntax.Stmt, routes []*proxy.Route) bool {
	from := routes[0].From
	if len(from) == 0 || from[0].Protocol != proxy.HTTP || section.Arg(2) == "from" || !serves(section, proxy.HTTP) {
		return false
	}
	for _, r := range routes {
		if r.Stmt.Name() != "use_backend" || !r.Dynamic && alwaysHolds(r.Stmt) || r.Dynamic && !mayBeMissed(r) || r.Stmt.When != nil {
			return false
		}
	}
	return !isManaged(section.File) && !areComplements(routes) && !endsRequests(section)
}

// mayBeMissed reports whether the backend that a sample names may not be there.
func mayBeMissed(r *proxy.Route) bool {
	name := r.At.Text()
	return strings.Contains(name, "%[") && !mapHasDefault(name)
}

// mapHasDefault reports whether a sample's last map has a second argument, which stands for all keys that it lacks
// (manual 7.3.1 "map").
func mapHasDefault(sample string) bool {
	i := strings.LastIndex(sample, ",map")
	if i < 0 {
		return false
	}
	_, arguments, _ := strings.Cut(sample[i:], "(")
	arguments, _, _ = strings.Cut(arguments, ")")
	return strings.Contains(arguments, ",")
}

// areComplements reports whether one line takes what another's condition leaves.
func areComplements(routes []*proxy.Route) bool {
	seen := map[string]bool{}
	for _, r := range routes {
		i := conditionAt(r.Stmt)
		if i == 0 {
			continue
		}
		condition, not := r.Stmt.File.Text(syntax.Span{Start: r.Stmt.Words[i+1].Start, End: r.Stmt.End}), r.Stmt.Arg(i) == "unless"
		if test, found := strings.CutPrefix(condition, "!"); found {
			condition, not = strings.TrimLeft(test, " \t"), !not
		}
		if was, found := seen[condition]; found && was != not {
			return true
		}
		seen[condition] = not
	}
	return false
}

// endsRequests reports whether a section's rules answer what is left over: all requests, or those that lack something.
func endsRequests(section *syntax.Stmt) bool {
	for _, s := range section.Block.Stmts {
		final := false
		switch s.Name() {
		case "redirect", "block":
			final = true
		case "http-request":
			final = isFinal(s.Arg(1))
		case "tcp-request":
			final = isFinal(s.Arg(2))
		case "stats", "errorfiles":
			return true
		case "errorfile", "errorloc", "errorloc302", "errorloc303":
			if s.Arg(1) == "503" {
				return true
			}
		case "http-error":
			if s.Arg(2) == "503" {
				return true
			}
		}
		if final && s.When.Live() && takesTheRest(s) {
			return true
		}
	}
	return false
}

// takesTheRest reports whether a rule is for all requests, or those without something other than TLS.
func takesTheRest(s *syntax.Stmt) bool {
	i := conditionAt(s)
	if i == 0 {
		return true
	}
	if s.Arg(i) == "unless" && s.Arg(i+2) != "ssl_fc" {
		return true
	}
	for t := range aclTerms(s, i) {
		if t.not && s.Arg(t.at+1) != "ssl_fc" || t.name == "TRUE" {
			return true
		}
	}
	return false
}

func reportNoDefault(p *lint.Pass, section *syntax.Stmt, routes []*proxy.Route) {
	d := lint.Diagnostic{
		At:      section.Ref(1),
		Message: fmt.Sprintf("%s has no default_backend for requests that its use_backend %s not take", sectionName(section), doLines(len(routes))),
		Hint:    "default_backend NAME",
	}
	for _, r := range routes {
		if r.Dynamic && strings.Contains(r.At.Text(), ",map") {
			d.Severity, d.At = lint.Warning, r.At
			d.Message = fmt.Sprintf("a key that the map lacks leads to no backend, and %s has no default_backend", sectionName(section))
			p.Report(d)
			return
		}
	}
	if at := caseOfHosts(section, routes); !at.IsZero() {
		d.Severity = lint.Warning
		d.Message = fmt.Sprintf("%s has no default_backend, and its hosts count only if written in the same case", sectionName(section))
		d.Related = []lint.Related{{At: at, Message: "no -i here"}}
	}
	p.Report(d)
}

func doLines(n int) string {
	if n == 1 {
		return "line does"
	}
	return "lines do"
}

// caseOfHosts returns the first comparison of the Host header where every route has one, and all heed the case.
func caseOfHosts(section *syntax.Stmt, routes []*proxy.Route) (first syntax.Ref) {
	acls, known := aclsOf(section), map[string]bool{}
	for _, r := range routes {
		i := conditionAt(r.Stmt)
		if i == 0 || r.Stmt.Arg(i) != "if" {
			return syntax.Ref{}
		}
		bound := false // the alternative at hand needs the host's case
		for t := range aclTerms(r.Stmt, i) {
			if t.or && !bound {
				return syntax.Ref{}
			}
			bound = bound && !t.or
			tests := acls.of(r.Stmt, t)
			heeds, found := known[t.name]
			if !found || t.name == "" {
				heeds = heedCase(tests)
				known[t.name] = heeds
			}
			if heeds && !t.not {
				bound = true
				if first.IsZero() {
					first = tests[0].line.Ref(tests[0].at)
				}
			}
		}
		if !bound {
			return syntax.Ref{}
		}
	}
	return first
}

// heedCase reports whether all lines of an ACL compare the Host header with regard to its case.
func heedCase(tests []criterion) bool {
	for _, c := range tests {
		flags, _ := c.values()
		if _, _, converters := c.sample(); !c.comparesHost() || flags.ignoreCase || converters != "" {
			return false
		}
	}
	return len(tests) > 0
}
