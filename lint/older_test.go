package lint

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestLeaveOlder(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	const text = "a;\nb «c» d;\nb «c» d;\ne «f»;"
	known := func() (*Baseline, error) {
		b := NewBaseline(elsewhere, findingsAt(filepath.Join(elsewhere, "old.conf"), text, "is wrong"))
		b.Move(dir, map[string]string{"new.conf": "old.conf"})
		return b, nil
	}
	line := func(n int) func(Diagnostic) bool {
		return func(d Diagnostic) bool { return d.At.Position().Line == n }
	}
	for name, test := range map[string]struct {
		path, text string
		changed    func(Diagnostic) bool
		left       int
	}{
		"the same":                     {"old.conf", text, line(0), 0},
		"another name":                 {"new.conf", text, line(0), 0},
		"another file":                 {"other.conf", text, line(0), 3},
		"on a changed line":            {"new.conf", text, line(3), 1},
		"one more on a line like it":   {"new.conf", "b «c» d;\n" + text, line(0), 1},
		"the first of them is the new": {"new.conf", "b «c» d;\n" + text, line(1), 1},
		"new without a change":         {"new.conf", "x «c»;\n" + text, line(0), 1},
		"all changed":                  {"new.conf", text, func(Diagnostic) bool { return true }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			found := findingsAt(filepath.Join(dir, test.path), test.text, "is wrong")
			result := Result{Diagnostics: found, Suppressed: 10}
			older, err := result.LeaveOlder(test.changed, known)
			if err != nil || len(result.Diagnostics) != test.left || older != len(found)-test.left || result.Suppressed != 10+older {
				t.Errorf("left %d, older %d, suppressed %d: %v", len(result.Diagnostics), older, result.Suppressed, err)
			}
		})
	}

	notAsked := func() (*Baseline, error) { return nil, errors.New("asked") }
	if _, err := (&Result{}).LeaveOlder(line(0), notAsked); err != nil {
		t.Error("asked for what was known though nothing is found")
	}
	result := Result{Diagnostics: findingsAt("a", text, "is wrong")}
	if _, err := result.LeaveOlder(line(0), notAsked); err == nil || len(result.Diagnostics) != 3 {
		t.Errorf("an error is lost: %v, %d left", err, len(result.Diagnostics))
	}
}
