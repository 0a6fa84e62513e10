package haproxy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/template"
)

const (
	maxWords       = 64  // on a line, its name included (manual 2.1 "Configuration file format")
	maxConditions  = 100 // .if blocks inside each other
	truncatedSince = 3   // HAProxy 2.3 was the first to refuse a last line without its line end
)

// scanner reads one file after the other, as one configuration, into a tree each.
type scanner struct {
	env     env
	version proxy.Version
	arena   syntax.Arena

	file  *syntax.File
	src   string         // as File.Scanned gives it
	lines []*syntax.Stmt // of all sections so far, with room for the whole file
	first int            // index of the first line of the section being read
	words []syntax.Word  // of the line being read

	section *syntax.Stmt
	kind    Section
	when    *syntax.Branch
	blocks  []conditional

	faulted  bool // the line being read has a fault, and one is told per line
	marked   bool // the line being read has marks of a template: what it will be is not known
	faulty   map[*syntax.Stmt]bool
	spaced   bool // the line above is empty or a comment
	indented bool // the lines of this file's sections stand to the right of their headers
}

// conditional is an .if block that is still open.
type conditional struct {
	open   *syntax.Stmt // the .if line
	up     *syntax.Branch
	taken  truth // whether one of the branches so far is read
	atElse bool
}

