package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/report"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// FuzzLint runs the whole way of a text, from the scanner over all rules to the reports. Whatever the text
// is, every finding lies in it and is one clean line.
func FuzzLint(f *testing.F) {
	for _, rule := range All() {
		for dialect := range extensions {
			f.Add(rule.Doc.Bad.For(dialect), dialect == syntax.HAProxy)
			f.Add(rule.Doc.Good.For(dialect), dialect == syntax.HAProxy)
		}
	}
	for dialect, ext := range extensions {
		roots, err := filepath.Glob(testdata + "/*/*" + ext)
		if err != nil {
			f.Fatal(err)
		}
		for _, root := range roots {
			text, err := os.ReadFile(root)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), dialect == syntax.HAProxy)
		}
	}
	for _, mark := range []string{"{{ a }}", "${A}", "{% if a %}\n", "<%= a -%>"} {
		f.Add("events {}\nhttp { upstream "+mark+" { server a"+mark+":0; }\nserver { "+mark+" b; proxy_pass http://"+mark+"c:99999; } "+mark, false)
		f.Add("global\n"+mark+"\nbackend "+mark+"\n server "+mark+" a:99999 "+mark+"\n stats "+mark+"\n balance x"+mark+"\n "+mark+" c", true)
	}
	empty := f.TempDir()
	f.Add("upstream ${A} { server ${A}:${B}; server ${C}; server x:${D}${B} max_fails=${D}; } server { listen ${B}; location /${A} { proxy_pass ${C}; proxy_read_timeout ${D}s; set $a ${A}; proxy_pass http://$a:${B}/${D}; fastcgi_pass unix:/${A}.sock; } }", false)
	f.Add("defaults\n  timeout connect ${D}\nfrontend ${A}\n  bind :${B}\n  default_backend ${A}\nbackend ${A}\n  server ${A} ${A}:${B} check\n  server b ${C}\n", true)
	f.Fuzz(func(t *testing.T, text string, isHAProxy bool) {
		o := parsers.Options{Dialect: syntax.Nginx}
		if isHAProxy {
			o.Dialect = syntax.HAProxy
		}
		o.Env = map[string]string{"A": "api", "B": "8080", "C": "http://10.0.0.1:80/x/", "D": "1"}
		for _, name := range []string{"fuzz", "fuzz.template"} {
			configs, err := parsers.LoadText(filepath.Join(empty, name), text, o)
			if err != nil {
				return // a binary file, say
			}
			result := lint.Run(context.Background(), configs, All(), lint.Around{Inventory: &inventory.Facts{}})
			for _, d := range result.Diagnostics {
				checkFinding(t, d)
			}
			checkReports(t, result)
			for _, f := range lint.Repair(result.Diagnostics, true, func(f *syntax.File) string { return f.Path }).Files {
				if f.Text() == f.File.Src {
					t.Errorf("repairs that change nothing: %v", f.Edits)
				}
			}
		}
	})
}

func checkFinding(t *testing.T, d lint.Diagnostic) {
	refs := []syntax.Ref{d.At}
	if !d.Stops.IsZero() {
		refs = append(refs, d.Stops)
	}
	for _, r := range d.Related {
		refs = append(refs, r.At)
	}
	if d.Fix != nil {
		for _, e := range d.Fix.Edits {
			refs = append(refs, e.At)
		}
	}
	for _, r := range refs {
		if s := r.Span; s.Start < 0 || s.End < s.Start || int(s.End) > len(r.File.Src) {
			t.Fatalf("%s: span %v of a text of %d bytes", d.Rule, s, len(r.File.Src))
		}
	}
	if d.At.Text() == "" || d.Message == "" {
		t.Fatalf("%s at %v: %q on %q", d.Rule, d.At.Span, d.Message, d.At.Text())
	}
}

func checkReports(t *testing.T, result lint.Result) {
	var text, object bytes.Buffer
	if err := report.Write(&text, "text", result, report.Options{}); err != nil {
		t.Fatal(err)
	}
	if out := text.String(); !utf8.ValidString(out) || strings.ContainsAny(out, "\x00\x1b\r\x07") {
		t.Fatalf("control characters in %q", out)
	}
	if err := report.Write(&object, "json", result, report.Options{}); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(object.Bytes()) {
		t.Fatalf("not JSON: %s", object.Bytes())
	}
}
