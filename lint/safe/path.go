package safe

import "path/filepath"

// Path returns a path as output names it, still to be cleaned: with slashes, and relative to a folder, "" for none, if it
// lies below.
func Path(path, dir string) string {
	if filepath.IsAbs(path) && dir != "" {
		if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
			path = rel
		}
	}
	return filepath.ToSlash(path)
}
