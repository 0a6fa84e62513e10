package inventory

import "github.com/proxylint/proxylint/parsers/syntax"

// isUnitName reports whether a file may be a systemd unit, by its path.
func isUnitName(string) bool { return false }

// unit reads a systemd unit.
func (r *reader) unit(*syntax.File) {}
