package report

import (
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// What an editor shows holds no secret and nothing that hides, and what follows from the finding.
func TestForEditor(t *testing.T) {
	file := syntax.NewFile("haproxy.cfg", "listen stats\n    stats auth admin:hunter2\n    bind :80\n", syntax.HAProxy, nil)
	at := file.Ref(syntax.Span{Start: 28, End: 41})
	if at.Text() != "admin:hunter2" {
		t.Fatalf("the place is %q", at.Text())
	}
	stops := file.Ref(syntax.Span{Start: 46, End: 50})
	found := ForEditor([]lint.Diagnostic{{
		Rule: "a-rule", At: at, Message: "hunter2 is \x1b[31mweak", Hint: "another", Symptom: noEffect, Stops: stops,
	}})[0]
	if want := "*** is <U+001B>[31mweak\nit has no effect\nhint: another"; found.Text != want {
		t.Errorf("the text is %q, want %q", found.Text, want)
	}
	if want := homepage + "/blob/HEAD/rules/README.md#a-rule"; found.URL != want || !found.NoEffect {
		t.Errorf("the page is %s, and NoEffect %v", found.URL, found.NoEffect)
	}
	if n := len(found.Related); n != 1 || found.Related[0].At != stops {
		t.Errorf("related: %+v", found.Related)
	}
}
