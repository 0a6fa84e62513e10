package lsp

import (
	"runtime"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Every offset between two characters comes back from its position; positions that do not exist are clamped.
func TestPosition(t *testing.T) {
	f := syntax.NewFile("a", "ab\r\n\té\U0001F600x\n\nend", syntax.AnyDialect, nil)
	for _, e := range []encoding{utf8Columns, utf16Columns} {
		for i := range f.Src {
			if f.Src[i] == '\n' && i > 0 && f.Src[i-1] == '\r' {
				continue // inside a line end
			}
			p := e.position(f, syntax.Pos(i))
			if got := e.offset(f, p); got != syntax.Pos(i) {
				t.Errorf("%s: offset %d is at %+v, which is offset %d", e, i, p, got)
			}
		}
		for p, want := range map[position]string{
			{0, 99}: "\r\n", {1, 99}: "\n\nend", {3, 99}: "", {4, 0}: "", {99, 99}: "", {1 << 31, 1 << 31}: "",
		} {
			got := f.Src[e.offset(f, p):]
			if len(got) > len(want) {
				got = got[:len(want)]
			}
			if got != want {
				t.Errorf("%s: %+v is before %q, want %q", e, p, got, want)
			}
		}
	}
	if got := utf16Columns.offset(f, position{1, 3}); f.Src[got:got+1] != "x" {
		t.Errorf("half of a pair is before %q, want the character behind it", f.Src[got:])
	}
}

func TestURI(t *testing.T) {
	paths := map[string]string{
		"file:///etc/nginx/nginx.conf":             "/etc/nginx/nginx.conf",
		"file:///etc/nginx/../a%20b/%C3%A9%23.cfg": "/etc/a b/é#.cfg",
		"git:/etc/nginx.conf?HEAD":                 "",
		"untitled:Untitled-1":                      "",
		"file:":                                    "",
		"file:nginx.conf":                          "",
		"%":                                        "",
		"":                                         "",
	}
	if runtime.GOOS == "windows" {
		paths = map[string]string{
			"file:///c%3A/nginx/nginx.conf": `c:\nginx\nginx.conf`,
			"file:///C:/nginx.conf":         `C:\nginx.conf`,
			"file://host/share/nginx.conf":  `\\host\share\nginx.conf`,
			"file:///nginx.conf":            "",
		}
	}
	for uri, want := range paths {
		got, ok := pathOf(uri)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("pathOf(%q) = %q, want %q", uri, got, want)
		}
		if again, _ := pathOf(uriOf(want)); want != "" && again != want {
			t.Errorf("%q becomes %q and %q", want, uriOf(want), again)
		}
	}
}
