package lint

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// baselineVersion changes when an older proxylint can't read the file, or takes other findings for known.
const baselineVersion = 1

// Baseline is the findings that were there on some day. They are known, and only new ones matter.
type Baseline struct {
	dir     string            // absolute, of the baseline file: files are named as seen from there
	was     map[string]string // the name that a file had, by the one it has now
	entries map[entry]bool
}

// entry is a known finding. It holds nothing of the configuration's text, which may be secret.
type entry struct {
	File        string `json:"file"`
	Rule        string `json:"rule"`
	Fingerprint string `json:"fingerprint"`
}

// baselineFile is a baseline on disk.
type baselineFile struct {
	Version  int     `json:"version"`
	Findings []entry `json:"findings"`
}

// NewBaseline returns a baseline, to stand in the folder dir, of findings as Run orders them.
func NewBaseline(dir string, findings []Diagnostic) *Baseline {
	b := &Baseline{dir: dir, entries: map[entry]bool{}}
	for _, e := range b.identify(findings) {
		b.entries[e] = true
	}
	return b
}

// ParseBaseline reads the text of a baseline that stands in the folder dir.
func ParseBaseline(dir, text string) (*Baseline, error) {
	var file baselineFile
	err := json.Unmarshal([]byte(text), &file)
	if _, otherwise := errors.AsType[*json.UnmarshalTypeError](err); otherwise {
		return nil, errors.New("not a baseline, but other JSON")
	}
	if err != nil {
		return nil, fmt.Errorf("not a baseline: %w", err)
	}
	if file.Version != baselineVersion {
		return nil, fmt.Errorf("a baseline of version %d, want %d: write it anew", file.Version, baselineVersion)
	}
	b := &Baseline{dir: dir, entries: map[entry]bool{}}
	for _, e := range file.Findings {
		b.entries[e] = true
	}
	return b, nil
}

// Text returns the baseline as ParseBaseline reads it, the same for the same findings.
func (b *Baseline) Text() (string, error) {
	file := baselineFile{Version: baselineVersion, Findings: []entry{}}
	for e := range b.entries {
		file.Findings = append(file.Findings, e)
	}
	slices.SortFunc(file.Findings, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	text, err := json.MarshalIndent(file, "", "  ")
	return string(text) + "\n", err
}

// Apply leaves known findings out of the result of a run over the configurations, and counts the entries that
// are stale: nothing is found there any more. What was not read in this run may still be found.
func (b *Baseline) Apply(r *Result, configs []*proxy.Config) {
	identities := b.identify(r.Diagnostics)
	known := map[entry]bool{}
	var left []Diagnostic
	for i, d := range r.Diagnostics {
		if b.entries[identities[i]] {
			known[identities[i]] = true
		} else {
			left = append(left, d)
		}
	}
	r.Diagnostics = left
	r.Suppressed += len(known)

	read := b.filesOf(configs)
	for e := range b.entries {
		if !known[e] && (read[e.File] || b.isGone(e.File)) {
			r.Stale++
		}
	}
}

// identify returns what each finding is known by: the file, the rule, the message and the text of the line. White
// space is left aside, and so are digits in the message, which may count places elsewhere: the finding is known again
// where lines moved. Equal ones are numbered in their order.
func (b *Baseline) identify(findings []Diagnostic) []entry {
	list := make([]entry, len(findings))
	times := map[entry]int{}
	var file, line string
	for i, d := range findings {
		at := d.At.File
		number := d.At.Position().Line
		if i == 0 || findings[i-1].At.File != at {
			file = b.name(at.Path)
		}
		if i == 0 || findings[i-1].At.File != at || findings[i-1].At.Position().Line != number {
			// A line may be long, and have many findings.
			line = digest(strings.Join(strings.Fields(at.LineText(number)), " "))
		}
		e := entry{file, d.Rule, digest(strings.Map(dropDigit, d.Message) + "\n" + line)}
		times[e]++
		if n := times[e]; n > 1 {
			e.Fingerprint += "-" + strconv.Itoa(n)
		}
		list[i] = e
	}
	return list
}

func dropDigit(r rune) rune {
	if '0' <= r && r <= '9' {
		return -1
	}
	return r
}

// digest returns 128 bits that stand for a text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%x", sum[:16])
}

// filesOf returns the names of the files that findings are wanted for.
func (b *Baseline) filesOf(configs []*proxy.Config) map[string]bool {
	names := map[string]bool{}
	for _, config := range configs {
		for path, file := range config.Tree.Files {
			if config.Wants(file) {
				names[b.name(path)] = true
			}
		}
	}
	return names
}

// name returns a path as seen from the baseline's folder, so that it does not matter where proxylint runs.
func (b *Baseline) name(path string) string {
	if abs, err := filepath.Abs(filepath.FromSlash(path)); err == nil {
		path = abs
	}
	if rel, err := filepath.Rel(b.dir, path); err == nil {
		path = rel
	}
	path = filepath.ToSlash(path)
	return cmp.Or(b.was[path], path)
}

func (b *Baseline) isGone(name string) bool {
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.dir, path)
	}
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
