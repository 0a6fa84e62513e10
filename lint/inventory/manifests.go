package inventory

import (
	"path/filepath"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// isYAMLName reports whether a file is YAML, or JSON as kubectl prints it, by its name.
func isYAMLName(path string) bool {
	switch filepath.Ext(path) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// holdsManifest reports whether a text is a Kubernetes manifest.
func holdsManifest(string) bool { return false }

// manifests reads the objects of a Kubernetes manifest.
func (r *reader) manifests(*syntax.File) {}
