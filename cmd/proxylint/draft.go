package main

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxRoots is how many roots a first settings file lists. Where there are more, nobody would read it.
const maxRoots = 30

// maxGuessed is how many includes of a configuration are looked for.
const maxGuessed = 100

// draft is a first settings file.
type draft struct {
	roots  []draftRoot
	isSame bool // linting the roots is linting all that is found
	around []string
}

// draftRoot is a root, and the folders that its absolute includes seem to lie in.
type draftRoot struct {
	parsers.Root
	guesses []guess
}

// guess is where an absolute include seems to lead.
type guess struct {
	include, machine, here string
}

func newDraft(configs []*proxy.Config, facts *inventory.Facts) *draft {
	d := &draft{around: describe(facts)}
	seen := map[string]bool{}
	for _, config := range configs {
		if root := rootOf(config); !seen[root.Path] {
			seen[root.Path] = true
			d.roots = append(d.roots, draftRoot{root, guesses(config)})
		}
	}
	d.isSame = d.reads(configs)
	return d
}

// reads reports whether the roots, once they are listed, are read as the configurations that were found.
func (d *draft) reads(configs []*proxy.Config) bool {
	if len(d.roots) > maxRoots {
		return false
	}
	o := parsers.Options{Within: "."}
	var paths []string
	for _, root := range d.roots {
		if !isWritable(root.Path) {
			return false
		}
		o.Roots = append(o.Roots, root.Root)
		paths = append(paths, root.Path)
	}
	again, err := parsers.Load(paths, o)
	return err == nil && slices.Equal(outlines(configs), outlines(again))
}

// isWritable reports whether a path can stand in a settings file of this folder.
func isWritable(path string) bool {
	return filepath.IsLocal(path) && utf8.ValidString(path) && !strings.ContainsFunc(path, unicode.IsControl) &&
		strings.TrimSpace(path) == path
}

// rootOf returns the path by which a configuration that was found is read alone.
func rootOf(config *proxy.Config) parsers.Root {
	main := config.Tree.Roots[0]
	switch {
	case main.Origin != nil:
		return parsers.Root{Path: main.Origin.In.Path}
	case len(config.Tree.Roots) > 1:
		return parsers.Root{Path: path.Dir(main.Path), Dialect: config.Dialect}
	}
	return parsers.Root{Path: main.Path, Dialect: config.Dialect}
}

// outlines returns what configurations are made of, to compare two readings.
func outlines(configs []*proxy.Config) []string {
	var list []string
	for _, c := range configs {
		files := slices.Sorted(maps.Keys(c.Tree.Files))
		list = append(list, fmt.Sprintf("%s %q %q %d", c.Dialect, files, slices.Sorted(maps.Keys(c.Only)), len(c.Tree.Unread)))
	}
	slices.Sort(list)
	return list
}

// guesses looks below the working directory for what a configuration includes by absolute paths that are not here. There is
// one guess for each folder of the proxy's machine.
func guesses(config *proxy.Config) []guess {
	main := config.Tree.Roots[0]
	if config.Dialect != syntax.Nginx || main.Origin != nil || !filepath.IsLocal(main.Path) {
		return nil
	}
	names := map[string]bool{}
	for s := range config.Tree.Unread {
		if path.IsAbs(s.Arg(1)) {
			names[s.Arg(1)] = true
		}
	}
	includes := slices.Sorted(maps.Keys(names))
	var list []guess
	for _, include := range includes[:min(len(includes), maxGuessed)] {
		g, ok := findBelow(include, path.Dir(main.Path))
		if ok && !slices.ContainsFunc(list, func(other guess) bool { return other.machine == g.machine }) {
			list = append(list, g)
		}
	}
	return list
}

// findBelow looks for what an include names in a folder and those above it: the longest end of the path that leads to
// something there.
func findBelow(include, dir string) (guess, bool) {
	parts := strings.Split(strings.TrimPrefix(path.Clean(include), "/"), "/")
	for ; ; dir = path.Dir(dir) {
		for i := range parts {
			target := filepath.Join(dir, filepath.Join(parts[i:]...))
			if found, err := filepath.Glob(target); err == nil && len(found) > 0 {
				return guess{include, "/" + path.Join(parts[:i]...), dir}, true
			}
		}
		if dir == "." {
			return guess{}, false
		}
	}
}

// describe names what was found around the configurations.
func describe(facts *inventory.Facts) []string {
	var lines []string
	for _, p := range facts.Projects {
		lines = append(lines, fmt.Sprintf("%s: %s", yamlText(shownFrom(p.Files[0].Path)), count(len(p.Services), "compose service")))
	}
	if facts.Cluster != nil {
		lines = append(lines, fmt.Sprintf("Kubernetes: %s, %s",
			count(len(facts.Cluster.Services), "Service"), count(len(facts.Cluster.Workloads), "workload")))
	}
	for _, app := range facts.Apps {
		lines = append(lines, fmt.Sprintf("%s: %s", yamlText(shownFrom(app.At.File.Path)), app.Kind))
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// shownFrom returns a path as seen from the working directory, where it lies below that.
func shownFrom(file string) string {
	if cwd, err := os.Getwd(); err == nil && filepath.IsAbs(file) {
		if rel, err := filepath.Rel(cwd, filepath.FromSlash(file)); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return file
}

// listed returns the roots that the file lists and that are not mere comments.
func (d *draft) listed() []draftRoot {
	if d.isSame {
		return d.roots
	}
	return nil
}

func (d *draft) mapped() int {
	n := 0
	for _, root := range d.roots {
		n += len(root.guesses)
	}
	return n
}
