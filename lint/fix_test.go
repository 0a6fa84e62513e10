package lint

import (
	"slices"
	"strconv"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestRepair(t *testing.T) {
	file := syntax.NewFile("a.conf", "0123456789", syntax.Nginx, nil)
	again := syntax.NewFile("link.conf", "0123456789", syntax.Nginx, nil)
	other := syntax.NewFile("b.conf", "0123456789", syntax.Nginx, nil)
	outside := syntax.NewFile("../c.conf", "0123456789", syntax.Nginx, nil)
	target := func(f *syntax.File) string {
		return map[*syntax.File]string{file: "/w/a.conf", again: "/w/a.conf", other: "/w/b.conf"}[f]
	}
	edit := func(f *syntax.File, start, end syntax.Pos, text string) Edit {
		return Edit{f.Ref(syntax.Span{Start: start, End: end}), text}
	}
	for name, test := range map[string]struct {
		fixes  []Fix
		unsafe bool
		want   []string // the edits of all files
		counts [4]int   // fixed, overlapping, outside, unsafe
	}{
		"in order of the file": {
			fixes:  []Fix{{Safe: true, Edits: []Edit{edit(file, 7, 8, "b")}}, {Safe: true, Edits: []Edit{edit(file, 2, 4, "a")}}},
			want:   []string{"2-4 a", "7-8 b"},
			counts: [4]int{2, 0, 0, 0},
		},
		"the first of two that overlap": {
			fixes: []Fix{{Safe: true, Edits: []Edit{edit(file, 2, 5, "a")}}, {Safe: true, Edits: []Edit{edit(file, 4, 6, "b")}},
				{Safe: true, Edits: []Edit{edit(file, 1, 3, "c")}}, {Safe: true, Edits: []Edit{edit(file, 3, 3, "d")}},
				{Safe: true, Edits: []Edit{edit(file, 2, 5, "e")}}},
			want:   []string{"2-5 a"},
			counts: [4]int{1, 4, 0, 0},
		},
		"all of a fix or nothing": {
			fixes: []Fix{{Safe: true, Edits: []Edit{edit(file, 2, 5, "a")}},
				{Safe: true, Edits: []Edit{edit(other, 0, 1, "b"), edit(file, 3, 3, "c")}}},
			want:   []string{"2-5 a"},
			counts: [4]int{1, 1, 0, 0},
		},
		"side by side": {
			fixes: []Fix{{Safe: true, Edits: []Edit{edit(file, 2, 5, "a")}}, {Safe: true, Edits: []Edit{edit(file, 5, 6, "b")}},
				{Safe: true, Edits: []Edit{edit(file, 2, 2, "c")}}},
			want:   []string{"2-2 c", "2-5 a", "5-6 b"},
			counts: [4]int{3, 0, 0, 0},
		},
		"two insertions": {
			fixes:  []Fix{{Safe: true, Edits: []Edit{edit(file, 2, 2, "a")}}, {Safe: true, Edits: []Edit{edit(file, 2, 2, "b")}}},
			want:   []string{"2-2 a"},
			counts: [4]int{1, 1, 0, 0},
		},
		"one edit for two findings": {
			fixes:  []Fix{{Safe: true, Edits: []Edit{edit(file, 2, 3, "a")}}, {Safe: true, Edits: []Edit{edit(again, 2, 3, "a")}}},
			want:   []string{"2-3 a"},
			counts: [4]int{2, 0, 0, 0},
		},
		"a fix that overlaps itself": {
			fixes:  []Fix{{Safe: true, Edits: []Edit{edit(file, 2, 5, "a"), edit(file, 3, 4, "b")}}},
			counts: [4]int{0, 1, 0, 0},
		},
		"safe ones alone": {
			fixes:  []Fix{{Edits: []Edit{edit(file, 2, 3, "a")}}, {Safe: true, Edits: []Edit{edit(file, 2, 3, "b")}}},
			want:   []string{"2-3 b"},
			counts: [4]int{1, 0, 0, 1},
		},
		"all": {
			fixes:  []Fix{{Edits: []Edit{edit(file, 2, 3, "a")}}, {Safe: true, Edits: []Edit{edit(file, 2, 3, "b")}}},
			unsafe: true,
			want:   []string{"2-3 a"},
			counts: [4]int{1, 1, 0, 0},
		},
		"outside": {
			fixes:  []Fix{{Safe: true, Edits: []Edit{edit(file, 2, 3, "a"), edit(outside, 2, 3, "a")}}},
			counts: [4]int{0, 0, 1, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			findings := []Diagnostic{{Message: "one that nothing mends"}}
			for i := range test.fixes {
				findings = append(findings, Diagnostic{Fix: &test.fixes[i]})
			}
			r := Repair(findings, test.unsafe, target)
			if got := [4]int{r.Fixed, r.Overlapping, r.Outside, r.Unsafe}; got != test.counts {
				t.Errorf("fixed, overlapping, outside, unsafe: %v, want %v", got, test.counts)
			}
			var got []string
			for _, f := range r.Files {
				for _, e := range f.Edits {
					got = append(got, strconv.Itoa(int(e.At.Span.Start))+"-"+strconv.Itoa(int(e.At.Span.End))+" "+e.New)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("edits %q, want %q", got, test.want)
			}
		})
	}
}
