package report

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var (
	htmlID     = regexp.MustCompile(` id="([^"]*)"`)
	htmlTarget = regexp.MustCompile(` href="#([^"]*)"`)
	// htmlActive is what would load or run something: "<" and quotes in text are escaped.
	htmlActive = regexp.MustCompile(`(?i)<(link|img|iframe|object|embed|base|form [^>]*action)\b|<\w+( [\w-]+(="[^"]*")?)* (src|srcset|style|on\w+)=|@import|url\(|javascript:`)
)

// checkHTML holds a page to be one and whole: nothing is loaded, and every link inside it leads somewhere.
func checkHTML(t testing.TB, out []byte) {
	page := string(out)
	if !strings.HasPrefix(page, "<!DOCTYPE html>\n") || !strings.HasSuffix(page, "</html>\n") {
		t.Errorf("not a page: %.50q ... %q", page, page[max(0, len(page)-50):])
	}
	if active := htmlActive.FindString(page); active != "" {
		t.Errorf("%q is in the page", active)
	}
	if n := strings.Count(page, "<script"); n != 1 {
		t.Errorf("%d scripts", n)
	}
	ids := map[string]bool{}
	for _, id := range htmlID.FindAllStringSubmatch(page, -1) {
		if ids[id[1]] {
			t.Errorf("two elements are %q", id[1])
		}
		ids[id[1]] = true
	}
	for _, target := range htmlTarget.FindAllStringSubmatch(page, -1) {
		if !ids[target[1]] {
			t.Errorf("a link to %q leads nowhere", target[1])
		}
	}
}

// parsed gives a file a statement: it is a configuration, which is shown whole.
func parsed(at syntax.Ref) syntax.Ref {
	at.File.Stmts = []*syntax.Stmt{{File: at.File}}
	return at
}

// sourceOf returns the source that a page shows, as text with its marks.
func sourceOf(t *testing.T, page string) string {
	t.Helper()
	_, source, ok := strings.Cut(page, `<details class="source"`)
	if !ok {
		return ""
	}
	_, source, _ = strings.Cut(source, "<code>")
	source, _, _ = strings.Cut(source, "</code>")
	source = strings.NewReplacer("<mark>", "«", "</mark>", "»").Replace(source)
	return regexp.MustCompile(`<[^>]*>`).ReplaceAllString(source, "")
}

// TestHTMLSource has a place inside another, one at the end of a line, and one of two lines.
func TestHTMLSource(t *testing.T) {
	inner := parsed(nginx("a;\n\tb «c» d;\ne f\ng;\n"))
	place := func(start, end syntax.Pos, message string) lint.Diagnostic {
		return finding(inner.File.Ref(syntax.Span{Start: start, End: end}), message)
	}
	page := string(write(t, "html",
		result(place(2, 2, "end"), place(4, 9, "outer"), finding(inner, "inner"), place(13, 17, "lines")), documented))
	want := "a;« »\n        «b »«c»« d»; \ne «f» \ng; \n"
	if diff := cmp.Diff(want, sourceOf(t, page)); diff != "" {
		t.Error(diff)
	}
	if link := `<a class="warning" href="#finding3" title="inner"><mark>c</mark></a>`; !strings.Contains(page, link) {
		t.Errorf("no %s in\n%s", link, page)
	}
}

func TestHTMLWindows(t *testing.T) {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	text := strings.Replace(b.String(), "line 10\n", "«line 10»\n", 1)
	for _, c := range []struct {
		name        string
		at          syntax.Ref
		first, last string
	}{
		{"a configuration", parsed(nginx(text)), "line 1", "line 30"},
		{"another file", mark("compose.yml", syntax.AnyDialect, text), "…", "line 13"},
		{"a big configuration", parsed(nginx(text + strings.Repeat("#\n", htmlWholeLines))), "…", "line 13"},
	} {
		source := sourceOf(t, string(write(t, "html", result(finding(c.at, "m")), Options{})))
		lines := strings.Split(strings.TrimSpace(source), "\n")
		if first, last := lines[0], strings.TrimSpace(lines[len(lines)-1]); strings.TrimSpace(first) != c.first || last != c.last {
			t.Errorf("%s: from %q to %q", c.name, first, last)
		}
	}
}

// TestHTMLSecrets looks at all lines that a page shows, not only those with findings.
func TestHTMLSecrets(t *testing.T) {
	conf := finding(parsed(haproxy("global\n  cluster-secret s3cret\nuserlist u\n  user bob password s3cret\n  user eve password s3cret\n"+
		"«listen» stats\n  stats auth admin:s3cret\n  dynamic-cookie-key s3cret\n")), "m")
	long := finding(parsed(nginx("«proxy_set_header»\n  Authorization\n  \"Basic s3cret\";\n")), "m")
	long.Fix = &lint.Fix{Title: "t", Edits: []lint.Edit{
		{At: long.At.File.Ref(syntax.Span{Start: 36, End: 36}), New: " "},
		{At: long.At.File.Ref(syntax.Span{Start: 50, End: 50}), New: "\n# kept\n"},
	}}
	yaml := finding(mark("compose.yml", syntax.AnyDialect, "a:\n  «b»: c\n  DB_PASSWORD: s3cret\n  api-key: 's3cret'\n"), "m")
	page := string(write(t, "html", result(conf, long, yaml), documented))
	if strings.Contains(page, "s3cret") {
		t.Errorf("a secret is in\n%s", page)
	}
	if !strings.Contains(page, "DB_PASSWORD: ***") || !strings.Contains(page, "# kept") {
		t.Errorf("what is not secret is not in\n%s", page)
	}
}

