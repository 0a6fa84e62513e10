package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-isatty"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// contextLines is how many lines a patch shows around a change.
const contextLines = 3

// diff returns the repairs as a unified diff, for "patch -p1" and "git apply" in the working directory. It is
// made from the edits, not by comparing texts, so that it takes no longer than reading them.
func diff(repairs lint.Repairs) (string, error) {
	dir, err := realPath(".")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range repairs.Files {
		name := oneLine(patchName(dir, f.Target))
		fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n", name, name)
		writeHunks(&b, f)
	}
	return b.String(), nil
}

// patchName names a file as seen from dir or, where it is not below, from the root of the file system.
func patchName(dir, path string) string {
	if syntax.IsBelow(path, dir) {
		path, _ = filepath.Rel(dir, path)
	} else {
		path = strings.TrimPrefix(path, filepath.VolumeName(path))
	}
	return strings.TrimPrefix(filepath.ToSlash(path), "/")
}

// change is old lines, counted from 0, and what takes their place.
type change struct {
	from, to int // half-open
	lines    []string
}

func (c change) growth() int { return len(c.lines) - (c.to - c.from) }

func writeHunks(b *strings.Builder, f lint.FileRepair) {
	old := splitLines(f.File.Src)
	changes := changesOf(f, old)
	growth := 0 // of the text before the hunk
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].from-changes[n-1].to <= 2*contextLines {
			n++
		}
		growth += writeHunk(b, old, changes[:n], growth)
		changes = changes[n:]
	}
}

// changesOf returns the lines that the edits of a file change.
func changesOf(f lint.FileRepair, old []string) []change {
	starts := make([]syntax.Pos, 1, len(old)+1)
	for i, line := range old {
		starts = append(starts, starts[i]+syntax.Pos(len(line)))
	}
	line := func(p syntax.Pos) int { return f.File.Line(p) - 1 }
	var list []change
	for edits := f.Edits; len(edits) > 0; {
		from, to, n := line(edits[0].At.Span.Start), line(edits[0].At.Span.End), 1
		for n < len(edits) && line(edits[n].At.Span.Start) <= to {
			to = line(edits[n].At.Span.End)
			n++
		}
		to = min(to+1, len(old))
		at := f.File.Ref(syntax.Span{Start: starts[from], End: starts[to]})
		c := trim(change{from, to, splitLines(lint.Edited(at, edits[:n]))}, old)
		if c.from < c.to || len(c.lines) > 0 {
			list = append(list, c)
		}
		edits = edits[n:]
	}
	return list
}

// trim leaves out lines at both ends that stay as they are.
func trim(c change, old []string) change {
	for c.from < c.to && len(c.lines) > 0 && old[c.from] == c.lines[0] {
		c.from++
		c.lines = c.lines[1:]
	}
	for c.from < c.to && len(c.lines) > 0 && old[c.to-1] == c.lines[len(c.lines)-1] {
		c.to--
		c.lines = c.lines[:len(c.lines)-1]
	}
	return c
}

// writeHunk writes changes that stand near each other, and returns by how many lines the text grows.
func writeHunk(b *strings.Builder, old []string, changes []change, before int) (growth int) {
	from := max(changes[0].from-contextLines, 0)
	to := min(changes[len(changes)-1].to+contextLines, len(old))
	for _, c := range changes {
		growth += c.growth()
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", lineRange(from, to-from), lineRange(from+before, to-from+growth))
	for _, c := range changes {
		writeLines(b, " ", old[from:c.from])
		writeLines(b, "-", old[c.from:c.to])
		writeLines(b, "+", c.lines)
		from = c.to
	}
	writeLines(b, " ", old[from:to])
	return growth
}

// lineRange writes a range as a hunk's head does: lines count from 1, and no lines come after another.
func lineRange(from, n int) string {
	if n > 0 {
		from++
	}
	return fmt.Sprintf("%d,%d", from, n)
}

func writeLines(b *strings.Builder, sign string, lines []string) {
	for _, line := range lines {
		b.WriteString(sign + line)
		if !strings.HasSuffix(line, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// splitLines returns the lines of a text with their ends.
func splitLines(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// onTerminal makes visible what would act on a terminal, where w is one; a patch for programs stays as it is.
func onTerminal(w io.Writer, text string) string {
	if file, ok := w.(*os.File); !ok || !isatty.IsTerminal(file.Fd()) {
		return text
	}
	return visibleLines(text)
}

func visibleLines(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || r == '\t' {
			b.WriteRune(r)
		} else {
			b.WriteString(oneLine(string(r)))
		}
	}
	return b.String()
}
