package syntax

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPosition(t *testing.T) {
	file := NewFile("a", "ab\r\n\tx\xff\U0001F600é\rz\n\nend", Nginx, nil)
	for _, tt := range []struct {
		at   string
		want Position
	}{
		{"ab", Position{1, 1, 1, 1}},
		{"\r\n", Position{1, 3, 3, 3}},
		{"x", Position{2, 2, 2, 2}},
		{"\xff", Position{2, 3, 3, 3}},
		{"\U0001F600", Position{2, 4, 4, 4}},
		{"é", Position{2, 8, 5, 6}},
		{"z", Position{2, 11, 7, 8}},
		{"end", Position{4, 1, 1, 1}},
	} {
		p := Pos(strings.Index(file.Src, tt.at))
		if got := file.Position(p); got != tt.want {
			t.Errorf("%q stands at %+v, want %+v", tt.at, got, tt.want)
		}
	}
	if got, want := file.Position(Pos(len(file.Src))), (Position{4, 4, 4, 4}); got != want {
		t.Errorf("the end is %+v, want %+v", got, want)
	}
	// Asked in any order, and in a line of any length, the answer is the same.
	file = NewFile("a", "x\n"+strings.Repeat("aé\U0001F600\xff\xe2\x82", 2000), Nginx, nil)
	for p := Pos(len(file.Src)); p >= 0; p-- {
		line := file.LineSpan(file.Line(p))
		want := file.count(mark{line.Start, Position{Line: file.Line(p), Byte: 1, Rune: 1, UTF16: 1}}, p)
		if got := file.Position(p); got != want {
			t.Fatalf("offset %d: %+v, from the line's start %+v", p, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	for src, want := range map[string][]string{
		"":          {""},
		"a":         {"a"},
		"a\n":       {"a"},
		"a\r\nb":    {"a", "b"},
		"\n\n":      {"", ""},
		"a\rb\nc\n": {"a\rb", "c"},
	} {
		file := NewFile("a", src, Nginx, nil)
		var got []string
		for n := range file.Lines() {
			got = append(got, file.LineText(n+1))
		}
		if !cmp.Equal(got, want) {
			t.Errorf("%q: %q, want %q", src, got, want)
		}
	}
}

// tree builds "http { a 1; include i; server { b 1; } }" with "a 2; server { include i; }" in i.
func tree() (*Tree, map[string]*Stmt) {
	named := map[string]*Stmt{}
	add := func(f *File, in *Stmt, key, text string, block bool) *Stmt {
		start := Pos(strings.Index(f.Src, text))
		s := &Stmt{File: f, Parent: in, Words: []Word{{Span: Span{start, start + Pos(len(text))}}}}
		if block {
			s.Block = &Block{}
		}
		if in == nil {
			f.Stmts = append(f.Stmts, s)
		} else {
			in.Block.Stmts = append(in.Block.Stmts, s)
		}
		named[key] = s
		return s
	}
	same := func(raw string) string { return raw }
	main := NewFile("main", "http{ a include server{ b } }", Nginx, same)
	part := NewFile("part", "a c", Nginx, same)
	http := add(main, nil, "http", "http", true)
	add(main, http, "a", "a", false)
	outer := add(main, http, "include", "include", false)
	server := add(main, http, "server", "server", true)
	add(main, server, "b", "b", false)
	add(part, nil, "a in part", "a", false)
	add(part, nil, "c", "c", false)
	return &Tree{
		Roots:    []*File{main},
		Files:    map[string]*File{"main": main, "part": part},
		Includes: map[*Stmt][]*File{outer: {part}},
	}, named
}

func TestWalk(t *testing.T) {
	tr, named := tree()
	var got []string
	tr.Walk(func(scope *Scope, s *Stmt) bool {
		in := "root"
		if scope.Stmt != nil {
			in = scope.Stmt.Name()
		}
		got = append(got, s.Name()+" in "+in)
		return s != named["server"]
	})
	want := []string{"http in root", "a in http", "include in http", "a in http", "c in http", "server in http"}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestLookup(t *testing.T) {
	tr, named := tree()
	tr.Walk(func(scope *Scope, s *Stmt) bool {
		if s != named["b"] {
			return true
		}
		for name, want := range map[string]*Stmt{"b": named["b"], "a": named["a in part"], "c": named["c"], "http": named["http"], "nothing": nil} {
			if got, _ := scope.Lookup(name); got != want {
				t.Errorf("Lookup(%s) = %v, want %v", name, got, want)
			}
		}
		if _, at := scope.Lookup("a"); at.Stmt != named["http"] {
			t.Errorf("a is found in %v", at.Stmt)
		}
		return true
	})
}

func TestArena(t *testing.T) {
	var a Arena
	var kept [][]Word
	var stmts []*Stmt
	for i := range 10_000 {
		kept = append(kept, a.Words([]Word{{Quote: byte(i)}, {Span: Span{Pos(i), Pos(i)}}}))
		s := a.Stmt()
		s.Start = Pos(i)
		stmts = append(stmts, s)
	}
	for i := range kept {
		if kept[i][0].Quote != byte(i) || kept[i][1].Start != Pos(i) || stmts[i].Start != Pos(i) {
			t.Fatalf("words and statement %d are not what was kept", i)
		}
		if cap(kept[i]) != 2 {
			t.Fatalf("words %d have room to grow into the next ones", i)
		}
	}
}
