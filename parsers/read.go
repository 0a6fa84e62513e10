package parsers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// headSize is how many bytes of a file are looked at to tell what it is.
const headSize = 64 << 10

var (
	errUTF16  = errors.New("UTF-16 text, which no proxy reads: save it as UTF-8")
	errBinary = errors.New("binary file, not a configuration")
)

// isDir reports whether a path names a folder. A file that is open need not be on disk.
func (l *loader) isDir(path string) (bool, error) {
	if _, isOpen := l.open[RealPath(path)]; isOpen {
		return false, nil
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir(), err
}

// readFile returns the text of a file, from the editor that has it open.
func (l *loader) readFile(path string) (string, error) {
	if len(l.open) > 0 {
		if document, isOpen := l.open[RealPath(path)]; isOpen {
			return document.Text, nil
		}
	}
	return syntax.ReadFile(path)
}

// readText returns the text of a file that may be a configuration.
func (l *loader) readText(path string) (string, error) {
	src, err := l.readFile(path)
	if err != nil {
		return "", err
	}
	return src, checkText(src)
}

// checkText tells why a text can't be a configuration. A stray NUL byte is no reason: nginx takes one in a
// comment.
func checkText(src string) error {
	if len(src) > syntax.MaxSize {
		return syntax.ErrTooBig
	}
	head := src[:min(len(src), headSize)]
	if strings.HasPrefix(head, "\xff\xfe") || strings.HasPrefix(head, "\xfe\xff") {
		return errUTF16
	}
	nul, control := 0, 0
	for i := range len(head) {
		switch c := head[i]; {
		case c == 0:
			nul++
			control++
		case c < ' ' && !strings.ContainsRune("\t\n\v\f\r\x1b", rune(c)):
			control++
		}
	}
	if nul > 0 && control > 8 && control > len(head)/32 {
		return errBinary
	}
	return nil
}

// PathError puts the path that the user gave before the cause alone.
func PathError(path string, err error) error {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}
