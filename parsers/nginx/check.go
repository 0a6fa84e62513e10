package nginx

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// check holds every statement of a tree against the table of directives: its name, its place, its
// arguments.
func check(tree *syntax.Tree, o Options) {
	c := checker{
		tree: tree, version: o.Version, own: o.Directives, done: map[visit]bool{}, defs: map[placed]definitions{}, meant: map[placed]string{},
		onces: map[visit][]once{}, templated: map[*syntax.File]bool{},
	}
	for _, root := range tree.Roots {
		c.file(root, contextOf(tree.Around), tree.Fragment)
		c.fileOnces(root, contextOf(tree.Around))
	}
}

type checker struct {
	tree    *syntax.Tree
	version proxy.Version
	own     []string // directives that modules of the user's own bring
	done    map[visit]bool
	defs    map[placed]definitions
	meant   map[placed]string // suggest's answers
	onces   map[visit][]once  // what files hold that may stand once in a block

	templated map[*syntax.File]bool // isTemplated's answers
}

// placed is a name in the context where it stands.
type placed struct {
	name string
	in   Context
}

// definitions are all that a name has, and those of them that apply in a context.
type definitions struct{ all, here []Directive }

// maxSuggestions bounds how many unknown names are held against the whole table: a text that is no
// configuration at all has any number of them.
const maxSuggestions = 200

func (c *checker) suggest(name string, in Context) string {
	key := placed{name, in}
	near, seen := c.meant[key]
	if !seen && len(c.meant) < maxSuggestions {
		near = suggest(name, in)
		c.meant[key] = near
	}
	return near
}

// visit is one file read in one context. A file may be included in many places; what the table says of
// it differs by context only.
type visit struct {
	file *syntax.File
	in   Context
}

func (c *checker) file(f *syntax.File, in Context, fragment bool) {
	key := visit{f, in}
	if c.done[key] {
		return
	}
	c.done[key] = true
	c.block(f.Stmts, in, fragment)
}

// block checks the statements of one block. At the top of a fragment the context is a guess, so that
// nothing there is misplaced.
func (c *checker) block(list []*syntax.Stmt, in Context, guessed bool) {
	for _, s := range list {
		if in != 0 {
			c.stmt(s, in, guessed)
		}
		if s.Block != nil && in != 0 {
			inside := opens(in, s.Name(), s.Args())
			c.block(s.Block.Stmts, inside, false)
			c.blockOnces(s.Block.Stmts, inside)
		}
		for _, f := range c.tree.Includes[s] {
			c.file(f, in, guessed)
		}
	}
}

func (c *checker) stmt(s *syntax.Stmt, in Context, guessed bool) {
	name := s.Name()
	if name == "{" || isTemplate(name) || strings.HasPrefix(name, "$") {
		return
	}
	d := c.lookup(name, in)
	if len(d.all) == 0 {
		c.unknown(s, name, in, guessed)
		return
	}
	defs := d.here
	if len(defs) == 0 {
		if guessed || s.File.Template != nil && s.File.Template.Unbalanced {
			return
		}
		c.problem(s, 0, "directive-context", syntax.Fatal,
			fmt.Sprintf("%s is not allowed in %s, only in %s", name, contextName(in), contexts(d.all, in)), "")
		return
	}
	if guessed && s.File.IsOpen() {
		return // it may stand in a part that is written elsewhere
	}
	words := syntax.Span{Start: s.Start, End: s.Words[len(s.Words)-1].End}
	if !c.released(s, name, defs) || s.File.Marked(words) || !c.terminated(s, name, defs) {
		return
	}
	if !misread(s) {
		c.arguments(s, name, defs)
		c.condition(s, name)
	}
}

// condition tells of an "if" without the brackets that nginx insists on, or with nothing between them.
func (c *checker) condition(s *syntax.Stmt, name string) {
	if name != "if" || s.Args() == 0 {
		return
	}
	first, last := s.Arg(1), s.Arg(s.Args())
	if strings.HasPrefix(first, "(") && strings.HasSuffix(last, ")") && first != "()" && (first != "(" || s.Args() > 2) {
		return
	}
	c.problem(s, 1, "directive-arguments", syntax.Fatal, "if has no condition between round brackets", "if ($variable = \"value\") { … }")
}

// misread reports whether the scanner found a fault in the statement's words: how many there are meant to
// be is not known then.
func misread(s *syntax.Stmt) bool {
	last := s.Words[len(s.Words)-1].End
	return slices.ContainsFunc(s.File.Problems, func(p syntax.Problem) bool {
		return p.Code == "syntax" && p.At.Start >= s.Start && p.At.Start <= last
	})
}

func (c *checker) lookup(name string, in Context) definitions {
	key := placed{name, in}
	d, seen := c.defs[key]
	if !seen {
		d.all = lookup(name)
		d.here = here(d.all, in)
		c.defs[key] = d
	}
	return d
}

// here returns the definitions that apply in a context.
func here(all []Directive, in Context) []Directive {
	n := 0
	for i := range all {
		if all[i].Contexts&in != 0 {
			n++
		}
	}
	if n == len(all) {
		return all
	}
	defs := make([]Directive, 0, n)
	for _, d := range all {
		if d.Contexts&in != 0 {
			defs = append(defs, d)
		}
	}
	return defs
}

// contexts names the places of a directive: those of nginx's own modules today, where there are any, and
// of them those of http where the directive stands in http.
func contexts(defs []Directive, in Context) string {
	const http = HTTP | Server | ServerIf | Location | LocationIf | LimitExcept | Upstream
	var own, all Context
	for _, d := range defs {
		all |= d.Contexts
		if d.Until == "" && strings.HasPrefix(d.Module, "ngx_") {
			own |= d.Contexts
		}
	}
	if own != 0 {
		all = own
	}
	if in&^http == 0 && all&http != 0 {
		all &= http
	}
	return all.String()
}

