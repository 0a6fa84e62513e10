package syntax

import "testing"

// "a${X}b${Y}" with X=12 and Y=3 is "a12b3".
func TestWritten(t *testing.T) {
	src := "_a${X}b${Y}"
	f := NewFile("a.template", src, Nginx, nil)
	f.Template = &Template{
		Text:  "_a\x03\x03\x03\x03b\x03\x03\x03\x03",
		Marks: []Mark{{Span: Span{2, 6}, Value: "12"}, {Span: Span{7, 11}, Value: "3"}},
	}
	whole := Span{1, 11}
	if got := f.Template.fill(whole); got != "a12b3" {
		t.Fatalf("fill = %q", got)
	}
	for _, test := range []struct {
		from, to int
		want     string
	}{
		{0, 5, "a${X}b${Y}"}, {0, 1, "a"}, {1, 3, "${X}"}, {2, 3, "${X}"}, {3, 4, "b"}, {4, 5, "${Y}"},
		{0, 2, "a${X}"}, {1, 4, "${X}b"}, {3, 5, "b${Y}"},
	} {
		if got := f.Text(f.Template.Written(whole, test.from, test.to)); got != test.want {
			t.Errorf("Written(%d, %d) = %q, want %q", test.from, test.to, got, test.want)
		}
	}
	if !f.Filled(whole) || f.Filled(Span{1, 2}) {
		t.Error("the whole is filled in, its first letter is not")
	}
}
