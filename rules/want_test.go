package rules

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
)

// want is an expected finding.
type want struct {
	file string
	line int
	re   *regexp.Regexp
}

func (w want) matches(d lint.Diagnostic) bool {
	return w.file == d.At.File.Path && w.line == d.At.Position().Line && w.re.MatchString(graded(d))
}

func (w want) String() string { return fmt.Sprintf("%s:%d: %q", w.file, w.line, w.re) }

var wantComment = regexp.MustCompile(`# want([+-]\d+)? (.*)`)

// collectWants reads the wants of all files of some configurations, and of the YAML files in their project.
func collectWants(t *testing.T, dir string, configs []*proxy.Config) []want {
	files := map[string]string{}
	for _, config := range configs {
		for path, file := range config.Tree.Files {
			if file.Origin == nil { // else the file around it has them
				files[path] = file.Src
			}
		}
	}
	if strings.HasSuffix(dir, projectSuffix) {
		for _, path := range glob(t, dir+"/*.yml") {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[path] = string(text)
		}
	}
	var wants []want
	for _, path := range slices.Sorted(maps.Keys(files)) {
		line := 0
		for text := range strings.Lines(files[path]) {
			line++
			m := wantComment.FindStringSubmatch(text)
			if m == nil {
				continue
			}
			offset, _ := strconv.Atoi(m[1])
			for rest := strings.TrimSpace(m[2]); rest != ""; rest = strings.TrimSpace(rest) {
				quoted, err := strconv.QuotedPrefix(rest)
				if err != nil {
					t.Fatalf("%s:%d: after \"want\" come quoted expressions, not %s", path, line, rest)
				}
				rest = rest[len(quoted):]
				expr, _ := strconv.Unquote(quoted)
				re, err := regexp.Compile(expr)
				if err != nil {
					t.Fatalf("%s:%d: %v", path, line, err)
				}
				wants = append(wants, want{path, line + offset, re})
			}
		}
	}
	return wants
}
