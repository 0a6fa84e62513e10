package haproxy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// oldest is the oldest HAProxy that still gets fixes. With the version unknown, what every maintained
// HAProxy refuses is worth a warning; what only newer ones refuse is worth a note.
var oldest = proxy.Version{2, 6}

// unchecked are sections whose lines are not HAProxy's own, or in no public manual.
const unchecked = Program | Enterprise | SPOEAgent | SPOEGroup | SPOEMessage | Namespaces

// checker finds what needs the keyword table, or more than one line, to see.
type checker struct {
	tree           *syntax.Tree
	version        proxy.Version
	env            env
	faulty         map[*syntax.Stmt]bool
	servers, binds *optionTable
	single         map[string]*Keyword // by name, those of a single word; nil for other first words
	suggestions    int                 // how many were looked for
}

// maxSuggestions bounds the search for what was meant by an unknown keyword: it compares with them all.
const maxSuggestions = 200

func (c *checker) run(sections []*section) {
	for _, f := range c.tree.Roots {
		c.outside(f)
	}
	hasDefaults := slices.ContainsFunc(sections, func(s *section) bool { return s.kind == Defaults })
	for _, s := range sections {
		c.header(s, hasDefaults)
		if s.kind == 0 || s.kind&unchecked != 0 {
			continue
		}
		live(s, func(stmt *syntax.Stmt) { c.line(s, stmt) })
		c.timeouts(s)
	}
}

// outside tells of the first line of a file that stands above its first section.
func (c *checker) outside(f *syntax.File) {
	if f.IsOpen() {
		return
	}
	for _, stmt := range f.Stmts {
		if stmt.Block != nil {
			return
		}
		name := stmt.Name()
		if isReaders(name) || !stmt.When.Live() {
			continue
		}
		if kw, n := lookup(stmt.Name(), stmt.Arg(1), stmt.Arg(2)); n > 0 {
			hint := ""
			if kw != nil {
				hint = "it belongs in a " + kw.Sections.String() + " section"
			}
			c.problem(stmt, "directive-context", fmt.Sprintf("%s stands outside any section", clip(name)), hint, stmt.Words[0].Span)
		} else {
			c.unknown(stmt, fmt.Sprintf("%s opens no section, and none is open", clip(name)), "", stmt.Words[0].Span)
		}
		return
	}
}

// isReaders reports whether a line is for HAProxy's reader itself, or says nothing.
func isReaders(name string) bool { return name == "" || name[0] == '.' || name[0] == '[' }

// header checks the line that opens a section.
func (c *checker) header(s *section, hasDefaults bool) {
	stmt := s.stmt
	kind := stmt.Name()
	if c.faulty[stmt] || c.anyDynamic(stmt) {
		return
	}
	if _, known := sectionKind(kind); !known {
		meant := ""
		if s.kind != 0 {
			meant = s.kind.String()
		}
		c.unknown(stmt, fmt.Sprintf("%s is no kind of section", clip(kind)), meant, stmt.Words[0].Span)
		return
	}
	since, removed := sectionVersions(s.kind)
	if c.otherVersion(stmt, kind, since, removed, stmt.Words[0].Span) {
		return
	}
	const (
		named = Frontend | Listen | Backend | Resolvers | Peers | Mailers | Userlist | Ring | Cache | HTTPErrors |
			FCGIApp | Program | LogForward
		nothingElse = Peers | Userlist | Cache | FCGIApp | Program | LogForward
	)
	extra := 2
	if s.fromWord > 0 {
		extra = s.fromWord + 1
	}
	switch {
	case s.kind&named != 0 && stmt.Args() == 0:
		c.problem(stmt, "directive-arguments", fmt.Sprintf("this %s has no name", kind), kind+" NAME", stmt.Words[0].Span)
	case s.kind == Global && stmt.Args() > 0:
		c.problem(stmt, "directive-arguments", "global takes no argument", "global", stmt.Words[1].Span)
	case s.kind&(Frontend|Listen) != 0 && extra < len(stmt.Words):
		address := stmt.Arg(extra)
		c.problem(stmt, "directive-arguments", fmt.Sprintf("%s takes no address: %s is refused", kind, clip(address)),
			"bind "+clip(address), stmt.Words[extra].Span)
	case s.kind&nothingElse != 0 && stmt.Args() > 1:
		c.problem(stmt, "directive-arguments", fmt.Sprintf("%s takes a name and nothing else", kind), "", stmt.Words[2].Span)
	case s.kind&(Frontend|Listen|Backend) != 0:
		c.sectionName(stmt, s.name)
	}
	if s.fromWord > 0 && s.from == nil && hasDefaults && !stmt.File.IsOpen() {
		c.problem(stmt, "directive-arguments", fmt.Sprintf("no defaults section above is named %s", clip(stmt.Arg(s.fromWord))),
			"", stmt.Words[s.fromWord].Span)
	}
}

