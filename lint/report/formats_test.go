package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// documented are options that tell of every rule the same.
var documented = Options{Version: "1.2.3", Rule: func(id string) Rule {
	return Rule{
		Rule: &lint.Rule{
			ID: id, Severity: lint.Warning, Symptom: "502",
			Doc: lint.Doc{Title: "a title", Why: "It breaks\n\twhen it is used."},
		},
		Text:     id + " in text\n",
		Markdown: "## " + id + "\n",
	}
}}

// checks holds for every format what its readers ask of it.
var checks = map[string]func(testing.TB, []byte){
	"checkstyle": checkXML,
	"github":     checkGitHub,
	"gitlab":     schemaCheck("testdata/gitlab.schema.json"),
	"html":       checkHTML,
	"json":       schemaCheck("schema.json"),
	"junit":      checkXML,
	"markdown":   checkMarkdown,
	"rdjson":     schemaCheck("testdata/rdjson.schema.json"),
	"sarif":      checkSARIF,
	"text":       func(testing.TB, []byte) {},
}

func TestFormatGolden(t *testing.T) {
	for _, format := range Formats() {
		if format != "text" && format != "json" { // TestGolden has them
			compareGolden(t, "complete."+format, write(t, format, complete(), documented))
		}
	}
}

// TestFormats writes every result in every format.
func TestFormats(t *testing.T) {
	for _, format := range Formats() {
		for name, build := range golden {
			t.Run(format+"/"+name, func(t *testing.T) {
				out := write(t, format, build(), documented)
				checkOutput(t, format, out)
				if format == "sarif" {
					validateSARIF(t, out)
				}
				for _, secret := range []string{"admin:s3cret", "dTpw", "hunter2", "$6$"} {
					if bytes.Contains(out, []byte(secret)) {
						t.Errorf("%s is in\n%s", secret, out)
					}
				}
			})
		}
	}
}

// checkOutput fails for what a terminal, a CI runner or the readers of the format would take amiss.
func checkOutput(t *testing.T, format string, out []byte) {
	t.Helper()
	check, ok := checks[format]
	if !ok {
		t.Fatalf("nothing checks %s", format)
	}
	check(t, out)
	if format == "github" { // its own commands aside
		out = bytes.ReplaceAll(append([]byte("\n"), out...), []byte("\n::"), []byte("\n"))
	}
	checkPlain(t, out)
}

var githubCommand = regexp.MustCompile(`^::(error|warning|notice) (file=[^:,]*,line=\d+(,col=\d+)?,endLine=\d+(,endColumn=\d+)?,)?title=[^:,]+::[^\r]+\n$`)

func checkGitHub(t testing.TB, out []byte) {
	for line := range bytes.Lines(out) {
		if bytes.HasPrefix(line, []byte("::")) && !githubCommand.Match(line) {
			t.Errorf("not a command that GitHub knows: %q", line)
		}
	}
}

func checkXML(t testing.TB, out []byte) {
	decoder := xml.NewDecoder(bytes.NewReader(out))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
	}
}

func schemaCheck(path string) func(testing.TB, []byte) {
	compile := sync.OnceValues(func() (*jsonschema.Schema, error) { return jsonschema.NewCompiler().Compile(path) })
	return func(t testing.TB, out []byte) {
		schema, err := compile()
		if err != nil {
			t.Fatal(err)
		}
		object, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(object); err != nil {
			t.Error(err)
		}
	}
}

// checkSARIF holds a log to the fields that the library knows.
func checkSARIF(t testing.TB, out []byte) {
	log, err := sarif.FromBytes(out)
	if err != nil {
		t.Fatal(err)
	}
	var read, written any
	again, err := json.Marshal(log)
	if err := errors.Join(err, json.Unmarshal(out, &read), json.Unmarshal(again, &written)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, read); diff != "" {
		t.Errorf("not SARIF (-known +written):\n%s", diff)
	}
}

