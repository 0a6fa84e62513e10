package proxy

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is a proxy's release, as numbers: {1, 27, 3}. The zero value is an unknown version.
type Version [3]int

// ParseVersion reads "1.27.3", "2.6" or "1"; what follows a '-' or '+' is passed over.
func ParseVersion(s string) (Version, error) {
	var v Version
	text, _, _ := strings.Cut(strings.TrimPrefix(s, "v"), "-")
	text, _, _ = strings.Cut(text, "+")
	parts := strings.Split(text, ".")
	if len(parts) > len(v) {
		return Version{}, fmt.Errorf("%q is not a version such as 1.27.3", s)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return Version{}, fmt.Errorf("%q is not a version such as 1.27.3", s)
		}
		v[i] = int(n)
	}
	return v, nil
}

// Known reports whether a version is set.
func (v Version) Known() bool { return v != Version{} }

// Before reports whether v is known and older than w.
func (v Version) Before(w Version) bool { return v.Known() && v.compare(w) < 0 }

// AtLeast reports whether v is known and not older than w.
func (v Version) AtLeast(w Version) bool { return v.Known() && v.compare(w) >= 0 }

func (v Version) compare(w Version) int {
	return cmp.Or(cmp.Compare(v[0], w[0]), cmp.Compare(v[1], w[1]), cmp.Compare(v[2], w[2]))
}

// String gives "1.27.3", or "" for an unknown version.
func (v Version) String() string {
	if !v.Known() {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
}
