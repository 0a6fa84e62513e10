package logs

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Open opens a log, whether it is compressed by gzip or not. What is read of the file goes through watch, unless that is
// nil.
func Open(path string, watch func(io.Reader) io.Reader) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	raw := io.Reader(file)
	if watch != nil {
		raw = watch(file)
	}
	text, err := Decompress(raw)
	if err != nil {
		file.Close()
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return struct {
		io.Reader
		io.Closer
	}{text, file}, nil
}

// Decompress returns the text of a stream, which may be compressed by gzip, as the two bytes of RFC 1952, section 2.3.1,
// tell.
func Decompress(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, maxLine)
	magic, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(magic) == "\x1f\x8b" {
		return gzip.NewReader(buffered)
	}
	return buffered, nil
}

// Series returns a log with those that were rotated away from it, the oldest first: error.log.2.gz, error.log.1,
// error.log; or error.log-20261122 and error.log. A path that is no log's newest stands alone.
func Series(path string) []string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return []string{path}
	}
	rotated := regexp.MustCompile(`^` + regexp.QuoteMeta(filepath.Base(path)) + `(?:\.(\d{1,4})|[.-](\d{8}(?:-?\d{2,10})?))(?:\.gz)?$`)
	type part struct {
		path string
		age  int
		day  string
	}
	var parts []part
	for _, entry := range entries {
		if m := rotated.FindStringSubmatch(entry.Name()); m != nil {
			age, _ := strconv.Atoi(m[1])
			parts = append(parts, part{filepath.Join(filepath.Dir(path), entry.Name()), age, m[2]})
		}
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(b.age, a.age), strings.Compare(a.day, b.day), strings.Compare(a.path, b.path))
	})
	var paths []string
	for _, p := range parts {
		paths = append(paths, p.path)
	}
	return append(paths, path)
}
