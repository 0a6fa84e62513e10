package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/lint/graph"
)

// TestGraph draws the shop; -update keeps the drawings.
func TestGraph(t *testing.T) {
	t.Chdir("../..")
	for _, format := range graph.Formats() {
		var stdout, stderr bytes.Buffer
		if code := run([]string{"graph", "--format", format, "testdata/configs/shop"}, strings.NewReader(""), &stdout, &stderr); code != exitClean {
			t.Fatalf("%s: exit code %d: %s", format, code, stderr.String())
		}
		golden := "testdata/graph/shop." + format
		if *update {
			if err := os.WriteFile(golden, stdout.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(readFile(t, golden), stdout.String()); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", golden, diff)
		}
	}
}

// TestGraphviz has Graphviz draw the shop.
func TestGraphviz(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("graphviz is not installed")
	}
	out, err := exec.CommandContext(t.Context(), dot, "-Tsvg", "../../testdata/graph/shop.dot").CombinedOutput()
	if err != nil || !strings.Contains(string(out), ">error: port&#45;scheme&#45;mismatch<") {
		t.Errorf("%v: %s", err, out)
	}
}
