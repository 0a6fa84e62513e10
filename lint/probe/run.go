package probe

import (
	"context"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Run dials the targets. It ends when all are done, at the deadline or when the context ends, and returns what is known
// by then: the rest is NotTested.
func Run(ctx context.Context, targets []*Target, o Options) *Results {
	results := &Results{Began: time.Now(), List: make([]*Result, len(targets)), Strict: o.Strict, Complete: o.Complete}
	results.Vantage, _ = os.Hostname()
	ctx, cancel := context.WithTimeout(ctx, o.Deadline+o.Wait)
	defer cancel()
	p := newProber(o)
	var workers sync.WaitGroup
	done := p.counter(len(targets))
	for i, t := range targets {
		workers.Go(func() {
			results.List[i] = p.target(ctx, t)
			done()
		})
	}
	workers.Wait()
	if p.Measure && !p.ResolveOnly {
		p.measure(ctx, results.List)
	}
	findNearby(results.List)
	results.Took = time.Since(results.Began)
	return results
}

// prober is what the targets of one run share.
type prober struct {
	Options
	schedule *schedule
	waits    time.Time      // until then what fails is tried again
	machine  func() machine // as it was at the first timeout

	mu     sync.Mutex
	shared map[dialed]func() Try
}

func newProber(o Options) *prober {
	return &prober{
		Options: o, schedule: newSchedule(o), waits: time.Now().Add(o.Wait),
		machine: sync.OnceValue(newMachine), shared: map[dialed]func() Try{},
	}
}

// counter returns what is called when a target is done.
func (p *prober) counter(all int) func() {
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		if p.Progress != nil {
			p.Progress(done, all)
		}
	}
}

// target resolves one target and tries the addresses that its proxy would use.
func (p *prober) target(ctx context.Context, t *Target) *Result {
	r := &Result{Target: t, Found: p.find(ctx, t)}
	if p.ResolveOnly || !r.Found.Outcome.OK() {
		return r
	}
	if t.Addr.Socket != "" {
		r.Tries = []Try{p.try(ctx, t, t.dials(netip.AddrPort{}))}
		r.Checked = p.check(ctx, r)
		return r
	}
	r.Tries = make([]Try, len(r.Found.Addrs))
	var others sync.WaitGroup
	for i, addr := range r.Found.Addrs {
		try := func() { r.Tries[i] = p.try(ctx, t, t.dials(addr)) }
		if i < len(r.Tries)-1 {
			others.Go(try)
		} else {
			try()
		}
	}
	others.Wait()
	r.Checked = p.check(ctx, r)
	return r
}