// sectionName checks the characters of a proxy's name (manual 2.1).
func (c *checker) sectionName(stmt *syntax.Stmt, name string) {
	for _, r := range name {
		if r > 'z' || !isNameByte(byte(r)) && !strings.ContainsRune("-.:", r) {
			c.problem(stmt, "directive-arguments", fmt.Sprintf("%q is not permitted in the name %q", r, clip(name)),
				"letters, digits, and any of _ - . : may stand in it", stmt.Words[1].Span)
			return
		}
	}
}

// line checks a line of a section.
func (c *checker) line(s *section, stmt *syntax.Stmt) {
	name := stmt.Name()
	if isReaders(name) || c.faulty[stmt] {
		return
	}
	at := 0
	if (name == "no" || name == "default") && stmt.Args() > 0 {
		at = 1
	}
	kw, n := c.lookup(stmt, at)
	if kw == nil {
		c.unknownKeyword(s, stmt, at, n)
		return
	}
	if next := at + n; next < len(stmt.Words) && stmt.File.Marked(stmt.Words[next].Span) && c.single[stmt.Arg(at)] == nil {
		return // it may make a longer keyword
	}
	l := keywordLine{checker: c, section: s, stmt: stmt, keyword: kw, at: at, args: at + n}
	if l.context() && l.inVersion() && l.prefix() && l.arguments() {
		l.options()
	}
}

// timeouts tells of timeouts that a later line of their section overwrites (manual 4.2 "timeout").
func (c *checker) timeouts(s *section) {
	last := map[string]*syntax.Stmt{}
	live(s, func(stmt *syntax.Stmt) {
		name := stmt.Arg(1)
		if stmt.Name() != "timeout" || stmt.Args() != 2 || c.faulty[stmt] || c.anyDynamic(stmt) {
			return
		}
		first := last[name]
		last[name] = stmt
		if first == nil || first.When != stmt.When || !syntax.Together(first.Ref(0), stmt.Ref(0)) {
			return
		}
		p := syntax.Problem{
			Code: "duplicate-directive", Grade: syntax.Warn, Seen: -1,
			At:  syntax.Span{Start: first.Words[0].Start, End: first.Words[2].End},
			Msg: fmt.Sprintf("timeout %s %s is overwritten by %s below", name, clip(first.Arg(2)), clip(stmt.Arg(2))),
		}
		if first.Arg(2) == stmt.Arg(2) {
			p.Grade, p.Msg = syntax.Note, fmt.Sprintf("timeout %s %s is written twice", name, clip(stmt.Arg(2)))
		}
		c.tree.Problems = append(c.tree.Problems, syntax.FileProblem{
			Problem: p, File: stmt.File, Related: []syntax.Related{{At: stmt.Ref(2), Msg: "the one that counts"}},
		})
	})
}

// lookup finds the keyword that stands at word i. Most are single words, which are remembered.
func (c *checker) lookup(stmt *syntax.Stmt, i int) (kw *Keyword, n int) {
	name := stmt.Arg(i)
	kw, seen := c.single[name]
	if !seen {
		kw = singleWord(name)
		c.single[name] = kw
	}
	if kw != nil {
		return kw, 1
	}
	return lookup(name, stmt.Arg(i+1), stmt.Arg(i+2))
}