// validateSARIF holds a log to the schema of OASIS, which the library compiles anew each time.
func validateSARIF(t testing.TB, out []byte) {
	log, err := sarif.FromBytes(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Validate(); err != nil {
		t.Error(err)
	}
}

var (
	markdownRow    = regexp.MustCompile(`^\| \d+:\d+ \| \w+ \| ([^|]*) \| \[[\w-]+\]\(https://[\w/.#-]+\) \|$`)
	markdownHead   = regexp.MustCompile(`^### <code>([^|]*)</code>$`)
	markdownTag    = regexp.MustCompile(`<span>[@#$]</span>|<br>`)
	markdownActive = regexp.MustCompile("[<>@$]|(?:^|[^\\\\])[][`*_~]|[^\\\\]://|\\\\\\\\")
)

// checkMarkdown looks at the rows of findings and the heads above them: nothing in them acts.
func checkMarkdown(t testing.TB, out []byte) {
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		shape := markdownRow
		if strings.HasPrefix(line, "###") {
			shape = markdownHead
		} else if !strings.Contains(line, "/rules/README.md#") {
			continue
		}
		parts := shape.FindStringSubmatch(line)
		if parts == nil {
			t.Fatalf("neither a row nor a head: %s", line)
		}
		if active := markdownActive.FindString(markdownTag.ReplaceAllString(parts[1], "")); active != "" {
			t.Errorf("%q acts in %s", active, line)
		}
	}
}

// TestChecks makes sure that the checks can fail.
func TestChecks(t *testing.T) {
	for format, wrong := range map[string]string{
		"checkstyle": "<checkstyle>\x1b</checkstyle>",
		"github":     "::error file=a:b,line=1,endLine=1,title=x::y\n",
		"gitlab":     `[{"description": "x", "check_name": "x", "fingerprint": "x", "severity": "error", "location": {"path": "x", "lines": {"begin": 1}}}]`,
		"html":       "<!DOCTYPE html>\n<script></script><a href=\"#x\"></a></html>\n",
		"markdown":   "| 1:1 | error | a *b* | [x](https://x/rules/README.md#x) |\n",
		"rdjson":     `{"diagnostics": [{"message": "x", "location": {"path": "x"}, "severity": "note"}]}`,
		"sarif":      `{"$schema": "x", "version": "2.1.0", "runs": [], "more": 1}`,
	} {
		if !fails(checks[format], wrong) {
			t.Errorf("%s: accepted %q", format, wrong)
		}
	}
	if wrong := `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "columnKind": "bytes"}]}`; !fails(validateSARIF, wrong) {
		t.Errorf("the SARIF schema accepted %q", wrong)
	}
}

// fails reports whether a check finds anything wrong.
func fails(check func(testing.TB, []byte), out string) (failed bool) {
	t := &failures{}
	defer func() {
		if r := recover(); r != nil && r != any(t) {
			panic(r)
		}
		failed = t.n > 0
	}()
	check(t, []byte(out))
	return
}

// failures counts what a check finds wrong.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Error(...any)          { f.n++ }
func (f *failures) Errorf(string, ...any) { f.n++ }
func (f *failures) Fatal(...any)          { f.n++; panic(f) }
func (f *failures) Fatalf(string, ...any) { f.n++; panic(f) }

func TestSARIF(t *testing.T) {
	log, err := sarif.FromBytes(write(t, "sarif", complete(), documented))
	if err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	for _, r := range run.Results {
		if got := *run.Tool.Driver.Rules[r.RuleIndex].ID; got != *r.RuleID {
			t.Errorf("the index of %s leads to %s", *r.RuleID, got)
		}
		region := r.Locations[0].PhysicalLocation.Region
		if got := []int{*region.StartLine, *region.StartColumn, *region.EndLine, *region.EndColumn}; !cmp.Equal(got, []int{2, 16, 2, 20}) {
			t.Errorf("%s is at %v", *r.RuleID, got)
		}
	}
	first, second := run.Results[0], run.Results[1]
	if first.Level != "error" || second.Level != "note" {
		t.Errorf("levels %s, %s", first.Level, second.Level)
	}
	if n := len(first.Fixes[0].ArtifactChanges); n != 1 {
		t.Errorf("%d changes for one file", n)
	}
	replacements := first.Fixes[0].ArtifactChanges[0].Replacements
	if got := []string{*replacements[0].InsertedContent.Text, *replacements[1].InsertedContent.Text}; !cmp.Equal(got, []string{"fastcgi", "<\n>"}) {
		t.Errorf("replacements %q", got)
	}
	if n := len(first.RelatedLocations); n != 2 {
		t.Errorf("%d related locations, want 2", n)
	}
}

