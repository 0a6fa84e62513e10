package nginx

import (
	"io/fs"
	"path"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// beside are the texts that an embedded configuration may include. Where each lies in the container is not
// known here, so the last part of a path has to do.
type beside struct {
	main    *syntax.File
	sources []syntax.Source
	files   []*syntax.File  // the sources without main, once they are asked for
	named   map[string]bool // the last parts of the plain paths that some include names
	taken   map[string]bool // the paths of the texts that a pattern has brought in
}

func (b *beside) read() {
	b.named, b.taken = map[string]bool{}, map[string]bool{}
	b.addNames(b.main)
	for _, source := range b.sources {
		if source.Path == b.main.Path {
			continue
		}
		file := scan(source)
		file.Origin = source.Origin
		b.files = append(b.files, file)
		b.addNames(file)
	}
}

func (b *beside) addNames(file *syntax.File) {
	eachInclude(file.Stmts, func(s *syntax.Stmt) { b.named[path.Base(s.Arg(1))] = true })
}

// matches returns the texts that an include names. A pattern takes each only once, and none that another
// include names or that is a whole configuration: its folder may be another one.
func (b *beside) matches(name string) []*syntax.File {
	if b.named == nil {
		b.read()
	}
	isPattern := strings.ContainsAny(name, "*?[")
	last := path.Base(name)
	var found []*syntax.File
	for _, file := range b.files {
		own := path.Base(file.Path)
		switch {
		case !isPattern && own == last:
			return []*syntax.File{file}
		case isPattern && matchName(last, own) && !b.named[own] && !b.taken[file.Path] && !hasMainOnly(file.Stmts):
			b.taken[file.Path] = true
			found = append(found, file)
		}
	}
	return found
}

// includeBeside brings in the texts beside an embedded configuration that an include names.
func (l *loader) includeBeside(s *syntax.Stmt, name string) {
	found := false
	for _, file := range l.beside.matches(name) {
		done, seen := l.done[file.Path]
		if seen && !done {
			l.cycle(s, file.Path)
			return
		}
		if !seen {
			l.tree.Files[file.Path] = file
			l.follow(file, file.Path)
		}
		l.tree.Includes[s] = append(l.tree.Includes[s], file)
		found = true
	}
	if !found {
		l.unreadable(s, name, fs.ErrNotExist)
	}
}
