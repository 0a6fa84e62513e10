package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/spell"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "undefined-backend",
	Family:   lint.Pools,
	Severity: lint.Error,
	Dialect:  syntax.HAProxy,
	Symptom:  "start failure",
	Run:      undefinedBackend,
	Doc: lint.Doc{
		Title: "a route to a backend that is not there",
		Why: `use_backend and default_backend must name a backend or listen section of the same configuration. HAProxy checks it
when all files are read, and does not start otherwise: "unable to find required default_backend". Names are compared letter
by letter, case counts, and a frontend is no backend.

A name with a sample in it, such as use_backend %[req.hdr(host)], is looked up for every request and not
checked at all; where no backend has that name, the next rule decides.

Where the file is plainly one of several (it has neither global nor defaults, or no backend of any name), the finding is
left out unless a name that is almost the same is there.`,
		How: `Write the name of the section as it stands on its "backend" line, or add the section.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend webserver

backend webservers
    server app1 10.0.0.10:8080 check
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend webservers

backend webservers
    server app1 10.0.0.10:8080 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-default_backend",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-use_backend",
		},
		Since: "0.1.0",
	},
})

// maxGuesses bounds the search for what was meant: it compares with every backend.
const maxGuesses = 200

func undefinedBackend(_ context.Context, p *lint.Pass) {
	backends := backendNames(p.Config.Tree)
	guesses := 0
	partial := p.Config.Tree.Fragment || len(backends) == 0
	for _, r := range p.Config.Routes {
		if r.Name == "" || r.To != nil || isPlaceholder(r.Name) {
			continue
		}
		meant, unique := "", false
		if guesses++; guesses <= maxGuesses {
			meant, unique = nearBackend(r.Name, backends)
		}
		if meant == "" && partial {
			continue
		}
		d := lint.Diagnostic{At: r.At, Message: fmt.Sprintf("no backend or listen section is named %s", r.Name)}
		if meant != "" {
			d.Hint = fmt.Sprintf("%s %s", r.Stmt.Name(), meant)
			if literal(r.At) != "" {
				d.Fix = repair(r.At, meant, unique)
			}
		} else if f := frontendNamed(p.Config, r.Name); f != nil {
			d.Related = []lint.Related{{At: f.Ref(1), Message: "a frontend takes no requests from another"}}
		}
		p.Report(d)
	}
}

// backendNames lists the sections that a route may lead to, in order.
func backendNames(tree *syntax.Tree) []string {
	var names []string
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if kind := s.Name(); (kind == "backend" || kind == "listen") && s.Args() > 0 && s.When.Live() {
			names = append(names, s.Arg(1))
		}
		return false
	})
	return names
}

// nearBackend returns the backend that was probably meant. Names that differ in their numbers are names of
// different things.
func nearBackend(name string, backends []string) (meant string, unique bool) {
	var others []string
	for _, b := range backends {
		if strings.EqualFold(b, name) {
			return b, true
		}
		if withoutDigits(b) != withoutDigits(name) {
			others = append(others, b)
		}
	}
	return spell.Nearest(name, others)
}

func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
}

func frontendNamed(c *proxy.Config, name string) *syntax.Stmt {
	for _, r := range c.Routes {
		if r.Section.Name() == "frontend" && r.Section.Arg(1) == name {
			return r.Section
		}
	}
	return nil
}
