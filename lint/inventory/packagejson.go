package inventory

import (
	"path/filepath"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// isPackageName reports whether a file may be a package.json, by its path.
func isPackageName(path string) bool { return filepath.Base(path) == "package.json" }

// packageJSON reads the scripts of a package.json that start a server; "dev" only where there is no "start".
func (r *reader) packageJSON(f *syntax.File) {
	root, err := readJSON(f)
	if err != nil {
		r.gap(f.Path, "is not valid JSON")
		return
	}
	names := []string{"start", "start:prod", "start:production", "serve"}
	if !root.get("scripts", "start").exists() {
		names = append(names, "dev")
	}
	for _, name := range names {
		if app := lineApp(root.get("scripts", name).value()); app != nil {
			app.Name = name
			r.apps = append(r.apps, app)
		}
	}
}
