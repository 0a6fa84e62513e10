// Package nginx reads nginx configurations: text into words and statements by nginx's own token
// rules, includes as nginx resolves them, and the result into the neutral model.
package nginx

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/template"
)

const (
	// maxWord is the length in bytes at which nginx refuses a word or a comment: its read buffer's.
	maxWord = 4096
	// maxDepth is how deep blocks may be nested before the rest is passed over. nginx itself
	// overflows its stack somewhere above.
	maxDepth = 200
	// maxProblems ends the telling, not the reading, of a text that is no configuration at all.
	maxProblems = 100

	bom = "\uFEFF"
)

// scan reads a text into statements. It never fails: what nginx would refuse becomes a Problem, and
// the rest is kept.
func scan(source syntax.Source) *syntax.File {
	f := syntax.NewFile(source.Path, source.Src, syntax.Nginx, decode)
	f.Template = template.Read(source)
	s := scanner{File: f, src: f.Scanned()}
	if strings.HasPrefix(s.src, bom) {
		s.pos = syntax.Pos(len(bom))
		s.problem(syntax.Span{End: s.pos}, 0, "the file begins with a byte order mark, which nginx takes for part of the first name",
			"save the file as UTF-8 without BOM")
		empty := ""
		s.Problems[0].Write = &empty
	}
	for s.next() {
	}
	s.end()
	slices.SortStableFunc(s.Problems, func(a, b syntax.Problem) int { return cmp.Compare(a.At.Start, b.At.Start) })
	return s.File
}

// scanner holds the state of one scan.
type scanner struct {
	*syntax.File
	src     string // as File.Scanned gives it
	pos     syntax.Pos
	arena   syntax.Arena
	words   []syntax.Word   // of the statement being read
	open    []*syntax.Stmt  // the blocks around it
	inside  []Context       // what may stand in each of them
	suspect *syntax.Stmt    // the first block whose brace stands at an outer block's column
	absent  map[string]bool // closing marks known not to come before the text's end
	mark    int             // index of the first template mark that comes after pos
	choices []choice        // of the template, that are still open
}

func (s *scanner) problem(at syntax.Span, seen syntax.Pos, msg, hint string) {
	s.report(syntax.Problem{Code: "syntax", Msg: msg, Hint: hint, At: at, Seen: seen})
}

func (s *scanner) report(p syntax.Problem) {
	if len(s.Problems) < maxProblems {
		s.Problems = append(s.Problems, p)
	}
}

// next reads one token and what it does to the statement. It returns false at the end of the text.
func (s *scanner) next() bool {
	s.blanks()
	if s.Template != nil && len(s.words) == 0 {
		s.marks()
	}
	if int(s.pos) >= len(s.src) {
		return false
	}
	at := syntax.Span{Start: s.pos, End: s.pos + 1}
	switch s.src[s.pos] {
	case ';':
		s.pos++
		if len(s.words) == 0 {
			s.problem(at, at.Start, `";" without a directive before it`, "remove it")
		} else {
			s.terminate(at)
		}
	case '{':
		s.pos++
		if len(s.words) == 0 {
			s.problem(at, at.Start, `"{" without a name before it`, "")
			s.words = append(s.words, syntax.Word{Span: at})
		}
		s.openBlock(at.Start)
	case '}':
		s.pos++
		s.closeBrace(at)
	case '#':
		s.comment()
	default:
		s.word()
	}
	return true
}

