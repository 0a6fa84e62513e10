package inventory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// LockName is what the file of a Lock is called.
const LockName = "upstreams.lock"

// lockVersion changes when a field changes its meaning or goes away.
const lockVersion = 1

// Lock is what dialing found in the past: its JSON is the file, keys sorted. Days are as time.DateOnly has them.
type Lock struct {
	Version   int                        `json:"version"`
	Salt      string                     `json:"salt,omitempty"` // addresses are hashed with it; "": they are readable
	Names     map[string]*LockedName     `json:"names"`          // in lower case, without a final dot
	Endpoints map[string]*LockedEndpoint `json:"endpoints"`      // by "host:port" or "unix:path"

	Path   string              `json:"-"`
	named  bool                // by the user: it speaks of configurations anywhere
	former map[string][]string // the names that had an address, by Key
	owners map[string]bool     // whether a name has an address, by Key
}

// LockedName is a name and its addresses, by Lock.Key.
type LockedName struct {
	Family    string                 `json:"family"`   // "ipv4", "ipv6" or "both"
	Resolver  string                 `json:"resolver"` // who was asked: "system", or DNS servers
	Seen      string                 `json:"seen"`     // the last day that it resolved
	Addresses map[string]*LockedAddr `json:"addresses"`
	Former    map[string]*LockedAddr `json:"former,omitempty"`
}

// LockedAddr tells when a name had an address.
type LockedAddr struct {
	First string     `json:"first"` // the first day
	Last  string     `json:"last"`  // the last day
	At    syntax.Ref `json:"-"`     // the address in the file
}

// LockedEndpoint is a place that answered as its proxy wants. Zero values were not measured.
type LockedEndpoint struct {
	Protocol    string `json:"protocol"`
	Seen        string `json:"seen"`                    // the last day that it answered
	Certificate string `json:"certificate,omitempty"`   // SHA-256 of the server's, in hexadecimal
	HeaderBytes int    `json:"header_bytes,omitempty"`  // of a response
	FirstByte   int64  `json:"first_byte_ms,omitempty"` // the median
}

// NewLock returns a Lock that holds nothing.
func NewLock() *Lock {
	return &Lock{Version: lockVersion, Names: map[string]*LockedName{}, Endpoints: map[string]*LockedEndpoint{}}
}

// ReadLock reads a file that the user names.
func ReadLock(path string) (*Lock, error) {
	src, err := readNamed(path)
	if err != nil {
		return nil, err
	}
	lock, err := parseLock(syntax.NewFile(filepath.ToSlash(path), src, syntax.AnyDialect, nil))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lock, nil
}

func isLockFile(path string) bool { return filepath.Base(path) == LockName }

func (r *reader) lock(file *syntax.File) {
	lock, err := parseLock(file)
	if err != nil {
		r.gap(file.Path, err.Error())
		return
	}
	r.facts.Locks = append(r.facts.Locks, lock)
}

func parseLock(file *syntax.File) (*Lock, error) {
	lock := &Lock{Path: file.Path}
	if err := json.Unmarshal([]byte(file.Src), lock); err != nil {
		return nil, errors.New("is no lock file: it is not the JSON that proxylint writes")
	}
	if lock.Version != lockVersion {
		return nil, fmt.Errorf("is a lock file of version %d, want %d", lock.Version, lockVersion)
	}
	if err := lock.check(); err != nil {
		return nil, err
	}
	root, err := readJSON(file)
	if err != nil {
		return nil, err
	}
	if lock.Names == nil {
		lock.Names = map[string]*LockedName{}
	}
	if lock.Endpoints == nil {
		lock.Endpoints = map[string]*LockedEndpoint{}
	}
	lock.place(root)
	lock.index()
	return lock, nil
}

// place finds the former addresses in the text. A text with a key twice may hold some that the lock does not.
func (l *Lock) place(root jsonNode) {
	for name, entry := range root.get("names").pairs() {
		known := l.Names[name.text()]
		if known == nil {
			continue
		}
		for addr := range entry.get("former").pairs() {
			if when := known.Former[addr.text()]; when != nil {
				when.At = addr.ref()
			}
		}
	}
}

// check makes sure that nothing is missing which others rely on.
func (l *Lock) check() error {
	for name, entry := range l.Names {
		if entry == nil || !isDay(entry.Seen) {
			return fmt.Errorf("does not say when %q was seen", name)
		}
		for _, addrs := range []map[string]*LockedAddr{entry.Addresses, entry.Former} {
			for addr, when := range addrs {
				if when == nil || !isDay(when.First) || !isDay(when.Last) {
					return fmt.Errorf("does not say when %q had %q", name, addr)
				}
			}
		}
	}
	for name, entry := range l.Endpoints {
		if entry == nil || !isDay(entry.Seen) {
			return fmt.Errorf("does not say when %q was seen", name)
		}
	}
	return nil
}

func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// index finds names by their addresses.
func (l *Lock) index() {
	l.former, l.owners = map[string][]string{}, map[string]bool{}
	for name, entry := range l.Names {
		for addr := range entry.Addresses {
			l.owners[addr] = true
		}
		for addr := range entry.Former {
			l.former[addr] = append(l.former[addr], name)
		}
	}
	for _, names := range l.former {
		slices.Sort(names)
	}
}

// Key is what an address is called in the file. A hash hides it from a glance, not from who tries all addresses.
func (l *Lock) Key(addr netip.Addr) string {
	text := plainAddr(addr).String()
	if l.Salt == "" {
		return text
	}
	mac := hmac.New(sha256.New, []byte(l.Salt))
	mac.Write([]byte(text))
	return "sha256:" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// Name returns what is known of a name; nil when nothing is.
func (l *Lock) Name(name string) *LockedName { return l.Names[HostKey(name)] }

// HadBy returns the names that had an address and have it no more, sorted; none where another name has it now.
func (l *Lock) HadBy(addr netip.Addr) []string {
	key := l.Key(addr)
	if l.owners[key] {
		return nil
	}
	return l.former[key]
}

// LockOf returns the lock file in the folder of a configuration's root, or else the nearest above, or else one that the
// user names; nil when there is none.
func (f *Facts) LockOf(c *proxy.Config) *Lock {
	if f == nil || len(f.Locks) == 0 || len(c.Tree.Roots) == 0 {
		return nil
	}
	root := c.Tree.Roots[0]
	if root.Origin != nil {
		root = root.Origin.In
	}
	dir := absDir(root.Path)
	var nearest *Lock
	above := -1 // how long the path of the nearest folder is
	for _, lock := range f.Locks {
		at := absDir(lock.Path)
		rel, err := filepath.Rel(at, dir)
		switch {
		case err == nil && filepath.IsLocal(rel) && len(at) > above:
			nearest, above = lock, len(at)
		case lock.named && nearest == nil:
			nearest = lock
		}
	}
	return nearest
}

func absDir(path string) string {
	abs, err := filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return filepath.Dir(path)
	}
	return filepath.Dir(abs)
}

// Forget leaves out of the lock files what was last seen before a day.
func (f *Facts) Forget(before time.Time) {
	for _, lock := range f.Locks {
		lock.forget(before.Format(time.DateOnly))
	}
}

func (l *Lock) forget(before string) {
	for name, entry := range l.Names {
		if entry.Seen < before {
			delete(l.Names, name)
		}
	}
	for name, entry := range l.Endpoints {
		if entry.Seen < before {
			delete(l.Endpoints, name)
		}
	}
	l.index()
}

// Text is the lock as its file holds it.
func (l *Lock) Text() (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(l)
	return b.String(), err
}