// singleWord returns the keyword of that name, unless other keywords start with the same word.
func singleWord(name string) *Keyword {
	kw, _ := lookup(name)
	if kw == nil {
		return nil
	}
	for i := range keywords {
		if strings.HasPrefix(keywords[i].Name, kw.Name+" ") {
			return nil
		}
	}
	return kw
}

// unknownKeyword tells of a line whose first n words are known and the next one is not.
func (c *checker) unknownKeyword(s *section, stmt *syntax.Stmt, at, n int) {
	words := argsFrom(stmt, at)
	if n >= len(words) {
		c.problem(stmt, "directive-arguments", fmt.Sprintf("%s needs an argument", clip(strings.Join(words, " "))), "",
			stmt.Words[at].Span)
		return
	}
	wrong := stmt.Words[at+n]
	if c.env.dynamic(stmt.File.Read(wrong)) || isTemplate(words[n]) {
		return
	}
	name := strings.Join(words[:n+1], " ")
	c.unknown(stmt, fmt.Sprintf("%s is no keyword of a %s section", clip(name), s.kind), c.meant(s, words, n), wrong.Span)
}

// meant returns what to write for the first unknown word, which n known ones stand before; "" when
// nothing is near.
func (c *checker) meant(s *section, words []string, n int) string {
	if c.suggestions++; c.suggestions > maxSuggestions {
		return ""
	}
	name := strings.Fields(suggest(words, s.kind))
	switch {
	case len(name) <= n:
		return ""
	case n == 0 && len(name) <= len(words) && slices.Equal(name[1:], words[1:len(name)]):
		return name[0]
	}
	return strings.Join(name[n:], " ")
}

// unknown reports a name that no HAProxy version is known to have. meant is the likely one, or "".
func (c *checker) unknown(stmt *syntax.Stmt, msg, meant string, at syntax.Span) {
	p := syntax.Problem{Code: "unknown-directive", Grade: syntax.Warn, Msg: msg, At: at, Seen: at.Start}
	if meant != "" {
		p.Hint, p.Write = fmt.Sprintf("did you mean %s?", meant), &meant
	}
	c.add(stmt, p)
}

func (c *checker) problem(stmt *syntax.Stmt, code, msg, hint string, at syntax.Span) {
	c.add(stmt, syntax.Problem{Code: code, Msg: msg, Hint: hint, At: at, Seen: at.Start})
}

func (c *checker) add(stmt *syntax.Stmt, p syntax.Problem) {
	c.tree.Problems = append(c.tree.Problems, syntax.FileProblem{Problem: p, File: stmt.File})
}

func (c *checker) anyDynamic(stmt *syntax.Stmt) bool {
	return slices.ContainsFunc(stmt.Words, func(w syntax.Word) bool {
		raw := stmt.File.Read(w)
		return c.env.dynamic(raw) || isTemplate(raw)
	})
}

// keywordLine is a line whose keyword is known.
type keywordLine struct {
	*checker
	section *section
	stmt    *syntax.Stmt
	keyword *Keyword
	at      int // index of the keyword's first word, after "no" or "default"
	args    int // index of its first argument
}

func (l *keywordLine) name() syntax.Span {
	return syntax.Span{Start: l.stmt.Words[l.at].Start, End: l.stmt.Words[l.args-1].End}
}

// context checks that the keyword may stand in the section. Like the other steps, it returns whether
// there is more to check.
func (l *keywordLine) context() bool {
	kw, kind := l.keyword, l.section.kind
	if kw.Sections&kind != 0 && kw.Flags&Named == 0 {
		return true
	}
	written := l.stmt.File.Text(l.name())
	belongs := fmt.Sprintf("it belongs in a %s section", kw.Sections)
	switch {
	case kw.Sections&kind == 0 && kw.Ignored&kind != 0:
		l.add(l.stmt, syntax.Problem{
			Code: "directive-context", Grade: syntax.Warn, At: l.name(), Seen: -1,
			Msg:  fmt.Sprintf("%s is ignored in a %s section", clip(written), kind),
			Hint: belongs,
		})
	case kw.Sections&kind == 0:
		l.problem(l.stmt, "directive-context", fmt.Sprintf("%s is not allowed in a %s section", clip(written), kind),
			belongs, l.name())
	case kw.Flags&Named != 0 && kind == Defaults && l.section.name == "":
		l.problem(l.stmt, "directive-context", fmt.Sprintf("%s is not allowed in a defaults section without a name", clip(written)),
			"defaults NAME", l.name())
	default:
		return true
	}
	return false
}

