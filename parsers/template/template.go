// Package template finds the marks of template engines in configurations that are yet to be filled in: Jinja, Go's
// text/template, ERB and EPP, and the names that envsubst and sed replace.
package template

import (
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// syntaxes is a set of the ways to write marks.
type syntaxes uint8

const (
	jinja    syntaxes = 1 << iota // {{ x }}, {% if x %}
	comments                      // {# comment #}
	golang                        // {{ .X }}, {{ if .X }}, {{/* comment */}}
	tags                          // <%= x %>, <% if x %>, <%# comment %>
	names                         // ${NAME}, $NAME
	words                         // @NAME@, @@NAME@@, __NAME__

	anything = jinja | comments | golang | tags | names | words
)

// byEnding are the syntaxes of the files that a name's ending stands for.
var byEnding = map[string]syntaxes{
	".j2": jinja | comments, ".jinja": jinja | comments, ".jinja2": jinja | comments,
	".gotmpl": golang, ".ctmpl": golang,
	".erb": tags, ".epp": tags,
	".template": anything, ".tmpl": anything, ".tpl": anything,
}

// CutEnding returns a path without the ending that makes it a template's, and whether it has one.
func CutEnding(path string) (stem string, ok bool) {
	ending := filepath.Ext(path)
	if byEnding[strings.ToLower(ending)] == 0 {
		return path, false
	}
	return path[:len(path)-len(ending)], true
}

// Read returns what a template engine is to do to a file; nil for one that is no template by its name, and has no line
// that is a mark, or that has no marks at all.
func Read(source syntax.Source) *syntax.Template {
	f := finder{src: source.Src, env: source.Env}
	ending := strings.ToLower(filepath.Ext(source.Path))
	f.syntaxes = byEnding[ending]
	if f.syntaxes == 0 {
		f.syntaxes = byLines(f.src)
	}
	if f.syntaxes == 0 {
		return nil
	}
	if ending != ".template" && containsAny(f.src, "{{", "{%", "<%") {
		f.syntaxes &^= names // the dollar is the proxy's own there
	}
	if f.has(golang) && !strings.Contains(f.src, "{%") {
		f.syntaxes &^= comments // of a proxy: "{#" without a blank
	}
	f.find()
	if len(f.marks) == 0 {
		return nil
	}
	return &syntax.Template{Text: overlay(f.src, f.marks), Marks: f.marks, Open: f.open}
}

// byLines returns the syntaxes of a file that is named as any other: of marks that begin a line and that neither proxy,
// nor Lua inside nginx's, could read.
func byLines(src string) syntaxes {
	switch {
	case beginsLine(src, "{%", func(string) bool { return true }):
		return jinja | comments
	case beginsLine(src, "<%", func(string) bool { return true }):
		return tags
	case beginsLine(src, "{{", isAction):
		return golang
	}
	return 0
}

// beginsLine reports whether a line begins with a text that what follows it fits.
func beginsLine(src, text string, fits func(rest string) bool) bool {
	for at := 0; ; at += len(text) {
		n := strings.Index(src[at:], text)
		if n < 0 {
			return false
		}
		at += n
		line := src[strings.LastIndexByte(src[:at], '\n')+1 : at]
		if strings.TrimLeft(line, " \t") == "" && fits(src[at+len(text):]) {
			return true
		}
	}
}

// isAction reports whether a mark of Go's templates goes on as one that writes nothing.
func isAction(rest string) bool {
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "-"), " \t")
	word := rest[:nameLength(rest)]
	switch word {
	case "if", "range", "with", "end", "else", "define", "template", "block":
		return true
	}
	return false
}

// Text returns a text as scanners read it, with the marks overlaid where it is a template by its name.
func Text(path, src string) string {
	if t := Read(syntax.Source{Path: path, Src: src}); t != nil {
		return t.Text
	}
	return src
}

