package settings

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// Bounds of a settings file, which may come from a stranger's pull request.
const (
	maxSize   = 1 << 20 // bytes
	maxValues = 20_000  // aliases filled in
	maxItems  = 1_000   // in one list or mapping
	maxGlobs  = 500     // in the whole file: each is held against each file
	maxCount  = 100_000 // of live's numbers
)

// Options says what a settings file may speak of.
type Options struct {
	Rules  []string // the IDs of all rules
	Within string   // no path may lead out of this absolute folder; "": the user named the file, and trusts it
}

// Read reads a settings file. An error is one line that begins with the file, and, where a part of it is at fault, the line
// and the column in runes, both from 1.
func Read(path string, o Options) (*Settings, error) {
	text, err := readText(path)
	if err != nil {
		return nil, parsers.PathError(path, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if o.Within != "" && !isInside(abs, o.Within) {
		return nil, fmt.Errorf("%s: leads out of %s", path, filepath.Base(o.Within))
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	r := &reader{Options: o, file: syntax.NewFile(path, text, syntax.AnyDialect, nil), dir: filepath.Dir(abs), cwd: cwd}
	s := &Settings{Path: path, Dir: r.dir}
	r.read(s)
	return s, r.err
}

func readText(path string) (string, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxSize {
		return "", errors.New("larger than 1 MiB")
	}
	return syntax.ReadFile(path)
}

// reader reads one settings file.
type reader struct {
	Options
	file     *syntax.File
	dir, cwd string
	globs    int   // read so far
	err      error // the first
}

func (r *reader) read(s *Settings) {
	docs, err := yamldoc.Read(r.file)
	switch {
	case err != nil:
		r.syntax(err)
	case len(docs) > 1:
		r.fail(docs[1], "a second document, where one is read")
	case len(docs) == 1 && docs[0].Size(maxValues) > maxValues:
		r.fail(docs[0], "more than %d values", maxValues)
	case len(docs) == 1 && !docs[0].IsNull():
		r.settings(docs[0], s)
	}
}

func (r *reader) settings(n yamldoc.Node, s *Settings) {
	r.object(n, fields{
		"roots":      each(r, r.root, &s.Roots),
		"exclude":    each(r, r.glob, &s.exclude),
		"rules":      one(r.severities, &s.severities),
		"overrides":  each(r, r.override, &s.overrides),
		"directives": each(r, r.directive, &s.Directives),
		"inventory":  each(r, r.existing, &s.Inventory),
		"ranges":     each(r, r.existing, &s.Ranges),
		"hosts":      one(r.existing, &s.Hosts),
		"fail-on":    one(r.failOn, &s.FailOn),
		"baseline":   one(r.path, &s.Baseline),
		"live":       one(r.live, &s.Live),
	})
}

func (r *reader) root(n yamldoc.Node) (root parsers.Root) {
	r.object(n, fields{
		"path":    one(r.path, &root.Path),
		"dialect": one(r.dialect, &root.Dialect),
		"version": one(r.version, &root.Version),
		"prefix":  one(r.path, &root.Prefix),
		"map":     one(r.mounts, &root.Map),
	})
	if root.Path == "" {
		r.fail(n, "this root has no path")
	}
	return root
}

func (r *reader) mounts(n yamldoc.Node) map[string]string {
	mounts := map[string]string{}
	r.entries(n, func(key, value yamldoc.Node) {
		if !strings.HasPrefix(key.Text(), "/") {
			r.fail(key, "%s is not an absolute path of the proxy's machine", quote(key))
		}
		mounts[path.Clean(key.Text())] = r.path(value)
	})
	return mounts
}

func (r *reader) override(n yamldoc.Node) (o override) {
	r.object(n, fields{
		"files": each(r, r.glob, &o.files),
		"rules": one(r.severities, &o.severities),
	})
	if o.files == nil || o.severities == nil {
		r.fail(n, "an override needs files and rules")
	}
	return o
}

var severities = map[string]lint.Severity{"error": lint.Error, "warning": lint.Warning, "info": lint.Info, "off": off}

func (r *reader) severities(n yamldoc.Node) map[string]lint.Severity {
	weights := map[string]lint.Severity{}
	r.entries(n, func(key, value yamldoc.Node) {
		if !slices.Contains(r.Rules, key.Text()) {
			r.fail(key, "no rule is named %s%s", quote(key), didYouMean(key.Text(), r.Rules))
		}
		weights[key.Text()] = severities[r.choice(value, "error", "warning", "info", "off")]
	})
	return weights
}

func (r *reader) live(n yamldoc.Node) (l Live) {
	r.object(n, fields{
		"concurrency":  one(r.count, &l.Concurrency),
		"rate":         one(r.count, &l.Rate),
		"timeout":      one(r.duration, &l.Timeout),
		"deadline":     one(r.duration, &l.Deadline),
		"allow":        each(r, r.network, &l.Allow),
		"deny":         each(r, r.network, &l.Deny),
		"allow-public": one(r.yes, &l.AllowPublic),
	})
	return l
}

func (r *reader) failOn(n yamldoc.Node) string {
	return r.choice(n, "error", "warning", "info", "never")
}

func (r *reader) dialect(n yamldoc.Node) syntax.Dialect {
	switch r.choice(n, "nginx", "haproxy", "cloudflared") {
	case "haproxy":
		return syntax.HAProxy
	case "cloudflared":
		return syntax.Cloudflared
	}
	return syntax.Nginx
}

func (r *reader) version(n yamldoc.Node) proxy.Version {
	text := n.Text()
	v, err := proxy.ParseVersion(text)
	if isNumber := n.Tag() == "!!int" || n.Tag() == "!!float"; !isNumber {
		text = r.text(n)
	}
	if strings.Trim(text, "0123456789.") != "" {
		err = errors.New(quote(n) + " is not a version such as 1.27.3")
	}
	if err != nil {
		r.fail(n, "%v", err)
	}
	return v
}

func (r *reader) directive(n yamldoc.Node) string {
	name := r.text(n)
	if strings.ContainsAny(name, " \t\n;{}\"'") {
		r.fail(n, "%s is not the name of a directive", quote(n))
	}
	return name
}

func (r *reader) glob(n yamldoc.Node) string {
	pattern := r.text(n)
	switch {
	case strings.HasPrefix(pattern, "!"):
		r.fail(n, "a glob can't take back what another says, as ! would")
	case strings.ContainsAny(pattern, "{}"):
		r.fail(n, "%s: a glob has no { }, write one for each", quote(n))
	case strings.Contains(pattern, `\`):
		r.fail(n, "%s: a glob has / between folders", quote(n))
	case !isGlob(pattern):
		r.fail(n, "%s is not a glob", quote(n))
	}
	if r.globs++; r.globs > maxGlobs {
		r.fail(n, "more than %d globs", maxGlobs)
	}
	return newGlob(pattern)
}

func (r *reader) network(n yamldoc.Node) netip.Prefix {
	text := r.text(n)
	prefix, err := netip.ParsePrefix(text)
	if addr, notAddr := netip.ParseAddr(text); notAddr == nil {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil || !prefix.IsValid() {
		r.fail(n, "%s is not a network such as 10.0.0.0/8", quote(n))
	}
	return prefix
}

// existing reads the path of a file that is there.
func (r *reader) existing(n yamldoc.Node) string {
	path := r.path(n)
	if r.err == nil {
		if _, err := os.Stat(path); err != nil {
			r.fail(n, "%v", parsers.PathError(n.Text(), err))
		}
	}
	return path
}

// path reads a path, which is relative to the file.
func (r *reader) path(n yamldoc.Node) string {
	path := filepath.FromSlash(r.text(n))
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	if r.Within != "" && !isInside(path, r.Within) {
		r.fail(n, "%s lies outside %s: name this file with --config if you trust it", quote(n), filepath.Base(r.Within))
	}
	if rel, err := filepath.Rel(r.cwd, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// isInside reports whether a path lies in a folder, by its name and with symbolic links followed.
func isInside(path, dir string) bool {
	real, err := filepath.EvalSymlinks(path)
	realDir, dirErr := filepath.EvalSymlinks(dir)
	links := err != nil || dirErr != nil || syntax.IsBelow(real, realDir)
	return syntax.IsBelow(path, dir) && links
}

// syntax tells of a text that is no YAML: "line 3: ...".
func (r *reader) syntax(err error) {
	line, fault := 1, err.Error()
	if _, scanErr := fmt.Sscanf(fault, "line %d:", &line); scanErr == nil {
		_, fault, _ = strings.Cut(fault, ": ")
	}
	r.err = fmt.Errorf("%s:%d:1: %s", r.file.Path, max(line, 1), fault)
}

// fail tells of a fault at a value, if it is the first.
func (r *reader) fail(n yamldoc.Node, format string, args ...any) {
	at := syntax.Position{Line: 1, Rune: 1} // YAML ends lines at a lone CR, too: its places may be nowhere
	if ref := n.Ref(); !ref.IsZero() {
		at = ref.Position()
	}
	r.err = cmp.Or(r.err, fmt.Errorf("%s:%d:%d: %s", r.file.Path, at.Line, at.Rune, fmt.Sprintf(format, args...)))
}
