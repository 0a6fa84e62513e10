package lint

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// findingsAt returns a finding of one rule for each «word» marked in a file's text.
func findingsAt(path, marked, message string) []Diagnostic {
	var found []Diagnostic
	var spans []syntax.Span
	var src strings.Builder
	for i, part := range strings.Split(strings.ReplaceAll(marked, "»", "«"), "«") {
		start := syntax.Pos(src.Len())
		src.WriteString(part)
		if i%2 == 1 {
			spans = append(spans, syntax.Span{Start: start, End: syntax.Pos(src.Len())})
		}
	}
	file := syntax.NewFile(path, src.String(), syntax.Nginx, nil)
	for _, span := range spans {
		found = append(found, Diagnostic{Rule: "timeout-unit", At: file.Ref(span), Message: message})
	}
	return found
}

func TestBaselineKnows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "nginx.conf")
	before := findingsAt(path, "a;\n  b «c»  d; «c»\nb «c» d; c\nlast", "is 5 here, and in 2 more places")
	for name, test := range map[string]struct {
		path, text, message string
		left, known, stale  int
	}{
		"the same":        {path, "a;\n  b «c»  d; «c»\nb «c» d; c\nlast", "is 5 here, and in 2 more places", 0, 3, 0},
		"moved":           {path, "a;\nx\ny\n\tb «c» d; «c»\nlast\n b\t«c» d; c", "is 5 here, and in 3 more places", 0, 3, 0},
		"one more":        {path, "a;\n  b «c»  d; «c»\nb «c» d; «c»", "is 5 here, and in 2 more places", 1, 3, 0},
		"one less":        {path, "a;\n  b «c»  d; c\nb c d; c", "is 5 here, and in 2 more places", 0, 1, 2},
		"another line":    {path, "a;\n  b «x»  d; c\nb c d; c", "is 5 here, and in 2 more places", 1, 0, 3},
		"another message": {path, "a;\n  b «c»  d; c\nb c d; c", "is not here", 1, 0, 3},
		"another file":    {filepath.Join(dir, "x.conf"), "a;\n  b «c»  d; c", "is 5 here, and in 2 more places", 1, 0, 3},
		"nothing":         {path, "a;", "", 0, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := NewBaseline(dir, before).Text()
			if err != nil {
				t.Fatal(err)
			}
			known, err := ParseBaseline(dir, text)
			if err != nil {
				t.Fatal(err)
			}
			found := findingsAt(test.path, test.text, test.message)
			tree := &syntax.Tree{Files: map[string]*syntax.File{path: nil}}
			result := Result{Diagnostics: found, Suppressed: 10}
			known.Apply(&result, []*proxy.Config{{Tree: tree}})
			if len(result.Diagnostics) != test.left || result.Suppressed != 10+test.known || result.Stale != test.stale {
				t.Errorf("left %d, suppressed %d, stale %d; want %d, %d, %d", len(result.Diagnostics), result.Suppressed,
					result.Stale, test.left, 10+test.known, test.stale)
			}
		})
	}
}

func TestBaselineIsStable(t *testing.T) {
	dir := t.TempDir()
	one := findingsAt(filepath.Join(dir, "a.conf"), "«a» «b»\n«c»", "m")
	two := findingsAt(filepath.Join(dir, "b.conf"), "«a»", "m")
	first, err := NewBaseline(dir, slices.Concat(one, two)).Text()
	if err != nil {
		t.Fatal(err)
	}
	second, err := NewBaseline(dir, slices.Concat(two, one)).Text()
	if err != nil {
		t.Fatal(err)
	}
	if first != second || strings.Count(first, "fingerprint") != 4 || strings.Count(first, `"file": "a.conf"`) != 3 {
		t.Errorf("got\n%s\nand\n%s", first, second)
	}
}

func TestParseBaselineRefuses(t *testing.T) {
	for _, text := range []string{"", "[]", "{", `{"version": 2, "findings": []}`, `{"version": 1, "findings": {}}`} {
		if _, err := ParseBaseline("/w", text); err == nil {
			t.Errorf("ParseBaseline(%q) gives no error", text)
		}
	}
}
