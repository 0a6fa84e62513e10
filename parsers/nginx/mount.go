package nginx

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// mount is a folder of nginx's machine, or a file, and where it lies here.
type mount struct {
	path string // absolute, with slashes
	dir  string
}

// mount says where absolute includes lead. What lies there may be read.
func (l *loader) mount(folders map[string]string) {
	for path, dir := range folders {
		if abs, err := filepath.Abs(dir); err == nil && filepath.IsAbs(l.base) {
			dir = abs // one file has one name
		}
		l.mounts = append(l.mounts, mount{path, dir})
		l.within = append(l.within, realPath(dir))
	}
	slices.SortFunc(l.mounts, func(a, b mount) int { return cmp.Compare(len(b.path), len(a.path)) })
}

// locate returns where the file lies that an include names.
func (l *loader) locate(name string) string {
	if path.IsAbs(name) {
		clean := path.Clean(name)
		for _, m := range l.mounts {
			rest, ok := strings.CutPrefix(clean, strings.TrimSuffix(m.path, "/"))
			if ok && (rest == "" || rest[0] == '/') {
				return filepath.Join(m.dir, filepath.FromSlash(rest))
			}
		}
	}
	path := filepath.FromSlash(name)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.base, path)
}
