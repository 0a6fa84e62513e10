package lint

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/spell"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// IgnoreComment is the ID of the rule that tells of comments which don't do what they say. Its findings
// come from Run itself, and no comment takes them.
const IgnoreComment = "ignore-comment"

// The comments that accept findings:
//
//	# proxylint:ignore rule-id[,rule-id] [until=2027-01-31] -- reason
//	# proxylint:ignore-file rule-id[,rule-id] [until=2027-01-31] -- reason
//
// The first speaks of one statement: the one on its line, or the next one when it stands alone. A finding
// on any line of that statement is meant, but none inside its block. The second stands before the first
// statement of a file and speaks of all of it.
const (
	marker     = "proxylint:"
	ignoreLine = marker + "ignore"
	ignoreFile = marker + "ignore-file"
)

// subject is what a comment speaks of.
type subject struct {
	path string
	line int // where the statement begins, or wholeFile
	rule string
}

const wholeFile = 0

// ignored is one rule that a comment names.
type ignored struct {
	at   syntax.Ref // the ID in the comment
	line int        // see subject
	used bool
}

// ignores are the comments of all files that findings are wanted for.
type ignores struct {
	rules    map[string]*Rule
	today    string // as in a comment
	comments []*ignored
	subjects map[subject]*ignored // of two comments that say the same, the first
	outlines map[string]*outline  // by path, of the files that have such comments
	faults   []Diagnostic
}

func readIgnores(configs []*proxy.Config, rules []*Rule, today time.Time) *ignores {
	in := &ignores{
		rules:    map[string]*Rule{},
		today:    today.Format(time.DateOnly),
		subjects: map[subject]*ignored{},
		outlines: map[string]*outline{},
	}
	for _, r := range rules {
		in.rules[r.ID] = r
	}
	seen := map[string]bool{}
	for _, config := range configs {
		for path, file := range config.Tree.Files {
			if config.Wants(file) && !seen[path] {
				seen[path] = true
				in.readFile(file)
			}
		}
	}
	return in
}

func (in *ignores) readFile(f *syntax.File) {
	for _, c := range f.Comments {
		at := f.Ref(c.Span)
		text := strings.TrimLeft(at.Text(), "# \t")
		if strings.HasPrefix(text, marker) {
			in.read(c, at.Sub(len(at.Text())-len(text), len(at.Text())))
		}
	}
}

// read takes in one comment. One that is faulty accepts nothing.
func (in *ignores) read(c syntax.Comment, at syntax.Ref) {
	words := splitWords(at)
	verb, words := words[0], words[1:]
	if verb.Text() != ignoreLine && verb.Text() != ignoreFile {
		near, _ := spell.Nearest(verb.Text(), []string{ignoreLine, ignoreFile})
		in.fault(verb, fmt.Sprintf("proxylint knows no comment %q", verb.Text()), near)
		return
	}
	dashes := slices.IndexFunc(words, func(w syntax.Ref) bool { return w.Text() == "--" })
	if dashes < 0 || dashes == len(words)-1 {
		in.fault(at, "this comment gives no reason", "# "+strings.TrimRight(at.Text(), " \t-")+" -- REASON")
		return
	}
	var names []syntax.Ref
	for _, w := range words[:dashes] {
		date, isDate := strings.CutPrefix(w.Text(), "until=")
		switch {
		case !isDate:
			names = append(names, w)
		case !isDay(date):
			in.fault(w, fmt.Sprintf("%q is not a date", date), "until=2027-01-31")
			return
		case date < in.today:
			in.fault(w, "this comment ended on "+date, "")
			return
		}
	}
	line := wholeFile
	if verb.Text() == ignoreLine {
		line = in.outlineOf(at.File).subject(c)
	} else if stmts := at.File.Stmts; len(stmts) > 0 && stmts[0].Start < c.Start {
		in.fault(verb, ignoreFile+" stands after the first statement of the file", "")
		return
	}
	if len(names) == 0 {
		in.fault(verb, "this comment names no rule", "# "+verb.Text()+" RULE-ID -- REASON")
	}
	for _, name := range names {
		in.accept(name, line)
	}
}

// accept takes in one rule of a comment.
func (in *ignores) accept(name syntax.Ref, line int) {
	id := name.Text()
	switch {
	case id == IgnoreComment:
		in.fault(name, "findings of "+IgnoreComment+" can't be ignored", "")
	case in.rules[id] == nil:
		near, _ := spell.Nearest(id, slices.Sorted(maps.Keys(in.rules)))
		in.fault(name, fmt.Sprintf("no rule is named %q", id), near)
	default:
		said := &ignored{at: name, line: line}
		in.comments = append(in.comments, said)
		if key := (subject{name.File.Path, line, id}); in.subjects[key] == nil {
			in.subjects[key] = said
		}
	}
}

