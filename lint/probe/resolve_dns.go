package probe

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// maxAddrs bounds the addresses taken of one name.
const maxAddrs = 64

// byDNS asks the servers of a lookup for a name as it is, without a search list. The first that answers counts; the
// others are asked whether they do, too.
func (p *prober) byDNS(ctx context.Context, t *Target, l Lookup) Found {
	servers, named := l.Servers, len(l.Servers)
	if p.Resolver != "" {
		named = 0
	}
	if l.System {
		if conf, err := dns.ClientConfigFromFile("/etc/resolv.conf"); err == nil {
			for _, s := range conf.Servers {
				servers = append(slices.Clip(servers), net.JoinHostPort(s, conf.Port))
			}
		}
	}
	if len(servers) == 0 {
		return Found{Outcome: Outcome{Cause: ResolverFailed, Detail: "no resolver is defined"}}
	}
	answers := make([]Found, len(servers))
	var asked sync.WaitGroup
	for i, server := range servers {
		asked.Go(func() {
			if i < named { // in a configuration, which may come from anybody
				answers[i].Outcome = p.permitServer(t, server)
			}
			if answers[i].Outcome.OK() {
				answers[i] = p.askServer(ctx, t, l, server)
			}
		})
	}
	asked.Wait()
	return firstAnswer(servers, answers)
}

// permitServer says whether a DNS server may be asked.
func (p *prober) permitServer(t *Target, server string) Outcome {
	at, err := netip.ParseAddrPort(server)
	if err != nil {
		return Outcome{}
	}
	o := p.permit(t, at.Addr())
	if o.Cause == Denied {
		o.Detail = "its DNS server may not be asked: " + o.Detail
	}
	return o
}

// firstAnswer returns the answer of the first server that gave one; that of the first if none did.
func firstAnswer(servers []string, answers []Found) Found {
	best := -1
	var mute []string
	for i, a := range answers {
		switch {
		case a.Outcome.Cause == ResolverFailed:
			mute = append(mute, servers[i])
		case !a.Outcome.Tells():
		case best < 0:
			best = i
		}
	}
	found := answers[max(best, 0)]
	found.Server, found.Mute = servers[max(best, 0)], mute
	return found
}

