package cloudflared

import (
	"fmt"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// statements makes the tree: each key at the top is a statement, and so is each ingress rule as a whole, since a person
// who accepts a finding speaks of the rule. It returns the statements of the rules by their number; nil for one that an
// alias stands for.
func (l *loader) statements(doc yamldoc.Node) []*syntax.Stmt {
	t := treeMaker{file: l.file}
	var rules []*syntax.Stmt
	for key, value := range doc.Pairs() {
		s := t.statement(nil, key)
		switch {
		case s == nil:
			continue
		case key.Text() == "ingress":
			s.Block = &syntax.Block{Open: s.End, Closed: true}
			for item := range value.Items() {
				rule := t.statement(s, item)
				if rules = append(rules, rule); rule != nil {
					s.Block.Stmts = append(s.Block.Stmts, rule)
				}
			}
			s.End = max(s.End, t.end)
			s.Block.Close = s.End
		default:
			t.addWords(s, value)
		}
		l.file.Stmts = append(l.file.Stmts, s)
	}
	l.file.Comments = comments(l.file, t.quoted)
	return rules
}

// treeMaker makes statements in the order of the text.
type treeMaker struct {
	file   *syntax.File
	end    syntax.Pos // of the last word
	quoted []syntax.Span
}

// statement returns the words of a value as a statement; nil when none of them stands here.
func (t *treeMaker) statement(parent *syntax.Stmt, n yamldoc.Node) *syntax.Stmt {
	s := &syntax.Stmt{File: t.file, Parent: parent}
	if t.addWords(s, n); len(s.Words) == 0 {
		return nil
	}
	return s
}

// addWords adds the keys and scalars of a value. What an alias or a merge stands for has its words elsewhere.
func (t *treeMaker) addWords(s *syntax.Stmt, n yamldoc.Node) {
	switch {
	case n.IsScalar():
		t.addWord(s, n)
	case n.IsList():
		for item := range n.Items() {
			t.addWords(s, item)
		}
	case n.IsMap():
		for key, value := range n.Pairs() {
			t.addWords(s, key)
			t.addWords(s, value)
		}
	}
}

func (t *treeMaker) addWord(s *syntax.Stmt, n yamldoc.Node) {
	at := n.Ref()
	if n.IsNull() || at.IsZero() || at.Span.Start < t.end {
		return
	}
	w := syntax.Word{Span: at.Span}
	if src := t.file.Src; w.Start > t.end && int(w.End) < len(src) && strings.ContainsRune(`"'`, rune(src[w.Start-1])) && src[w.End] == src[w.Start-1] {
		w = syntax.Word{Span: syntax.Span{Start: w.Start - 1, End: w.End + 1}, Quote: src[w.End]}
		t.quoted = append(t.quoted, w.Span)
	}
	if len(s.Words) == 0 {
		s.Start = w.Start
	}
	s.Words = append(s.Words, w)
	s.End, t.end = w.End, w.End
}

// decode turns a word as written into its value.
func decode(raw string) string {
	if !strings.HasPrefix(raw, `"`) && !strings.HasPrefix(raw, "'") {
		return raw
	}
	var value string
	if yaml.Unmarshal([]byte(raw), &value) != nil {
		return raw
	}
	return value
}

// comments finds the comments of a text: "#" begins one at a line's start and behind a blank, but inside quotes.
func comments(f *syntax.File, quoted []syntax.Span) []syntax.Comment {
	var list []syntax.Comment
	for n := 1; n <= f.Lines(); n++ {
		line := f.LineSpan(n)
		text := f.Text(line)
		for i := range len(text) {
			at := line.Start + syntax.Pos(i)
			for len(quoted) > 0 && quoted[0].End <= at {
				quoted = quoted[1:]
			}
			if text[i] != '#' || i > 0 && text[i-1] != ' ' && text[i-1] != '\t' || len(quoted) > 0 && quoted[0].Start <= at {
				continue
			}
			list = append(list, syntax.Comment{
				Span: syntax.Span{Start: at, End: line.End}, Trailing: strings.TrimSpace(text[:i]) != "",
			})
			break
		}
	}
	return list
}

// unreadable tells of a text that is not YAML. The parser's message names the line.
func (l *loader) unreadable(err error) {
	number, msg := 1, err.Error()
	if _, scanErr := fmt.Sscanf(msg, "line %d:", &number); scanErr == nil {
		_, msg, _ = strings.Cut(msg, ": ")
	}
	line := l.textNear(min(max(number, 1), l.file.Lines()))
	l.problem(syntax.Problem{Code: "syntax", Msg: "this can't be read as YAML: " + onLine(msg), At: line, Seen: line.Start})
}

// textNear returns what stands on a line, or else the first text after it, or in the file.
func (l *loader) textNear(number int) syntax.Span {
	at := l.file.LineSpan(number)
	for _, from := range []syntax.Pos{at.Start, 0} {
		if i := strings.IndexFunc(l.file.Src[from:], func(r rune) bool { return !unicode.IsSpace(r) }); i >= 0 {
			start := from + syntax.Pos(i)
			return syntax.Span{Start: start, End: l.file.LineSpan(l.file.Line(start)).End}
		}
	}
	return at
}

// problem adds a problem. A value has no place where YAML sees other line ends than "\n".
func (l *loader) problem(p syntax.Problem) {
	if p.At.Start == p.At.End {
		p.At, p.Write = l.textNear(l.file.Line(p.At.Start)), nil
	}
	l.file.Problems = append(l.file.Problems, p)
}
