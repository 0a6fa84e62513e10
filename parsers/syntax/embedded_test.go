package syntax

import (
	"strings"
	"testing"
)

func embed(t *testing.T, outer string, line, indent int, text string, dollars bool) *File {
	t.Helper()
	origin, src, ok := Embed(NewFile("a.yaml", outer, Nginx, nil), "nginx.conf", line, indent, text, dollars)
	if !ok {
		t.Fatalf("%q is not found", text)
	}
	f := NewFile("a.yaml#x", src, Nginx, nil)
	f.Origin = origin
	return f
}

// place returns where a part of a file's text stands.
func place(f *File, part string) Ref {
	i := strings.Index(f.Src, part)
	return f.Ref(Span{Pos(i), Pos(i + len(part))})
}

func TestOuter(t *testing.T) {
	const plain = "conf: |\n  a é b\n\n    c\n   \n  d\nnext: 1\n"
	text := "a é b\n\n  c\n\nd\n"
	for _, outer := range []string{plain, strings.ReplaceAll(plain, "\n", "\r\n")} {
		f := embed(t, outer, 2, 2, text, false)
		for _, part := range []string{"a", "é", "b", "  c", "d"} {
			at := place(f, part).Outer()
			if got := at.Text(); got != part || at.File.Path != "a.yaml" || at.Position().Line != place(f, part).Position().Line+1 {
				t.Errorf("%q stands at %q in line %d", part, got, at.Position().Line)
			}
		}
		end := f.Ref(Span{Pos(len(text)), Pos(len(text))}).Outer().Position()
		if end.Line != 6 || end.Byte != 4 {
			t.Errorf("the end is %+v, want line 6, column 4", end)
		}
		blank := f.Ref(Span{Pos(len("a é b\n")), Pos(len("a é b\n"))}).Outer().Position()
		if blank.Line != 3 || blank.Byte != 1 {
			t.Errorf("the empty line is at %+v", blank)
		}
	}
	f := NewFile("a", "x", Nginx, nil)
	if at := f.Ref(Span{0, 1}); at.Outer() != at || !(Ref{}).Outer().IsZero() {
		t.Error("a place in a file on disk moved")
	}
}

func TestOuterDollars(t *testing.T) {
	f := embed(t, "c: |\n x $$a$$b ${C} $$\n  $$d;\n", 2, 1, "x $$a$$b ${C} $$\n $$d;\n", true)
	if want := "x $a$b ${C} $\n $d;\n"; f.Src != want {
		t.Fatalf("text %q, want %q", f.Src, want)
	}
	for part, want := range map[string]string{"x": "x", "$a": "$$a", "a": "a", "$b": "$$b", "${C}": "${C}", "$d": "$$d", ";": ";"} {
		if got := place(f, part).Outer().Text(); got != want {
			t.Errorf("%s is %s outside, want %s", part, got, want)
		}
	}
}

func TestEmbedRefuses(t *testing.T) {
	for _, test := range []struct {
		outer, text  string
		line, indent int
	}{
		{"c: |\n  a\n", "b\n", 2, 2},
		{"c: |\n  a\n", "a\nb\n", 2, 2},
		{"c: |\n  a\n", "a\n", 2, 1},
		{"c: |\n  a\n", "a\n", 9, 2},
		{"c: |\n  a\n", "a\n", 2, 99},
		{"c: |\n\ta\n", "a\n", 2, 1},
		{"c: |\n  a\n  x\n  b\n", "a\n\nb\n", 2, 2},
	} {
		if _, _, ok := Embed(NewFile("a", test.outer, Nginx, nil), "", test.line, test.indent, test.text, false); ok {
			t.Errorf("%q holds no %q", test.outer, test.text)
		}
	}
}

func TestOuterText(t *testing.T) {
	const outer = "c: |-\n    first a;\n    last b;"
	text := "first a;\nlast b;"
	f := embed(t, outer, 2, 4, text, false)
	for _, test := range []struct{ at, text, want string }{
		{"a", "x y", "x y"},
		{"a", "x;\ny", "x;\n    y"},
		{"first", "one", "one"},
		{"first", "", "-"},
		{"first", " x", "-"},
		{"first a", "\nx", "-"},
		{"b;", "c;", "c;"},
		{"b;", "c;\n", "-"},
		{"a;", "", ""},
	} {
		got, ok := place(f, test.at).OuterText(test.text)
		if !ok {
			got = "-"
		}
		if got != test.want {
			t.Errorf("%q for %s: got %q, want %q", test.text, test.at, got, test.want)
		}
	}
	crlf := embed(t, "c: |\r\n  a\r\n", 2, 2, "a\n", true)
	if got, _ := place(crlf, "a").OuterText("$x\ny"); got != "$$x\r\n  y" {
		t.Errorf("got %q", got)
	}
}