// inVersion checks that the HAProxy which will read the line knows the keyword.
func (l *keywordLine) inVersion() bool {
	return !l.otherVersion(l.stmt, l.keyword.Name, l.keyword.Since, l.keyword.Removed, l.name())
}

// otherVersion tells of a name that the HAProxy in question lacks, and returns whether it did. A
// conditional line may be meant for another HAProxy.
func (c *checker) otherVersion(stmt *syntax.Stmt, name, since, removed string, at syntax.Span) bool {
	if stmt.When != nil || since == "" && removed == "" {
		return false
	}
	p := syntax.Problem{Code: "unknown-directive", At: at, Seen: at.Start}
	gone, err := proxy.ParseVersion(removed)
	isGone := removed != "" && err == nil
	first, err := proxy.ParseVersion(since)
	switch {
	case since != "" && err == nil && c.version.Before(first):
		p.Msg = fmt.Sprintf("%s needs HAProxy %s, and this is %s", name, since, c.version)
	case isGone && c.version.AtLeast(gone):
		p.Msg = fmt.Sprintf("%s is refused since HAProxy %s", name, removed)
	case isGone && !c.version.Known():
		p.Msg = fmt.Sprintf("%s is refused since HAProxy %s", name, removed)
		p.Grade = syntax.Warn
		if oldest.Before(gone) {
			p.Grade = syntax.Note
		}
	default:
		return false
	}
	if isGone && stmt.Block == nil {
		p.Hint = successor(stmt, name)
		if now := renamed(name); now != "" {
			p.Hint, p.Write = strings.TrimRight(now+" "+textFrom(stmt, len(strings.Fields(name))), " "), &now
		}
	}
	c.add(stmt, p)
	return true
}

// sectionVersions returns the version that brought a kind of section, and the one that refuses it.
func sectionVersions(kind Section) (since, removed string) {
	switch kind {
	case Resolvers, Mailers:
		return "1.6", ""
	case Cache:
		return "1.8", ""
	case Program:
		return "2.0", "3.3"
	case FCGIApp:
		return "2.1", ""
	case Ring, HTTPErrors:
		return "2.2", ""
	case LogForward:
		return "2.3", ""
	case CrtStore:
		return "3.0", ""
	case LogProfile, Traces:
		return "3.1", ""
	case ACME:
		return "3.2", ""
	case Healthcheck:
		return "3.4", ""
	}
	return "", ""
}

// prefix checks that "no" or "default" may stand before the keyword.
func (l *keywordLine) prefix() bool {
	if l.at == 0 || l.keyword.Flags&No != 0 {
		return true
	}
	word := l.stmt.Name()
	l.problem(l.stmt, "directive-arguments", fmt.Sprintf("%s can't stand before %s", word, l.keyword.Name), "", l.stmt.Words[0].Span)
	return false
}

// arguments checks the number of arguments and the form of the first one.
func (l *keywordLine) arguments() bool {
	kw, stmt := l.keyword, l.stmt
	count := len(stmt.Words) - l.args
	least := int(kw.Min)
	switch {
	case kw.Name == "server" && l.section.kind&(Listen|Backend) != 0:
		least = 2 // a name is enough only for peers
	case kw.Name == "bind":
		least = 1
	}
	switch {
	case l.at > 0:
	case count < least:
		if !l.dynamic() {
			l.problem(stmt, "directive-arguments", fmt.Sprintf("%s needs %s, got %d", kw.Name, arguments(least), count), "", l.name())
		}
		return false
	case kw.Max >= 0 && count > int(kw.Max):
		if !l.dynamic() {
			l.surplus(int(kw.Max))
		}
		return false
	case count > 0:
		return l.value(stmt.Arg(l.args))
	}
	return true
}

