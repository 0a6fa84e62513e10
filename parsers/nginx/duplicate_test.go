package nginx

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestDuplicatesAcrossFiles checks which of two lines a duplicate is told at.
func TestDuplicatesAcrossFiles(t *testing.T) {
	tree := load(t, plant(t, map[string]string{
		"nginx.conf": "events {}\nhttp {\nserver {\nroot /a;\ninclude s.conf;\n}\nserver {\ninclude s.conf;\ngzip on;\ninclude t.conf;\n}\nserver {\ninclude s.conf;\n}\n}\n",
		"s.conf":     "root /b;\ngzip off;\n",
		"t.conf":     "root /c;\n",
	}))
	var got []string
	for _, p := range tree.Problems {
		got = append(got, fmt.Sprintf("%s %s:%d, %s %s", p.Code, filepath.Base(p.File.Path), p.File.Line(p.At.Start),
			p.Related[0].Msg, filepath.Base(p.Related[0].At.File.Path)))
	}
	want := "duplicate-directive nginx.conf:4, the one below s.conf\n" +
		"duplicate-directive nginx.conf:9, the one above s.conf\n" +
		"duplicate-directive t.conf:1, the one above s.conf"
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// TestDuplicatesAreQuick includes a file of all that may stand once in many blocks.
func TestDuplicatesAreQuick(t *testing.T) {
	var file strings.Builder
	for _, d := range directives {
		if d.Contexts&Server != 0 && !d.Repeat && !d.Block {
			fmt.Fprintf(&file, "%s;\n", d.Name)
		}
	}
	main := "events {}\nhttp {\n" + strings.Repeat("server { etag on; include all.conf; }\n", 1000) + "}\n"
	dir := plant(t, map[string]string{"nginx.conf": main, "all.conf": file.String()})
	tree := loadTree(syntax.Source{Path: filepath.Join(dir, "nginx.conf"), Src: main}, Options{})
	start := time.Now()
	check(tree, Options{})
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("a thousand blocks took %v", took)
	}
}
