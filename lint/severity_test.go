package lint

import (
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestReweigh(t *testing.T) {
	rules := []*Rule{{ID: "usual", Severity: Warning}}
	for _, test := range []struct {
		found, set Severity
		ok         bool
		want       Severity // 0: left out
	}{
		{Warning, 0, false, Warning},
		{Warning, Error, true, Error},
		{Warning, Info, true, Info},
		{Error, Warning, true, Warning},
		{Info, Error, true, Info}, // the rule itself holds it for less grave
		{Info, Info, true, Info},
		{Error, 0, true, 0},
	} {
		r := Result{Diagnostics: []Diagnostic{{
			Rule: "usual", Severity: test.found, At: syntax.Ref{File: syntax.NewFile("a.conf", "", syntax.Nginx, nil)},
		}}}
		r.Reweigh(rules, func(rule, path string) (Severity, bool) {
			if rule != "usual" || path != "a.conf" {
				t.Errorf("asked about %s in %s", rule, path)
			}
			return test.set, test.ok
		})
		got := Severity(0)
		if len(r.Diagnostics) > 0 {
			got = r.Diagnostics[0].Severity
		}
		if got != test.want {
			t.Errorf("%v set to %v: got %v, want %v", test.found, test.set, got, test.want)
		}
	}
}
