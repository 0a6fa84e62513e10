package settings

import (
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// newGlob returns a pattern as gitignore(5) means it: one without a slash before its end is met at any depth, any
// other begins at the folder of the settings file. What lies in a folder that is met is met too.
func newGlob(pattern string) string {
	pattern = strings.TrimPrefix(pattern, "./")
	if !strings.Contains(strings.TrimSuffix(pattern, "/"), "/") {
		pattern = "**/" + pattern
	}
	pattern = strings.TrimPrefix(pattern, "/")
	if inside, isFolder := strings.CutSuffix(pattern, "/"); isFolder {
		return inside + "/**/*"
	}
	return pattern
}

// isGlob reports whether a pattern can be matched.
func isGlob(pattern string) bool { return doublestar.ValidatePattern(newGlob(pattern)) }

// Excludes reports whether a file or folder is not to be linted.
func (s *Settings) Excludes(path string) bool { return s.matches(s.exclude, path) }

// matches reports whether a glob meets a path, or a folder that it lies in.
func (s *Settings) matches(globs []string, path string) bool {
	if len(globs) == 0 {
		return false
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(s.Dir, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return false
	}
	rel = filepath.ToSlash(rel)
	for _, glob := range globs {
		for at := rel; at != "."; at = parent(at) {
			if doublestar.MatchUnvalidated(glob, at) {
				return true
			}
		}
	}
	return false
}

// parent returns the folder of a relative path with slashes; "." of one without any.
func parent(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "."
	}
	return path[:i]
}