func TestHTMLFix(t *testing.T) {
	at := nginx("a {\n\t«proxy_pass http://b:1»;\n\tc;\n}\n")
	change := func(edits ...lint.Edit) *htmlFix {
		d := finding(at, "m")
		d.Fix = &lint.Fix{Title: "t", Safe: true, Edits: edits}
		return Options{}.htmlFix(d, secretFinder{})
	}
	edit := func(start, end syntax.Pos, text string) lint.Edit {
		return lint.Edit{At: at.File.Ref(syntax.Span{Start: start, End: end}), New: text}
	}
	line := "        proxy_pass http://b:1;"
	for _, c := range []struct {
		name string
		got  *htmlFix
		want []htmlChange
	}{
		{"two words of a line", change(edit(25, 26, "2"), edit(16, 20, "https")),
			[]htmlChange{{"nginx.conf:2:13", []string{line}, []string{"        proxy_pass https://b:2;"}}}},
		{"a line more", change(edit(27, 27, "\n\td;")),
			[]htmlChange{{"nginx.conf:2:24", []string{}, []string{"        d;"}}}},
		{"a line less", change(edit(4, 28, "")),
			[]htmlChange{{"nginx.conf:2:1", []string{line}, []string{}}}},
		{"edits that overlap", change(edit(5, 9, "x"), edit(7, 12, "y")), nil},
	} {
		if diff := cmp.Diff(&htmlFix{Title: "t", Safe: true, Changes: c.want}, c.got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	if long := change(edit(5, 9, strings.Repeat("x", htmlFixBytes))); !long.TooLong || long.Changes != nil {
		t.Errorf("a long repair: %+v", long)
	}
}

// TestHTMLHostile has text in every place that would end its element, if it were not escaped.
func TestHTMLHostile(t *testing.T) {
	evil := `</script></style></title></pre><script>alert(1)</script><img src=x onerror="alert(1)">"' --> &amp; {{.}}` +
		"\x00\x1b[2J\u202e\xff\u2028" + strings.Repeat("<", 5000)
	at := parsed(mark(evil, syntax.Nginx, "a «"+evil+"»;\n"+evil))
	d := lint.Diagnostic{Rule: "some-rule", Severity: lint.Error, Symptom: lint.Symptom(evil), At: at, Message: evil, Hint: evil,
		Related: []lint.Related{{At: at, Message: evil}},
		Fix:     &lint.Fix{Title: evil, Edits: []lint.Edit{{At: at, New: evil}}}}
	page := write(t, "html", result(d), documented)
	checkHTML(t, page)
	checkPlain(t, page)
	if n := strings.Count(string(page), "alert(1)"); n < 10 {
		t.Errorf("the text is shown %d times", n)
	}
}

func TestHTMLLimit(t *testing.T) {
	const total = 5000
	var r lint.Result
	for i := range total {
		d := finding(parsed(mark(fmt.Sprintf("%d.conf", i), syntax.Nginx, "«x»"+strings.Repeat("y\n", 1000))), strings.Repeat("long ", 100))
		if i%1000 == 999 {
			d.Severity = lint.Error
		}
		r.Diagnostics = append(r.Diagnostics, d)
	}
	page := string(write(t, "html", r, Options{}))
	if len(page) > 16<<20 {
		t.Errorf("%d bytes", len(page))
	}
	shown := strings.Count(page, "<article")
	if shown < 1000 || shown == total {
		t.Errorf("%d findings", shown)
	}
	if n := strings.Count(page, `<article class="finding error"`); n != 5 {
		t.Errorf("%d errors", n)
	}
	for _, want := range []string{
		fmt.Sprintf("<li>%d findings more, none graver than those shown: see the other formats</li>", total-shown),
		fmt.Sprintf("<li>the source of %d files, in whole or in part</li>", strings.Count(page, `class="file"`)-strings.Count(page, `class="source"`)+1),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in %s", want, page[strings.Index(page, "<header"):strings.Index(page, "<nav")])
		}
	}
}

// TestHTMLOneName has two texts under one name, as standard input may have the name of a file.
func TestHTMLOneName(t *testing.T) {
	page := write(t, "html", result(finding(nginx("«short»"), "m"), finding(nginx("a longer «text»"), "m")), Options{})
	checkHTML(t, page)
	if n := strings.Count(string(page), `class="file"`); n != 2 {
		t.Errorf("%d files", n)
	}
}

func TestHTMLPicture(t *testing.T) {
	draw := func(text string, err error) Options {
		return Options{Picture: func(w io.Writer) error {
			_, written := io.WriteString(w, text)
			return errors.Join(written, err)
		}}
	}
	const style = "a > b { fill: red; }"
	page := string(write(t, "html", complete(), draw("<svg><style>"+strings.ReplaceAll(style, ">", "&gt;")+"</style></svg>", nil)))
	policy := page[strings.Index(page, "style-src"):strings.Index(page, "base-uri")]
	if !strings.Contains(policy, strings.NewReplacer("'", "&#39;", "+", "&#43;").Replace(hashOf(style))) {
		t.Errorf("the policy forbids the picture's style: %s", policy)
	}
	if page := string(write(t, "html", complete(), Options{})); strings.Contains(page, "Topology") {
		t.Error("a place for a picture that is not there")
	}
	if page := string(write(t, "html", complete(), draw(strings.Repeat(" ", htmlPictureBytes+1), nil))); !strings.Contains(page, "too big for a page") {
		t.Error("a picture without bounds")
	}
	if err := Write(io.Discard, "html", complete(), draw("", errFull)); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
