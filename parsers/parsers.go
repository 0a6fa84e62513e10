// Package parsers reads configurations from disk: it tells the proxies' files apart, finds them in a
// folder and hands them to the parser of their language.
package parsers

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/proxylint/proxylint/parsers/cloudflared"
	"github.com/proxylint/proxylint/parsers/haproxy"
	"github.com/proxylint/proxylint/parsers/nginx"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Options says how configurations are to be read.
type Options struct {
	// Dialect is the language of every file named and of standard input, and the only one looked for in
	// a folder. AnyDialect: each file tells by its content and its name.
	Dialect        syntax.Dialect
	NginxVersion   proxy.Version
	HAProxyVersion proxy.Version
	// Env holds what is known of the environment that templates are filled in from: it stands for ${NAME} in
	// files such as default.conf.template.
	Env map[string]string
	// Open holds the files that are open in an editor, by path: their texts take the place of what is on disk,
	// wherever a path or an include names them. Folders are searched on disk.
	Open map[string]Document

	// Roots are read in a way of their own. What is set above for every file is stronger.
	Roots []Root
	// Within is the folder that the includes of a root in it may reach; "": the root's own.
	Within string
	// Directives are names that nginx modules of the user's own bring.
	Directives []string
	// Excludes reports whether a file or folder that is met below a folder is passed over; nil: none is.
	Excludes func(path string) bool
}

// Document is a file as an editor has it.
type Document struct {
	Text    string
	Dialect syntax.Dialect // AnyDialect: the text tells
}

// Load reads what the paths name: a file is one configuration, a folder gives all that are found below it, and a
// YAML file those that lie in its ConfigMaps or compose configs, or the one that it is.
// A file that several paths reach is read once. A lone nginx fragment is read as part of the nginx.conf
// around it, where one includes it; the configuration's Only then names the fragment.
//
// What is wrong inside a configuration is a problem of its tree. An error tells, in one line, of a path
// that holds no configuration to read.
func Load(paths []string, o Options) ([]*proxy.Config, error) {
	l := newLoader(o)
	for _, path := range paths {
		isDir, err := l.isDir(path)
		if err != nil {
			return nil, PathError(path, err)
		}
		path = filepath.Clean(path)
		if isDir {
			err = l.folder(path)
		} else {
			err = l.file(path)
		}
		if err != nil {
			return nil, err
		}
	}
	return l.configs, nil
}

// LoadText reads a text that is not on disk under that name, such as standard input. Its includes start
// at the folder of the name. A YAML text may hold several configurations.
func LoadText(name, src string, o Options) ([]*proxy.Config, error) {
	if err := checkText(src); err != nil {
		return nil, PathError(name, err)
	}
	l := newLoader(o)
	if isYAML(name) {
		if found, err := l.yaml(name, src); found || err != nil {
			return l.configs, err
		}
	}
	dialect := l.dialect(name)
	if dialect == syntax.AnyDialect {
		dialect = detect(name, src)
	}
	switch dialect {
	case syntax.Nginx:
		return []*proxy.Config{nginx.Load(o.source(name, src), l.nginx(name, ""))}, nil
	case syntax.HAProxy:
		return []*proxy.Config{haproxy.Load([]syntax.Source{o.source(name, src)}, l.haproxyVersion(name))}, nil
	case syntax.Cloudflared:
		return []*proxy.Config{cloudflared.Load(o.source(name, src))}, nil
	}
	return nil, errDialect(name)
}

// source names a text as trees do, with slashes.
func (o Options) source(path, src string) syntax.Source {
	return syntax.Source{Path: filepath.ToSlash(path), Src: src, Env: o.Env}
}

func errDialect(name string) error {
	return fmt.Errorf("%s: cannot tell whether this is for nginx or HAProxy, use --dialect", name)
}

