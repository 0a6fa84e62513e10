package rules

import (
	"iter"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// takesCondition reports whether a line of that name may end in "if" or "unless" and a condition.
func takesCondition(name string) bool {
	switch name {
	case "use_backend", "use-server", "http-request", "http-response", "http-after-response", "tcp-request", "tcp-response",
		"redirect", "block", "stick", "force-persist", "ignore-persist", "force-be-switch", "monitor", "stats", "quic-initial",
		"pass-header", "set-param":
		return true
	}
	return false
}

// conditionAt returns the index of the word "if" or "unless" that a line's condition starts with; 0 when it has none, or
// an empty one.
func conditionAt(s *syntax.Stmt) int {
	if len(s.Words) < 3 || !takesCondition(s.Name()) {
		return 0
	}
	for i := 1; i < len(s.Words)-1; i++ {
		if s.Words[i].Quote == 0 && isConditionWord(s.File.Raw(s.Words[i])) {
			return i
		}
	}
	return 0
}

func isConditionWord(word string) bool { return word == "if" || word == "unless" }

// aclTerm is one term of a condition: the name of an ACL, or an anonymous one between braces.
type aclTerm struct {
	at, end int    // its first word, and the first one that is not its own
	name    string // "" when it is anonymous
	not     bool
	or      bool // it begins another alternative
}

// aclTerms yields the terms of the condition that starts at word i with "if" or "unless" (manual 7.2 "Using ACLs to form
// conditions"). What an unclosed brace begins is left out.
func aclTerms(s *syntax.Stmt, i int) iter.Seq[aclTerm] {
	return func(yield func(aclTerm) bool) {
		not, or := false, false
		for i++; i < len(s.Words); i++ {
			full := s.Arg(i)
			word := strings.TrimLeft(full, "!")
			not = not != ((len(full)-len(word))%2 == 1)
			t := aclTerm{at: i, end: i + 1, name: word, not: not, or: or}
			switch {
			case word == "":
				continue
			case word == "||" || strings.EqualFold(word, "or"):
				not, or = false, true
				continue
			case word == "{":
				t.name = ""
				for t.end < len(s.Words) && s.Arg(t.end) != "}" {
					t.end++
				}
				if t.end++; t.end > len(s.Words) {
					return
				}
				i = t.end - 1
			}
			if !yield(t) {
				return
			}
			not, or = false, false
		}
	}
}

// aclNameAt returns the place of a term's name, without the exclamation marks.
func aclNameAt(s *syntax.Stmt, t aclTerm) syntax.Ref {
	at := s.Ref(t.at)
	if text := at.Text(); strings.HasSuffix(text, t.name) {
		return at.Sub(len(text)-len(t.name), len(text))
	}
	return at
}

// predefinedACLs are those that every section knows (manual 7.4).
var predefinedACLs = [...]string{
	"FALSE", "HTTP", "HTTP_1.0", "HTTP_1.1", "HTTP_2.0", "HTTP_3.0", "HTTP_CONTENT", "HTTP_URL_ABS", "HTTP_URL_SLASH",
	"HTTP_URL_STAR", "LOCALHOST", "METH_CONNECT", "METH_DELETE", "METH_GET", "METH_HEAD", "METH_OPTIONS", "METH_POST", "METH_PUT",
	"METH_TRACE", "RDP_COOKIE", "REQ_CONTENT", "TRUE", "WAIT_END",
}

func isPredefinedACL(name string) bool {
	for _, p := range predefinedACLs {
		if p == name {
			return true
		}
	}
	return false
}

// alwaysHolds reports whether a line applies whatever the request is: it has no condition, or one that is TRUE alone.
func alwaysHolds(s *syntax.Stmt) bool {
	i := conditionAt(s)
	if i == 0 {
		return !isConditionWord(s.Arg(s.Args())) // one that lacks its ACL is refused, or passed over
	}
	want := "TRUE"
	if s.Arg(i) == "unless" {
		want = "FALSE"
	}
	return i == s.Args()-1 && s.Arg(i+1) == want
}

// criterion is what an ACL asks: a sample, flags and values.
type criterion struct {
	line    *syntax.Stmt
	at, end int // the sample's word, and the first word that is not the ACL's
}

// sample returns what the criterion looks at: "hdr", "host" and "lower" of hdr(Host),lower.
func (c criterion) sample() (fetch, argument, converters string) {
	text := c.line.Arg(c.at)
	i := strings.IndexAny(text, "(,")
	if i < 0 {
		return text, "", ""
	}
	fetch = text[:i]
	if text[i] == '(' {
		argument, converters, _ = strings.Cut(text[i+1:], ")")
		return fetch, strings.ToLower(argument), strings.TrimPrefix(converters, ",")
	}
	return fetch, "", text[i+1:]
}

// flags are what stands between the sample and the values (manual 7.1 "ACL basics").
type aclFlags struct {
	ignoreCase bool
	file       bool
	method     string // of -m; "" when it is the sample's own
}

// values returns the criterion's flags, and the index of its first value.
func (c criterion) values() (f aclFlags, first int) {
	for i := c.at + 1; i < c.end; i++ {
		switch c.line.Arg(i) {
		case "-i":
			f.ignoreCase = true
		case "-n":
		case "-f", "-M":
			f.file = true
			i++
		case "-m":
			f.method = c.line.Arg(i + 1)
			i++
		case "-u":
			i++
		case "--":
			return f, i + 1
		default:
			return f, i
		}
	}
	return f, c.end
}

// comparesHost reports whether the criterion compares the whole Host header with values that stand in the file.
func (c criterion) comparesHost() bool {
	fetch, argument, converters := c.sample()
	if fetch != "hdr" && fetch != "req.hdr" && fetch != "req.fhdr" || converters != "" && converters != "lower" {
		return false
	}
	if name, _, _ := strings.Cut(argument, ","); strings.TrimSpace(name) != "host" {
		return false
	}
	flags, first := c.values()
	return !flags.file && (flags.method == "" || flags.method == "str") && first < c.end
}

// sectionACLs are the ACLs that a section defines. A name may stand in several lines, of which one must match.
type sectionACLs map[string][]criterion

func aclsOf(section *syntax.Stmt) sectionACLs {
	acls := sectionACLs{}
	for _, s := range section.Block.Stmts {
		if s.Name() == "acl" && s.Args() > 1 && s.When.Live() {
			name := s.Arg(1)
			acls[name] = append(acls[name], criterion{s, 2, len(s.Words)})
		}
	}
	return acls
}

// of returns what a term of a line asks.
func (a sectionACLs) of(s *syntax.Stmt, t aclTerm) []criterion {
	if t.name == "" {
		return []criterion{{s, t.at + 1, t.end - 1}}
	}
	return a[t.name]
}
