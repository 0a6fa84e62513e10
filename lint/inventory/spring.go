package inventory

import "github.com/proxylint/proxylint/parsers/syntax"

// isSpringName reports whether a file may be a Spring configuration, by its path.
func isSpringName(string) bool { return false }

// spring reads a Spring configuration.
func (r *reader) spring(*syntax.File) {}