func (s *scanner) blanks() {
	for int(s.pos) < len(s.src) && isBlank(s.src[s.pos]) {
		s.pos++
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (s *scanner) comment() {
	start := s.pos
	end := strings.IndexByte(s.src[start:], '\n')
	if end < 0 {
		s.pos = syntax.Pos(len(s.src))
	} else {
		s.pos += syntax.Pos(end)
	}
	c := syntax.Comment{Span: syntax.Span{Start: start, End: s.pos}, Trailing: !s.startsLine(start)}
	if c.End > c.Start && s.src[c.End-1] == '\r' {
		c.End--
	}
	s.Comments = append(s.Comments, c)
	if s.pos-start >= maxWord && !s.Marked(c.Span) {
		s.problem(syntax.Span{Start: start, End: start + 1}, start,
			"this comment is too long: nginx refuses one of 4096 bytes", "break it into several lines")
	}
}

// startsLine reports whether only blanks stand between the line's start and p.
func (s *scanner) startsLine(p syntax.Pos) bool {
	for p > 0 && (s.src[p-1] == ' ' || s.src[p-1] == '\t' || s.src[p-1] == '\r') {
		p--
	}
	return p == 0 || s.src[p-1] == '\n' || (p == syntax.Pos(len(bom)) && strings.HasPrefix(s.src, bom))
}

// word reads one word. A quote counts at its start only, a backslash takes the next byte with it,
// and "${" opens no block.
func (s *scanner) word() {
	start := s.pos
	if q := s.src[start]; q == '"' || q == '\'' {
		s.quoted(start, q)
		return
	}
	end := s.bareEnd(start)
	s.pos = end
	s.keep(syntax.Word{Span: syntax.Span{Start: start, End: end}})
}

// bareEnd returns where the unquoted word that starts at p ends.
func (s *scanner) bareEnd(p syntax.Pos) syntax.Pos {
	variable := false
	for ; int(p) < len(s.src); p++ {
		switch c := s.src[p]; {
		case c == '\\':
			variable = false
			p++
		case c == '$':
			variable = true
		case c == '{' && variable:
		case c == ';' || c == '{' || isBlank(c):
			return p
		default:
			variable = false
		}
	}
	return syntax.Pos(len(s.src))
}

// quoted reads a word that begins with a quote, and insists on what may follow it.
func (s *scanner) quoted(start syntax.Pos, quote byte) {
	end, ok := s.quoteEnd(start, quote)
	if !ok {
		s.unclosed(start, syntax.Pos(len(s.src)), quote)
		return
	}
	word := syntax.Word{Span: syntax.Span{Start: start, End: end}, Quote: quote}
	s.pos = end
	if int(end) == len(s.src) {
		s.keep(word)
		return
	}
	switch c := s.src[end]; {
	case isBlank(c) || c == ';' || c == '{' || c == ')' || s.Marked(syntax.Span{Start: end, End: end + 1}):
		s.keep(word)
	case strings.IndexByte(s.src[start:end], '\n') >= 0:
		// Such a word ran from a quote that never closes into the opening quote of another.
		s.unclosed(start, end, quote)
	default:
		s.keep(word)
		s.problem(syntax.Span{Start: end, End: end + 1}, end,
			fmt.Sprintf("text follows the closing %c of %s without a blank", quote, clip(s.Text(word.Span))),
			"put a blank or \";\" after the quote, or quote the whole word")
	}
}

// quoteEnd returns the offset after the quote that closes the one at start.
func (s *scanner) quoteEnd(start syntax.Pos, quote byte) (syntax.Pos, bool) {
	for p := start + 1; int(p) < len(s.src); p++ {
		switch s.src[p] {
		case '\\':
			p++
		case quote:
			return p + 1, true
		}
	}
	return 0, false
}

// unclosed tells of a quote that is not closed on its line, and gives the text after that line back.
func (s *scanner) unclosed(start, seen syntax.Pos, quote byte) {
	s.problem(syntax.Span{Start: start, End: start + 1}, seen, fmt.Sprintf("this %c is never closed", quote),
		fmt.Sprintf("close it with %c", quote))
	line := s.src[start:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	text := strings.TrimRight(line, " \t\r")
	if len(text) > 1 {
		text = strings.TrimRight(text, ";")
	}
	s.pos = start + syntax.Pos(len(text))
	s.keep(syntax.Word{Span: syntax.Span{Start: start, End: s.pos}, Quote: quote})
}

func (s *scanner) keep(w syntax.Word) {
	if w.End-w.Start >= maxWord && !s.Marked(w.Span) {
		s.problem(w.Span, w.Start, "this word is too long: nginx refuses one of 4096 bytes", "")
	}
	s.words = append(s.words, w)
}

// terminate ends a simple directive at its ";".
func (s *scanner) terminate(semi syntax.Span) {
	s.split(semi.Start, false)
	s.add(semi.End)
}

// add makes a statement of the words read so far and puts it into the block that is open.
func (s *scanner) add(end syntax.Pos) *syntax.Stmt {
	stmt := s.arena.Stmt()
	stmt.File = s.File
	stmt.Words = s.arena.Words(s.words)
	stmt.Span = syntax.Span{Start: s.words[0].Start, End: end}
	if s.Marked(s.words[0].Span) {
		s.Template.Open = true
	}
	s.words = s.words[:0]
	if n := len(s.open); n > 0 {
		stmt.Parent = s.open[n-1]
		stmt.Parent.Block.Stmts = append(stmt.Parent.Block.Stmts, stmt)
	} else {
		s.Stmts = append(s.Stmts, stmt)
	}
	return stmt
}

// openBlock starts the block of the words read so far; brace is where its "{" stands.
func (s *scanner) openBlock(brace syntax.Pos) {
	s.split(brace, true)
	name := s.Value(s.words[0])
	stmt := s.add(brace + 1)
	stmt.Block = &syntax.Block{Open: brace, Close: brace + 1}
	if strings.HasSuffix(name, "_by_lua_block") {
		s.luaBody(stmt)
		return
	}
	if len(s.open) == maxDepth {
		s.problem(stmt.Words[0].Span, stmt.Start, fmt.Sprintf("blocks are nested more than %d deep; what is inside is not read", maxDepth), "")
		s.skipBlock(stmt)
		return
	}
	s.enter(stmt)
}

func (s *scanner) enter(stmt *syntax.Stmt) {
	s.inside = append(s.inside, opens(s.context(), stmt.Name(), stmt.Args()))
	s.open = append(s.open, stmt)
}

// context returns what may stand where the scanner is; at the top of a file that is not known.
func (s *scanner) context() Context {
	if len(s.inside) == 0 {
		return anywhere
	}
	return s.inside[len(s.inside)-1]
}

// skipBlock passes over a block without building its tree.
func (s *scanner) skipBlock(stmt *syntax.Stmt) {
	stmt.Block.Opaque = true
	depth := 1
	for depth > 0 {
		s.blanks()
		if int(s.pos) >= len(s.src) {
			break
		}
		switch s.src[s.pos] {
		case '{':
			depth++
			s.pos++
		case '}':
			depth--
			s.pos++
		case ';':
			s.pos++
		case '#':
			s.comment()
		default:
			s.word()
			s.words = s.words[:0]
		}
	}
	s.closeAt(stmt, s.pos, depth == 0)
}

func (s *scanner) closeAt(stmt *syntax.Stmt, end syntax.Pos, closed bool) {
	stmt.End = end
	stmt.Block.Closed = closed
	stmt.Block.Close = end
	if closed {
		stmt.Block.Close--
	}
}

// closeBrace ends the innermost block. Words pending there lack their ";": the block is closed anyway.
func (s *scanner) closeBrace(brace syntax.Span) {
	if len(s.words) > 0 {
		s.split(brace.Start, false)
		s.missingSemicolon(s.words[len(s.words)-1], brace.Start, nil, syntax.Fatal)
		s.add(s.words[len(s.words)-1].End)
	}
	n := len(s.open)
	if n == 0 {
		if s.IsOpen() {
			return
		}
		s.problem(brace, brace.Start, `"}" closes a block that was never opened`, "remove it, or look for a missing \"{\" above")
		return
	}
	stmt := s.open[n-1]
	s.open, s.inside = s.open[:n-1], s.inside[:n-1]
	s.closeAt(stmt, brace.End, true)
	s.suspectOf(stmt)
}

// suspectOf keeps the first block whose brace stands in the column of a block around it, and not in its
// own: a sign that its own brace is missing.
func (s *scanner) suspectOf(stmt *syntax.Stmt) {
	brace := stmt.Block.Close
	if s.suspect != nil || !stmt.Block.Closed || !s.startsLine(brace) || !s.startsLine(stmt.Start) {
		return
	}
	indent := s.indent(brace)
	if indent >= s.indent(stmt.Start) {
		return
	}
	for _, outer := range s.open {
		if s.startsLine(outer.Start) && s.indent(outer.Start) == indent {
			s.suspect = stmt
		}
	}
}

// indent returns how many bytes stand before p on its line.
func (s *scanner) indent(p syntax.Pos) int {
	return int(p) - 1 - strings.LastIndexByte(s.src[:p], '\n')
}

// end closes what the text left open.
func (s *scanner) end() {
	eof := syntax.Pos(len(s.src))
	if len(s.words) > 0 {
		s.split(eof, false)
		s.missingSemicolon(s.words[len(s.words)-1], eof, nil, syntax.Fatal)
		s.add(s.words[len(s.words)-1].End)
	}
	for i, stmt := range s.open {
		s.closeAt(stmt, eof, false)
		if s.IsOpen() {
			continue
		}
		at := stmt
		if i == 0 && s.suspect != nil {
			at = s.suspect
		}
		s.problem(at.Words[0].Span, eof, fmt.Sprintf("the block of %s is never closed", clip(at.Name())), `close it with "}"`)
	}
}

// split parts the pending words where one that begins its line is a directive's name: the ";" or the
// "{" before it is missing. end is where the whole statement ends, and nginx stops; block says that a
// "{" stands there.
func (s *scanner) split(end syntax.Pos, block bool) {
	for i := 1; i < len(s.words); {
		if !s.beginsDirective(i, block) {
			i++
			continue
		}
		grade := syntax.Fatal
		if s.fitsWhole(block) && takesAnyWord(s.Value(s.words[0])) {
			grade = syntax.Warn
		}
		rest := append([]syntax.Word(nil), s.words[i:]...)
		s.words = s.words[:i]
		if s.lacksBrace() {
			name := s.words[0]
			s.problem(name.Span, end, fmt.Sprintf("the block of %s has no opening \"{\"", clip(s.Value(name))), "write \"{\" after "+clip(s.Raw(s.words[i-1])))
			stmt := s.add(rest[0].Start)
			stmt.Block = &syntax.Block{Open: rest[0].Start, Close: rest[0].Start}
			s.enter(stmt)
		} else {
			s.missingSemicolon(s.words[i-1], end, &rest[0], grade)
			s.add(s.words[i-1].End)
		}
		s.words = append(s.words, rest...)
		i = 1
	}
}

// missingSemicolon tells that a ";" lacks after the word last. next is the directive that follows.
func (s *scanner) missingSemicolon(last syntax.Word, seen syntax.Pos, next *syntax.Word, grade syntax.Grade) {
	if s.Marked(last.Span) {
		return // what is written there may end in one
	}
	msg := fmt.Sprintf("\";\" is missing after %s", clip(s.Raw(last)))
	if next != nil {
		msg += fmt.Sprintf(": nginx takes %s on the next line for an argument of %s", clip(s.Raw(*next)), clip(s.Value(s.words[0])))
	}
	write := s.Raw(last) + ";"
	hint := "write " + clip(write)
	if strings.Trim(s.Raw(last), ".…") == "" { // what an example leaves out
		write, hint = "", "delete "+clip(s.Raw(last))
	}
	if grade != syntax.Fatal {
		seen = -1
	}
	s.report(syntax.Problem{
		Code: "missing-semicolon", Msg: msg, Hint: hint, Grade: grade, At: last.Span, Seen: seen, Write: &write,
	})
}

// decode gives a word as nginx hands it on: quotes off, \" \' \\ \t \r \n decoded, any other
// backslash kept.
func decode(raw string) string {
	if q := raw[0]; q == '"' || q == '\'' {
		raw = raw[1:]
		if n := len(raw); n > 0 && raw[n-1] == q {
			raw = raw[:n-1]
		}
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '\\' && i+1 < len(raw) {
			switch raw[i+1] {
			case '"', '\'', '\\':
				i++
				c = raw[i]
			case 't':
				i++
				c = '\t'
			case 'r':
				i++
				c = '\r'
			case 'n':
				i++
				c = '\n'
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// clip shortens a word that is quoted in a message, which is one line.
func clip(s string) string {
	const most = 60
	line, _, more := strings.Cut(s, "\n")
	if len(line) > most {
		line, more = line[:most], true
	}
	if more {
		line += "…"
	}
	return line
}
