package inventory

import "github.com/proxylint/proxylint/parsers/syntax"

// isUWSGIName reports whether a file may be a uwsgi configuration, by its path.
func isUWSGIName(string) bool { return false }

// holdsUWSGI reports whether a text is a uwsgi configuration.
func holdsUWSGI(string) bool { return false }

// uwsgi reads a uwsgi configuration.
func (r *reader) uwsgi(*syntax.File) {}
