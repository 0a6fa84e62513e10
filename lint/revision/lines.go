package revision

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Lines are the lines of some files that changed since a revision.
type Lines map[*syntax.File]lines

// lines are those of one file, counted from 1.
type lines struct {
	all  bool
	some map[int]bool
}

// Touch reports whether a place stands on a changed line.
func (l Lines) Touch(at syntax.Ref) bool {
	if at.IsZero() {
		return false
	}
	changed := l[at.File]
	if changed.all || len(changed.some) == 0 {
		return changed.all
	}
	last := at.File.Line(max(at.Span.Start, at.Span.End-1))
	for n := at.File.Line(at.Span.Start); n <= last; n++ {
		if changed.some[n] {
			return true
		}
	}
	return false
}

// Lines compares the texts of files on disk with what they were. Differences between the line ends LF and CR LF are
// none. What lies outside the repository has not changed.
func (r *Revision) Lines(ctx context.Context, files []*syntax.File) (Lines, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	changed := Lines{}
	var edited []*syntax.File
	var ids []string
	for _, file := range files {
		name, ok := r.name(file.Path)
		switch id := r.touched[name].id; {
		case !ok || !r.isTouched(name):
		case id != "":
			edited, ids = append(edited, file), append(ids, id)
		default:
			changed[file] = lines{all: true}
		}
	}
	err := r.git.blobs(ctx, ids, func(i int, text []byte) error {
		changed[edited[i]] = lines{some: changedLines(text, []byte(edited[i].Src))}
		return nil
	})
	return changed, err
}

// isTouched reports whether a file changed, by its path below Top.
func (r *Revision) isTouched(name string) bool {
	_, touched := r.touched[name]
	return touched || slices.ContainsFunc(r.folders, func(dir string) bool { return strings.HasPrefix(name, dir) })
}

// name returns the path of a file as git names it; false when it lies outside the working tree.
func (r *Revision) name(path string) (string, bool) {
	real, err := filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return "", false
	}
	if target, err := filepath.EvalSymlinks(real); err == nil {
		real = target
	}
	rel, err := filepath.Rel(r.Top, real)
	return filepath.ToSlash(rel), err == nil && filepath.IsLocal(rel)
}

// changedLines returns the lines of after that are not in before, counted from 1.
func changedLines(before, after []byte) map[int]bool {
	changed := map[int]bool{}
	number := 0
	text := diff.Diff("", wholeLines(before), "", wholeLines(after))
	for _, line := range bytes.Split(text, []byte("\n"))[min(3, bytes.Count(text, []byte("\n"))):] { // after its head
		switch {
		case bytes.HasPrefix(line, []byte("@@")):
			var from, count int
			_, plus, _ := bytes.Cut(line, []byte("+"))
			fmt.Sscanf(string(plus), "%d,%d", &from, &count) // the library's own: it is so
			number = from
		case bytes.HasPrefix(line, []byte("+")):
			changed[number] = true
			number++
		case bytes.HasPrefix(line, []byte(" ")):
			number++
		}
	}
	return changed
}

// wholeLines ends every line of a text with LF.
func wholeLines(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(slices.Clip(text), '\n')
	}
	return text
}