// dynamic reports whether any word is unknown until HAProxy runs; a list variable is several words.
func (l *keywordLine) dynamic() bool {
	return slices.ContainsFunc(l.stmt.Words, func(w syntax.Word) bool {
		return w.Quote == '"' && l.env.dynamic(l.stmt.File.Read(w))
	}) || isTemplate(l.stmt.File.Scanned()[l.stmt.Words[0].Start:l.stmt.Words[len(l.stmt.Words)-1].End])
}

func arguments(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return strconv.Itoa(n) + " arguments"
}

// surplus tells of more arguments than the keyword takes. A time with a blank before its unit is
// the usual one.
func (l *keywordLine) surplus(most int) {
	stmt, kw := l.stmt, l.keyword
	extra := stmt.Words[l.args+most]
	p := syntax.Problem{
		Code: "directive-arguments", At: extra.Span, Seen: extra.Start,
		Msg: fmt.Sprintf("%s takes %s: %s is one too many", kw.Name, arguments(most), clip(stmt.Arg(l.args+most))),
	}
	if most == 0 {
		p.Msg = fmt.Sprintf("%s takes no argument", kw.Name)
	}
	if joined := stmt.Arg(l.args) + stmt.Arg(l.args+1); kw.Value == Time && len(stmt.Words) == l.args+2 {
		if _, unitless, ok := validTime(joined); ok && !unitless {
			p.At = syntax.Span{Start: stmt.Words[l.args].Start, End: extra.End}
			p.Hint, p.Write = kw.Name+" "+joined, &joined
		}
	}
	l.add(stmt, p)
}

// value checks the form of the first argument.
func (l *keywordLine) value(text string) bool {
	kw := l.keyword
	msg, hint := "", ""
	switch kw.Value {
	case Time:
		d, _, ok := validTime(text)
		if !ok {
			msg, hint = "is no time", "write 500ms, 30s, 5m or 1h"
		} else if !kw.fits(d) {
			msg = "is longer than HAProxy can count"
		}
	case Number:
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			msg = "is no whole number"
		}
	case Size:
		digits := strings.TrimRight(text, "kmgKMG")
		if _, err := strconv.ParseUint(digits, 10, 64); err != nil || len(text)-len(digits) > 1 {
			msg, hint = "is no size", "write bytes, 16k or 1m"
		}
	}
	if msg != "" {
		msg = fmt.Sprintf("%s %s, which %s takes", clip(text), msg, kw.Name)
	} else {
		msg = badWord(kw.Name, text)
	}
	if msg == "" || l.dynamic() {
		return true
	}
	l.problem(l.stmt, "directive-arguments", msg, hint, l.stmt.Words[l.args].Span)
	return false
}

// options checks the options of a server or bind line.
func (l *keywordLine) options() {
	table, at := l.servers, l.args
	switch {
	case l.section.kind&proxies == 0:
		return
	case l.keyword.Name == "server":
		at += 2
	case l.keyword.Name == "server-template":
		at += 3
	case l.keyword.Name == "default-server":
	case l.keyword.Name == "bind":
		table, at = l.binds, at+1
	default:
		return
	}
	i := table.each(l.stmt, at, func(o option) {
		if o.value == 0 || table != l.servers {
			return
		}
		if msg := badOption(o.name, l.stmt.Arg(o.value)); msg != "" && !l.dynamic() {
			l.problem(l.stmt, "directive-arguments", msg, "", l.stmt.Words[o.value].Span)
		}
	})
	if i >= len(l.stmt.Words) || l.dynamic() {
		return
	}
	word := l.stmt.Arg(i)
	if table.arity(word) == unknownOption {
		l.unknown(l.stmt, fmt.Sprintf("%s is no option of %s", clip(word), l.keyword.Name), "", l.stmt.Words[i].Span)
		return
	}
	p := syntax.Problem{
		Code: "directive-arguments", Grade: syntax.Warn, At: l.stmt.Words[i].Span, Seen: -1,
		Msg: fmt.Sprintf("option %s needs a value", word),
	}
	if isTimeOption(word) { // HAProxy takes some others, such as weight, for zero
		p.Grade, p.Seen = syntax.Fatal, p.At.Start
	}
	l.add(l.stmt, p)
}
