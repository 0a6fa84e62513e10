package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestPatchBeforeGit has git apply the patch of many files: random texts with random edits.
func TestPatchBeforeGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	t.Chdir(t.TempDir())
	dir, err := realPath(".")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var repairs lint.Repairs
	for i := range 500 {
		text := randomText(random, 1+random.IntN(60))
		f := lint.FileRepair{
			File:   syntax.NewFile(fmt.Sprint(i, ".conf"), text, syntax.Nginx, nil),
			Target: filepath.Join(dir, fmt.Sprint(i, ".conf")),
		}
		for at := random.IntN(20); at <= len(text); at += 1 + random.IntN(80) {
			end := min(at+random.IntN(8), len(text))
			at := f.File.Ref(syntax.Span{Start: syntax.Pos(at), End: syntax.Pos(end)})
			f.Edits = append(f.Edits, lint.Edit{At: at, New: randomText(random, random.IntN(3))})
		}
		f.Edits = withoutOverlaps(f.Edits)
		if f.Text() == text {
			continue
		}
		repairs.Files = append(repairs.Files, f)
		if err := os.WriteFile(f.Target, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := diff(repairs)
	if err != nil {
		t.Fatal(err)
	}
	git := exec.Command("git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-")
	git.Stdin = strings.NewReader(text)
	if out, err := git.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range repairs.Files {
		got, err := os.ReadFile(f.Target)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != f.Text() {
			t.Errorf("%q with %d edits: git makes %q of it, not %q", f.File.Src, len(f.Edits), got, f.Text())
		}
	}
}

// randomText returns lines that often equal each other, the last one often without an end.
func randomText(random *rand.Rand, lines int) string {
	var b strings.Builder
	for range lines {
		b.WriteString(strings.Repeat("a", random.IntN(4)) + []string{"", "b;", "é"}[random.IntN(3)])
		b.WriteString([]string{"\n", "\n", "\r\n", "\n\n"}[random.IntN(4)])
	}
	if random.IntN(2) == 0 {
		b.WriteString("z")
	}
	return b.String()
}

func withoutOverlaps(edits []lint.Edit) []lint.Edit {
	var list []lint.Edit
	end := syntax.Pos(-1)
	for _, e := range edits {
		if e.At.Span.Start > end {
			list = append(list, e)
			end = e.At.Span.End
		}
	}
	return list
}

func TestDiff(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := realPath(".")
	if err != nil {
		t.Fatal(err)
	}
	file := syntax.NewFile("a.conf", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13", syntax.Nginx, nil)
	edit := func(start, end syntax.Pos, text string) lint.Edit {
		return lint.Edit{At: file.Ref(syntax.Span{Start: start, End: end}), New: text}
	}
	got, err := diff(lint.Repairs{Files: []lint.FileRepair{{
		File:   file,
		Target: filepath.Join(dir, "conf.d", "a\n.conf"),
		Edits:  []lint.Edit{edit(2, 2, "new\n"), edit(2, 3, "two"), edit(29, 29, ";")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `--- a/conf.d/a\n.conf
+++ b/conf.d/a\n.conf
@@ -1,5 +1,6 @@
 1
-2
+new
+two
 3
 4
 5
@@ -10,4 +11,4 @@
 10
 11
 12
-13
\ No newline at end of file
+13;
\ No newline at end of file
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestPatchName(t *testing.T) {
	root := filepath.FromSlash("/w/site")
	for path, want := range map[string]string{
		"/w/site/conf.d/a.conf": "conf.d/a.conf",
		"/w/other/a.conf":       "w/other/a.conf",
		"/w/site2/a.conf":       "w/site2/a.conf",
	} {
		if got := patchName(root, filepath.FromSlash(path)); got != want {
			t.Errorf("patchName(%s) = %s, want %s", path, got, want)
		}
	}
}

func TestVisibleLines(t *testing.T) {
	if got, want := visibleLines("+\ta\x1b[2J\r\n é\n"), "+\ta\\x1b[2J\\r\n é\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
