package report

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// mark returns a file and the place that «» stand around in its text.
func mark(path string, dialect syntax.Dialect, text string) syntax.Ref {
	before, rest, _ := strings.Cut(text, "«")
	words, after, _ := strings.Cut(rest, "»")
	f := syntax.NewFile(path, before+words+after, dialect, func(raw string) string { return raw })
	return f.Ref(syntax.Span{Start: syntax.Pos(len(before)), End: syntax.Pos(len(before) + len(words))})
}

func nginx(text string) syntax.Ref { return mark("nginx.conf", syntax.Nginx, text) }

func haproxy(text string) syntax.Ref { return mark("haproxy.cfg", syntax.HAProxy, text) }

func finding(at syntax.Ref, message string) lint.Diagnostic {
	return lint.Diagnostic{Rule: "some-rule", Severity: lint.Warning, At: at, Message: message}
}

func result(diagnostics ...lint.Diagnostic) lint.Result {
	return lint.Result{Diagnostics: diagnostics, Files: []string{"nginx.conf"}}
}

// complete is a finding with all of its parts, and one with none.
func complete() lint.Result {
	pass := mark("conf.d/api.conf", syntax.Nginx, "location / {\n    proxy_pass «http»://app:9000;\n}\n")
	host := pass.File.Ref(syntax.Span{Start: pass.Span.End, End: pass.Span.End + 11})
	return lint.Result{
		Files:      []string{"conf.d/api.conf", "conf.d/clean.conf", "nginx.conf"},
		Suppressed: 4,
		Diagnostics: []lint.Diagnostic{
			{
				Rule:     "protocol-mismatch",
				Severity: lint.Error,
				Symptom:  "502",
				At:       pass,
				Message:  "port 9000 of app is php-fpm, which speaks FastCGI, not HTTP",
				Hint:     "fastcgi_pass app:9000;",
				Related: []lint.Related{
					{At: mark("compose.yml", syntax.AnyDialect, "services:\n  app:\n    image: «php:8.3-fpm»\n"), Message: "image php:8.3-fpm"},
					{At: host, Message: "the port is given here"},
				},
				Fix: &lint.Fix{Title: "pass to FastCGI", Edits: []lint.Edit{{At: pass, New: "fastcgi"}, {At: host, New: "<\n>"}}},
			},
			{Rule: "bare", Severity: lint.Info, At: pass, Message: "no more than a message"},
		},
	}
}

// syntaxFaults stop the proxy elsewhere than at the fault, in another file, and on the same line.
func syntaxFaults() lint.Result {
	fault := func(at, stops syntax.Ref) lint.Diagnostic {
		d := finding(at, `";" is missing after this`)
		d.Severity, d.Symptom, d.Stops = lint.Error, "start failure", stops
		return d
	}
	at := nginx("events {\n    worker_connections «512»\n}\nhttp {\n}\n")
	line := haproxy("global\n  log «\"»\n")
	return result(
		fault(at, at.File.Ref(syntax.Span{Start: 39, End: 40})),
		fault(at, mark("site.conf", syntax.Nginx, "a;\n«}»")),
		fault(line, line),
	)
}

func secrets() lint.Result {
	auth := finding(haproxy("listen stats\n  stats auth admin:«s3cret»  # ops\n"), "s3cret is a weak password, not s3cretive")
	auth.Hint = "stats auth admin:better"
	auth.Related = []lint.Related{{
		At:      nginx("location / {\n  proxy_set_header\n    Authorization\n    «\"Basic dTpw\"»;\n}"),
		Message: `the header is Basic dTpw, "Basic dTpw", not dTpw`,
	}}
	auth.Fix = &lint.Fix{Title: "change s3cret", Edits: []lint.Edit{{At: auth.At, New: "***"}}}
	return result(
		auth,
		finding(auth.Related[0].At, "dTpw is the only word on its line"),
		finding(haproxy("userlist u\n  user bob password $6$abcdef «groups» g\n"), "unknown group"),
		finding(nginx("proxy_pass http://bob:hunter2@«app»:80;"), "http://bob:hunter2@app:80 holds a password"),
	)
}

