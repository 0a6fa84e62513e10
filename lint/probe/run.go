package probe

import (
	"context"
	"os"
	"sync"
	"time"
)

// Run dials the targets. It ends when all are done, at the deadline or when the context ends, and returns what is known
// by then: the rest is NotTested.
func Run(ctx context.Context, targets []*Target, o Options) *Results {
	results := &Results{Began: time.Now(), List: make([]*Result, len(targets))}
	results.Vantage, _ = os.Hostname()
	ctx, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	p := newProber(o)
	var workers sync.WaitGroup
	next := make(chan int)
	for range min(o.Concurrency, len(targets)) {
		workers.Go(func() {
			for i := range next {
				results.List[i] = p.target(ctx, targets[i])
			}
		})
	}
	for i := range targets {
		next <- i
	}
	close(next)
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
}

func newProber(o Options) *prober { return &prober{Options: o} }

// target resolves one target and tries the addresses that its proxy would use.
func (p *prober) target(ctx context.Context, t *Target) *Result {
	r := &Result{Target: t, Found: p.resolve(ctx, t)}
	if p.ResolveOnly || !r.Found.Outcome.OK() {
		return r
	}
	if t.Addr.Socket != "" {
		r.Tries = []Try{p.try(ctx, t, address{socket: t.Addr.Socket})}
		r.Checked = p.check(ctx, r)
		return r
	}
	for _, addr := range r.Found.Addrs {
		r.Tries = append(r.Tries, p.try(ctx, t, address{network: addr}))
	}
	r.Checked = p.check(ctx, r)
	return r
}