func (in *ignores) fault(at syntax.Ref, message, hint string) {
	in.faults = append(in.faults, Diagnostic{At: at, Message: message, Hint: hint})
}

// take reports whether a comment accepts the finding.
func (in *ignores) take(d Diagnostic) bool {
	path := d.At.File.Path
	said := in.subjects[subject{path, wholeFile, d.Rule}]
	if o := in.outlines[path]; o != nil {
		if near := in.subjects[subject{path, o.first(d.At.Position().Line), d.Rule}]; near != nil {
			said = near
		}
	}
	if said != nil {
		said.used = true
	}
	return said != nil
}

// findings returns what is wrong with the comments, once all findings were offered to take. Whether a comment
// is of use to a rule that did not run is not known.
func (in *ignores) findings() []Diagnostic {
	for _, said := range in.comments {
		id, where := said.at.Text(), "here"
		if said.line == wholeFile {
			where = "in this file"
		}
		if rule := in.rules[id]; !said.used && !rule.Live && !rule.Off {
			in.faults = append(in.faults, Diagnostic{
				Severity: Info,
				At:       said.at,
				Message:  fmt.Sprintf("nothing to ignore: %s finds nothing %s", id, where),
			})
		}
	}
	return in.faults
}

// isDay reports whether s is a date such as 2027-01-31.
func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// splitWords returns what stands between blanks and commas.
func splitWords(at syntax.Ref) []syntax.Ref {
	var words []syntax.Ref
	text, start := at.Text(), 0
	for i := range len(text) + 1 {
		if i == len(text) || strings.IndexByte(" \t,", text[i]) >= 0 {
			if start < i {
				words = append(words, at.Sub(start, i))
			}
			start = i + 1
		}
	}
	return words
}

// outline is where the statements of a file stand, without what is in their blocks.
type outline struct {
	file  *syntax.File
	heads []head // in order
}

// head is a statement up to its end or its block.
type head struct {
	end                 syntax.Pos
	firstLine, lastLine int
}

func (in *ignores) outlineOf(f *syntax.File) *outline {
	o := in.outlines[f.Path]
	if o == nil {
		o = newOutline(f)
		in.outlines[f.Path] = o
	}
	return o
}

func newOutline(f *syntax.File) *outline {
	o := &outline{file: f}
	o.add(f.Stmts)
	return o
}

func (o *outline) add(list []*syntax.Stmt) {
	for _, s := range list {
		end := s.End
		if s.Block != nil {
			end = s.Block.Open
		}
		o.heads = append(o.heads, head{end, o.file.Line(s.Start), o.file.Line(end)})
		if s.Block != nil {
			o.add(s.Block.Stmts)
		}
	}
}

// first returns the line on which the statement begins that stands on a line; the line itself where none does.
func (o *outline) first(line int) int {
	i := sort.Search(len(o.heads), func(i int) bool { return o.heads[i].lastLine >= line })
	if i < len(o.heads) {
		return min(line, o.heads[i].firstLine)
	}
	return line
}

// subject returns the line that a comment speaks of, as first has it: its own, or that of the statement that
// ends next when it stands alone.
func (o *outline) subject(c syntax.Comment) int {
	if c.Trailing {
		return o.first(o.file.Line(c.Start))
	}
	i := sort.Search(len(o.heads), func(i int) bool { return o.heads[i].end > c.Start })
	if i < len(o.heads) {
		return o.first(o.heads[i].firstLine)
	}
	return o.file.Line(c.Start)
}

// Accept returns the edit that accepts a finding for a reason: a comment on a line of its own above the statement.
// It reports false for what no comment accepts.
func Accept(d Diagnostic, reason string) (edit Edit, ok bool) {
	if d.Rule == IgnoreComment {
		return Edit{}, false
	}
	file := d.At.File
	line := file.LineSpan(newOutline(file).first(file.Line(d.At.Span.Start)))
	text := file.Text(line)
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	end := "\n"
	if strings.HasPrefix(file.Src[line.End:], "\r\n") {
		end = "\r\n"
	}
	at := file.Ref(syntax.Span{Start: line.Start, End: line.Start})
	return Edit{At: at, New: indent + "# " + ignoreLine + " " + d.Rule + " -- " + reason + end}, true
}
