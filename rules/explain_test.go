package rules

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadme(t *testing.T) {
	var b bytes.Buffer
	if err := WriteMarkdown(&b, All()); err != nil {
		t.Fatal(err)
	}
	compare(t, "README.md", b.Bytes())
}

func TestWriteDoc(t *testing.T) {
	for _, rule := range All() {
		var b strings.Builder
		if err := WriteDoc(&b, rule); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		for _, d := range served(rule) {
			for line := range strings.Lines(rule.Doc.Good.For(d)) {
				if !strings.Contains(text, line) {
					t.Errorf("%s: the %s example lacks %q", rule.ID, d, line)
				}
			}
		}
		for _, line := range strings.Split(text, "\n") {
			if utf8.RuneCountInString(line) > 100 {
				t.Errorf("%s: a line of more than 100 columns: %q", rule.ID, line)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "\n"},
		{"one two", "  one two\n"},
		{"one two three", "  one two\n  three\n"},
		{"größe öä", "  größe öä\n"},
		{"a incomprehensible b", "  a\n  incomprehensible\n  b\n"},
	} {
		if got := wrap(test.text, "  ", 10); got != test.want {
			t.Errorf("wrap(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}
