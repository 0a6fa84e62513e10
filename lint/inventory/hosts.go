package inventory

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/proxylint/proxylint/parsers"
)

// ReadHosts adds the names of a file in hosts(5) form: an address, then its names; '#' starts a comment.
func (f *Facts) ReadHosts(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return parsers.PathError(path, err)
	}
	defer file.Close()
	if f.hosts == nil {
		f.hosts = map[string][]netip.Addr{}
	}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		addr, err := netip.ParseAddr(fields[0])
		if err != nil {
			return fmt.Errorf("%s:%d: %q is not an IP address", path, n, fields[0])
		}
		for _, name := range fields[1:] {
			key := HostKey(name)
			f.hosts[key] = append(f.hosts[key], addr)
		}
	}
	if err := lines.Err(); err != nil {
		return parsers.PathError(path, err)
	}
	return nil
}

// Host returns the addresses that the hosts file gives a name; nil when it has none.
// Names are compared without case and without a final dot.
func (f *Facts) Host(name string) []netip.Addr {
	if f == nil {
		return nil
	}
	return f.hosts[HostKey(name)]
}

// Hosts returns the addresses of all names of the hosts file. Names are in lower case, without a final dot.
func (f *Facts) Hosts() map[string][]netip.Addr { return f.hosts }

// HostKey returns a name as names are compared: in lower case, without a final dot.
func HostKey(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
