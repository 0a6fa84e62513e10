package inventory

import "github.com/proxylint/proxylint/parsers/syntax"

// isPackageName reports whether a file may be a package.json, by its path.
func isPackageName(string) bool { return false }

// packageJSON reads a package.json.
func (r *reader) packageJSON(*syntax.File) {}
