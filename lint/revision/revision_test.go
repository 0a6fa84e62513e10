package revision

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestChangedLines(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		want          []int
	}{
		"the same":             {"a\nb\n", "a\nb\n", nil},
		"both empty":           {"", "", nil},
		"all new":              {"", "a\nb\n", []int{1, 2}},
		"all gone":             {"a\nb\n", "", nil},
		"one changed":          {"a\nb\nc\n", "a\nx\nc\n", []int{2}},
		"one more":             {"a\nb\n", "x\na\nb\n", []int{1}},
		"one less":             {"a\nb\nc\n", "a\nc\n", nil},
		"another end":          {"a\nb", "a\nb\n", nil},
		"no end":               {"a\nb\n", "a\nb", nil},
		"other line ends":      {"a\r\nb\r\nc", "a\nx\nc\n", []int{2}},
		"like a diff":          {"a\n", "a\n+b\n@@ -9,9 +9,9 @@\n-c\n\\ d\n", []int{2, 3, 4, 5}},
		"far apart":            {lineUp(1, 100), strings.ReplaceAll(lineUp(1, 100), "7\n", "x\n"), []int{7, 17, 27, 37, 47, 57, 67, 77, 87, 97}},
		"white space":          {"a b\n", "a  b\n", []int{1}},
		"lines that are alike": {"}\n}\n}\nx\n}\n", "}\n}\n}\ny\n}\n", []int{4}},
	} {
		t.Run(name, func(t *testing.T) {
			got := slices.Sorted(maps.Keys(changedLines([]byte(test.before), []byte(test.after))))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func lineUp(from, to int) string {
	var b strings.Builder
	for n := from; n <= to; n++ {
		b.WriteString("line " + string(rune('a'+n/10)) + string(rune('0'+n%10)) + "\n")
	}
	return b.String()
}

func TestLinesTouch(t *testing.T) {
	file := syntax.NewFile("a.conf", "one\ntwo\nthree\n", syntax.Nginx, nil)
	at := func(text string) syntax.Ref {
		start := syntax.Pos(strings.Index(file.Src, text))
		return file.Ref(syntax.Span{Start: start, End: start + syntax.Pos(len(text))})
	}
	lines := Lines{file: {some: map[int]bool{2: true}}}
	for text, want := range map[string]bool{
		"one": false, "two": true, "three": false, "one\n": false, "one\ntwo": true, "one\ntwo\nthree": true, "wo\nthr": true,
	} {
		if got := lines.Touch(at(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if lines.Touch(syntax.Ref{}) {
		t.Error("no place at all is touched")
	}
	if !(Lines{file: {all: true}}).Touch(at("one")) {
		t.Error("a place in a new file is not touched")
	}
	if (Lines{}).Touch(at("one")) {
		t.Error("a place in a file that is not compared is touched")
	}
}

// What "git diff --raw -z" prints, as its manual has it.
func TestNote(t *testing.T) {
	const none, some, other = "0000000000000000000000000000000000000000", "1111111111111111111111111111111111111110", "2222222222222222222222222222222222222222"
	raw := []string{
		":100644 100644 " + some + " " + none + " M", "edited.conf",
		":000000 100644 " + none + " " + other + " A", "added.conf",
		":100644 000000 " + some + " " + none + " D", "gone.conf",
		":100644 100644 " + some + " " + other + " R086", "old name.conf", "new\nname.conf",
		":100644 120000 " + some + " " + none + " T", "link.conf",
		":160000 160000 " + some + " " + other + " M", "module",
		":000000 000000 " + none + " " + none + " U", "conflict.conf",
		":100644 100644 " + other + " " + none + " M", "conflict.conf",
	}
	r := &Revision{touched: map[string]change{}}
	for len(raw) > 1 {
		raw = r.note(raw)
	}
	want := map[string]change{
		"edited.conf":    {"edited.conf", some},
		"added.conf":     {"added.conf", ""},
		"gone.conf":      {"gone.conf", some},
		"new\nname.conf": {"old name.conf", some},
		"link.conf":      {"link.conf", some},
		"module":         {},
		"conflict.conf":  {"conflict.conf", other},
	}
	if diff := cmp.Diff(want, r.touched, cmp.AllowUnexported(change{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"module/"}, r.folders); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"new\nname.conf": "old name.conf"}, r.Renames()); diff != "" {
		t.Error(diff)
	}
}
