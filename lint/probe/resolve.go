package probe

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// SystemResolver as Options.Resolver has every name looked up by the system.
const SystemResolver = "system"

// LookUp resolves names that are not dialed, as the system does, and returns those that have addresses. When the context
// ends it returns what is known by then.
func LookUp(ctx context.Context, names []string, o Options) map[string][]netip.Addr {
	ctx, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	p := newProber(o)
	found := map[string][]netip.Addr{}
	var mu sync.Mutex
	inParallel(max(1, o.Concurrency), names, func(name string) {
		answer := p.resolve(ctx, &Target{Dialect: syntax.Nginx, Addr: proxy.Address{Host: name}, Lookup: Lookup{How: AtStart}})
		mu.Lock()
		defer mu.Unlock()
		for _, addr := range answer.Addrs {
			found[name] = append(found[name], addr.Addr())
		}
	})
	return found
}

// resolve returns the addresses that the proxy would use for a target. What Options.ResolveHost and Options.Hosts say
// comes before any lookup, but DNS servers that the configuration names know no hosts file.
func (p *prober) resolve(ctx context.Context, t *Target) Found {
	if t.Addr.Socket != "" {
		return Found{}
	}
	port := uint16(t.Addr.Port)
	name := t.hostname()
	if addrs := p.ResolveHost[t.standIn()]; len(addrs) > 0 {
		return t.choose(addrs, port)
	}
	if addr, err := netip.ParseAddr(t.Addr.Host); err == nil {
		return t.choose([]netip.Addr{addr}, port)
	}
	readsHosts := t.Lookup.How != ByDNS || p.Resolver == SystemResolver
	if addrs := p.Hosts[name]; readsHosts && len(addrs) > 0 {
		return t.choose(addrs, port)
	}
	began := time.Now()
	var found Found
	switch known := readsHosts && name == "localhost"; { // every hosts file has it
	case p.Resolver != "" && p.Resolver != SystemResolver && !known:
		l := t.Lookup
		l.Servers, l.System = []string{p.Resolver}, false
		found = p.byDNS(ctx, t, l)
	case t.Lookup.How == ByDNS && p.Resolver == "":
		found = p.byDNS(ctx, t, t.Lookup)
	default:
		found = p.bySystem(ctx, t)
	}
	found.Outcome = t.excuse(found.Outcome)
	found.Outcome.Took = time.Since(began)
	return found
}

// hostname is the name or address of a target as it is compared with others.
func (t *Target) hostname() string { return inventory.HostKey(t.Addr.Host) }

// standIn is what Options.ResolveHost calls a target.
func (t *Target) standIn() string { return net.JoinHostPort(t.hostname(), strconv.Itoa(t.Addr.Port)) }

// Unused returns what ResolveHost has for none of the targets and their checks, sorted.
func (o Options) Unused(targets []*Target) []string {
	unused := maps.Clone(o.ResolveHost)
	for _, t := range targets {
		delete(unused, t.standIn())
		if t.Check == nil {
			continue
		}
		for _, s := range slices.Concat(t.Check.Steps, t.Check.Agent) {
			if s.Connect != nil && s.Connect.Host != "" {
				delete(unused, t.checkedAt(s.Connect.Host).standIn())
			}
		}
	}
	return slices.Sorted(maps.Keys(unused))
}

// choose parts addresses in those that the proxy uses and those that it does not.
func (t *Target) choose(addrs []netip.Addr, port uint16) Found {
	var found Found
	for _, addr := range addrs {
		found.Addrs = append(found.Addrs, netip.AddrPortFrom(addr.Unmap(), port))
	}
	t.useOne(&found)
	return found
}

// useOne leaves a HAProxy server with the one address that it takes; nginx makes each a peer. A server-template takes as
// many as it has slots.
func (t *Target) useOne(found *Found) {
	if t.Dialect == syntax.HAProxy && !t.Lookup.SRV && len(found.Addrs) > 1 && t.Lookup.Slots <= 1 {
		found.Addrs, found.Others = found.Addrs[:1:1], found.Addrs[1:]
	}
}

// bySystem looks a name up as programs on this machine do.
func (p *prober) bySystem(ctx context.Context, t *Target) Found {
	ctx, cancel := context.WithTimeout(ctx, p.AnswerTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.Addr.Host)
	if err != nil {
		return Found{Outcome: systemOutcome(err)}
	}
	return t.choose(addrs, uint16(t.Addr.Port))
}

func systemOutcome(err error) Outcome {
	var fault *net.DNSError
	if !errors.As(err, &fault) {
		return Outcome{Cause: ResolverFailed, Detail: err.Error()}
	}
	if fault.IsNotFound {
		return Outcome{Cause: Unresolvable, Detail: "the system finds no such name"}
	}
	if fault.IsTimeout {
		return Outcome{Cause: ResolverFailed, Detail: "the system's resolver did not answer in time"}
	}
	return Outcome{Cause: ResolverFailed, Detail: fault.Err}
}

// elsewhere are the ends of names that exist only where the proxy may run: in a cluster or beside Docker.
var elsewhere = []string{".svc", ".cluster.local", ".docker.internal"}

// excuse makes a name that is not found no fault where it is known to exist elsewhere.
func (t *Target) excuse(o Outcome) Outcome {
	if o.Cause != Unresolvable && o.Cause != ResolverFailed {
		return o
	}
	name := t.hostname()
	switch {
	case !t.Lookup.Declared.IsZero():
		return Outcome{Cause: NotTestable, Detail: "the name is known where the proxy runs, and not here"}
	case slices.ContainsFunc(elsewhere, func(end string) bool { return strings.HasSuffix(name, end) }):
		return Outcome{Cause: NotTestable, Detail: "such names are known in their cluster or container alone"}
	}
	return o
}
