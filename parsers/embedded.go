package parsers

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/cloudflared"
	"github.com/proxylint/proxylint/parsers/nginx"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

const (
	maxYAML     = 4_000   // YAML files looked into below one folder
	maxYAMLSize = 4 << 20 // bytes of one of them
	maxValues   = 500_000 // values in one document, aliases filled in
	maxTogether = 200     // texts that may include each other
)

func isYAML(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		return true
	}
	return false
}

// mayEmbed reports whether a YAML text can hold configurations: in a ConfigMap, or in the "configs" of a compose file.
func mayEmbed(src string) bool {
	return strings.Contains(src, "ConfigMap") || strings.Contains(src, "content:") && strings.Contains(src, "configs:")
}

// embedded is what one YAML file holds.
type embedded struct {
	in     map[syntax.Dialect]*syntax.File // the file itself, once for each dialect of a text in it
	groups [][]text
	folded string // the name of a configuration that is not in the file line by line; "" if there is none
	left   int    // bytes that may still be taken: aliases can make any number of one text
}

// text is one text in a YAML file.
type text struct {
	syntax.Source
	dialect syntax.Dialect // AnyDialect: no configuration by itself, though one may include it
}

// findEmbedded returns the configurations in a YAML text, those that lie in one folder of a container together.
// What is not YAML holds none.
func findEmbedded(path, src string) *embedded {
	e := &embedded{in: map[syntax.Dialect]*syntax.File{}, left: 4 * len(src)}
	if len(src) > maxYAMLSize || !mayEmbed(src) {
		return e
	}
	for _, dialect := range syntax.Dialects() {
		e.in[dialect] = syntax.NewFile(filepath.ToSlash(path), src, dialect, nil)
	}
	docs, _ := yamldoc.Read(e.in[syntax.Nginx]) // the documents before a fault are good
	for _, doc := range docs {
		if doc.Size(maxValues) <= maxValues {
			e.object(doc)
			e.compose(doc)
		}
	}
	return e
}

// object takes the texts of a Kubernetes object: a ConfigMap, or a list of objects.
func (e *embedded) object(n yamldoc.Node) {
	switch kind := n.Get("kind").Text(); {
	case kind == "ConfigMap":
		e.configMap(n)
	case strings.HasSuffix(kind, "List"):
		for item := range n.Get("items").Items() {
			if item.Get("kind").Text() == "ConfigMap" && !e.configMap(item) {
				return
			}
		}
	}
}

// configMap reports whether more may be taken.
func (e *embedded) configMap(n yamldoc.Node) bool {
	var group []text
	defer func() { e.end(group) }()
	for key, value := range n.Get("data").Pairs() {
		if !e.add(&group, key.Text(), value, false) {
			return false
		}
	}
	return true
}

// compose takes the texts of a compose file's configs: those that one service mounts lie together.
func (e *embedded) compose(n yamldoc.Node) {
	contents := map[string]yamldoc.Node{}
	var names []string
	for name, config := range n.Get("configs").Pairs() {
		contents[name.Text()] = config.Get("content")
		names = append(names, name.Text())
	}
	if len(names) == 0 {
		return
	}
	mounted := map[string]bool{}
	for _, service := range n.Get("services").Pairs() {
		var group []text
		for mount := range service.Get("configs").Items() {
			name := cmp.Or(mount.Text(), mount.Get("source").Text())
			mounted[name] = true
			if !e.add(&group, path.Join("/", cmp.Or(mount.Get("target").Text(), name)), contents[name], true) {
				return
			}
		}
		e.end(group)
	}
	for _, name := range names {
		var group []text
		if !mounted[name] && !e.add(&group, "/"+name, contents[name], true) {
			return
		}
		e.end(group)
	}
}

// add takes a text into a group, if the file shows it line by line. It reports whether more may be taken.
func (e *embedded) add(group *[]text, name string, value yamldoc.Node, isCompose bool) bool {
	src := value.Text()
	if e.left -= 1 + len(src); e.left < 0 {
		return false
	}
	if isBlank(src) || len(*group) == maxTogether {
		return true
	}
	dialect := detectEmbedded(name, src)
	in := e.in[cmp.Or(dialect, syntax.Nginx)]
	if indent, line, ok := value.Literal(); ok {
		if origin, src, ok := syntax.Embed(in, name, line, indent, src, isCompose); ok {
			source := syntax.Source{Path: fmt.Sprintf("%s#%d/%s", in.Path, line, path.Base(name)), Src: src, Origin: origin}
			*group = append(*group, text{source, dialect})
			return true
		}
	}
	if dialect != syntax.AnyDialect {
		e.folded = name
	}
	return true
}

