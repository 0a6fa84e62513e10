package inventory

import "github.com/proxylint/proxylint/parsers/syntax"

// isGunicornName reports whether a file may be a gunicorn configuration, by its path.
func isGunicornName(string) bool { return false }

// gunicorn reads a gunicorn configuration.
func (r *reader) gunicorn(*syntax.File) {}
