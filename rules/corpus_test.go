package rules

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// corpusGroups are the groups of the corpus that people run, apart from the test suites in it.
var corpusGroups = []struct {
	dialect syntax.Dialect
	name    string
}{
	{syntax.Nginx, "linuxserver"}, {syntax.Nginx, "h5bp"}, {syntax.Nginx, "nginx-proxy"}, {syntax.Nginx, "npm"},
	{syntax.Nginx, "nginx-ingress-f5"}, {syntax.Nginx, "nginx-core"}, {syntax.Nginx, "doc-snippets"},
	{syntax.HAProxy, "real"}, {syntax.HAProxy, "hap"},
}

// corpusCounts is the golden file: how often each rule speaks in each group.
const corpusCounts = "../testdata/corpus_counts.txt"

// maxLoud is the share of linuxserver's files that may get a warning or an error: they are right, and what
// they include is not there.
const maxLoud = 0.02

// TestCorpusCounts shows in review what a change makes of real configurations: each is linted alone, so that
// what it includes is unknown.
func TestCorpusCounts(t *testing.T) {
	dir := os.Getenv("PROXYLINT_CORPUS")
	if dir == "" {
		t.Skip("PROXYLINT_CORPUS is not set")
	}
	var b strings.Builder
	b.WriteString("# Findings on real configurations, by \"go test ./rules -run TestCorpusCounts -update\".\n")
	for _, group := range corpusGroups {
		counts, files, loud := countGroup(t, filepath.Join(dir, group.dialect.String(), group.name), group.dialect)
		fmt.Fprintf(&b, "\n%s/%s: %d of %d files with a warning or an error\n", group.dialect, group.name, loud, files)
		for _, line := range counts {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		if group.name == "linuxserver" && float64(loud) > maxLoud*float64(files) {
			t.Errorf("%d of %d files of linuxserver get a warning or an error", loud, files)
		}
	}
	compare(t, corpusCounts, []byte(b.String()))
}

// countGroup lints every file of a folder and returns a line for each rule and severity, the number of files,
// and how many have a finding above info.
func countGroup(t *testing.T, dir string, dialect syntax.Dialect) (lines []string, files, loud int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	counts := map[string]int{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		configs, err := parsers.LoadText(filepath.Join(empty, e.Name()), string(text), parsers.Options{Dialect: dialect})
		if err != nil {
			t.Fatal(err)
		}
		result := lint.Run(context.Background(), configs, All(), lint.Around{Inventory: &inventory.Facts{}})
		files++
		if result.Fails(lint.Warning) {
			loud++
		}
		for _, d := range result.Diagnostics {
			counts[d.Rule+" "+d.Severity.String()]++
			if testing.Verbose() {
				t.Logf("%s:%d: %s [%s]\n\t%s", filepath.Join(filepath.Base(dir), e.Name()), d.At.Position().Line, graded(d), d.Rule,
					strings.TrimSpace(d.At.File.LineText(d.At.Position().Line)))
			}
		}
	}
	for key, n := range counts {
		lines = append(lines, fmt.Sprintf("%s %d", key, n))
	}
	slices.Sort(lines)
	return lines, files, loud
}
