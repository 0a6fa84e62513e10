package lint

import (
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestOnDisk(t *testing.T) {
	outer := syntax.NewFile("a.yaml", "c: |\n  one;\n  two;\n", syntax.Nginx, nil)
	origin, src, ok := syntax.Embed(outer, "c", 2, 2, "one;\ntwo;\n", false)
	if !ok {
		t.Fatal("not embedded")
	}
	inner := syntax.NewFile("a.yaml#2/c", src, syntax.Nginx, nil)
	inner.Origin = origin
	at := inner.Ref(syntax.Span{Start: 5, End: 8})
	found := Diagnostic{
		At: at, Stops: at, Related: []Related{{At: at}},
		Fix: &Fix{Title: "t", Safe: true, Edits: []Edit{{At: at, New: "x;\ny"}}},
	}
	d := onDisk(found)
	for _, ref := range []syntax.Ref{d.At, d.Stops, d.Related[0].At, d.Fix.Edits[0].At} {
		if ref.File != outer || ref.Text() != "two" || ref.Position().Line != 3 {
			t.Errorf("got %q in %s", ref.Text(), ref.File.Path)
		}
	}
	if edit := d.Fix.Edits[0].New; edit != "x;\n  y" || d.Fix.Title != "t" || !d.Fix.Safe {
		t.Errorf("fix %+v", d.Fix)
	}
	if found.Related[0].At != at || found.Fix.Edits[0].At != at {
		t.Error("what other findings may share was changed")
	}
	found.Fix.Edits = append(found.Fix.Edits, Edit{At: inner.Ref(syntax.Span{End: 3})})
	if onDisk(found).Fix != nil {
		t.Error("a repair that would change the block's indentation was kept")
	}
}
