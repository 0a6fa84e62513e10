package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestFixesBeforeTheJudge mends the roots that have a *.fixed beside them, with the safe repairs of all rules and
// with all repairs, until none is left to make: what the proxy accepted before it must accept after.
func TestFixesBeforeTheJudge(t *testing.T) {
	for dialect, j := range judges {
		t.Run(dialect.String(), func(t *testing.T) {
			if ok, output := loads(t, dialect, j.smallest); !ok {
				t.Skipf("%s does not work here: %s", dialect, output)
			}
			accepted := 0
			for _, fixed := range glob(t, testdata+"/*/*"+extensions[dialect]+".fixed") {
				root := strings.TrimSuffix(fixed, ".fixed")
				t.Run(strings.TrimPrefix(root, testdata+"/"), func(t *testing.T) {
					dir := copyOf(t, filepath.Dir(root))
					copied := filepath.Join(dir, filepath.Base(root))
					before := j.check(copied).Run()
					if before == nil {
						accepted++
					}
					for _, unsafe := range []bool{false, true} {
						mend(t, copied, unsafe)
						if said, err := j.check(copied).CombinedOutput(); err != nil && before == nil {
							t.Errorf("%s refuses it after the repairs (unsafe: %v): %s", dialect, unsafe, said)
						}
					}
				})
			}
			if accepted == 0 {
				t.Errorf("%s accepts no root before it is mended, so nothing was tried", dialect)
			}
		})
	}
}

// mend repairs the files of a configuration until nothing is left that can be.
func mend(t *testing.T, root string, unsafe bool) {
	t.Helper()
	inPlace := func(f *syntax.File) string { return f.Path }
	for range 10 {
		found := run(t, filepath.Dir(root), load(t, root), All())
		repairs := lint.Repair(found, unsafe, inPlace)
		if repairs.Fixed == 0 {
			if repairs.Overlapping > 0 {
				t.Errorf("%d repairs overlap where none is made", repairs.Overlapping)
			}
			return
		}
		for _, f := range repairs.Files {
			writeFile(t, f.Target, f.Text())
		}
	}
	text, _ := os.ReadFile(root)
	t.Errorf("there is no end to repairs (unsafe: %v):\n%s", unsafe, text)
}
