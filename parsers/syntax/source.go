package syntax

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Source is a text to read and the path it has for the user.
type Source struct {
	Path, Src string
	Env       map[string]string // what is known to fill in a template's ${NAME}
	Origin    *Embedded         // where it lies inside another file; nil: it is a file itself
}

// MaxSize is how many bytes of one file are read at most.
const MaxSize = 1 << 30

// IsBelow reports whether an absolute path is dir or lies in it, by the texts: links are not followed.
func IsBelow(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// Why a file is not read, beside what the os package says.
var (
	ErrFolder  = errors.New("is a folder")
	ErrSpecial = errors.New("not a regular file")
	ErrTooBig  = errors.New("larger than 1 GiB")
)

// ReadFile returns the text of a regular file: a pipe or a device might never end.
func ReadFile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case info.IsDir():
		return "", ErrFolder
	case !info.Mode().IsRegular():
		return "", ErrSpecial
	case info.Size() > MaxSize:
		return "", ErrTooBig
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	// A big configuration is copied only once this way.
	var text strings.Builder
	text.Grow(int(info.Size()))
	_, err = io.Copy(&text, io.LimitReader(file, MaxSize))
	return text.String(), err
}

// chunk sizes: big enough to make allocation cheap, small enough for a ten-line file.
const (
	firstChunk = 64
	lastChunk  = 4096
)

// Arena hands out the words and statements of one file from large blocks of memory, since a big
// configuration has millions of them.
type Arena struct {
	words []Word
	stmts []Stmt
	next  int
}

// Words returns a copy of list that lives in the arena.
func (a *Arena) Words(list []Word) []Word {
	if cap(a.words)-len(a.words) < len(list) {
		a.words = make([]Word, 0, max(a.grow()*3, len(list)))
	}
	at := len(a.words)
	a.words = append(a.words, list...)
	return a.words[at:len(a.words):len(a.words)]
}

// Stmt returns a new, empty statement.
func (a *Arena) Stmt() *Stmt {
	if len(a.stmts) == cap(a.stmts) {
		a.stmts = make([]Stmt, 0, a.grow())
	}
	a.stmts = append(a.stmts, Stmt{})
	return &a.stmts[len(a.stmts)-1]
}

func (a *Arena) grow() int {
	a.next = min(max(firstChunk, a.next*2), lastChunk)
	return a.next
}
