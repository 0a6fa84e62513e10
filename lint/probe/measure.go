package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

const (
	samples       = 5               // of the time until the first byte
	slowSample    = 2 * time.Second // after one like this no more are taken
	measuredHosts = 4               // hosts measured at once: times grow with what else is asked
)

// measure takes samples of what answered, in a second and nearly serial pass: the same server's first byte took 81 µs when
// asked alone and 30 ms beside 255 others.
func (p *prober) measure(ctx context.Context, results []*Result) {
	hosts := map[address][]*Result{}
	var order []address
	for _, r := range results {
		for i := range r.Tries {
			if r.Tries[i].OK() && r.isMeasured() {
				host := r.dials(r.Tries[i].Addr).host()
				if hosts[host] == nil {
					order = append(order, host)
				}
				hosts[host] = append(hosts[host], r)
				break
			}
		}
	}
	inParallel(measuredHosts, order, func(host address) {
		for _, r := range hosts[host] {
			p.measureOne(ctx, r)
		}
	})
	if p.IdleBudget > 0 {
		p.holdIdle(ctx, results)
	}
}

// idler is an address that is seen to close an idle connection, or not.
type idler struct {
	address
	target *Target       // by whom it is asked
	kept   time.Duration // the longest that a proxy keeps one
	tries  []*Try
}

// holdIdle sees when idle connections are closed, of the servers that do not say it. Waiting disturbs nobody: all addresses
// are held at once, each by one connection.
func (p *prober) holdIdle(ctx context.Context, results []*Result) {
	inParallel(p.Concurrency, idlers(results), func(i *idler) {
		idle := p.idle(ctx, i.target, i.address, min(p.IdleBudget, i.kept))
		for _, try := range i.tries {
			try.Idle = idle
		}
	})
}

// idlers returns the addresses to which a proxy keeps idle connections, as far as it is not known for how long they do.
func idlers(results []*Result) []*idler {
	var list []*idler
	known := map[address]*idler{}
	for _, r := range results {
		if r.Limits.Idle.Value <= 0 || r.Protocol != proxy.HTTP || r.HTTP2 {
			continue
		}
		for n := range r.Tries {
			try := &r.Tries[n]
			if !try.OK() || try.IdleSaid {
				continue
			}
			a := r.dials(try.Addr)
			if known[a] == nil {
				known[a] = &idler{address: a, target: r.Target}
				list = append(list, known[a])
			}
			known[a].kept = max(known[a].kept, r.Limits.Idle.Value)
			known[a].tries = append(known[a].tries, try)
		}
	}
	return list
}

// inParallel does what is to be done for each of a list, so many at once.
func inParallel[T any](most int, list []T, do func(T)) {
	next := make(chan T)
	var workers sync.WaitGroup
	for range min(most, len(list)) {
		workers.Go(func() {
			for one := range next {
				do(one)
			}
		})
	}
	for _, one := range list {
		next <- one
	}
	close(next)
	workers.Wait()
}

// isMeasured reports whether samples of a target say anything: a request is sent, and answered.
func (t *Target) isMeasured() bool {
	switch t.Protocol {
	case proxy.HTTP, proxy.FastCGI, proxy.UWSGI, proxy.SCGI:
		return true
	}
	return false
}

// measureOne takes the samples of each address that answered.
func (p *prober) measureOne(ctx context.Context, r *Result) {
	for i := range r.Tries {
		try := &r.Tries[i]
		if !try.OK() || ctx.Err() != nil {
			continue
		}
		p.sample(ctx, r.Target, r.dials(try.Addr), try)
	}
}

// sample asks again some times. The try keeps the longest and the median time until the first byte; the first answer was
// for warming up. One that did not come in time was at least as long.
func (p *prober) sample(ctx context.Context, t *Target, a address, try *Try) {
	var took []time.Duration
	for len(took) < samples && ctx.Err() == nil {
		conn, _ := p.connect(ctx, t, a)
		if conn == nil {
			break
		}
		var m Measure
		o := p.speak(ctx, t, conn, &m)
		conn.Close()
		if o.Cause == Silent && ctx.Err() == nil {
			m.First = o.Took
		} else if !o.OK() {
			break
		}
		took = append(took, m.First)
		if m.First > slowSample {
			break
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		try.First, try.FirstMid = took[len(took)-1], took[len(took)/2]
	}
}

// idle holds a connection after one answer, and returns how long it stayed open; 0 when it was open until the end.
func (p *prober) idle(ctx context.Context, t *Target, a address, most time.Duration) time.Duration {
	conn, _ := p.connect(ctx, t, a)
	if conn == nil {
		return 0
	}
	defer conn.Close()
	defer p.arm(ctx, t, conn)()
	conn, _ = p.introduce(ctx, t, conn, new(Measure))
	if conn == nil || !answersAndStays(t, conn) {
		return 0
	}
	began := time.Now()
	conn.SetReadDeadline(began.Add(most)) // later than the end of the run, if that was just now
	if ctx.Err() != nil {
		return 0
	}
	_, err := conn.Read(make([]byte, 1)) // a byte, too, is the end: some servers say 408 before they close
	if errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
		return 0
	}
	return time.Since(began)
}

// answersAndStays sends a request and reads all of the answer, if that is not long. It reports whether the server means to
// keep the connection.
func answersAndStays(t *Target, conn net.Conn) bool {
	const most = 1 << 20
	if _, err := io.WriteString(conn, t.request(true)); err != nil {
		return false
	}
	h, err := readHead(io.LimitReader(conn, most), func() {})
	if err != nil {
		return false
	}
	response, err := h.response()
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && !response.Close
}