func contextName(in Context) string {
	if in == Main {
		return "the main context"
	}
	return in.String()
}

func (c *checker) unknown(s *syntax.Stmt, name string, in Context, guessed bool) {
	// The inside of a block that no known module has is that module's business.
	if in == anywhere || guessed && in == 0 || slices.Contains(c.own, name) || isBlamed(s) {
		return
	}
	p := syntax.Problem{
		Code: "unknown-directive", Grade: syntax.Warn, At: s.Words[0].Span, Seen: stop(s),
		Msg: fmt.Sprintf("no known nginx module has a directive %s", clip(s.File.Raw(s.Words[0]))),
	}
	if near := c.suggest(name, in); near != "" {
		p.Msg = fmt.Sprintf("unknown directive %s", clip(s.File.Raw(s.Words[0])))
		p.Hint = fmt.Sprintf("did you mean %s?", near)
		p.Write = &near
	}
	c.add(s, p)
}

// isBlamed reports whether a statement of one word lacks its ";": more need not be said of that word, which
// may be no directive at all but "..." for what an example leaves out.
func isBlamed(s *syntax.Stmt) bool {
	at := s.Words[0].Span
	_, found := slices.BinarySearchFunc(s.File.Problems, at.Start, func(p syntax.Problem, start syntax.Pos) int {
		return cmp.Compare(p.At.Start, start)
	})
	return s.Args() == 0 && found
}

// released tells of a directive that the version at hand does not have yet, or no longer.
func (c *checker) released(s *syntax.Stmt, name string, defs []Directive) bool {
	var since, until string
	for _, d := range defs {
		if d.Since == "" && d.Until == "" {
			return true
		}
		since, until = d.Since, d.Until
	}
	from, errFrom := proxy.ParseVersion(since)
	to, errTo := proxy.ParseVersion(until)
	switch {
	case errFrom == nil && c.version.Before(from):
		c.problem(s, 0, "unknown-directive", syntax.Warn,
			fmt.Sprintf("nginx %s does not know %s, which came with %s", c.version, name, since), "")
	case errTo == nil && c.version.AtLeast(to):
		c.problem(s, 0, "unknown-directive", syntax.Warn,
			fmt.Sprintf("nginx %s does not know %s, which %s removed", c.version, name, until), successor(s))
	case errTo == nil && !c.version.Known():
		c.problem(s, 0, "unknown-directive", syntax.Note, fmt.Sprintf("nginx %s removed %s", until, name), successor(s))
		return true
	default:
		return true
	}
	return false
}

// terminated tells of a block without braces, and of a simple directive with them.
func (c *checker) terminated(s *syntax.Stmt, name string, defs []Directive) bool {
	block := s.Block != nil
	for _, d := range defs {
		if d.Block == block {
			return true
		}
	}
	if block {
		c.problem(s, 0, "syntax", syntax.Fatal, fmt.Sprintf("%s opens no block: nginx expects \";\" instead of \"{\"", name), "")
	} else {
		c.problem(s, 0, "syntax", syntax.Fatal, fmt.Sprintf("%s has no opening \"{\"", name), name+" … { … }")
	}
	return false
}

// arguments tells of a wrong number of arguments, and of a first argument of the wrong kind.
func (c *checker) arguments(s *syntax.Stmt, name string, defs []Directive) {
	var counts Args
	word, wrong := 0, ""
	for _, d := range defs {
		if d.Block != (s.Block != nil) {
			continue
		}
		counts |= d.Args
		if !d.Args.Allows(s.Args()) {
			continue
		}
		if s.Args() == 0 {
			return
		}
		if word, wrong = badValue(s, d); wrong == "" {
			return
		}
	}
	if wrong != "" {
		c.problem(s, word, "directive-arguments", syntax.Fatal, name+": "+wrong, "")
		return
	}
	at := 0
	if s.Args() > counts.most() {
		at = counts.most() + 1
	}
	c.problem(s, at, "directive-arguments", syntax.Fatal,
		fmt.Sprintf("%s takes %s, not %d", name, counts, s.Args()), "")
}

// badValue returns the first argument that a definition refuses, and why; "" when there is none.
func badValue(s *syntax.Stmt, d Directive) (word int, wrong string) {
	last := 1
	if d.Value == Mask {
		last = s.Args()
	}
	for i := 1; i <= last; i++ {
		if text := s.Arg(i); !isTemplate(text) {
			if wrong := d.checkValue(text); wrong != "" {
				return i, wrong
			}
		}
	}
	return 0, ""
}

// problem tells of the word with that index.
func (c *checker) problem(s *syntax.Stmt, word int, code string, grade syntax.Grade, msg, hint string) {
	c.add(s, syntax.Problem{Code: code, Grade: grade, Msg: msg, Hint: hint, At: s.Words[word].Span, Seen: stop(s)})
}

func (c *checker) add(s *syntax.Stmt, p syntax.Problem) {
	if p.Grade == syntax.Note {
		p.Seen = -1
	}
	c.tree.Problems = append(c.tree.Problems, syntax.FileProblem{Problem: p, File: s.File})
}

// stop returns where nginx stops over a directive: at its ";" or "{".
func stop(s *syntax.Stmt) syntax.Pos {
	if s.Block != nil {
		return s.Block.Open
	}
	return s.End - 1
}
