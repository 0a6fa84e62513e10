package rules

import "path/filepath"

// holdsTables reports whether an include is of a file that nginx's package ships and that holds nothing but
// types or a charset map: what it sets is known though it was not read.
func holdsTables(path string) bool {
	switch filepath.Base(path) {
	case "mime.types", "koi-utf", "koi-win", "win-utf":
		return true
	}
	return false
}