// golden lists the results that every format is tried with.
var golden = map[string]func() lint.Result{
	"complete":    complete,
	"syntax":      syntaxFaults,
	"secrets":     secrets,
	"no-findings": func() lint.Result { return lint.Result{Files: []string{"a.conf", "b.conf", "c.conf"}} },
	"tabs":        func() lint.Result { return result(finding(nginx("a {\n\tb\t«c\td»;\n}"), "tabs")) },
	"crlf":        func() lint.Result { return result(finding(nginx("a b;\r\nc «d;\r\n»e f;\r\n"), "line ends")) },
	"wide-runes": func() lint.Result {
		return result(finding(nginx("# e\u0301\nset $名前 \"日本\" «漢字 x»; # 終"), "漢字"))
	},
	"invalid-utf8": func() lint.Result {
		return result(finding(nginx("set \xff\xc3\x28 «\xe6\x97»;"), "bad \xe6\x97 bytes"))
	},
	"escapes": func() lint.Result {
		d := finding(mark("::error::\x1b[2J\u202e", syntax.Nginx, "\x1b[31m «\x00\u200b» \u009b\u2066 ##[group]x ##vso[task] ###"),
			"a\nb\tc\x7f\u00ad ##teamcity[x]")
		d.Related = []lint.Related{{At: mark(" ::warning::", syntax.Nginx, "«»"), Message: "::notice::\u2028"}}
		d.Hint = "\r::debug::"
		return result(d, finding(mark("  ::add-mask::", syntax.Nginx, "«»"), "an empty file"))
	},
	"long-line": func() lint.Result {
		long := strings.Repeat("0123456789", 300)
		return result(
			finding(nginx("«start» "+long), "at the start"),
			finding(nginx(long+"«middle»"+long), "in the middle"),
			finding(nginx(long+" «end»"), "at the end"),
			finding(nginx("a «"+long+"»"), "longer than what is shown"),
		)
	},
	"multi-line": func() lint.Result {
		return result(
			finding(nginx("http {\n  «server {\n    listen 80;\n  }»\n}"), "to the end of the line"),
			finding(nginx("http {\n«»"), "at the end of the text"),
			finding(nginx("http «»{\n"), "no width"),
		)
	},
}

func TestGolden(t *testing.T) {
	schema := compileSchema(t)
	for name, build := range golden {
		t.Run(name, func(t *testing.T) {
			compareGolden(t, name+".txt", write(t, "text", build(), Options{}))
			out := write(t, "json", build(), Options{})
			compareGolden(t, name+".json", out)
			object, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(object); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestColor(t *testing.T) {
	compareGolden(t, "color.txt", write(t, "text", complete(), Options{Color: true}))
	if out := write(t, "json", complete(), Options{Color: true}); bytes.ContainsRune(out, '\x1b') {
		t.Error("colour in JSON")
	}
}

func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	for _, text := range []string{
		`{"version": 1, "diagnostics": []}`,
		`{"version": 2, "diagnostics": [], "summary": {"files": 0, "errors": 0, "warnings": 0, "infos": 0, "suppressed": 0}}`,
		`{"version": 1, "diagnostics": null, "summary": {"files": 0, "errors": 0, "warnings": 0, "infos": 0, "suppressed": 0}}`,
	} {
		object, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(object) == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}

func TestWriteLeavesResult(t *testing.T) {
	r := secrets()
	write(t, "json", r, Options{})
	if got, want := r.Diagnostics[0].Message, "s3cret is a weak password, not s3cretive"; got != want {
		t.Errorf("message became %q", got)
	}
	if got, want := r.Diagnostics[0].Fix.Title, "change s3cret"; got != want {
		t.Errorf("title became %q", got)
	}
}

func TestUnknownFormat(t *testing.T) {
	err := Write(io.Discard, "xml", lint.Result{}, Options{})
	want := `unknown format "xml", want one of checkstyle, github, gitlab, html, json, junit, markdown, prometheus, rdjson, sarif, text`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWriteError(t *testing.T) {
	for _, format := range Formats() {
		if err := Write(fullDisk{}, format, complete(), Options{}); !errors.Is(err, errFull) {
			t.Errorf("%s: got %v", format, err)
		}
	}
}

var errFull = errors.New("no space left")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestPath(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir}
	beside := filepath.ToSlash(dir + "x/nginx.conf")
	for in, want := range map[string]string{
		filepath.Join(dir, "conf.d", "a.conf"): "conf.d/a.conf",
		dir + "x/nginx.conf":                   beside,
		"conf.d/a.conf":                        "conf.d/a.conf",
		"../a.conf":                            "../a.conf",
	} {
		if got := o.path(in); got != want {
			t.Errorf("path(%q) = %q, want %q", in, got, want)
		}
	}
}

func write(t testing.TB, format string, r lint.Result, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
