package inventory

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestRangesOfTheSnapshot(t *testing.T) {
	var facts *Facts
	for _, p := range Providers() {
		r := facts.Ranges(p)
		if r.As == "" || len(r.Current) == 0 {
			t.Errorf("%s: %+v", p, r)
		}
		for _, n := range slices.Concat(r.Current, r.Former) {
			if n != n.Masked() || n.Addr().IsPrivate() {
				t.Errorf("%s: %s is no public network", p, n)
			}
		}
	}
	if n := len(facts.Ranges(Cloudflare).Current); n != 15+7 {
		t.Errorf("Cloudflare has %d networks", n)
	}
}

// TestRangesOfOneFamily reads a list of IPv4 alone: those of IPv6 stay as they were.
func TestRangesOfOneFamily(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ips-v4")
	if err := os.WriteFile(file, []byte("173.245.48.0/20\n199.27.128.0/21\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	facts := &Facts{}
	if err := facts.ReadRanges(file); err != nil {
		t.Fatal(err)
	}
	r := facts.Ranges(Cloudflare)
	has := func(list []netip.Prefix, n string) bool { return slices.Contains(list, netip.MustParsePrefix(n)) }
	if len(r.Current) != 2+7 || !has(r.Current, "2400:cb00::/32") || !has(r.Current, "199.27.128.0/21") {
		t.Errorf("current: %v", r.Current)
	}
	if !has(r.Former, "103.21.244.0/22") || has(r.Former, "199.27.128.0/21") || has(r.Former, "2606:4700::/32") {
		t.Errorf("former: %v", r.Former)
	}
	if google := facts.Ranges(Google); len(google.Current) != 2 {
		t.Errorf("google: %v", google.Current)
	}
}
