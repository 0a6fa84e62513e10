package parsers

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/template"
)

const (
	maxDepth      = 32      // of folders looked into
	maxCandidates = 20_000  // files whose beginning is read in one folder
	maxRead       = 200_000 // files read for one folder, those read again through another's includes counted again
)

// candidate is a file in a folder that looks like a proxy's configuration.
type candidate struct {
	path    string
	dialect syntax.Dialect
	main    bool // a whole nginx configuration, by its content
}

// folder reads all configurations found below a folder that the user named.
func (l *loader) folder(dir string) error {
	found, yamls, err := l.discover(dir)
	if err != nil {
		return err
	}
	embeds, err := l.yamlFiles(yamls)
	if len(found) == 0 && !embeds {
		if err != nil {
			return err
		}
		return fmt.Errorf("%s: no nginx or HAProxy configuration in this folder", dir)
	}
	var mains, fragments, others []candidate
	for _, c := range found {
		switch {
		case c.dialect == syntax.HAProxy:
			others = append(others, c)
		case c.main:
			mains = append(mains, c)
		default:
			fragments = append(fragments, c)
		}
	}
	if err := l.nginxFolder(dir, mains, fragments); err != nil {
		return err
	}
	return l.haproxyFolders(others)
}

// nginxFolder reads the whole configurations first, since what they include is no configuration of its own.
func (l *loader) nginxFolder(dir string, mains, fragments []candidate) error {
	slices.SortStableFunc(mains, func(a, b candidate) int {
		return cmp.Compare(otherName(a.path), otherName(b.path))
	})
	if len(mains) == 0 && len(fragments) > 0 && !l.want(fragments[0].path) {
		l.addAround(fragments[0].path)
	}
	read := 0
	for _, c := range append(mains, fragments...) {
		if l.want(c.path) {
			continue
		}
		src, err := l.readText(c.path)
		if err != nil {
			return PathError(c.path, err)
		}
		config := l.addNginx(l.source(c.path, src), dir)
		if read += len(config.Tree.Files); read > maxRead {
			return fmt.Errorf("%s: its files include each other too often: name the configuration itself", dir)
		}
	}
	return nil
}

// otherName is 0 for nginx.conf, the usual root, and 1 for any other file.
func otherName(path string) int {
	if filepath.Base(path) == "nginx.conf" {
		return 0
	}
	return 1
}

// haproxyFolders reads HAProxy's files. Those of one folder are one configuration where they can be, as
// HAProxy reads a folder given to -f.
func (l *loader) haproxyFolders(found []candidate) error {
	for len(found) > 0 {
		dir := filepath.Dir(found[0].path)
		n := slices.IndexFunc(found, func(c candidate) bool { return filepath.Dir(c.path) != dir })
		if n < 0 {
			n = len(found)
		}
		var sources []syntax.Source
		for _, c := range found[:n] {
			if l.want(c.path) {
				continue
			}
			src, err := l.readText(c.path)
			if err != nil {
				return PathError(c.path, err)
			}
			sources = append(sources, l.source(c.path, src))
		}
		for _, config := range configurations(sources) {
			l.addHAProxy(config)
		}
		found = found[n:]
	}
	return nil
}

// configurations sorts the HAProxy files of one folder into configurations. HAProxy takes only *.cfg from a
// folder.
func configurations(sources []syntax.Source) [][]syntax.Source {
	var parts []syntax.Source
	var list [][]syntax.Source
	for _, s := range sources {
		if filepath.Ext(s.Path) == ".cfg" {
			parts = append(parts, s)
		} else {
			list = append(list, []syntax.Source{s})
		}
	}
	if belongTogether(parts) {
		return append(list, parts)
	}
	for _, s := range parts {
		list = append(list, []syntax.Source{s})
	}
	return list
}

