package probe

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/proxylint/proxylint/lint/inventory"
)

// Endpoint is what a lock file calls a target: "host:port" or "unix:path".
func (t *Target) Endpoint(l *inventory.Lock) string {
	if t.Addr.Socket != "" {
		return "unix:" + t.Addr.Socket
	}
	host := t.hostname()
	if addr, err := netip.ParseAddr(host); err == nil {
		host = l.Key(addr)
		if l.Salt != "" {
			return host + ":" + strconv.Itoa(t.Addr.Port)
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(t.Addr.Port))
}

// Remember puts what a run found into a lock. What it did not find or reach stays as it was.
func Remember(l *inventory.Lock, results *Results) {
	m := memory{lock: l, day: results.Began.UTC().Format(time.DateOnly), found: map[string][]netip.Addr{}, told: map[string]bool{}}
	for _, r := range results.List {
		m.result(r)
	}
	for name, addrs := range m.found {
		m.name(l.Names[name], addrs)
	}
}

// HashAddresses has a lock hold hashes in place of addresses, from now on.
func HashAddresses(l *inventory.Lock) {
	if l.Salt != "" {
		return
	}
	endpoints := l.Endpoints
	l.Salt, l.Endpoints = rand.Text(), map[string]*inventory.LockedEndpoint{}
	for at, entry := range endpoints {
		if addr, err := netip.ParseAddrPort(at); err == nil {
			at = l.Key(addr.Addr()) + ":" + strconv.Itoa(int(addr.Port()))
		}
		l.Endpoints[at] = entry
	}
	for _, entry := range l.Names {
		entry.Addresses, entry.Former = hashed(l, entry.Addresses), hashed(l, entry.Former)
	}
}

func hashed(l *inventory.Lock, addrs map[string]*inventory.LockedAddr) map[string]*inventory.LockedAddr {
	out := map[string]*inventory.LockedAddr{}
	for text, when := range addrs {
		if addr, err := netip.ParseAddr(text); err == nil {
			text = l.Key(addr)
		}
		out[text] = when
	}
	return out
}

// memory puts the results of one day into a lock.
type memory struct {
	lock  *inventory.Lock
	day   string
	found map[string][]netip.Addr // the addresses of every name that resolved
	told  map[string]bool         // the endpoints that are up to date
}

func (m *memory) result(r *Result) {
	if r.Lookup.How != Literal && r.Found.Outcome.OK() && len(r.Found.Addrs) > 0 {
		name := r.hostname()
		if m.lock.Names[name] == nil {
			m.lock.Names[name] = &inventory.LockedName{Addresses: map[string]*inventory.LockedAddr{}}
		}
		m.lock.Names[name].Resolver = cmp.Or(r.Found.Server, "system")
		for _, addr := range append(r.Found.Addrs[:len(r.Found.Addrs):len(r.Found.Addrs)], r.Found.Others...) {
			m.found[name] = append(m.found[name], addr.Addr())
		}
	}
	at := r.Endpoint(m.lock)
	for i := range r.Tries {
		if r.Tries[i].OK() && !m.told[at] {
			m.told[at] = true
			m.endpoint(at, r.Target, &r.Tries[i].Measure)
		}
	}
}

// name moves the addresses that a name has no more to the former ones, and those that are back from there.
func (m *memory) name(entry *inventory.LockedName, addrs []netip.Addr) {
	entry.Seen, entry.Family = m.day, family(addrs)
	before := entry.Addresses
	entry.Addresses = map[string]*inventory.LockedAddr{}
	for _, addr := range addrs {
		key := m.lock.Key(addr)
		when := cmp.Or(entry.Addresses[key], before[key], entry.Former[key], &inventory.LockedAddr{First: m.day})
		when.Last = m.day
		entry.Addresses[key] = when
		delete(before, key)
		delete(entry.Former, key)
	}
	for key, when := range before {
		if entry.Former == nil {
			entry.Former = map[string]*inventory.LockedAddr{}
		}
		entry.Former[key] = when
	}
}

func family(addrs []netip.Addr) string {
	v4, v6 := false, false
	for _, addr := range addrs {
		v4, v6 = v4 || addr.Is4(), v6 || addr.Is6()
	}
	switch {
	case v4 && v6:
		return "both"
	case v6:
		return "ipv6"
	}
	return "ipv4"
}

// endpoint takes over what was measured, but for what differs no more than from one run to the next.
func (m *memory) endpoint(at string, t *Target, measured *Measure) {
	entry := m.lock.Endpoints[at]
	if entry == nil {
		entry = &inventory.LockedEndpoint{}
		m.lock.Endpoints[at] = entry
	}
	entry.Seen, entry.Protocol = m.day, t.Spoken()
	entry.Certificate = cmp.Or(measured.Cert, entry.Certificate)
	if measured.Header > 0 && !isNear(measured.Header, entry.HeaderBytes, 10) {
		entry.HeaderBytes = measured.Header
	}
	if ms := (measured.FirstMid + time.Millisecond - 1).Milliseconds(); ms > 0 && !isNear(ms, entry.FirstByte, 1) {
		entry.FirstByte = ms
	}
}

// isNear reports whether two values differ by no more than the part-th of the old one, or little anyway.
func isNear[T int | int64](value, old, part T) bool {
	const little = 10
	return old > 0 && max(value, old)-min(value, old) <= max(old/part, little)
}

// fingerprint returns the SHA-256 of a certificate, as "openssl x509 -fingerprint -sha256" does, but in lower case
// without colons.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
