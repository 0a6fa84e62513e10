package nginx

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/spell"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxFiles bounds the files of one tree.
const maxFiles = 20_000

// Options says how a configuration is to be read.
type Options struct {
	Version    proxy.Version
	Within     string            // includes may not lead out of this folder; "": the main file's
	Prefix     string            // the folder that relative includes start at; "": the main file's
	Map        map[string]string // absolute folders of nginx's machine, with slashes, and where they lie here
	Directives []string          // names that modules of the user's own bring

	// Read returns the text of an included file; nil: syntax.ReadFile.
	Read func(path string) (string, error)

	// Beside are the texts that an embedded main file may include, itself among them, in order of their
	// names: no file on disk is read for it.
	Beside []syntax.Source
}

// Load reads a main file and all that it includes. It never fails: what can't be read is a Problem of
// the tree.
func Load(main syntax.Source, o Options) *proxy.Config {
	tree := loadTree(main, o)
	check(tree, o)
	config := build(tree)
	config.Version = o.Version
	return config
}

// readFile returns the text of a file.
func (o Options) readFile(path string) (string, error) {
	if o.Read == nil {
		return syntax.ReadFile(path)
	}
	return o.Read(path)
}

// FindRoot looks for the nginx.conf that includes a file, in the file's folder and those above it. Each is read with
// options of its own.
func FindRoot(path string, options func(root string) Options) (root string, ok bool) {
	dir := filepath.Dir(path)
	for range 4 {
		root := filepath.Join(dir, "nginx.conf")
		o := options(root)
		if text, err := o.readFile(root); err == nil && !sameFile(root, path) {
			tree := loadTree(syntax.Source{Path: root, Src: text}, o)
			for included := range tree.Files {
				if sameFile(included, path) {
					return root, true
				}
			}
		}
		dir = filepath.Join(dir, "..")
	}
	return "", false
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func loadTree(main syntax.Source, o Options) *syntax.Tree {
	l := loader{
		tree: &syntax.Tree{
			Dialect:  syntax.Nginx,
			Files:    map[string]*syntax.File{},
			Includes: map[*syntax.Stmt][]*syntax.File{},
			Unread:   map[*syntax.Stmt]struct{}{},
		},
		base: cmp.Or(o.Prefix, filepath.Dir(main.Path)),
		env:  main.Env,
		done: map[string]bool{},
		read: o.readFile,
	}
	file := scan(syntax.Source{Path: filepath.ToSlash(main.Path), Src: main.Src, Env: main.Env})
	file.Origin = main.Origin
	l.tree.Roots = []*syntax.File{file}
	l.tree.Around = around(file)
	l.tree.Fragment = len(l.tree.Around) > 0
	l.tree.Files[file.Path] = file
	if main.Origin != nil {
		l.beside = &beside{main: file, sources: o.Beside}
		l.follow(file, file.Path)
	} else {
		l.mount(o.Map)
		real := realPath(main.Path)
		l.within = append(l.within, realPath(cmp.Or(o.Within, filepath.Dir(main.Path))), realPath(l.base))
		if syntax.IsBelow(real, ownFolder) {
			l.within = append(l.within, packagesFolder)
		}
		l.follow(file, real)
	}
	for _, f := range l.tree.Files {
		l.tree.Fragment = l.tree.Fragment || f.IsOpen()
	}
	return l.tree
}

// loader follows the includes of one tree.
type loader struct {
	tree   *syntax.Tree
	base   string // every relative include starts there: the main file's folder
	env    map[string]string
	read   func(path string) (string, error)
	mounts []mount         // the longest path first
	within []string        // the folders that includes may not leave, without symbolic links
	beside *beside         // what an embedded main file may include; nil: files on disk
	done   map[string]bool // whether all includes of a file are followed; false: it is on the way here
	chain  []link
}

// link is one step on the way from the main file: an include statement and the file it is in.
type link struct {
	stmt *syntax.Stmt
	real string // of the file that holds stmt, without symbolic links
}

// follow resolves all include statements of a file, depth first.
func (l *loader) follow(file *syntax.File, real string) {
	l.done[real] = false
	eachInclude(file.Stmts, func(s *syntax.Stmt) {
		l.chain = append(l.chain, link{s, real})
		l.include(s)
		l.chain = l.chain[:len(l.chain)-1]
	})
	l.done[real] = true
}

// eachInclude calls fn for every include statement of a file with the one argument it takes.
func eachInclude(list []*syntax.Stmt, fn func(*syntax.Stmt)) {
	for _, s := range list {
		if len(s.Words) == 2 && s.Block == nil && s.Name() == "include" {
			fn(s)
		}
		if s.Block != nil {
			eachInclude(s.Block.Stmts, fn)
		}
	}
}

// include brings in what one statement names (nginx ngx_core_module, "include": a relative name starts
// at the main file's folder; one with *, ? or [ is a glob(7) pattern, and may match nothing).
func (l *loader) include(s *syntax.Stmt) {
	name := s.Arg(1)
	path := l.locate(name)
	switch {
	case isTemplate(name), strings.Contains(name, "$"): // include takes no variables: envsubst fills these in
		l.unread(s)
	case l.beside != nil:
		l.includeBeside(s, name)
	case !strings.ContainsAny(name, "*?["):
		l.includeFile(s, path)
	case !l.inside(globBase(path)):
		l.outside(s)
	default:
		for _, match := range glob(path) {
			l.includeFile(s, match)
		}
	}
}

// includeFile brings in one file, unless it leads in a circle or can't be read.
func (l *loader) includeFile(s *syntax.Stmt, path string) {
	real := realPath(path)
	if !l.inside(real) {
		l.outside(s)
		return
	}
	if done, seen := l.done[real]; seen && !done {
		l.cycle(s, real)
		return
	}
	shown := l.shown(path)
	file := l.tree.Files[shown]
	if file == nil {
		if len(l.tree.Files) >= maxFiles {
			l.problem(s, syntax.Fatal, fmt.Sprintf("more than %d files are included; the rest is not read", maxFiles), "", nil)
			return
		}
		text, err := l.read(path)
		if err != nil {
			l.unreadable(s, path, err)
			return
		}
		file = scan(syntax.Source{Path: shown, Src: text, Env: l.env})
		l.tree.Files[shown] = file
		l.follow(file, real)
	}
	l.tree.Includes[s] = append(l.tree.Includes[s], file)
}

// shown gives a path the form that the user gave to the main file's.
func (l *loader) shown(path string) string {
	if filepath.IsAbs(path) && !filepath.IsAbs(l.base) {
		if cwd, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(cwd, path); err == nil {
				path = rel
			}
		}
	}
	return filepath.ToSlash(path)
}

