package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Name is what a settings file is called.
const Name = ".proxylint.yaml"

// Find looks for a settings file in a folder and those above it, up to the root of its repository; of a folder in no
// repository it looks into that alone, since those above may be anybody's. It returns the file, "" when there is none, and
// the folder that the file may speak of: the repository, else its own.
func Find(dir string) (path, within string, err error) {
	root := repository(dir)
	for ; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, Name)
		if _, err := os.Lstat(path); err == nil {
			return path, root, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", "", err
		}
		if dir == root {
			return "", "", nil
		}
	}
}

// repository returns the root of the repository that an absolute path lies in, else the path itself.
func repository(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}