// loader gathers the configurations of one run.
type loader struct {
	Options
	roots   []Root            // with real paths, the innermost first
	parts   map[string]string // rootAround's answers
	configs []*proxy.Config
	held    map[string]place    // every file read so far, by its real path
	yamls   map[string]bool     // every YAML file read so far likewise: whether it holds configurations
	open    map[string]Document // Options.Open likewise
}

func newLoader(o Options) *loader {
	l := &loader{
		Options: o, roots: innermostFirst(o.Roots),
		held: map[string]place{}, yamls: map[string]bool{}, open: map[string]Document{},
	}
	for path, document := range o.Open {
		l.open[RealPath(path)] = document
	}
	return l
}

// place is a file inside a configuration, under the path it has there.
type place struct {
	config *proxy.Config
	path   string
}

func (p place) isMain() bool { return p.path == p.config.Tree.Roots[0].Path }

// file reads a file that the user named.
func (l *loader) file(path string) error {
	if l.want(path) {
		return nil
	}
	src, err := l.readText(path)
	if err != nil {
		return PathError(path, err)
	}
	if isYAML(path) {
		if found, err := l.yaml(path, src); found || err != nil {
			return err
		}
	}
	dialect := l.dialect(path)
	if dialect == syntax.AnyDialect {
		dialect = detect(path, src)
	}
	switch {
	case dialect == syntax.HAProxy:
		l.addHAProxy([]syntax.Source{l.source(path, src)})
	case dialect == syntax.Cloudflared:
		l.add(cloudflared.Load(l.source(path, src)))
	case dialect != syntax.Nginx:
		return errDialect(path)
	case isMain(path, src) || !l.addAround(path):
		l.addNginx(l.source(path, src), "")
	}
	return nil
}

// addAround reads the nginx.conf that includes a fragment, for the findings in the fragment. It reports
// whether there is one.
func (l *loader) addAround(fragment string) bool {
	root, ok := l.rootAround(fragment)
	if !ok {
		root, ok = nginx.FindRoot(fragment, func(root string) nginx.Options { return l.nginx(root, "") })
	}
	if !ok {
		return false
	}
	if !filepath.IsLocal(root) {
		// "../conf.d/site.conf" is no name for what the user calls site.conf: reports shorten an absolute path
		root, _ = filepath.Abs(root)
	}
	src, err := l.readText(root)
	if err != nil {
		return false
	}
	config := nginx.Load(l.source(root, src), l.nginx(root, ""))
	config.Only = map[string]bool{}
	l.add(config)
	return l.want(fragment)
}

func (l *loader) addNginx(main syntax.Source, within string) *proxy.Config {
	config := nginx.Load(main, l.nginx(main.Path, within))
	l.add(config)
	return config
}

func (l *loader) addHAProxy(sources []syntax.Source) {
	l.add(haproxy.Load(sources, l.haproxyVersion(sources[0].Path)))
}

// add takes in a configuration, in place of those whose main file it turns out to include.
func (l *loader) add(config *proxy.Config) {
	var included []string
	for _, path := range slices.Sorted(maps.Keys(config.Tree.Files)) {
		real := RealPath(filepath.FromSlash(path))
		before, seen := l.held[real]
		if seen && before.config != config && before.isMain() {
			l.configs = slices.DeleteFunc(l.configs, func(c *proxy.Config) bool { return c == before.config })
			included = append(included, real)
			seen = false
		}
		if !seen || config.Only == nil {
			l.held[real] = place{config, path}
		}
	}
	l.configs = append(l.configs, config)
	for _, real := range included {
		l.want(real)
	}
}

// want asks for the findings in a file, if a configuration read so far holds it.
func (l *loader) want(path string) bool {
	at, ok := l.held[RealPath(path)]
	switch {
	case !ok:
		return false
	case at.isMain():
		at.config.Only = nil
	case at.config.Only != nil:
		at.config.Only[at.path] = true
	}
	return true
}

// RealPath gives an absolute path without symbolic links, the same for every name of a file.
func RealPath(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return abs
	}
	return real
}
