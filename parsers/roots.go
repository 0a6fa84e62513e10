package parsers

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/nginx"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Root is a configuration, or a folder of them, that is read in a way of its own.
type Root struct {
	Path    string
	Dialect syntax.Dialect    // AnyDialect: each file tells
	Version proxy.Version     // of the proxy that reads it
	Prefix  string            // nginx: the folder that relative includes start at; "": the main file's
	Map     map[string]string // nginx: absolute folders of its machine, with slashes, and where they lie here
}

// innermostFirst returns roots with real paths, in the order in which they are asked about a file.
func innermostFirst(roots []Root) []Root {
	roots = slices.Clone(roots)
	for i := range roots {
		roots[i].Path = RealPath(roots[i].Path)
	}
	slices.SortStableFunc(roots, func(a, b Root) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	return roots
}

// root returns the innermost root that a path is or lies in; the zero Root when there is none.
func (l *loader) root(path string) Root {
	if len(l.roots) == 0 {
		return Root{}
	}
	real := RealPath(path)
	for _, root := range l.roots {
		if isBelow(real, root.Path) {
			return root
		}
	}
	return Root{}
}

// rootAround returns the root that includes a file.
func (l *loader) rootAround(path string) (root string, ok bool) {
	if l.parts == nil {
		l.parts = map[string]string{}
		for _, root := range l.Roots {
			l.addParts(root)
		}
	}
	root, ok = l.parts[RealPath(path)]
	return root, ok
}

// addParts takes in what a root includes, if it is a whole nginx configuration.
func (l *loader) addParts(root Root) {
	src, err := l.readText(root.Path)
	if err != nil || root.Dialect == syntax.HAProxy || !isMain(root.Path, src) {
		return
	}
	config := nginx.Load(l.source(root.Path, src), l.nginx(root.Path, ""))
	for included := range config.Tree.Files {
		if real := RealPath(filepath.FromSlash(included)); l.parts[real] == "" {
			l.parts[real] = root.Path
		}
	}
}

// dialect returns the language that a file is said to be in; AnyDialect: it tells itself.
func (l *loader) dialect(path string) syntax.Dialect {
	return cmp.Or(l.Dialect, l.open[RealPath(path)].Dialect, l.root(path).Dialect)
}

func (l *loader) haproxyVersion(path string) proxy.Version {
	if root := l.root(path); root.Dialect != syntax.Nginx {
		return cmp.Or(l.HAProxyVersion, root.Version)
	}
	return l.HAProxyVersion
}

// nginx says how a main file is read. Its includes may not leave the folder within; "": its root's, or its own.
func (l *loader) nginx(path, within string) nginx.Options {
	o := nginx.Options{Version: l.NginxVersion, Within: within, Directives: l.Directives, Read: l.readFile}
	root := l.root(path)
	if root.Path == "" || root.Dialect == syntax.HAProxy {
		return o
	}
	o.Version = cmp.Or(l.NginxVersion, root.Version)
	o.Prefix, o.Map = root.Prefix, root.Map
	if l.Within != "" && isBelow(root.Path, RealPath(l.Within)) {
		o.Within = l.Within
	}
	return o
}

// isBelow reports whether a real path is dir or lies in it.
func isBelow(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator)))
	return ok && (rest == "" || os.IsPathSeparator(rest[0]))
}