// special are the bytes that end a run of ordinary ones in an unquoted word.
var special = [256]bool{
	' ': true, '\t': true, '\v': true, '\f': true, '\r': true, 0: true,
	'#': true, '"': true, '\'': true, '\\': true,
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\v' || c == '\f' }

// scan reads a text as HAProxy would, after the files scanned before it. What a line's reader would
// refuse becomes a Problem, and the line is kept as well as it can be.
func (s *scanner) scan(source syntax.Source) *syntax.File {
	s.file = syntax.NewFile(source.Path, source.Src, syntax.HAProxy, s.env.decode)
	s.file.Template = template.Read(source)
	s.src = s.file.Scanned()
	src := s.src
	s.lines, s.first = make([]*syntax.Stmt, 0, 1+strings.Count(src, "\n")), 0
	s.section, s.kind, s.when, s.blocks = nil, 0, nil, s.blocks[:0]
	s.spaced, s.indented = true, true
	for at := s.byteOrderMark(); at < len(src); {
		n := strings.IndexByte(src[at:], '\n')
		if n < 0 {
			s.line(at, len(src))
			s.truncated(at)
			break
		}
		s.line(at, at+n)
		at += n + 1
	}
	s.closeConditions()
	s.closeSection()
	slices.SortStableFunc(s.file.Problems, func(a, b syntax.Problem) int { return cmp.Compare(a.At.Start, b.At.Start) })
	return s.file
}

// byteOrderMark tells of the mark that some editors put first, and returns where the text starts.
func (s *scanner) byteOrderMark() int {
	const mark = "\uFEFF"
	if !strings.HasPrefix(s.file.Src, mark) {
		return 0
	}
	nothing := ""
	s.problem(syntax.Problem{
		At: span(0, len(mark)), Seen: 0, Write: &nothing, Hint: "save the file as UTF-8 without BOM",
		Msg: "the file begins with a byte order mark, which HAProxy takes for part of the first word",
	})
	return len(mark)
}

// line reads the line in src[start:end].
func (s *scanner) line(start, end int) {
	s.words, s.faulted, s.marked = s.words[:0], false, s.file.Marked(span(start, end))
	s.split(start, end)
	if s.marked {
		s.dropLoneMark()
	}
	if len(s.words) == 0 {
		s.spaced = true
		return
	}
	if len(s.words) > maxWords {
		at := s.words[maxWords].Span
		s.fault(at, fmt.Sprintf("too many words: a line holds %d of them", maxWords), "", nil)
	}
	stmt := s.arena.Stmt()
	stmt.File, stmt.When, stmt.Words = s.file, s.when, s.arena.Words(s.words)
	stmt.Span = syntax.Span{Start: s.words[0].Start, End: s.words[len(s.words)-1].End}
	if s.faulted {
		s.faulty[stmt] = true
	}
	s.place(stmt, start)
	s.spaced = false
}

// split finds the words and the comment between at and end.
func (s *scanner) split(at, end int) {
	src := s.src
	for {
		for at < end && (isBlank(src[at]) || s.marked && len(s.words) == 0 && src[at] == syntax.Silent) {
			at++
		}
		if at == end {
			return
		}
		switch src[at] {
		case '#':
			s.comment(at, end)
			return
		case '\r':
			s.carriageReturn(at, end)
			return
		}
		at = s.word(at, end)
	}
}

func (s *scanner) comment(at, end int) {
	text := strings.TrimRight(s.src[at:end], "\r")
	s.file.Comments = append(s.file.Comments, syntax.Comment{
		Span: span(at, at+len(text)), Trailing: len(s.words) > 0,
	})
}

// carriageReturn ends a line. HAProxy passes over what follows one inside a line.
func (s *scanner) carriageReturn(at, end int) {
	rest := strings.Trim(s.src[at:end], " \t\v\f\r")
	if rest == "" {
		return
	}
	start := at + strings.Index(s.src[at:end], rest)
	s.comment(start, end)
	s.problem(syntax.Problem{
		Grade: syntax.Warn, At: span(start, start+len(rest)), Seen: -1,
		Msg: "text after a carriage return is not read", Hint: "start a new line with LF or CRLF",
	})
}

// word reads the word that starts at the offset and returns where it ends.
func (s *scanner) word(start, end int) int {
	src := s.src
	var quote byte
	at := start
	for at < end {
		c := src[at]
		if !special[c] {
			at++
			continue
		}
		switch c {
		case '"', '\'':
			if quote == 0 {
				quote = c
			}
			at = s.quoted(at, end)
			continue
		case '\\':
			at += s.escape(at, end, false)
			continue
		case 0:
			s.fault(span(at, at+1), "a NUL byte ends the line", "", nil)
			at++
			continue
		}
		break // a blank, a comment or the line's end
	}
	s.words = append(s.words, syntax.Word{Span: span(start, at), Quote: quote})
	return at
}

// quoted reads the string that opens at the offset and returns what follows its closing quote. One
// that is never closed ends at the next blank, so that the rest of the line is kept.
func (s *scanner) quoted(start, end int) int {
	src := s.src
	quote := src[start]
	for at := start + 1; at < end; {
		switch c := src[at]; {
		case c == quote:
			return at + 1
		case c == '\r':
			end = at
		case c == '\\' && quote == '"':
			at += s.escape(at, end, true)
		case c == '$' && quote == '"' && !s.faulted:
			at += s.reference(at, end)
		default:
			at++
		}
	}
	s.fault(span(start, start+1), fmt.Sprintf("quote %c is never closed on its line", quote), "", nil)
	at := start + 1
	for at < end && !isBlank(src[at]) {
		at++
	}
	return at
}

// escape reads a backslash and returns how many bytes it takes.
func (s *scanner) escape(at, end int, quoted bool) int {
	_, n := parseEscape(s.src[at:end], quoted)
	if n > 0 {
		return n
	}
	write := `\\x`
	s.fault(span(at, at+len(`\x`)), `\x takes two hexadecimal digits`, `\\x stands for a backslash and an x`, &write)
	return 1
}

// reference reads a variable inside double quotes and returns how many bytes it takes.
func (s *scanner) reference(at, end int) int {
	_, n, fault := parseReference(s.src[at:end])
	if fault == "" {
		return n
	}
	if n > 1 || at+1 < end && s.src[at+1] == '{' {
		s.fault(span(at, at+n), "malformed variable: "+fault, "", nil)
		return n
	}
	write := `\$`
	s.fault(span(at, at+1), "$ starts a variable inside double quotes: "+fault, `\$ stands for itself`, &write)
	return 1
}

// dropLoneMark leaves out a line that a template engine is to write as a whole.
func (s *scanner) dropLoneMark() {
	if len(s.words) == 0 {
		return
	}
	name := s.src[s.words[0].Start:s.words[0].End]
	if syntax.HasFilling(name) {
		s.file.Template.Open = true
	}
	if len(s.words) == 1 && strings.Trim(name, string(syntax.Filling)+string(syntax.Silent)) == "" {
		s.words = s.words[:0]
	}
}

// place puts a line where it belongs: a directive of the reader's own, a section's header, or a line
// of the section that is open.
func (s *scanner) place(stmt *syntax.Stmt, lineStart int) {
	name := stmt.Name()
	if strings.HasPrefix(name, ".") {
		s.add(stmt)
		s.directive(stmt, name)
		return
	}
	if strings.HasPrefix(name, "[") {
		s.scope(stmt, name)
	}
	kind, known := sectionKind(name)
	flush := int(stmt.Start) == lineStart
	switch {
	case known, flush && s.looksLikeHeader(stmt, name):
		s.closeSection()
		s.section, s.kind = stmt, kind
		stmt.Block = &syntax.Block{Open: stmt.End, Closed: true}
		s.file.Stmts = append(s.file.Stmts, stmt)
		return
	case s.kind == Global && !s.faulted:
		s.variables(stmt, name)
	}
	s.indented = s.indented && !flush
	s.add(stmt)
}

// scope checks a line such as [name], which HAProxy reads and passes over.
func (s *scanner) scope(stmt *syntax.Stmt, name string) {
	switch {
	case len(name) < len("[x]") || !strings.HasSuffix(name, "]"):
		s.fault(stmt.Words[0].Span, "a scope is a name in brackets: [name]", "", nil)
	case stmt.Args() > 0:
		s.fault(stmt.Words[1].Span, "nothing may follow a scope", "", nil)
	}
}

func (s *scanner) add(stmt *syntax.Stmt) {
	if s.section == nil {
		s.file.Stmts = append(s.file.Stmts, stmt)
		return
	}
	stmt.Parent = s.section
	s.lines = append(s.lines, stmt)
}

// looksLikeHeader tells whether an unknown name is more likely to open a section that this table
// doesn't have than to be a line of the section above it.
func (s *scanner) looksLikeHeader(stmt *syntax.Stmt, name string) bool {
	if !s.indented || !s.spaced || len(stmt.Words) > 2 || name == "" || name[0] == '[' {
		return false
	}
	_, n := lookup(name)
	return n == 0
}

func (s *scanner) closeSection() {
	if s.section == nil {
		return
	}
	block := s.section.Block
	block.Stmts = s.lines[s.first:len(s.lines):len(s.lines)]
	block.Close = block.Open
	if n := len(block.Stmts); n > 0 {
		block.Close = block.Stmts[n-1].End
	}
	s.section.End = block.Close
	s.section, s.kind, s.first = nil, 0, len(s.lines)
}

// variables records what a line of the global section does to the environment.
func (s *scanner) variables(stmt *syntax.Stmt, name string) {
	if !s.when.Live() {
		return
	}
	switch {
	case name == "setenv" && stmt.Args() >= 2:
		s.env.set(stmt.Arg(1), stmt.Arg(2), s.when == nil)
	case name == "presetenv" && stmt.Args() >= 2:
		s.env.preset(stmt.Arg(1), stmt.Arg(2))
	case name == "unsetenv" && s.when == nil:
		for i := range stmt.Args() {
			s.env.remove(stmt.Arg(i + 1))
		}
	case name == "resetenv" && s.when == nil:
		names := make([]string, stmt.Args())
		for i := range names {
			names[i] = stmt.Arg(i + 1)
		}
		s.env.keep(names)
	}
}

// directive obeys a line of the reader's own: conditions and messages.
func (s *scanner) directive(stmt *syntax.Stmt, name string) {
	switch name {
	case ".if":
		s.openCondition(stmt)
	case ".elif", ".else":
		s.nextBranch(stmt, name)
	case ".endif":
		if s.inCondition(stmt, name) {
			s.when = s.blocks[len(s.blocks)-1].up
			s.blocks = s.blocks[:len(s.blocks)-1]
		}
	case ".notice", ".warning", ".alert", ".diag":
		return
	default:
		if s.when.Live() {
			s.fault(stmt.Words[0].Span, fmt.Sprintf("%s is no directive", clip(name)), "", nil)
		}
		return
	}
	if (name == ".else" || name == ".endif") && stmt.Args() > 0 {
		s.fault(stmt.Words[1].Span, fmt.Sprintf("%s takes no argument", name), "", nil)
	}
}

func (s *scanner) openCondition(stmt *syntax.Stmt) {
	if len(s.blocks) == maxConditions {
		s.fault(stmt.Words[0].Span, fmt.Sprintf("more than %d .if blocks inside each other", maxConditions), "", nil)
		return
	}
	holds := maybe
	if s.when.Live() {
		holds = s.holds(stmt)
	}
	s.blocks = append(s.blocks, conditional{open: stmt, up: s.when, taken: holds})
	s.when = &syntax.Branch{Up: s.when, Stmt: stmt, Dead: holds == never}
}

func (s *scanner) nextBranch(stmt *syntax.Stmt, name string) {
	if !s.inCondition(stmt, name) {
		return
	}
	block := &s.blocks[len(s.blocks)-1]
	stmt.When = block.up
	if block.atElse {
		s.fault(stmt.Words[0].Span, fmt.Sprintf("%s stands after .else", name), "", nil)
	}
	block.atElse = name == ".else"
	branch := &syntax.Branch{Up: block.up, Stmt: stmt, Dead: block.taken == always}
	if name == ".elif" && !branch.Dead && block.up.Live() {
		holds := s.holds(stmt)
		branch.Dead = holds == never
		block.taken = max(block.taken, holds)
	}
	s.when = branch
}

// inCondition reports whether an .if block is open, which the line needs.
func (s *scanner) inCondition(stmt *syntax.Stmt, name string) bool {
	if len(s.blocks) == 0 {
		s.fault(stmt.Words[0].Span, fmt.Sprintf("%s without an .if above it", name), "", nil)
		return false
	}
	stmt.When = s.blocks[len(s.blocks)-1].up
	return true
}

// holds evaluates the condition of an .if or .elif line.
func (s *scanner) holds(stmt *syntax.Stmt) truth {
	if s.faulted {
		return maybe
	}
	var text []string
	dynamic := false
	for _, w := range stmt.Words[1:] {
		text = append(text, s.file.Value(w))
		dynamic = dynamic || s.env.dynamic(s.file.Read(w))
	}
	expression := strings.Join(text, " ")
	result, ok := s.env.evaluate(expression, dynamic)
	if !ok && !dynamic {
		at := syntax.Span{Start: stmt.Words[1].Start, End: stmt.End}
		s.fault(at, fmt.Sprintf("%s is no condition", clip(expression)), "", nil)
	}
	if !ok {
		return maybe
	}
	return result
}

func (s *scanner) closeConditions() {
	for _, block := range s.blocks {
		s.problem(syntax.Problem{
			At: block.open.Words[0].Span, Seen: syntax.Pos(len(s.file.Src)),
			Msg: "this .if is never closed", Hint: ".endif",
		})
	}
}

// truncated tells of a last line without its line end.
func (s *scanner) truncated(start int) {
	if s.marked {
		return
	}
	grade := syntax.Fatal
	if s.version.Before(proxy.Version{2, truncatedSince}) {
		grade = syntax.Warn
	}
	end := len(s.file.Src)
	write := s.file.Src[start:end] + "\n"
	s.problem(syntax.Problem{
		Grade: grade, At: span(start, end), Seen: syntax.Pos(end), Write: &write,
		Msg: "the last line has no line end, so the file may have been cut off", Hint: "end the file with a line feed",
	})
}

// fault records what HAProxy would refuse the line for, unless the line has a fault already.
func (s *scanner) fault(at syntax.Span, msg, hint string, write *string) {
	if s.faulted || s.marked {
		return
	}
	s.faulted = true
	s.problem(syntax.Problem{At: at, Seen: at.Start, Msg: msg, Hint: hint, Write: write})
}

func (s *scanner) problem(p syntax.Problem) {
	p.Code = "syntax"
	s.file.Problems = append(s.file.Problems, p)
}

func span(start, end int) syntax.Span {
	return syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(end)}
}

// clip shortens a word for a message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
