package inventory

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

const (
	maxParts    = 100     // files that make up one compose project
	maxExtends  = 16      // services that extend each other in a row
	maxServices = 1000    // of one project
	maxItems    = 200_000 // of its lists and mappings; aliases may make any number of one
)

// composer puts a project together from its files.
type composer struct {
	r                                    *reader
	project                              *Project
	services, networks, configs, secrets section
	parts                                map[string]*composeFile
	included                             map[string]bool
	joined                               map[string]*Network
	left                                 int // items that may still be looked at
}

// composeFile is one file of a project.
type composeFile struct {
	root yamldoc.Node
	dir  string           // what its relative paths start from
	env  map[string]Value // for ${...}
	left *int             // items that may still be looked at
}

// spend takes one item from those that may still be looked at; it reports false when there are none.
func (f *composeFile) spend() bool {
	*f.left--
	return *f.left >= 0
}

// section is one of the top-level mappings, gathered over the files.
type section struct {
	names []string
	keys  map[string]layer
	said  map[string]layers
}

func (r *reader) newComposer(dir string) *composer {
	name := filepath.Base(dir)
	if abs, err := filepath.Abs(dir); err == nil {
		name = filepath.Base(abs)
	}
	c := &composer{
		r: r, project: &Project{Dir: dir, Name: name}, left: maxItems,
		parts: map[string]*composeFile{}, included: map[string]bool{}, joined: map[string]*Network{},
	}
	for _, s := range []*section{&c.services, &c.networks, &c.configs, &c.secrets} {
		s.keys, s.said = map[string]layer{}, map[string]layers{}
	}
	return c
}

// load adds a file over those loaded before, and what it includes under them. It reports whether the file
// is a compose file.
func (c *composer) load(file *syntax.File) bool {
	part := c.part(filepath.FromSlash(file.Path), c.project.Dir, nil)
	if part == nil {
		return false
	}
	if !part.root.Get("services").IsMap() && !part.root.Get("include").Exists() {
		c.r.gap(file.Path, "has no services")
		return false
	}
	if name := part.layer(part.root.Get("name")).value(); name.Text != "" && !name.Dynamic {
		c.project.Name = name.Text
	}
	c.add(part, false)
	c.includes(part)
	return true
}

// part reads one file; nil when it can't be. The variables of outer win over those of the .env file in dir.
func (c *composer) part(path, dir string, outer map[string]Value) *composeFile {
	if part, seen := c.parts[path]; seen {
		return part
	}
	c.parts[path] = nil
	if len(c.parts) > maxParts {
		return nil
	}
	file := c.r.open(path)
	if file == nil {
		return nil
	}
	root, ok := c.r.document(file)
	if !ok {
		return nil
	}
	env := map[string]Value{}
	if dotenv := c.r.open(filepath.Join(dir, ".env")); dotenv != nil {
		readEnv(dotenv, env)
	}
	maps.Copy(env, outer)
	c.parts[path] = &composeFile{root: root, dir: dir, env: env, left: &c.left}
	c.project.Files = append(c.project.Files, file)
	return c.parts[path]
}

// add takes over what a file says, over or under what was said before.
func (c *composer) add(part *composeFile, under bool) {
	c.services.add(part, "services", under)
	c.networks.add(part, "networks", under)
	c.configs.add(part, "configs", under)
	c.secrets.add(part, "secrets", under)
}

func (s *section) add(part *composeFile, name string, under bool) {
	for key, value := range part.layer(part.root.Get(name)).pairs() {
		name := key.Text()
		if _, seen := s.said[name]; !seen {
			s.names = append(s.names, name)
			s.keys[name] = key
		}
		at := len(s.said[name])
		if under {
			at = 0
		}
		s.said[name] = slices.Insert(s.said[name], at, value)
	}
}

// includes follows the "include" list of a file.
func (c *composer) includes(from *composeFile) {
	for _, item := range from.layer(from.root.Get("include")).list() {
		paths, dir := item.items(), Value{}
		if item.IsMap() {
			paths = item.child("path").items()
			dir = item.child("project_directory").value()
		}
		if len(paths) == 0 {
			continue
		}
		start := filepath.Dir(joinPath(from.dir, paths[0].value().Text))
		if dir.Text != "" && !dir.Dynamic {
			start = joinPath(from.dir, dir.Text)
		}
		env := c.includeEnv(from, item.child("env_file").items())
		for _, path := range slices.Backward(paths) { // later files are over earlier ones
			c.include(from, path.value(), start, env)
		}
	}
}

// includeEnv returns the variables that an included file knows from outside: the project's, over those of the
// env_file list beside it.
func (c *composer) includeEnv(from *composeFile, files []layer) map[string]Value {
	env := map[string]Value{}
	for _, path := range files {
		if file := c.r.open(joinPath(from.dir, path.value().Text)); file != nil {
			readEnv(file, env)
		}
	}
	maps.Copy(env, from.env)
	return env
}

func (c *composer) include(from *composeFile, path Value, dir string, env map[string]Value) {
	name := joinPath(from.dir, path.Text)
	switch {
	case path.Dynamic || isRemote(path.Text):
		c.gap(path.At, name, "is not known to be here")
		return
	case c.included[name]:
		return
	}
	c.included[name] = true
	part := c.part(name, dir, env)
	if part == nil {
		c.gap(path.At, name, "was not read")
		return
	}
	c.add(part, true)
	c.includes(part)
}

// extended puts what a service extends under what it says itself. whole is false when some of that was not read.
func (c *composer) extended(said layers, depth int) (list layers, whole bool) {
	whole = true
	for _, own := range said {
		base, ok := c.base(own, depth)
		list = append(append(list, base...), own)
		whole = whole && ok
	}
	return list, whole
}

// base returns what a service extends, in its own file or another.
func (c *composer) base(own layer, depth int) (layers, bool) {
	extends := own.child("extends")
	name, file := extends.value(), Value{}
	if extends.IsMap() {
		name, file = extends.child("service").value(), extends.child("file").value()
	}
	if !extends.Exists() {
		return nil, true
	}
	in := own.in
	if file.Text != "" && depth < maxExtends {
		path := joinPath(own.in.dir, file.Text)
		if in = c.part(path, filepath.Dir(path), own.in.env); in == nil {
			c.gap(file.At, path, "was not read")
			return nil, false
		}
	}
	base := in.layer(in.root.Get("services", name.Text))
	if depth >= maxExtends || !base.Exists() {
		c.gap(name.At, "", "is no service that can be extended")
		return nil, false
	}
	return c.extended(layers{base}, depth+1)
}

// gap notes something of the project that was not read.
func (c *composer) gap(at syntax.Ref, path, why string) {
	c.project.Gaps = append(c.project.Gaps, Gap{At: at, Path: filepath.ToSlash(path), Why: why})
}

// joinPath returns a path of a compose file as reached from the working directory.
func joinPath(dir, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) || strings.HasPrefix(path, "~") {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// isRemote reports whether a path is an address that compose would download.
func isRemote(path string) bool {
	return strings.Contains(path, "://") || strings.HasPrefix(path, "git@") || strings.HasPrefix(path, "oci:")
}
