package nginx

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// glob returns the paths that a pattern matches, as glob(3) does for nginx: in the byte order of the
// whole path, hidden files only where the pattern names the dot, "[!b]" as a negated class.
func glob(pattern string) []string {
	base := globBase(pattern)
	rest := strings.TrimPrefix(strings.TrimPrefix(pattern, base), string(filepath.Separator))
	paths := []string{base}
	for _, part := range strings.Split(rest, string(filepath.Separator)) {
		var next []string
		for _, dir := range paths {
			next = append(next, matchIn(dir, part)...)
		}
		paths = next
	}
	slices.Sort(paths)
	return paths
}

// globBase returns the folder before the first part of a pattern that holds a wildcard.
func globBase(pattern string) string {
	i := strings.IndexAny(pattern, "*?[")
	if i < 0 {
		return pattern
	}
	return filepath.Dir(pattern[:i] + "x")
}

// matchIn returns the entries of a folder that one part of a pattern matches.
func matchIn(dir, part string) []string {
	if !strings.ContainsAny(part, "*?[") {
		path := filepath.Join(dir, part)
		if _, err := os.Lstat(path); err != nil {
			return nil
		}
		return []string{path}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		if matchName(part, e.Name()) {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	return found
}

// matchName reports whether one part of a pattern matches the name of a file.
func matchName(part, name string) bool {
	if strings.HasPrefix(name, ".") != strings.HasPrefix(part, ".") {
		return false
	}
	ok, err := filepath.Match(strings.ReplaceAll(part, "[!", "[^"), name)
	return err == nil && ok
}
