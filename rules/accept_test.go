package rules

import (
	"path/filepath"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// The comment that an editor writes for a finding accepts it, whatever the rule, and says nothing wrong.
func TestAccept(t *testing.T) {
	for _, rule := range All() {
		if rule.ID == lint.IgnoreComment {
			continue
		}
		for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
			if text := rule.Doc.Bad.For(dialect); text != "" && !rule.Live {
				t.Run(rule.ID+"/"+dialect.String(), func(t *testing.T) { checkAccept(t, rule, dialect, text) })
			}
		}
	}
}

func checkAccept(t *testing.T, rule *lint.Rule, dialect syntax.Dialect, text string) {
	both := []*lint.Rule{rule, Find(lint.IgnoreComment)}
	before := lintBeside(t, rule.Doc.Beside, dialect, text, both)
	for _, d := range before {
		edit, ok := lint.Accept(d, "it is meant to be")
		if !ok {
			t.Errorf("%s: can't be accepted", show(d))
			continue
		}
		if filepath.Base(d.At.File.Path) != proxyFile(dialect) {
			continue // beside the example
		}
		accepted := applied([]lint.Edit{edit})[d.At.File.Path]
		after := lintBeside(t, rule.Doc.Beside, dialect, accepted, both)
		if len(after) >= len(before) {
			t.Errorf("%s: not accepted by %q", show(d), edit.New)
		}
		for _, left := range after {
			if left.Rule == lint.IgnoreComment {
				t.Errorf("%s: after %q: %s", show(d), edit.New, show(left))
			}
		}
	}
}
