package inventory

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

const (
	maxDepth   = 8       // of folders looked into
	maxEntries = 20_000  // names looked at below one root
	maxFiles   = 4_000   // files read below one root
	maxSize    = 1 << 20 // bytes of one file

	maxYAMLSize = 2_000_000 // values in one document, aliases filled in
)

const tooBig = "is too big once its aliases are filled in"

// Discover adds the facts that the files below a folder hold. Nothing outside the folder is read, wherever a
// file or a symbolic link points. It never fails: what can't be read is a Gap.
func (f *Facts) Discover(root string) {
	r := newReader(f, root)
	found := r.find()
	for _, kind := range kinds {
		for _, path := range found[kind.name] {
			if file := r.open(path); file != nil && (kind.holds == nil || kind.holds(file.Src)) {
				kind.read(r, file)
			}
		}
	}
	r.link()
}

// kind is one sort of file that holds facts.
type kind struct {
	name  string
	named func(path string) bool // whether a file may be of this kind, by its path
	holds func(src string) bool  // whether it is, by its text; nil: the name is enough
	read  func(*reader, *syntax.File)
}

// kinds are in the order of reading: containers come before the files that say what runs in them.
var kinds = []kind{
	{"compose", isComposeName, nil, (*reader).compose},
	{"compose variant", isVariantName, nil, (*reader).composeVariant},
	{"Kubernetes", isYAMLName, holdsManifest, (*reader).manifests},
	{"php-fpm", isPoolName, holdsPool, (*reader).pool},
	{"uwsgi", isUWSGIName, holdsUWSGI, (*reader).uwsgi},
	{"gunicorn", isGunicornName, nil, (*reader).gunicorn},
	{"Procfile", isProcfileName, nil, (*reader).procfile},
	{"package.json", isPackageName, nil, (*reader).packageJSON},
	{"systemd", isUnitName, nil, (*reader).unit},
	{"Tomcat", isTomcatName, holdsTomcat, (*reader).tomcat},
	{"Spring", isSpringName, nil, (*reader).spring},
	{"lock", isLockFile, nil, (*reader).lock},
}

// reader gathers the facts below one root.
type reader struct {
	facts  *Facts
	root   string // as the user would name it
	real   string // the same without symbolic links
	opened map[string]*syntax.File
	apps   []*App // read so far, not yet known to be in a container or outside
}

func newReader(f *Facts, root string) *reader {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		real = root
	}
	return &reader{facts: f, root: root, real: real, opened: map[string]*syntax.File{}}
}

// find lists the files that may hold facts, by kind, in order of their paths. What lies nearest the root is
// looked at first, so that the limits cut off what matters least. Hidden folders and those of other people's
// code are passed over.
func (r *reader) find() map[string][]string {
	found := map[string][]string{}
	entries, files := 0, 0
	folders := []string{r.root}
	for depth := 0; depth < maxDepth && len(folders) > 0; depth++ {
		var deeper []string
		for _, dir := range folders {
			list, _ := os.ReadDir(dir) // one that can't be read leaves out facts: it is no fault of the lint
			for _, e := range list {
				if entries++; entries > maxEntries || files >= maxFiles {
					r.gap(r.root, "holds more files than are looked at")
					return found
				}
				path := filepath.Join(dir, e.Name())
				if e.IsDir() {
					if !isPassedOver(e.Name()) {
						deeper = append(deeper, path)
					}
				} else if names := kindsOf(path); len(names) > 0 {
					for _, name := range names {
						found[name] = append(found[name], path)
					}
					files++
				}
			}
		}
		folders = deeper
	}
	return found
}

// kindsOf returns the names of the kinds that a file may be of, by its path: where the text decides, it may be of a
// later kind too.
func kindsOf(path string) []string {
	var names []string
	for _, k := range kinds {
		if !k.named(path) {
			continue
		}
		names = append(names, k.name)
		if k.holds == nil {
			break
		}
	}
	return names
}

// MayHold reports whether a file may hold facts, by its path.
func MayHold(path string) bool { return len(kindsOf(path)) > 0 }

// Holds reports whether a file holds facts, by its path and its text.
func Holds(path, text string) bool {
	return slices.ContainsFunc(kinds, func(k kind) bool { return k.named(path) && (k.holds == nil || k.holds(text)) })
}

// isPassedOver reports whether a folder of that name is not looked into.
func isPassedOver(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor"
}

// open returns the text of a regular file below the root, read once; nil when there is none to read. A file
// that is there but can't be used is a Gap.
func (r *reader) open(path string) *syntax.File {
	path = filepath.Clean(path)
	if file, seen := r.opened[path]; seen {
		return file
	}
	r.opened[path] = nil
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil
	}
	if rel, err := filepath.Rel(r.real, real); err != nil || !filepath.IsLocal(rel) {
		return nil
	}
	info, err := os.Stat(real)
	switch {
	case err != nil || !info.Mode().IsRegular():
		return nil
	case info.Size() > maxSize:
		r.gap(path, "is larger than 1 MiB")
		return nil
	}
	src, err := os.ReadFile(real)
	if err != nil {
		r.gap(path, "can't be read")
		return nil
	}
	file := syntax.NewFile(filepath.ToSlash(path), string(src), syntax.AnyDialect, nil)
	r.opened[path] = file
	return file
}

// gap notes that a file was not read.
func (r *reader) gap(path, why string) {
	r.facts.Gaps = append(r.facts.Gaps, Gap{Path: filepath.ToSlash(path), Why: why})
}

// byPath orders apps by where they stand.
func byPath(a, b *App) int {
	return cmp.Or(cmp.Compare(a.At.File.Path, b.At.File.Path), cmp.Compare(a.At.Span.Start, b.At.Span.Start))
}

// link gives every app that was read to the container that holds its file, and those that no container holds to
// the machine.
func (r *reader) link() {
	slices.SortStableFunc(r.apps, byPath)
	held := newHoldings(r.facts.Projects)
	for _, app := range r.apps {
		switch container, starts := held.owner(app); {
		case container == nil:
			r.facts.Apps = append(r.facts.Apps, app)
		case starts:
			container.adopt(app)
		}
	}
}
