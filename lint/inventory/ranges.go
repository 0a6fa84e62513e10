package inventory

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Provider is a CDN or a cloud that publishes the networks its requests come from, by its name in a list of ranges.
type Provider string

// The providers whose lists are short and hold for years. Those of CloudFront and Fastly change too often to be kept here.
const (
	Cloudflare Provider = "cloudflare"
	Google     Provider = "google" // its external load balancers
)

// Ranges are the networks of a provider.
type Ranges struct {
	Current []netip.Prefix
	Former  []netip.Prefix // given up
	As      string         // what lists the current ones: "list of 2026-02-11"
}

// published are the snapshots.
//
// Cloudflare: https://www.cloudflare.com/ips-v4 and ips-v6, as of 2026-02-11; unchanged since 2023-09-28. The former ones stood there until
// 2013 and 2016.
//
// Google: https://cloud.google.com/load-balancing/docs/https/request-distribution, as of 2026-02-11.
var published = map[Provider]struct{ as, current, former string }{
	Cloudflare: {
		as: "list of 2026-02-11",
		current: `173.245.48.0/20 103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 141.101.64.0/18 108.162.192.0/18 190.93.240.0/20
188.114.96.0/20 197.234.240.0/22 198.41.128.0/17 162.158.0.0/15 104.16.0.0/13 104.24.0.0/14 172.64.0.0/13 131.0.72.0/22
2400:cb00::/32 2606:4700::/32 2803:f800::/32 2405:b500::/32 2405:8100::/32 2a06:98c0::/29 2c0f:f248::/32`,
		former: "199.27.128.0/21 204.93.177.0/24 204.93.240.0/24",
	},
	Google: {
		as:      "list of 2026-02-11",
		current: "130.211.0.0/22 35.191.0.0/16",
	},
}

// Providers returns all providers, sorted.
func Providers() []Provider { return []Provider{Cloudflare, Google} }

// Ranges returns the networks of a provider: those of a file that the user named, else the snapshot's. What the snapshot has
// and the file has not was given up.
func (f *Facts) Ranges(p Provider) Ranges {
	r := Ranges{As: published[p].as, Current: prefixes(published[p].current), Former: prefixes(published[p].former)}
	if f == nil || f.ranges[p].Current == nil {
		return r
	}
	newer := f.ranges[p]
	for _, family := range []bool{true, false} {
		is4 := func(n netip.Prefix) bool { return n.Addr().Is4() == family }
		if !slices.ContainsFunc(newer.Current, is4) {
			continue // a list of the other family alone
		}
		for _, n := range r.Current {
			if is4(n) && !slices.Contains(newer.Current, n) {
				r.Former = append(r.Former, n)
			}
		}
		r.Current = slices.DeleteFunc(r.Current, is4)
	}
	r.As, r.Current = newer.As, append(r.Current, newer.Current...)
	r.Former = slices.DeleteFunc(r.Former, func(n netip.Prefix) bool { return slices.Contains(r.Current, n) })
	return r
}

// prefixes reads networks that are known to be right.
func prefixes(text string) []netip.Prefix {
	var list []netip.Prefix
	for _, word := range strings.Fields(text) {
		list = append(list, netip.MustParsePrefix(word))
	}
	return list
}

// ReadRanges reads a newer list of a provider's networks: one in each line, as Cloudflare publishes them, or JSON,
// {"cloudflare": ["173.245.48.0/20", ...]}. A plain list is the provider's whose snapshot it has networks of.
func (f *Facts) ReadRanges(path string) error {
	src, err := readNamed(path)
	if err != nil {
		return err
	}
	var lists map[Provider][]netip.Prefix
	if isJSONText(src) {
		lists, err = jsonRanges(path, src)
	} else {
		lists, err = plainRanges(path, src)
	}
	if err != nil {
		return err
	}
	if f.ranges == nil {
		f.ranges = map[Provider]Ranges{}
	}
	for p, list := range lists {
		as := "list in " + path
		if known := f.ranges[p]; known.As != "" {
			as = known.As + " and " + path
		}
		f.ranges[p] = Ranges{Current: append(f.ranges[p].Current, list...), As: as}
	}
	return nil
}

func jsonRanges(path, src string) (map[Provider][]netip.Prefix, error) {
	var lists map[Provider][]netip.Prefix
	if err := json.Unmarshal([]byte(src), &lists); err != nil {
		return nil, fmt.Errorf("%s: not a list of networks by provider: %w", path, err)
	}
	for p, list := range lists {
		if !slices.Contains(Providers(), p) {
			return nil, fmt.Errorf("%s: %q is no provider: want %s or %s", path, p, Cloudflare, Google)
		}
		for i, n := range list {
			if !n.IsValid() {
				return nil, fmt.Errorf("%s: a network of %s is empty", path, p)
			}
			list[i] = n.Masked()
		}
	}
	return lists, nil
}

// plainRanges reads a network from each line; '#' starts a comment.
func plainRanges(path, src string) (map[Provider][]netip.Prefix, error) {
	var list []netip.Prefix
	for i, line := range strings.Split(src, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		n, err := netip.ParsePrefix(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %q is not a network such as 173.245.48.0/20", path, i+1, line)
		}
		list = append(list, n.Masked())
	}
	for _, p := range Providers() {
		if slices.ContainsFunc(prefixes(published[p].current), func(n netip.Prefix) bool { return slices.Contains(list, n) }) {
			return map[Provider][]netip.Prefix{p: list}, nil
		}
	}
	return nil, fmt.Errorf("%s: no network in it is one of %s's or %s's", path, Cloudflare, Google)
}
