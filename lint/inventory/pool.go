package inventory

import "github.com/proxylint/proxylint/parsers/syntax"

// isPoolName reports whether a file may be a php-fpm pool, by its path.
func isPoolName(string) bool { return false }

// holdsPool reports whether a text is a php-fpm pool.
func holdsPool(string) bool { return false }

// pool reads a php-fpm pool.
func (r *reader) pool(*syntax.File) {}
