package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// find resolves a target in its turn, and again as long as that makes sense.
func (p *prober) find(ctx context.Context, t *Target) Found {
	if t.Lookup.How == Literal {
		return p.resolve(ctx, t)
	}
	return untilDone(ctx, p, func() Found { return p.findOnce(ctx, t) }, func(f Found) Outcome { return f.Outcome })
}

func (p *prober) findOnce(ctx context.Context, t *Target) Found {
	if !p.schedule.take(ctx) {
		return Found{Outcome: unfinished(ctx)}
	}
	defer p.schedule.give()
	found := p.resolve(ctx, t)
	if !found.Outcome.OK() && isOver(ctx) {
		return Found{Outcome: unfinished(ctx)}
	}
	return found
}

// try connects to one address and, if that works, speaks to it. Targets that would be dialed alike share what comes.
func (p *prober) try(ctx context.Context, t *Target, a address) Try {
	p.mu.Lock()
	key := dialedAs(t, a)
	once := p.shared[key]
	if once == nil {
		attempt := func() Try { return p.tryOnce(ctx, t, a) }
		once = sync.OnceValue(func() Try {
			return p.diagnosed(ctx, t, a, untilDone(ctx, p, attempt, func(t Try) Outcome { return t.Outcome }))
		})
		p.shared[key] = once
	}
	p.mu.Unlock()
	return once()
}

// dialed is what makes two tries one: where they go, and all that is said there or that the answer is judged by.
type dialed struct {
	address
	how string
}

func dialedAs(t *Target, a address) dialed {
	l := t.Limits
	how := fmt.Sprintf("%d %v %d %t %d %q %q %q %q %d %d %d %d", t.Dialect, t.Version, t.Protocol, t.HTTP2, t.SendProxy,
		t.Path, t.Host, t.User, t.Group, l.Connect.Value, l.Read.Value, l.Idle.Value, l.Header.Value)
	if t.TLS != nil {
		secured := *t.TLS
		secured.At, secured.NameAt = syntax.Ref{}, syntax.Ref{}
		how += fmt.Sprintf("%#v", secured)
	}
	return dialed{a, how}
}

func (p *prober) tryOnce(ctx context.Context, t *Target, a address) Try {
	end, skipped := p.schedule.turn(ctx, a)
	if end == nil {
		return Try{Addr: a.network, Outcome: skipped}
	}
	try := Try{Addr: a.network}
	try.Outcome = p.reach(ctx, t, a, &try.Measure)
	if !try.OK() && isOver(ctx) {
		try.Outcome = unfinished(ctx)
	}
	end(try.Outcome)
	return try
}

// diagnosed finds out what answers where the configured protocol did not, once it is not tried again.
func (p *prober) diagnosed(ctx context.Context, t *Target, a address, try Try) Try {
	if !p.Diagnose || !try.Tells() || !try.isPuzzling(t) {
		return try
	}
	end, _ := p.schedule.turn(ctx, a)
	if end == nil {
		return try
	}
	try.Outcome = p.diagnose(ctx, t, a, try.Outcome)
	end(try.Outcome)
	return try
}

func (p *prober) reach(ctx context.Context, t *Target, a address, m *Measure) Outcome {
	conn, outcome := p.connect(ctx, t, a)
	if conn == nil {
		return outcome
	}
	defer conn.Close()
	m.Connect = outcome.Took
	return p.speak(ctx, t, conn, m)
}

// untilDone does something, and again as long as that makes sense. What the end of the run breaks off does not replace
// what was known before.
func untilDone[T any](ctx context.Context, p *prober, do func() T, outcome func(T) Outcome) T {
	known := do()
	for n := 0; ; n++ {
		pause := p.pause(outcome(known), n)
		if pause == 0 || !sleep(ctx, pause) {
			return known
		}
		now := do()
		if outcome(now).Cause == NotTested {
			return known
		}
		known = now
	}
}

// How often what failed is tried again, where --wait does not say so: a connection may be closed by chance, and what
// other programs hold of this machine is given back. A refusal and a timeout stay what they are.
const (
	closedAgain = 1
	localAgain  = 3
)

// pause returns how long to wait before the next attempt, after n that were made again; 0: there should be none.
func (p *prober) pause(o Outcome, n int) time.Duration {
	switch {
	case o.OK():
		return 0
	case o.Cause == Closed && n < closedAgain, o.Cause == Local && n < localAgain:
		return retryAfter
	case o.Tells() && time.Now().Before(p.waits):
		const mostDoublings = 4
		return retryAfter << min(n, mostDoublings)
	}
	return 0
}

// sleep reports whether the time passed before the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