// end keeps a group that holds a configuration.
func (e *embedded) end(group []text) {
	if slices.ContainsFunc(group, func(t text) bool { return t.dialect != syntax.AnyDialect }) {
		slices.SortStableFunc(group, func(a, b text) int { return cmp.Compare(path.Base(a.Path), path.Base(b.Path)) })
		e.groups = append(e.groups, group)
	}
}

// detectEmbedded tells which proxy a text is for, by a name that says so, or by its content where the name is a
// configuration's; AnyDialect for any other text.
func detectEmbedded(name, text string) syntax.Dialect {
	if isYAML(name) && cloudflared.Is(name, text) {
		return syntax.Cloudflared
	}
	if d := byProductName(name); d != syntax.AnyDialect {
		return d
	}
	name = strings.ToLower(path.Base(name))
	switch path.Ext(name) {
	case ".conf", ".cfg", ".template", ".tmpl", ".tpl":
		return byContent(name, text)
	case ".yaml", ".yml", ".json", ".toml", ".sh", ".lua", ".js", ".html", ".py", ".xml", ".properties":
		return syntax.AnyDialect
	}
	if strings.Contains(name, "nginx") || strings.Contains(name, "haproxy") || name == "default" {
		return byContent(name, text)
	}
	return syntax.AnyDialect
}

// yaml reads the configurations in a YAML file and reports whether there are any. A file is read once.
func (l *loader) yaml(path, src string) (found bool, err error) {
	real := RealPath(path)
	if found, seen := l.yamls[real]; seen {
		return found, nil
	}
	e := findEmbedded(path, src)
	before := len(l.configs)
	if d := l.dialect(path); (d == syntax.AnyDialect || d == syntax.Cloudflared) && cloudflared.Is(path, src) {
		l.add(cloudflared.Load(l.source(path, src)))
	}
	for _, group := range e.groups {
		l.group(group)
	}
	l.yamls[real] = len(l.configs) > before
	if !l.yamls[real] && e.folded != "" {
		err = fmt.Errorf("%s: %s is not shown line by line: write it as a block after |", path, e.folded)
	}
	return l.yamls[real], err
}

// yaml takes in a YAML file that may hold configurations, or be one.
func (f *finder) yaml(path string, mode fs.FileMode) {
	if f.opened == maxYAML || !f.isNew(path, mode) {
		return
	}
	f.opened++
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxYAMLSize {
		return
	}
	if src, err := os.ReadFile(path); err == nil && (mayEmbed(string(src)) || cloudflared.Is(path, string(src))) {
		f.yamls = append(f.yamls, path)
	}
}

// yamlFiles reads the configurations in the YAML files of a folder and reports whether there are any. An error
// tells of one file and is no reason to pass over the others.
func (l *loader) yamlFiles(paths []string) (found bool, err error) {
	for _, path := range paths {
		src, fault := l.readText(path)
		if fault != nil {
			continue
		}
		holds, fault := l.yaml(path, src)
		found = found || holds
		err = cmp.Or(err, fault)
	}
	return found, err
}

// group reads the configurations among texts that lie together, whole ones first: what they include is none of
// its own.
func (l *loader) group(texts []text) {
	var mains, fragments, others, all []syntax.Source
	for _, t := range texts {
		all = append(all, t.Source)
		switch {
		case t.dialect == syntax.AnyDialect || l.Dialect != syntax.AnyDialect && l.Dialect != t.dialect:
		case t.dialect == syntax.HAProxy:
			others = append(others, t.Source)
		case t.dialect == syntax.Cloudflared:
			l.add(cloudflared.Load(t.Source))
		case isMain(t.Path, t.Src):
			mains = append(mains, t.Source)
		default:
			fragments = append(fragments, t.Source)
		}
	}
	for _, s := range append(mains, fragments...) {
		if !l.want(s.Path) {
			options := l.nginx(s.Origin.In.Path, "")
			options.Beside = all
			l.add(nginx.Load(s, options))
		}
	}
	for _, list := range configurations(others) {
		l.addHAProxy(list)
	}
}