// belongTogether reports whether HAProxy files can be parts of one configuration: at most one of them
// is complete by itself, and no section is in two of them.
func belongTogether(sources []syntax.Source) bool {
	if len(sources) == 0 {
		return false
	}
	complete := 0
	seen := map[string]bool{}
	for _, s := range sources {
		settings, proxies := false, false
		for line := range strings.Lines(s.Src) {
			words := strings.Fields(uncomment(line))
			if !isSectionHeader(words) {
				continue
			}
			switch words[0] {
			case "defaults":
				settings = true
				continue
			case "global":
				settings = true
			case "frontend", "backend", "listen":
				proxies = true
			}
			header := strings.Join(words[:min(2, len(words))], " ")
			if seen[header] {
				return false
			}
			seen[header] = true
		}
		if settings && proxies {
			complete++
		}
	}
	return complete <= 1
}

// discover lists the files below a folder whose content is a proxy's, in order of their paths. Hidden
// folders and those of other people's code are passed over, and so is what a symbolic link finds outside.
// The YAML files are those that may hold configurations.
func (l *loader) discover(dir string) (found []candidate, yamls []string, err error) {
	f := finder{loader: l, dir: dir, root: RealPath(dir), seen: map[string]bool{}}
	if err := f.folder(dir, 0); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(f.found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(filepath.Dir(a.path), filepath.Dir(b.path)), cmp.Compare(a.path, b.path))
	})
	return f.found, f.yamls, nil
}

type finder struct {
	loader *loader
	dir    string
	root   string          // dir without symbolic links
	looked int             // candidates
	opened int             // YAML files
	seen   map[string]bool // real paths
	found  []candidate
	yamls  []string
}

func (f *finder) folder(dir string, depth int) error {
	entries, err := os.ReadDir(dir)
	if err != nil && depth == 0 {
		return PathError(dir, err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		var err error
		switch {
		case f.loader.Excludes != nil && f.loader.Excludes(path):
		case !e.IsDir() && isYAML(path):
			f.yaml(path, e.Type())
		case !e.IsDir() && mayBeConfig(path):
			err = f.file(path, e.Type())
		case e.IsDir() && depth < maxDepth && !isPassedOver(e.Name()):
			err = f.folder(path, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isPassedOver reports whether a folder of that name is not looked into.
func isPassedOver(name string) bool {
	return strings.HasPrefix(name, ".") && name != ".cloudflared" || name == "node_modules" || name == "vendor"
}

// mayBeConfig reports whether a file is worth looking into, by its name and its folder's.
func mayBeConfig(path string) bool {
	if strings.HasPrefix(filepath.Base(path), ".") {
		return false
	}
	stem, isTemplate := template.CutEnding(path)
	switch filepath.Ext(stem) {
	case ".conf", ".cfg":
		return true
	case "":
		return isTemplate
	}
	if isTemplate && namesProduct(stem) != syntax.AnyDialect {
		return true // nginx.server.tmpl, haproxy.config.erb
	}
	switch filepath.Base(filepath.Dir(path)) {
	case "sites-available", "sites-enabled", "conf.d":
		return true
	}
	return false
}

// file takes a file in when its content is a proxy's.
func (f *finder) file(path string, mode fs.FileMode) error {
	if !f.isNew(path, mode) {
		return nil
	}
	if f.looked++; f.looked > maxCandidates {
		return fmt.Errorf("%s: more than %d files to look at: name the configuration itself", f.dir, maxCandidates)
	}
	src, err := readHead(path)
	if err != nil {
		return PathError(path, err)
	}
	dialect, only := byContent(path, src), f.loader.dialect(path)
	if dialect == syntax.AnyDialect || only != syntax.AnyDialect && only != dialect {
		return nil
	}
	f.found = append(f.found, candidate{path, dialect, isMain(path, src)})
	return nil
}

// isNew reports whether a file may be read, and was not met before. A symbolic link may lead to what is below the
// folder alone.
func (f *finder) isNew(path string, mode fs.FileMode) bool {
	real := RealPath(path)
	if mode&fs.ModeSymlink != 0 {
		rel, err := filepath.Rel(f.root, real)
		if err != nil || !filepath.IsLocal(rel) {
			return false
		}
	} else if !mode.IsRegular() {
		return false
	}
	if f.seen[real] {
		return false
	}
	f.seen[real] = true
	return true
}

// readHead returns the beginning of a file; "" for one that can't hold a configuration.
func readHead(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	src, err := io.ReadAll(io.LimitReader(file, headSize))
	if err != nil || checkText(string(src)) != nil {
		return "", err
	}
	return string(src), nil
}