// askServer asks one server for the addresses of a target.
func (p *prober) askServer(ctx context.Context, t *Target, l Lookup, server string) Found {
	timeout := p.AnswerTimeout
	if l.Timeout > 0 {
		timeout = min(timeout, l.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, max(timeout, time.Second))
	defer cancel()
	q := question{prober: p, server: server, lookup: l}
	if l.SRV {
		return q.services(ctx, t.Addr.Host)
	}
	found := q.addresses(ctx, t.Addr.Host, uint16(t.Addr.Port))
	t.useOne(&found)
	return found
}

// question is a server that is asked.
type question struct {
	*prober
	server string
	lookup Lookup
}

// addresses asks for the A and AAAA records of a name that the proxy would ask for. HAProxy prefers IPv6
// (manual 5.3.2, resolve-prefer).
func (q question) addresses(ctx context.Context, name string, port uint16) Found {
	kinds := []uint16{dns.TypeA, dns.TypeAAAA}
	if q.lookup.NoIPv4 {
		kinds = kinds[1:]
	}
	if q.lookup.NoIPv6 {
		kinds = kinds[:len(kinds)-1]
	}
	var found Found
	for _, kind := range kinds {
		records, outcome := q.ask(ctx, name, kind)
		if outcome.Cause == ResolverFailed {
			return Found{Outcome: outcome}
		}
		for _, record := range records {
			addr, ok := addressOf(record)
			if ok && len(found.Addrs) < maxAddrs {
				found.Addrs = append(found.Addrs, netip.AddrPortFrom(addr, port))
				found.see(record)
			}
		}
		found.Outcome = outcome
	}
	if len(found.Addrs) > 0 {
		found.Outcome = Outcome{}
	} else if found.Outcome.OK() {
		found.Outcome = Outcome{Cause: Unresolvable, Detail: q.server + " has no address for it"}
	}
	q.lookup.sort(found.Addrs)
	return found
}

// sort puts the preferred family first.
func (l Lookup) sort(addrs []netip.AddrPort) {
	if l.Prefer == 0 {
		return
	}
	rank := func(a netip.AddrPort) int {
		if a.Addr().Is4() == (l.Prefer == 4) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(addrs, func(a, b netip.AddrPort) int { return cmp.Compare(rank(a), rank(b)) })
}

// services asks for SRV records, and for the addresses of what they name.
func (q question) services(ctx context.Context, name string) Found {
	records, outcome := q.ask(ctx, name, dns.TypeSRV)
	found := Found{Outcome: outcome}
	for _, record := range records {
		srv, ok := record.(*dns.SRV)
		if !ok || len(found.Addrs) >= maxAddrs {
			continue
		}
		found.see(record)
		each := q.addresses(ctx, srv.Target, srv.Port)
		if !each.Outcome.OK() {
			found.Outcome = each.Outcome
			continue
		}
		found.Addrs = append(found.Addrs, each.Addrs...)
	}
	if len(found.Addrs) > 0 {
		found.Outcome = Outcome{}
	} else if found.Outcome.OK() {
		found.Outcome = Outcome{Cause: Unresolvable, Detail: q.server + " has no SRV record for it"}
	}
	return found
}

// see keeps the shortest life of the records used.
func (f *Found) see(record dns.RR) {
	ttl := time.Duration(record.Header().Ttl) * time.Second
	if f.TTL == 0 || ttl < f.TTL {
		f.TTL = ttl
	}
}

func addressOf(record dns.RR) (netip.Addr, bool) {
	switch r := record.(type) {
	case *dns.A:
		addr, ok := netip.AddrFromSlice(r.A.To4())
		return addr, ok
	case *dns.AAAA:
		return netip.AddrFromSlice(r.AAAA.To16())
	}
	return netip.Addr{}, false
}

// ask sends one question, again by TCP where the answer is cut off, and once more after SERVFAIL.
func (q question) ask(ctx context.Context, name string, kind uint16) ([]dns.RR, Outcome) {
	msg := new(dns.Msg)
	msg.SetQuestion(dns.Fqdn(name), kind)
	answer, err := q.exchange(ctx, msg)
	if err == nil && answer.Rcode == dns.RcodeServerFailure && sleep(ctx, retryAfter) {
		answer, err = q.exchange(ctx, msg)
	}
	switch {
	case err != nil:
		return nil, Outcome{Cause: ResolverFailed, Detail: q.server + ": " + resolverFault(err)}
	case answer.Rcode == dns.RcodeNameError:
		return nil, Outcome{Cause: Unresolvable, Detail: q.server + " knows no such name (NXDOMAIN)"}
	case answer.Rcode != dns.RcodeSuccess:
		return nil, Outcome{Cause: ResolverFailed, Detail: q.server + " answers " + dns.RcodeToString[answer.Rcode]}
	}
	return answer.Answer, Outcome{}
}

// retryAfter is how long a passing fault is given to pass.
const retryAfter = 250 * time.Millisecond

func (q question) exchange(ctx context.Context, msg *dns.Msg) (*dns.Msg, error) {
	answer, err := q.exchangeOver(ctx, "udp", msg)
	if err == nil && answer.Truncated {
		return q.exchangeOver(ctx, "tcp", msg)
	}
	return answer, err
}

// exchangeOver ends with its context, of which the library heeds the deadline alone.
func (q question) exchangeOver(ctx context.Context, network string, msg *dns.Msg) (*dns.Msg, error) {
	client := dns.Client{Net: network}
	conn, err := client.DialContext(ctx, q.server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })()
	answer, _, err := client.ExchangeWithConnContext(ctx, msg, conn)
	return answer, err
}

// resolverFault tells in short what kept a server from answering.
func resolverFault(err error) string {
	if fault, ok := err.(net.Error); ok && fault.Timeout() {
		return "no answer in time"
	}
	if o := classify(err); o.Cause == Refused {
		return "nothing listens there"
	}
	return err.Error()
}