func TestSARIFPaths(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	for name, want := range map[string]string{
		"conf.d/a b#.conf": "%SRCROOT% conf.d/a%20b%23.conf",
		"a:b":              "%SRCROOT% ./a:b",
		"../a.conf":        " ../a.conf",
		dir + "/a.conf":    " file://" + path.Join("/", dir, "a.conf"),
	} {
		file := Options{}.sarifFile(syntax.NewFile(name, "", syntax.Nginx, nil))
		base := ""
		if file.URIBaseID != nil {
			base = *file.URIBaseID
		}
		if got := base + " " + *file.URI; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestSARIFMessage(t *testing.T) {
	if got, want := *sarifMessage("a [b](http://c)", "[d]").Text, "a [b\\](http://c)\n[d]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGitHubEscapes(t *testing.T) {
	d := finding(mark("a,b:c%0A.conf", syntax.Nginx, "«x»"), "100%\n::error::")
	d.Hint = "50%"
	want := "::warning file=a%2Cb%3Ac%250A.conf,line=1,col=1,endLine=1,endColumn=2,title=some-rule::100%25<U+000A>::error::%0Ahint: 50%25\n"
	if got := string(write(t, "github", result(d), Options{})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGitHubLimit(t *testing.T) {
	for _, c := range []struct {
		errors, infos           int
		shownErrors, shownInfos int
		more                    string
	}{
		{10, 10, 10, 10, ""},
		{12, 3, 10, 3, "2 findings more"},
		{11, 10, 10, 9, "2 findings more"},
		{1, 11, 1, 9, "2 findings more"},
	} {
		var r lint.Result
		add := func(n int, s lint.Severity) {
			for range n {
				d := finding(nginx("«x»"), "m")
				d.Severity = s
				r.Diagnostics = append(r.Diagnostics, d)
			}
		}
		add(c.errors, lint.Error)
		add(c.infos, lint.Info)
		out := string(write(t, "github", r, Options{}))
		if got := strings.Count(out, "::error file="); got != c.shownErrors {
			t.Errorf("%+v: %d errors", c, got)
		}
		if got := strings.Count(out, "::notice file="); got != c.shownInfos {
			t.Errorf("%+v: %d infos", c, got)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		last := lines[len(lines)-1]
		if c.more != "" && !strings.HasPrefix(last, "::notice title=proxylint::"+c.more) {
			t.Errorf("%+v: the last line is %s", c, last)
		}
		if got, want := strings.Count(out, "[some-rule]"), c.errors+c.infos-c.shownErrors-c.shownInfos; got != want {
			t.Errorf("%+v: %d findings are text, want %d", c, got, want)
		}
	}
}

// TestFingerprints moves, indents and repeats a line.
func TestFingerprints(t *testing.T) {
	print := func(text string) string {
		return Options{}.fingerprints([]lint.Diagnostic{finding(nginx(text), "m")})[0]
	}
	was := print("a;\nproxy_pass «http»://app:1;\n")
	for name, text := range map[string]string{
		"moved":    "a;\nb;\nproxy_pass «http»://app:1;\n",
		"indented": "a {\n\tproxy_pass   «http»://app:1;\n}\n",
	} {
		if print(text) != was {
			t.Errorf("%s: another fingerprint", name)
		}
	}
	if print("a;\nproxy_pass «http»://app:2;\n") == was {
		t.Error("another line, the same fingerprint")
	}
	if print("proxy_pass «http»://u:one@app;") != print("proxy_pass «http»://u:two@app;") {
		t.Error("a secret is in the fingerprint")
	}
	twice := Options{}.fingerprints([]lint.Diagnostic{finding(nginx("«x»"), "m"), finding(nginx("«x»"), "m")})
	if twice[0] == twice[1] {
		t.Error("two findings have one fingerprint")
	}
}

func TestGitLab(t *testing.T) {
	var got []gitlabFinding
	if err := json.Unmarshal(write(t, "gitlab", complete(), Options{}), &got); err != nil {
		t.Fatal(err)
	}
	if got[0].Severity != "major" || got[1].Severity != "info" || got[0].CheckName != "protocol-mismatch" ||
		got[0].Location != (gitlabLocation{"conf.d/api.conf", gitlabLines{2, 2}}) {
		t.Errorf("got %+v", got)
	}
}

func TestJUnit(t *testing.T) {
	var got junit.Testsuites
	if err := xml.Unmarshal(write(t, "junit", complete(), Options{}), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 4 || got.Failures != 1 || len(got.Suites) != 3 {
		t.Fatalf("%d tests, %d failures, %d suites", got.Tests, got.Failures, len(got.Suites))
	}
	suite := got.Suites[0]
	if suite.Name != "conf.d/api.conf" || suite.Tests != 2 || suite.Failures != 1 {
		t.Errorf("suite %s: %d tests, %d failures", suite.Name, suite.Tests, suite.Failures)
	}
	failed, passed := suite.Testcases[0], suite.Testcases[1]
	if failed.Name != "protocol-mismatch at 2:16" || failed.Classname != "conf.d/api.conf" || failed.Failure.Type != "error" ||
		!strings.Contains(failed.Failure.Data, "= hint: fastcgi_pass app:9000;") {
		t.Errorf("got %+v", failed)
	}
	if passed.Failure != nil || !strings.Contains(passed.SystemOut.Data, "info: no more than a message [bare]") {
		t.Errorf("an info: got %+v", passed)
	}
	if clean := got.Suites[1]; clean.Tests != 1 || clean.Testcases[0].Name != "no findings" || clean.Failures != 0 {
		t.Errorf("a clean file: got %+v", clean)
	}
}

func TestCheckstyle(t *testing.T) {
	var got checkstyleReport
	if err := xml.Unmarshal(write(t, "checkstyle", complete(), Options{}), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Files) != 3 || got.Files[0].Name != "conf.d/api.conf" || len(got.Files[1].Errors) != 0 {
		t.Fatalf("got %+v", got)
	}
	want := checkstyleError{2, 16, "info", "no more than a message", "proxylint.bare"}
	if diff := cmp.Diff(want, got.Files[0].Errors[1]); diff != "" {
		t.Error(diff)
	}
}

// CDATA ends at "]]>", wherever that comes from.
func TestJUnitData(t *testing.T) {
	var got junit.Testsuites
	if err := xml.Unmarshal(write(t, "junit", result(finding(nginx("a ]]> «b»"), "]]><x>")), Options{}), &got); err != nil {
		t.Fatal(err)
	}
	failure := got.Suites[0].Testcases[0].Failure
	if failure.Message != "]]><x>" || !strings.Contains(failure.Data, " 1 | a ]]> b\n") {
		t.Errorf("got %+v", failure)
	}
}

func TestRDJSON(t *testing.T) {
	at := nginx("é «日本» x")
	d := finding(at, "m")
	d.Fix = &lint.Fix{Edits: []lint.Edit{{At: at, New: "y"}}}
	write1 := func(d lint.Diagnostic) rdDiagnostic {
		var got rdResult
		if err := json.Unmarshal(write(t, "rdjson", result(d), Options{}), &got); err != nil {
			t.Fatal(err)
		}
		return got.Diagnostics[0]
	}
	here := rdRange{rdPosition{1, 4}, rdPosition{1, 10}} // bytes
	got := write1(d)
	if got.Location.Range != here || got.Severity != "WARNING" || !cmp.Equal(got.Suggestions, []rdSuggestion{{here, "y"}}) {
		t.Errorf("got %+v", got)
	}
	d.Fix.Edits = append(d.Fix.Edits, lint.Edit{At: at, New: "z"})
	if got := write1(d); got.Suggestions != nil {
		t.Errorf("half a fix is suggested: %+v", got.Suggestions)
	}
	d.Fix.Edits = []lint.Edit{{At: haproxy("«x»"), New: "z"}}
	if got := write1(d); got.Suggestions != nil {
		t.Errorf("a fix of another file is suggested: %+v", got.Suggestions)
	}
}

func TestMarkdownEscapes(t *testing.T) {
	d := finding(mark("a|b`_.conf", syntax.Nginx, "«x»"), "`a` | <b> \\ [c](https://d) @e #1 $f$ *g* _h_ ~i~ &amp;")
	out := string(write(t, "markdown", result(d), Options{}))
	for _, want := range []string{
		"\n### <code>a&#124;b\\`\\_.conf</code>\n",
		"| \\`a\\` &#124; &lt;b&gt; &#92; \\[c\\](https\\://d) <span>@</span>e <span>#</span>1 <span>$</span>f<span>$</span> \\*g\\* \\_h\\_ \\~i\\~ &amp;amp; |",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

func TestMarkdownLimit(t *testing.T) {
	const total = 5000
	var r lint.Result
	for i := range total {
		r.Diagnostics = append(r.Diagnostics, finding(mark(fmt.Sprintf("%d.conf", i%7), syntax.Nginx, "«x»"), strings.Repeat("long ", 100)))
	}
	out := string(write(t, "markdown", r, Options{}))
	if len(out) > markdownLimit || len(out) < markdownLimit*9/10 {
		t.Errorf("%d bytes", len(out))
	}
	left := total - strings.Count(out, "README.md#some-rule")
	if want := fmt.Sprintf("\n%d findings more: the summary of a job holds no more, see the other formats.\n", left); !strings.HasSuffix(out, want) {
		t.Errorf("ends with %q, want %q", out[len(out)-200:], want)
	}
}
