package inventory

import (
	"path/filepath"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// isComposeName reports whether a file is the main file of a compose project, by its name.
func isComposeName(path string) bool {
	switch filepath.Base(path) {
	case "compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml":
		return true
	}
	return false
}

// compose reads a compose project.
func (r *reader) compose(*syntax.File) {}

// containerOf returns the container whose build folder or mount holds a file; nil when none does.
func (r *reader) containerOf(string) *Container { return nil }
