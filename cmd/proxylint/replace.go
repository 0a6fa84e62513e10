package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// replaceFile puts a text into a file at one blow: who reads it sees all of the old or all of the new text, also
// after a crash. Mode and owner are kept, and a symbolic link goes on to lead there.
func replaceFile(path, text string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	old, err := os.Stat(path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && !old.Mode().IsRegular():
		return &fs.PathError{Op: "write", Path: path, Err: syntax.ErrSpecial}
	}
	// A wildcard include takes in no hidden file.
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	err = errors.Join(fill(temp, text, old), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// fill writes a file that is to take the place of an old one; nil: of none.
func fill(file *os.File, text string, old fs.FileInfo) error {
	if _, err := file.WriteString(text); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if old != nil {
		if err := keepOwner(file, old); err != nil {
			return err
		}
		mode = old.Mode()
	}
	if err := file.Chmod(mode); err != nil { // after the owner: a new one takes special bits away
		return err
	}
	return file.Sync()
}
