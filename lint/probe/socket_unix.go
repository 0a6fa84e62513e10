//go:build unix

package probe

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// isSelf reports whether this program runs as a user.
func isSelf(name string) bool {
	u, err := user.Lookup(name)
	return err == nil && u.Uid == strconv.Itoa(os.Geteuid())
}

// forbids says what keeps the proxy's user from connecting to a socket: that needs the right to search the folders above
// it and to write to it (unix(7)). It is "" where nothing does or the user is not known here.
func forbids(t *Target, path string) string {
	who, ok := newIdentity(t)
	if !ok || who.uid == 0 {
		return ""
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	for _, path := range slices.Compact([]string{path, real}) {
		for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
			if mode, ok := who.may(dir, search); !ok {
				return fmt.Sprintf("%s may not pass %s (%s)", t.User, dir, mode)
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if mode, ok := who.may(real, write); !ok {
		return fmt.Sprintf("%s may not write to it (%s)", t.User, mode)
	}
	return ""
}

// identity is whom a proxy's workers run as.
type identity struct {
	uid  int
	gids []int
}

// newIdentity looks up the proxy's user; false when it is not known. nginx takes the groups that the user is in, and the
// group that its configuration names; HAProxy leaves all groups but that of its configuration, or root's where that names
// none.
func newIdentity(t *Target) (identity, bool) {
	u, err := user.Lookup(t.User)
	if t.User == "" || err != nil {
		return identity{}, false
	}
	ids := []string{"0"}
	if t.Dialect == syntax.Nginx {
		if ids, err = u.GroupIds(); err != nil {
			return identity{}, false
		}
	}
	if t.Group != "" {
		g, err := user.LookupGroup(t.Group)
		if err != nil {
			return identity{}, false
		}
		if t.Dialect == syntax.HAProxy {
			ids = nil
		}
		ids = append(ids, g.Gid)
	}
	who := identity{}
	if who.uid, err = strconv.Atoi(u.Uid); err != nil {
		return identity{}, false
	}
	for _, id := range ids {
		gid, err := strconv.Atoi(id)
		if err != nil {
			return identity{}, false
		}
		who.gids = append(who.gids, gid)
	}
	return who, true
}

// The rights, as the bits that others have in a mode.
const (
	search fs.FileMode = 1
	write  fs.FileMode = 2
)

// may reports whether the mode of a file lets an identity do something; yes where that can't be told.
func (who identity) may(path string, right fs.FileMode) (fs.FileMode, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, true
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, true
	}
	switch {
	case int(owner.Uid) == who.uid:
		right <<= 6
	case slices.Contains(who.gids, int(owner.Gid)):
		right <<= 3
	}
	return info.Mode(), info.Mode()&right != 0
}
