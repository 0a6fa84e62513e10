package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/settings"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// factFlags says where facts around the configurations come from.
type factFlags struct {
	hosts  string
	files  []string // --inventory
	ranges []string // --update-ranges
	off    bool     // --no-inventory: nothing is looked for
	days   int      // --max-age of a lock file
}

// fill takes from the settings what no flag says.
func (f *factFlags) fill(said *settings.Settings) {
	f.hosts = cmp.Or(f.hosts, said.Hosts)
	if len(f.files) == 0 {
		f.files = said.Inventory
	}
	if len(f.ranges) == 0 {
		f.ranges = said.Ranges
	}
}

// named reads the files that the user names.
func (f factFlags) named() (*inventory.Facts, error) {
	facts := &inventory.Facts{}
	if f.hosts != "" {
		if err := facts.ReadHosts(f.hosts); err != nil {
			return nil, fmt.Errorf("--hosts: %w", err)
		}
	}
	for _, file := range f.files {
		if err := facts.ReadFile(file); err != nil {
			return nil, fmt.Errorf("--inventory: %w", err)
		}
	}
	for _, file := range f.ranges {
		if err := facts.ReadRanges(file); err != nil {
			return nil, fmt.Errorf("--update-ranges: %w", err)
		}
	}
	return facts, nil
}

// discover looks for facts around the paths, in the background; the function returned waits for them.
func (f factFlags) discover(facts *inventory.Facts, paths []string) (wait func()) {
	if f.off {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, root := range factRoots(paths) {
			facts.Discover(root)
		}
	}()
	return func() { <-done }
}

// factRoots returns the folders around the paths that facts are looked for in: the repository of each, else the
// working directory above it, else its own folder. No root lies in another.
func factRoots(paths []string) []string {
	var roots []string
	for _, path := range paths {
		if root, err := factRoot(path); err == nil {
			roots = append(roots, root)
		}
	}
	slices.Sort(roots)
	return slices.CompactFunc(roots, func(a, b string) bool { return syntax.IsBelow(b, a) })
}

func factRoot(path string) (string, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		path = filepath.Dir(path)
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil && !isTooWide(dir) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if syntax.IsBelow(path, cwd) && !isTooWide(cwd) {
		return cwd, nil
	}
	return path, nil
}

// isTooWide reports whether a folder holds everything: the whole machine, or all that a person has.
func isTooWide(dir string) bool {
	home, _ := os.UserHomeDir()
	return dir == home || strings.TrimRight(dir, `/\`) == strings.TrimRight(filepath.VolumeName(dir), `/\`)
}
