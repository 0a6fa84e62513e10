package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/revision"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/rules"
)

// past is the input of a run as it was at a revision.
type past struct {
	in    *input // as it is now
	rev   *revision.Revision
	cwd   string   // the working directory
	top   string   // the root of the working tree, as the working directory names it
	named []string // the paths of the run as seen from there, with slashes
	dir   string   // where the tree of the revision is laid out
}

func newPast(ctx context.Context, rev string, in *input) (*past, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	p := &past{in: in, cwd: cwd, top: cwd}
	if p.rev, err = revision.Open(ctx, cwd, rev); err != nil {
		return nil, err
	}
	for within := p.rev.Within; within != "."; within = path.Dir(within) {
		p.top = filepath.Dir(p.top)
	}
	for _, path := range in.paths {
		if real, err := realPath(path); err == nil && !syntax.IsBelow(real, p.rev.Top) {
			return nil, fmt.Errorf("%s: outside the repository %s", path, p.rev.Top)
		}
	}
	for _, path := range slices.Concat(in.paths, in.around.files, in.around.ranges, []string{in.around.hosts}) {
		p.named = append(p.named, p.name(path))
	}
	return p, nil
}

// known lints the tree of the revision, laid out in a folder of its own for as long as that takes. What git does not
// keep is taken from the files, which were read in this run.
func (p *past) known(ctx context.Context, files []*syntax.File) (*lint.Baseline, error) {
	temp, err := os.MkdirTemp("", "proxylint-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	cwd, err := p.layOut(ctx, temp, files)
	if err != nil {
		return nil, err
	}
	var known *lint.Baseline
	err = inFolder(cwd, func() error {
		known, err = p.lint(ctx)
		return err
	})
	if err == nil && ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		return nil, err
	}
	known.Move(p.top, p.rev.Renames())
	return known, nil
}

// layOut makes the tree of the revision, and returns the folder in it that stands for the working directory.
func (p *past) layOut(ctx context.Context, temp string, files []*syntax.File) (cwd string, err error) {
	if temp, err = filepath.EvalSymlinks(temp); err != nil {
		return "", err
	}
	// A compose project has the name of its folder, and facts are looked for up to the folder that holds .git.
	p.dir = filepath.Join(temp, filepath.Base(p.rev.Top))
	cwd = filepath.Join(p.dir, filepath.FromSlash(p.rev.Within))
	if err := errors.Join(os.MkdirAll(cwd, 0o700), os.MkdirAll(filepath.Join(p.dir, ".git"), 0o700)); err != nil {
		return "", err
	}
	return cwd, p.rev.Extract(ctx, p.dir, revision.Files{Named: p.mayMatter, Hold: p.matters}, files)
}

// inFolder does work in another working directory, so that relative paths mean what they mean here.
func inFolder(dir string, work func() error) error {
	cwd, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	return errors.Join(work(), os.Chdir(cwd))
}

// lint returns what is found in the tree of the revision, in its folder that the run is in.
func (p *past) lint(ctx context.Context) (*lint.Baseline, error) {
	paths := p.paths()
	configs, facts, err := p.read(paths)
	if err != nil {
		// A path may have held no configuration then.
		paths = slices.DeleteFunc(paths, func(path string) bool {
			_, err := parsers.Load([]string{path}, p.in.options)
			return err != nil
		})
		if configs, facts, err = p.read(paths); err != nil {
			return nil, err
		}
	}
	found := lint.Run(ctx, configs, rules.All(), lint.Around{Inventory: facts, Today: time.Now()}).Diagnostics
	for i := range found {
		found[i].Message = strings.ReplaceAll(found[i].Message, p.dir, p.top)
	}
	return lint.NewBaseline(p.dir, found), nil
}

// read reads the configurations that the paths name, and the facts around them.
func (p *past) read(paths []string) ([]*proxy.Config, *inventory.Facts, error) {
	in := *p.in
	in.paths = paths
	in.around.hosts, in.around.files, in.around.ranges = p.fact(in.around.hosts), p.facts(in.around.files), p.facts(in.around.ranges)
	var err error
	if in.facts, err = in.around.named(); err != nil {
		in.facts = &inventory.Facts{} // they were not fit for use
	}
	configs, err := in.read(nil)
	return configs, in.facts, err
}

func (p *past) facts(files []string) []string {
	var were []string
	for _, file := range files {
		were = append(were, p.fact(file))
	}
	return were
}

// fact returns the path of a file of facts as it was; one that the revision does not hold is taken as it is.
func (p *past) fact(file string) string {
	if file == "" {
		return ""
	}
	if was := p.at(file); filepath.IsLocal(filepath.FromSlash(p.name(file))) && exists(was) {
		return was
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(p.cwd, file)
	}
	return file
}

// paths returns the paths that the user named as they were: a file or a folder that has another name now under its old
// one, and none that was not there.
func (p *past) paths() []string {
	var paths []string
	for _, path := range p.in.paths {
		if was := p.at(path); exists(was) {
			paths = append(paths, was)
			continue
		}
		for was := range p.oldNames(p.name(path)) {
			paths = append(paths, filepath.Join(p.dir, filepath.FromSlash(was)))
		}
	}
	return paths
}

// oldNames returns the names that a file or, judging by its files, a folder had.
func (p *past) oldNames(name string) map[string]bool {
	names := map[string]bool{}
	for now, was := range p.rev.Renames() {
		if rest, ok := strings.CutPrefix(now, name); ok && (rest == "" || rest[0] == '/') {
			names[strings.TrimSuffix(was, rest)] = true
		}
	}
	return names
}

// at returns a path in the tree of the revision; a relative one stays as it is.
func (p *past) at(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(p.dir, filepath.FromSlash(p.name(path)))
}

// name returns a path as seen from the root of the working tree, with slashes.
func (p *past) name(path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.cwd, path)
	}
	for _, top := range []string{p.top, p.rev.Top} {
		if rel, err := filepath.Rel(top, path); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
