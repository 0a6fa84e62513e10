package probe

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/time/rate"
)

// schedule bounds what is dialed at once, and what is dialed at all of a host that does not answer.
type schedule struct {
	slots   chan struct{} // one for each target that may be worked on at once
	perHost int
	rate    *rate.Limiter
	cutOff  bool // a dead host's other ports are left out

	mu      sync.Mutex
	removed int // slots that were given up
	hosts   map[address]*host
}

// host is what is known of an IP address, or of a unix socket.
type host struct {
	slots   chan struct{}
	mute    int // connections that nobody answered
	answers bool
}

const (
	fewestSlots = 4 // that are left when the machine's limits are met
	muteEnough  = 3 // connections without an answer after which a host is dead
)

func newSchedule(o Options) *schedule {
	limit := rate.Inf
	if o.Rate > 0 {
		limit = rate.Limit(o.Rate)
	}
	// a target may need more than one file, and the rest of the program some
	slots := max(1, min(o.Concurrency, fileLimit()/2))
	return &schedule{
		slots:   make(chan struct{}, slots),
		perHost: max(1, o.PerAddress),
		rate:    rate.NewLimiter(limit, 1+o.Rate/20),
		cutOff:  o.Wait == 0,
		hosts:   map[address]*host{},
	}
}

// pace waits until the next connection may be opened; false when the context ends first.
func (s *schedule) pace(ctx context.Context) bool { return s.rate.Wait(ctx) == nil }

// take takes a slot for what is no connection; false when the context ends first.
func (s *schedule) take(ctx context.Context) bool { return acquire(ctx, s.slots) }

func (s *schedule) give() { <-s.slots }

// turn waits until an address may be dialed. A slot is taken last, so that one slow host does not hold them all. With
// the outcome of what was done then, end must be called, unless it is nil: the outcome returned says why.
func (s *schedule) turn(ctx context.Context, a address) (end func(Outcome), o Outcome) {
	h := s.host(a)
	if !acquire(ctx, h.slots) {
		return nil, unfinished(ctx)
	}
	if !acquire(ctx, s.slots) {
		<-h.slots
		return nil, unfinished(ctx)
	}
	end = func(o Outcome) {
		s.learn(h, a, o)
		if o.Cause != Local || !s.remove() {
			<-s.slots
		}
		<-h.slots
	}
	if s.isDead(h) {
		end(Outcome{Cause: NotTested})
		return nil, Outcome{
			Cause: NotTested, Detail: fmt.Sprintf("%d connections to %s got no answer, so its other ports were left out", muteEnough, a.network.Addr()),
		}
	}
	return end, Outcome{}
}

func (s *schedule) host(a address) *host {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := a.host()
	h := s.hosts[key]
	if h == nil {
		h = &host{slots: make(chan struct{}, s.perHost)}
		s.hosts[key] = h
	}
	return h
}

// learn remembers whether a host answers. What is on this machine is not dead.
func (s *schedule) learn(h *host, a address, o Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case o.Cause != TimedOut && o.Cause != DeadNeighbour:
		h.answers = h.answers || o.Tells()
	case a.socket == "" && !a.network.Addr().IsLoopback():
		h.mute++
	}
}

func (s *schedule) isDead(h *host) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cutOff && !h.answers && h.mute >= muteEnough
}

// remove lowers the number of slots by one; false when no more can be spared.
func (s *schedule) remove() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cap(s.slots)-s.removed <= fewestSlots {
		return false
	}
	s.removed++
	return true
}

func acquire(ctx context.Context, slots chan struct{}) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