func containsAny(s string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// finder looks for the marks of one text.
type finder struct {
	syntaxes
	src    string
	env    map[string]string
	marks  []syntax.Mark
	open   bool            // some statements are chosen or repeated
	raw    bool            // between Jinja's raw and endraw
	absent map[string]bool // ends of marks known not to come before the text's end
}

func (f *finder) find() {
	for at := 0; ; {
		n := strings.IndexAny(f.src[at:], "{<$@_")
		if n < 0 {
			return
		}
		at += n
		m, ok := f.mark(at)
		if !ok {
			at++
			continue
		}
		f.marks = append(f.marks, m)
		f.open = f.open || m.Role >= syntax.Opens
		at = int(m.End)
	}
}

// mark returns the mark that starts at an offset.
func (f *finder) mark(at int) (syntax.Mark, bool) {
	rest := f.src[at:]
	switch {
	case f.has(jinja) && strings.HasPrefix(rest, "{%"):
		return f.statement(at)
	case f.raw:
		return syntax.Mark{}, false
	case f.has(jinja|golang) && strings.HasPrefix(rest, "{{"):
		return f.between(at, "{{", "}}", f.braceRole)
	case f.has(comments) && strings.HasPrefix(rest, "{#"):
		return f.between(at, "{#", "#}", func(string) syntax.Role { return syntax.Quiet })
	case f.has(tags) && strings.HasPrefix(rest, "<%") && !strings.HasPrefix(rest, "<%%"):
		return f.between(at, "<%", "%>", tagRole)
	case f.has(names) && rest[0] == '$':
		return f.variable(at)
	case f.has(words) && (rest[0] == '@' || rest[0] == '_'):
		return f.word(at)
	}
	return syntax.Mark{}, false
}

func (f *finder) has(s syntaxes) bool { return f.syntaxes&s != 0 }

// statement returns the Jinja statement that starts at an offset.
func (f *finder) statement(at int) (syntax.Mark, bool) {
	const longest = len("{%-    endraw")
	word, _ := firstWord(f.src[at+len("{%") : min(len(f.src), at+longest)])
	if f.raw && word != "endraw" {
		return syntax.Mark{}, false
	}
	f.raw = word == "raw"
	return f.between(at, "{%", "%}", statementRole)
}

// between returns the mark that opens at an offset and runs to its closing sign.
func (f *finder) between(at int, opening, closing string, role func(body string) syntax.Role) (syntax.Mark, bool) {
	start := at + len(opening)
	end, ok := f.end(start, closing)
	if !ok {
		return syntax.Mark{}, false
	}
	body := strings.Trim(f.src[start:end-len(closing)], "-+~_ \t\r\n")
	return syntax.Mark{Span: span(at, end), Role: role(body)}, true
}

// maxBody bounds in bytes how far strings and braces inside a mark are followed.
const maxBody = 1 << 10

// end returns the offset after the sign that closes the mark whose body starts at an offset. A sign inside a string or
// inside braces does not count, as far as these are closed themselves; in the tags of ERB and in comments it does.
func (f *finder) end(at int, closing string) (int, bool) {
	if f.absent[closing] {
		return 0, false
	}
	n := strings.Index(f.src[at:], closing)
	if n < 0 {
		if f.absent == nil {
			f.absent = map[string]bool{}
		}
		f.absent[closing] = true
		return 0, false
	}
	if closing == "}}" || closing == "%}" {
		if balanced := balancedEnd(f.src[at:min(len(f.src), at+maxBody)], closing); balanced > 0 {
			n = balanced
		}
	}
	return at + n + len(closing), true
}

// balancedEnd returns the offset of the first closing sign outside strings and braces; 0 when there is none.
func balancedEnd(s, closing string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\'', '`':
			n := stringEnd(s[i+1:], c)
			if n < 0 {
				return 0
			}
			i += n
			continue
		case '{':
			depth++
		}
		if depth == 0 && strings.HasPrefix(s[i:], closing) {
			return i
		}
		if s[i] == '}' && depth > 0 {
			depth--
		}
	}
	return 0
}

// stringEnd returns how many bytes there are up to the quote that closes a string, itself included; -1 when there is
// none.
func stringEnd(s string, quote byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			return i + 1
		}
	}
	return -1
}

func span(start, end int) syntax.Span {
	return syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(end)}
}
