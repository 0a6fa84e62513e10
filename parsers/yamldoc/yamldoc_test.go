package yamldoc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

const text = `# ä comment
base: &base {image: "ngi\"nx", ports: ['80:80', 81]}
web:
  <<: *base
  name: ä é
  empty:
  conf: |
    one
      two
---
- second
`

func read(t *testing.T, src string) []yamldoc.Node {
	t.Helper()
	docs, err := yamldoc.Read(syntax.NewFile("a.yml", src, syntax.AnyDialect, nil))
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

func TestRefs(t *testing.T) {
	docs := read(t, text)
	if len(docs) != 2 {
		t.Fatalf("%d documents, want 2", len(docs))
	}
	for _, test := range []struct {
		node      yamldoc.Node
		text, raw string
		line      int
	}{
		{docs[0].Get("base", "image"), `ngi"nx`, `ngi\"nx`, 2},
		{docs[0].Get("web", "image"), `ngi"nx`, `ngi\"nx`, 2},
		{docs[0].Get("web", "name"), "ä é", "ä é", 5},
		{docs[0].Key("web"), "web", "web", 3},
		{docs[0].Get("web", "conf"), "one\n  two\n", "|", 7},
	} {
		ref := test.node.Ref()
		if test.node.Text() != test.text || ref.Text() != test.raw || ref.Position().Line != test.line {
			t.Errorf("%q at line %d as %q, want %q at line %d as %q", test.node.Text(),
				ref.Position().Line, ref.Text(), test.text, test.line, test.raw)
		}
	}
	if empty := docs[0].Get("web", "empty"); !empty.Exists() || !empty.IsNull() {
		t.Error("a key without a value must exist and be null")
	}
	if none := docs[0].Get("web", "none", "deeper"); none.Exists() || none.Text() != "" || !none.Ref().IsZero() {
		t.Error("an absent key must be the zero Node")
	}
}

func TestPairsAndItems(t *testing.T) {
	docs := read(t, text)
	var keys, items []string
	for key := range docs[0].Get("web").Pairs() {
		keys = append(keys, key.Text())
	}
	for item := range docs[0].Get("web", "ports").Items() {
		items = append(items, item.Ref().Text())
	}
	if got := strings.Join(keys, " "); got != "name empty conf image ports" {
		t.Errorf("keys %q", got)
	}
	if got := strings.Join(items, " "); got != "80:80 81" {
		t.Errorf("items %q", got)
	}
}

func TestLiteral(t *testing.T) {
	indent, line, ok := read(t, text)[0].Get("web", "conf").Literal()
	if indent != 4 || line != 8 || !ok {
		t.Errorf("Literal() = %d, %d, %v, want 4, 8, true", indent, line, ok)
	}
	if _, _, ok := read(t, text)[0].Get("web", "name").Literal(); ok {
		t.Error("a plain scalar is no literal text")
	}
}

// Maps that merge each other in a row of doublings must not take exponential time.
func TestMergeBomb(t *testing.T) {
	src := "m0: &m0 {a: 1}\n"
	for i := range 40 {
		src += fmt.Sprintf("m%d: &m%d {<<: [*m%d, *m%d]}\n", i+1, i+1, i, i)
	}
	doc := read(t, src)[0].Get("m40")
	if doc.Get("a").Text() != "" && doc.Get("none").Exists() {
		t.Error("none was found")
	}
	for key := range doc.Pairs() {
		_ = key
	}
}

func TestFault(t *testing.T) {
	docs, err := yamldoc.Read(syntax.NewFile("a.yml", "a: 1\n---\nb: [\n", syntax.AnyDialect, nil))
	if err == nil || len(docs) != 1 || strings.HasPrefix(err.Error(), "yaml:") {
		t.Errorf("%d documents, error %v", len(docs), err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(text)
	f.Add("a: [1, {b: *x}]\r\n")
	f.Add("\xff\xfea: b")
	f.Fuzz(func(t *testing.T, src string) {
		docs, _ := yamldoc.Read(syntax.NewFile("a.yml", src, syntax.AnyDialect, nil))
		left := 10_000 // values may hold themselves
		for _, doc := range docs {
			visit(doc, &left)
		}
	})
}

// visit asks for every place, which must lie in the file.
func visit(n yamldoc.Node, left *int) {
	if *left--; *left < 0 {
		return
	}
	_ = n.Ref().Text()
	n.Literal()
	for key, value := range n.Pairs() {
		_ = key.Ref().Text()
		visit(value, left)
	}
	for item := range n.Items() {
		visit(item, left)
	}
}
