package revision

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Files says which files of a revision are wanted. Making files is what takes the time.
type Files struct {
	Named func(path string) bool              // may be, by its path below Top, with slashes
	Hold  func(path string, text []byte) bool // is, by its text
}

// Extract lays out the wanted files of the revision in an empty folder, and with them what git does not keep and so
// can't tell to have changed: files that it ignores and, of those given, the ones in submodules and ignored folders. A
// symbolic link that leads out of the folder leads to the one above.
func (r *Revision) Extract(ctx context.Context, dir string, wanted Files, read []*syntax.File) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	names, ids, links, err := r.tree(ctx, wanted.Named)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	targets := map[string]string{}
	made := map[string]bool{".": true}
	err = r.git.blobs(ctx, ids, func(i int, text []byte) error {
		name := filepath.FromSlash(names[i])
		if links[names[i]] {
			targets[name] = string(text)
			return nil
		}
		if !wanted.Hold(names[i], text) {
			return nil
		}
		return write(root, name, text, made)
	})
	if err != nil {
		return err
	}
	if err := r.writeUnkept(ctx, root, wanted, read, made); err != nil {
		return err
	}
	return link(root, targets)
}

// writeUnkept lays out files that git does not keep, as they are now.
func (r *Revision) writeUnkept(
	ctx context.Context, root *os.Root, wanted Files, read []*syntax.File, made map[string]bool,
) error {
	texts := map[string]string{}
	for _, file := range read {
		if name, ok := r.name(file.Path); ok && !r.isTouched(name) {
			texts[name] = file.Src
		}
	}
	ignored, err := r.git.list(ctx, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
	if err != nil {
		return err
	}
	for _, name := range ignored {
		path := filepath.Join(r.Top, filepath.FromSlash(name))
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxBlob || !wanted.Named(name) {
			continue
		}
		if text, err := os.ReadFile(path); err == nil && wanted.Hold(name, text) {
			texts[name] = string(text)
		}
	}
	for name, text := range texts {
		name = filepath.FromSlash(name)
		if _, err := root.Lstat(name); err == nil {
			continue
		}
		if err := write(root, name, []byte(text), made); err != nil {
			return err
		}
	}
	return nil
}

// tree lists the files of the revision that have a wanted name. Submodules are none.
func (r *Revision) tree(ctx context.Context, wanted func(string) bool) (names, ids []string, links map[string]bool, err error) {
	entries, err := r.git.list(ctx, "ls-tree", "-r", "-z", "--full-tree", r.commit)
	links = map[string]bool{}
	for _, entry := range entries { // "MODE blob ID\tPATH"
		about, name, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(about)
		if len(fields) != 3 || fields[1] != "blob" || !filepath.IsLocal(filepath.FromSlash(name)) || !wanted(name) {
			continue
		}
		names, ids = append(names, name), append(ids, fields[2])
		links[name] = fields[0] == "120000"
	}
	return names, ids, links, err
}

// write writes a file, for its owner alone. The folders made so far are not made again.
func write(root *os.Root, name string, text []byte, made map[string]bool) error {
	if dir := filepath.Dir(name); !made[dir] {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		made[dir] = true
	}
	return root.WriteFile(name, text, 0o600)
}

// link makes symbolic links. Those that lead out of the folder, be it through others, are made anew to lead to
// the folder above: what reads configurations tells a place outside from one that is not there.
func link(root *os.Root, targets map[string]string) error {
	top, err := filepath.EvalSymlinks(root.Name())
	if err != nil {
		return err
	}
	for name, target := range targets {
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		// A system may have no links; then what is behind it is not known.
		_ = root.Symlink(filepath.FromSlash(target), name)
	}
	for name := range targets {
		real, err := filepath.EvalSymlinks(filepath.Join(top, name))
		if err == nil {
			real, err = filepath.Rel(top, real)
		}
		if err == nil && filepath.IsLocal(real) {
			continue
		}
		if err := root.Remove(name); err == nil {
			_ = root.Symlink(filepath.Dir(top), name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
