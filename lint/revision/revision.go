// Package revision tells what changed in a working tree since a git revision, and lays out the files of that
// revision. Nothing that the repository configures is run, and nothing is fetched.
package revision

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// Revision is a commit that a working tree is held against.
type Revision struct {
	Top    string // the root of the working tree, without symbolic links
	Within string // the folder it was opened in, as seen from there, with slashes; "." at the root

	git     git
	commit  string
	touched map[string]change // by path below Top, with slashes; of a file that is gone, by its old one
	folders []string          // repositories in this one, ended by a slash, of which nothing is known but that they changed
}

// change is what became of a file.
type change struct {
	old string // the path it had, or would have had
	id  string // of the blob that it was; "": none
}

// Open finds the commit that rev names in the repository around dir, and what changed since then: in commits, in the
// index, in the working tree and as files that git does not know yet. "REV..." is where HEAD branched off from REV.
// An error is one line.
func Open(ctx context.Context, dir, rev string) (*Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := &Revision{git: git{dir: dir}}
	if err := r.locate(ctx); err != nil {
		return nil, err
	}
	var err error
	if r.git, err = newGit(ctx, r.Top); err != nil {
		return nil, err
	}
	if r.commit, err = r.resolve(ctx, rev); err != nil {
		return nil, err
	}
	return r, r.compare(ctx)
}

// locate finds the working tree.
func (r *Revision) locate(ctx context.Context) error {
	inside, err := r.git.line(ctx, "rev-parse", "--is-inside-work-tree")
	if err != nil {
		return err
	}
	if inside != "true" {
		return errors.New("this folder is in no working tree of git")
	}
	top, err := r.git.line(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	within, err := r.git.line(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return err
	}
	r.Within = path.Clean(within)
	r.Top, err = filepath.EvalSymlinks(filepath.FromSlash(top))
	return err
}

// resolve returns the full name of a commit.
func (r *Revision) resolve(ctx context.Context, rev string) (string, error) {
	base, tip, branched := strings.Cut(rev, "...")
	if branched && tip != "" && tip != "HEAD" {
		return "", fmt.Errorf("%s: write %s..., since the working tree is what is looked at", rev, base)
	}
	commit, err := r.commitOf(ctx, base)
	if err != nil || !branched {
		return commit, err
	}
	commit, err = r.git.line(ctx, "merge-base", commit, "HEAD")
	if err != nil {
		return "", fmt.Errorf("%s: no commit is common to %s and HEAD%s", rev, base, r.shallow(ctx))
	}
	return commit, nil
}

func (r *Revision) commitOf(ctx context.Context, rev string) (string, error) {
	if rev == "" || strings.HasPrefix(rev, "-") {
		return "", fmt.Errorf("%q is no revision", rev)
	}
	commit, err := r.git.line(ctx, "rev-parse", "--verify", "--quiet", rev+"^{commit}")
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: no such revision%s", rev, r.shallow(ctx))
	}
	return commit, err
}

// shallow tells why a commit may be missing.
func (r *Revision) shallow(ctx context.Context) string {
	if is, _ := r.git.line(ctx, "rev-parse", "--is-shallow-repository"); is == "true" {
		return ", and this clone is shallow: git fetch --unshallow"
	}
	return ""
}

// compare gathers what changed.
func (r *Revision) compare(ctx context.Context) error {
	r.touched = map[string]change{}
	// The state of a submodule's own files would be asked of a git that runs there.
	raw, err := r.git.list(ctx, "diff", "--raw", "-z", "--no-abbrev", "-M", "-l1000", "--no-ext-diff", "--no-textconv",
		"--ignore-submodules=dirty", r.commit, "--")
	if err != nil {
		return err
	}
	for len(raw) > 1 {
		raw = r.note(raw)
	}
	untracked, err := r.git.list(ctx, "ls-files", "--others", "--exclude-standard", "-z")
	for _, name := range untracked {
		r.touched[name] = change{}
		if strings.HasSuffix(name, "/") {
			r.folders = append(r.folders, name)
		}
	}
	return err
}

// note takes in one change as "git diff --raw -z" prints it, ":MODE MODE ID ID STATUS", the path and, of a file that
// has another name now, the new path. It returns the rest.
func (r *Revision) note(raw []string) []string {
	fields := strings.Fields(raw[0])
	old, name, rest := raw[1], raw[1], raw[2:]
	if strings.HasPrefix(fields[4], "R") && len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	id := fields[2]
	if strings.Trim(id, "0") == "" {
		id = ""
	}
	switch {
	case fields[0] == ":160000" || fields[1] == "160000":
		r.touched[name] = change{}
		r.folders = append(r.folders, name+"/")
	case r.touched[name].id == "": // an unmerged file is there twice
		r.touched[name] = change{old, id}
	}
	return rest
}

// Changed reports whether anything changed.
func (r *Revision) Changed() bool { return len(r.touched) > 0 }

// Renames returns the path that a file had, by the one that it has now; both below Top, with slashes.
func (r *Revision) Renames() map[string]string {
	was := map[string]string{}
	for name, c := range r.touched {
		if c.id != "" && c.old != name {
			was[name] = c.old
		}
	}
	return was
}
