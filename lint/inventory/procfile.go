package inventory

import "github.com/proxylint/proxylint/parsers/syntax"

// isProcfileName reports whether a file may be a Procfile, by its path.
func isProcfileName(string) bool { return false }

// procfile reads a Procfile.
func (r *reader) procfile(*syntax.File) {}
