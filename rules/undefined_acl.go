package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/spell"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "undefined-acl",
	Family:   lint.Pools,
	Severity: lint.Error,
	Dialect:  syntax.HAProxy,
	Symptom:  "start failure",
	Run:      undefinedACL,
	Doc: lint.Doc{
		Title: "a condition that names an ACL the section does not define",
		Why: `HAProxy does not start when a condition names an ACL that it does not know: "no such ACL". It knows those that an acl
line above, in the same section, defines, and a few that are built in, such as TRUE, METH_GET or HTTP. Names are compared letter
by letter, and case counts. An ACL of a frontend is unknown in a backend, and one of a defaults section in those that inherit
from it.

What joins ACLs is written "or" or "||". There is no word for "and": ACLs that stand side by side must all match, and a word
"and" is taken for the name of one more. A test without an acl line of its own needs braces with blanks around them.`,
		How: "Write the name as its acl line has it, or add the acl line above the first line that uses it.",
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    acl is_api path_beg /api/
    use_backend api if is-api
    default_backend app

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
    acl is_api path_beg /api/
    use_backend api if is_api
    default_backend app

backend app
    server app1 10.0.0.10:8080 check

backend api
    server api1 10.0.0.11:8080 check
`},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-acl",
			"https://docs.haproxy.org/3.2/configuration.html#7.2",
			"https://docs.haproxy.org/3.2/configuration.html#7.4",
		},
		Since: "0.1.0",
	},
})

func undefinedACL(_ context.Context, p *lint.Pass) {
	guesses := 0
	elsewhere := sync.OnceValue(func() map[string]*syntax.Stmt { return allACLs(p.Config.Tree) })
	for _, f := range p.Config.Tree.Roots {
		for _, s := range f.Stmts {
			if s.Block != nil && s.When.Live() && p.Config.Wants(f) && mayHoldConditions(s.Name()) {
				names := aclNames{pass: p, section: s, guesses: &guesses, elsewhere: elsewhere}
				names.check()
			}
		}
	}
}

func mayHoldConditions(section string) bool {
	switch section {
	case "defaults", "frontend", "listen", "backend", "fcgi-app":
		return true
	}
	return false
}

// aclNames holds the conditions of one section against the ACLs it defines.
type aclNames struct {
	pass    *lint.Pass
	section *syntax.Stmt
	guesses *int

	elsewhere func() map[string]*syntax.Stmt // the ACLs of all sections

	read    bool
	open    bool // a script or the environment may bring ACLs
	defined map[string]*syntax.Stmt
	told    map[string]*lint.Diagnostic // by names that may be ACLs of somebody's
	order   []*lint.Diagnostic
}

func (n *aclNames) check() {
	for _, s := range n.section.Block.Stmts {
		i := conditionAt(s)
		if i == 0 || !s.When.Live() {
			continue
		}
		for t := range aclTerms(s, i) {
			if t.name != "" && !isPredefinedACL(t.name) && !n.term(s, t) {
				break
			}
		}
	}
	if !n.open {
		for _, d := range n.order {
			n.pass.Report(*d)
		}
	}
}

// term checks a name and returns whether what follows it can be a condition too.
func (n *aclNames) term(s *syntax.Stmt, t aclTerm) bool {
	n.readACLs()
	at := aclNameAt(s, t)
	def := n.defined[t.name]
	if def != nil && def.Start < s.Start || isUnsettled(s, t.at) && !strings.HasPrefix(at.Text(), "{") {
		return true
	}
	if d := n.told[t.name]; d != nil {
		n.again(d, s, at)
		return true
	}
	d, more := n.describe(s, t, at, def)
	if d == nil {
		return more
	}
	d.At = at
	if s.When != nil {
		d.Severity = lint.Warning
	}
	if def == nil && isACLName(t.name) {
		n.told[t.name] = d
	}
	n.order = append(n.order, d)
	return more
}

// readACLs gathers the section's ACLs, once it has a condition with a name.
func (n *aclNames) readACLs() {
	if n.read {
		return
	}
	n.read, n.defined, n.told = true, map[string]*syntax.Stmt{}, map[string]*lint.Diagnostic{}
	for _, s := range n.section.Block.Stmts {
		switch name := s.Name(); {
		case !s.When.Live():
		case name == "acl" && s.Args() > 0:
			n.open = n.open || isUnsettled(s, 1)
			if n.defined[s.Arg(1)] == nil {
				n.defined[s.Arg(1)] = s
			}
		case isPlaceholder(name):
			n.open = true
		}
	}
}

// isUnsettled reports whether a word is yet to be filled in.
func isUnsettled(s *syntax.Stmt, i int) bool {
	raw := s.File.Raw(s.Words[i])
	return s.Words[i].Quote == '"' && strings.Contains(raw, "$") || isPlaceholder(raw)
}

// again adds another use of a name that was told of. A repair that leaves one behind repairs nothing.
func (n *aclNames) again(d *lint.Diagnostic, s *syntax.Stmt, at syntax.Ref) {
	if s.When == nil {
		d.Severity = lint.Error
	}
	if len(d.Related) < maxRelated {
		d.Related = append(d.Related, lint.Related{At: at, Message: "here too"})
	}
	if d.Fix != nil && d.Fix.Edits[0].At.Text() == at.Text() {
		d.Fix.Edits = append(d.Fix.Edits, lint.Edit{At: at, New: d.Fix.Edits[0].New})
	}
}

// describe tells why a name is unknown, and whether what follows it can be a condition too.
func (n *aclNames) describe(s *syntax.Stmt, t aclTerm, at syntax.Ref, def *syntax.Stmt) (d *lint.Diagnostic, more bool) {
	where := strings.TrimSpace(sectionName(n.section))
	switch {
	case def != nil:
		return &lint.Diagnostic{
			Message: fmt.Sprintf("acl %s stands below, and HAProxy knows only those above", t.name),
			Related: []lint.Related{{At: def.Ref(1), Message: "defined here"}},
		}, true
	case isAnd(t.name):
		d = &lint.Diagnostic{Message: fmt.Sprintf("%s is taken for the name of an ACL: those side by side must all match anyway", t.name)}
		if t.end < len(s.Words) && at == s.Ref(t.at) {
			gap := s.File.Ref(syntax.Span{Start: at.Span.Start, End: s.Words[t.end].Start})
			d.Hint = lineWith(s, gap, "")
			d.Fix = repair(gap, "", true)
		}
		return d, true
	case strings.HasPrefix(t.name, "{"):
		if isTemplateMark(t.name) {
			return nil, false
		}
		return &lint.Diagnostic{
			Message: fmt.Sprintf("%s is taken for the name of an ACL: a brace needs blanks around it", t.name),
			Hint:    lineWith(s, at.Sub(0, 1), "{ "),
		}, false
	case isFetch(t.name):
		end := t.end
		for end < len(s.Words) && !isJoint(s.Arg(end)) {
			end++
		}
		test := s.File.Ref(syntax.Span{Start: at.Span.Start, End: s.Words[end-1].End})
		return &lint.Diagnostic{
			Message: fmt.Sprintf("%s is no ACL of %s: a test in a condition stands between braces", t.name, where),
			Hint:    lineWith(s, test, "{ "+test.Text()+" }"),
		}, false
	}
	d = &lint.Diagnostic{Message: fmt.Sprintf("%s defines no acl %s", where, t.name)}
	if meant, same := n.meant(s, t.name); meant != "" {
		d.Hint = lineWith(s, at, meant)
		d.Fix = repair(at, meant, same)
	} else if method, found := strings.CutPrefix(t.name, "METH_"); found {
		d.Hint = lineWith(s, at, "{ method "+method+" }")
	} else if other := n.elsewhere()[t.name]; other != nil {
		d.Hint = other.File.Text(other.Span)
		d.Related = []lint.Related{{At: other.Ref(1), Message: fmt.Sprintf("defined here, for this %s alone", other.Parent.Name())}}
	}
	return d, true
}

// isACLName reports whether a word is one that a person would give an ACL.
func isACLName(word string) bool {
	return !isAnd(word) && !strings.HasPrefix(word, "{") && !isFetch(word)
}

func isAnd(word string) bool { return strings.EqualFold(word, "and") || word == "&&" || word == "&" }

// isTemplateMark reports whether a word with a brace is for a program that makes the file.
func isTemplateMark(word string) bool {
	return len(word) < 2 || word[1] == '{' || word[1] == '%' || strings.Contains(word, "}")
}

// isJoint reports whether a word ends a test that lacks its braces.
func isJoint(word string) bool {
	return word == "{" || word == "||" || strings.EqualFold(word, "or") || strings.HasPrefix(word, "!") || isAnd(word)
}

// isFetch reports whether a name is that of a sample, which people use most in conditions.
func isFetch(name string) bool {
	name, _, found := strings.Cut(name, "(")
	if found {
		return true
	}
	switch name {
	case "path", "path_beg", "path_dir", "path_dom", "path_end", "path_len", "path_reg", "path_sub", "url", "url_beg", "url_dir",
		"url_end", "url_reg", "url_sub", "base", "base_beg", "base_reg", "method", "src", "src_port", "dst", "dst_port", "query",
		"ssl_fc", "ssl_fc_sni", "ssl_fc_has_crt", "ssl_c_used", "ssl_c_verify", "req.ssl_sni", "req_ssl_sni", "status":
		return true
	}
	return false
}

// meant returns the ACL above a line that was probably meant by a name in it; same reports that it differs in case alone.
// Names that differ in their numbers are names of different things.
func (n *aclNames) meant(s *syntax.Stmt, name string) (meant string, same bool) {
	if *n.guesses++; *n.guesses > maxGuesses {
		return "", false
	}
	var others, alike []string
	for other, def := range n.defined {
		switch {
		case def.Start > s.Start:
		case strings.EqualFold(other, name):
			alike = append(alike, other)
		case withoutDigits(other) != withoutDigits(name):
			others = append(others, other)
		}
	}
	for _, other := range predefinedACLs {
		if strings.EqualFold(other, name) {
			alike = append(alike, other)
		}
	}
	if len(alike) > 0 {
		return slices.Min(alike), len(alike) == 1
	}
	slices.Sort(others)
	meant, unique := spell.Nearest(name, others)
	if !unique {
		return "", false
	}
	return meant, false
}

// allACLs returns the first line that defines each ACL, in whatever section.
func allACLs(tree *syntax.Tree) map[string]*syntax.Stmt {
	acls := map[string]*syntax.Stmt{}
	for _, f := range tree.Roots {
		for _, section := range f.Stmts {
			if section.Block == nil || !mayHoldConditions(section.Name()) {
				continue
			}
			for _, s := range section.Block.Stmts {
				if name := s.Arg(1); s.Name() == "acl" && s.When.Live() && acls[name] == nil {
					acls[name] = s
				}
			}
		}
	}
	return acls
}

// lineWith returns a line with another text at a place in it.
func lineWith(s *syntax.Stmt, at syntax.Ref, text string) string {
	src := s.File.Src
	return src[s.Start:at.Span.Start] + text + src[at.Span.End:s.End]
}
