package inventory

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// The names that compose looks for, of which it takes the first that is there
// (https://docs.docker.com/compose/intro/compose-application-model/#the-compose-file).
var (
	composeNames  = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
	overrideNames = []string{"compose.override.yml", "compose.override.yaml",
		"docker-compose.override.yml", "docker-compose.override.yaml"}
)

// isComposeName reports whether a file is the main file of a compose project, by its name.
func isComposeName(path string) bool { return slices.Contains(composeNames, filepath.Base(path)) }

// isVariantName reports whether a file adds to a compose project on demand, or stands beside it as a project of
// its own: compose.prod.yml, docker-compose-test.yaml.
func isVariantName(path string) bool {
	name := filepath.Base(path)
	ext := filepath.Ext(name)
	rest, ok := strings.CutPrefix(strings.TrimPrefix(name, "docker-"), "compose")
	return ok && len(rest) > len(ext) && strings.ContainsRune(".-_", rune(rest[0])) && (ext == ".yml" || ext == ".yaml")
}

// compose reads a compose project from its main file, with the override file beside it.
func (r *reader) compose(file *syntax.File) {
	dir := filepath.Dir(filepath.FromSlash(file.Path))
	if r.firstOf(dir, composeNames) != file {
		return
	}
	c := r.newComposer(dir)
	if c.load(file) {
		if override := r.firstOf(dir, overrideNames); override != nil {
			c.load(override)
		}
		c.finish()
	}
}

// composeVariant reads a compose file that stands alone as a project, and notes any other as a gap in the
// project beside it: nothing says when it is used.
func (r *reader) composeVariant(file *syntax.File) {
	if slices.Contains(overrideNames, filepath.Base(file.Path)) {
		return
	}
	root, ok := r.document(file)
	if !ok || !root.Get("services").IsMap() {
		return
	}
	dir := filepath.Dir(filepath.FromSlash(file.Path))
	main := r.projectIn(dir)
	if !standsAlone(root) {
		if main != nil {
			main.Gaps = append(main.Gaps, Gap{Path: file.Path, Why: "may add to the project, or change it"})
		}
		return
	}
	c := r.newComposer(dir)
	c.load(file)
	if main != nil && !hasAllServices(root, main) {
		c.project.Gaps = append(c.project.Gaps,
			Gap{Path: main.Files[0].Path, Why: "may be used together with " + filepath.Base(file.Path)})
	}
	c.finish()
}

// standsAlone reports whether every service of a compose file says what it runs.
func standsAlone(root yamldoc.Node) bool {
	for _, service := range root.Get("services").Pairs() {
		if !service.Get("image").Exists() && !service.Get("build").Exists() && !service.Get("extends").Exists() {
			return false
		}
	}
	return true
}

func hasAllServices(root yamldoc.Node, p *Project) bool {
	for _, s := range p.Services {
		if !root.Get("services", s.Name).Exists() {
			return false
		}
	}
	return true
}

// projectIn returns the project whose main file lies in a folder; nil when there is none.
func (r *reader) projectIn(dir string) *Project {
	for _, p := range r.facts.Projects {
		if len(p.Files) > 0 && isComposeName(p.Files[0].Path) && filepath.Dir(filepath.FromSlash(p.Files[0].Path)) == dir {
			return p
		}
	}
	return nil
}

// firstOf opens the first file of a folder that has one of the names; nil when none is there.
func (r *reader) firstOf(dir string, names []string) *syntax.File {
	for _, name := range names {
		if file := r.open(filepath.Join(dir, name)); file != nil {
			return file
		}
	}
	return nil
}

// document returns the first document of a YAML file; false when there is none, which is a Gap.
func (r *reader) document(file *syntax.File) (yamldoc.Node, bool) {
	docs, err := yamldoc.Read(file)
	switch {
	case err != nil:
		why, _, _ := strings.Cut(err.Error(), "\n")
		r.gap(file.Path, "is not YAML: "+why)
	case len(docs) == 0:
		r.gap(file.Path, "is empty")
	case docs[0].Size(maxYAMLSize) > maxYAMLSize:
		r.gap(file.Path, tooBig)
	default:
		return docs[0], true
	}
	return yamldoc.Node{}, false
}
