package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// FuzzText gives arbitrary bytes to every part of a finding: what is written must be plain text that the
// readers of each format take.
func FuzzText(f *testing.F) {
	f.Add("nginx.conf", "a {\n\tproxy_pass http://bob:pw@app;\r\n}\n", uint(3), uint(9), "app is down", true)
	f.Add("::error::x", "##[group]\x1b[2J\x00\xff\u202e", uint(0), uint(99), "a\nb ##vso[x]", false)
	f.Add("\r::x::", "stats auth a:漢字\n", uint(13), uint(14), "漢字", false)
	f.Add(" ##[", strings.Repeat("\t漢\xe6", 900), uint(3000), uint(1), "\u2028::x::", true)
	f.Fuzz(func(t *testing.T, path, src string, start, length uint, message string, isNginx bool) {
		dialect := syntax.HAProxy
		if isNginx {
			dialect = syntax.Nginx
		}
		from := start % uint(len(src)+1)
		to := from + length%(uint(len(src))-from+1)
		file := syntax.NewFile(path, src, dialect, func(raw string) string { return raw })
		at := file.Ref(syntax.Span{Start: syntax.Pos(from), End: syntax.Pos(to)})
		d := lint.Diagnostic{Rule: "some-rule", Severity: lint.Error, Symptom: "502", At: at, Stops: at, Message: message, Hint: message,
			Related: []lint.Related{{At: at, Message: message}},
			Fix:     &lint.Fix{Title: message, Edits: []lint.Edit{{At: at, New: message}}}}

		for _, format := range Formats() {
			checkOutput(t, format, write(t, format, result(d), documented))
		}
		text := write(t, "text", result(d), Options{})
		if got := strings.Count(string(text), "^"); got == 0 {
			t.Errorf("no caret in\n%s", text)
		}
		out := write(t, "json", result(d), Options{})
		var decoded jsonResult
		if err := json.Unmarshal(out, &decoded); err != nil {
			t.Fatal(err)
		}
		if got, want := decoded.Diagnostics[0].Fix.Edits[0].New, strings.ToValidUTF8(message, "\ufffd"); utf8.ValidString(message) && got != want {
			t.Errorf("the edit's text became %q, want %q", got, want)
		}
	})
}

// checkPlain fails for output that a terminal or a CI runner would obey.
func checkPlain(t *testing.T, out []byte) {
	t.Helper()
	if !utf8.Valid(out) {
		t.Errorf("not UTF-8: %q", out)
	}
	for _, r := range string(out) {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%U in %q", r, out)
		}
	}
	for line := range bytes.Lines(out) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("::")) {
			t.Errorf("a workflow command: %q", line)
		}
	}
	if bytes.Contains(out, []byte("##[")) {
		t.Errorf("a workflow command in %q", out)
	}
}