// The configuration of this machine, which is in ownFolder, may lead to what its packages bring: Debian's nginx has links to
// its modules there.
var ownFolder, packagesFolder = "/etc", "/usr/share"

// inside reports whether a path without symbolic links lies in the folders that may be read.
func (l *loader) inside(real string) bool {
	real = realPath(real)
	return slices.ContainsFunc(l.within, func(dir string) bool { return syntax.IsBelow(real, dir) })
}

func (l *loader) unread(s *syntax.Stmt) { l.tree.Unread[s] = struct{}{} }

func (l *loader) outside(s *syntax.Stmt) {
	if _, told := l.tree.Unread[s]; !told {
		hint := ""
		if path.IsAbs(s.Arg(1)) {
			hint = fmt.Sprintf("map: {%s: FOLDER} in the roots of .proxylint.yaml", clip(path.Dir(s.Arg(1))))
		}
		l.problem(s, syntax.Note, fmt.Sprintf("%s was not read: it lies outside the files being linted", clip(s.Arg(1))), hint, nil)
	}
}

func (l *loader) cycle(s *syntax.Stmt, real string) {
	at := slices.IndexFunc(l.chain, func(k link) bool { return k.real == real })
	var names []string
	var related []syntax.Related
	for _, k := range l.chain[at:] {
		names = append(names, clip(k.stmt.File.Path))
		if k.stmt != s {
			related = append(related, syntax.Related{At: k.stmt.Ref(1), Msg: "through this include"})
		}
	}
	if most := 6; len(names) > most {
		names = append(names[:most], "…")
	}
	names = append(names, names[0])
	l.problem(s, syntax.Fatal, "this include leads in a circle: "+strings.Join(names, " → "), "remove one of the includes", related)
}

// unreadable tells of a file that is named but can't be read; how grave that is depends on whether the
// file can be expected here.
func (l *loader) unreadable(s *syntax.Stmt, path string, err error) {
	name := clip(s.Arg(1))
	switch {
	case errors.Is(err, syntax.ErrFolder):
		l.problem(s, syntax.Fatal, name+" is a folder: nginx includes files", "write "+strings.TrimSuffix(name, "/")+"/*.conf", nil)
	case !errors.Is(err, fs.ErrNotExist):
		l.problem(s, syntax.Note, fmt.Sprintf("%s was not read: %v", name, plainError(err)), "", nil)
	case isShipped(path):
		l.problem(s, syntax.Note, name+" was not read: it is not here; nginx's package ships a file of that name", "", nil)
	case l.tree.Fragment || s.File.Template != nil || l.beside != nil || !hasConfigs(filepath.Dir(path)):
		l.problem(s, syntax.Note, name+" was not read: it is not here", "", nil)
	default:
		l.problem(s, syntax.Fatal, name+" does not exist, while other files of its folder do", nearestFile(path), nil)
	}
}

func (l *loader) problem(s *syntax.Stmt, grade syntax.Grade, msg, hint string, related []syntax.Related) {
	l.unread(s)
	seen := syntax.Pos(-1)
	if grade == syntax.Fatal {
		seen = s.End - 1
	}
	l.tree.Problems = append(l.tree.Problems, syntax.FileProblem{
		Problem: syntax.Problem{Code: "include-missing", Msg: msg, Hint: hint, Grade: grade, At: s.Words[1].Span, Seen: seen},
		File:    s.File,
		Related: related,
	})
}

// plainError drops the path that the os package puts before the cause.
func plainError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// realPath gives an absolute path without symbolic links; of one that does not exist, as far as it does.
func realPath(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	dir := filepath.Dir(abs)
	if dir == abs {
		return abs
	}
	return filepath.Join(realPath(dir), filepath.Base(abs))
}

// isShipped reports whether nginx's package or a usual add-on brings a file of that name.
func isShipped(path string) bool {
	base := filepath.Base(path)
	switch base {
	case "mime.types", "fastcgi.conf", "koi-utf", "koi-win", "win-utf", "snakeoil.conf", "fastcgi-php.conf":
		return true
	}
	return strings.HasSuffix(base, "_params") || filepath.Base(filepath.Dir(path)) == "snippets"
}

// hasConfigs reports whether a folder holds any file that looks like a configuration.
func hasConfigs(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		ext := filepath.Ext(e.Name())
		return e.Type().IsRegular() && (ext == ".conf" || ext == ".inc" || isShipped(e.Name()))
	})
}

// nearestFile names a file of the same folder whose name is almost that of path.
func nearestFile(path string) string {
	entries, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		if name := e.Name(); e.Type().IsRegular() && spell.Distance(name, filepath.Base(path), 2) <= 2 {
			return "did you mean " + clip(name) + "?"
		}
	}
	return ""
}
