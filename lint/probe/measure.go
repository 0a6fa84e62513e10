package probe

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
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
	hosts := map[string][]*Result{}
	var order []string
	for _, r := range results {
		for i := range r.Tries {
			if r.Tries[i].OK() && r.isMeasured() {
				host := r.Tries[i].Addr.Addr().String() + r.Addr.Socket
				if hosts[host] == nil {
					order = append(order, host)
				}
				hosts[host] = append(hosts[host], r)
				break
			}
		}
	}
	next := make(chan string)
	var workers sync.WaitGroup
	for range measuredHosts {
		workers.Go(func() {
			for host := range next {
				for _, r := range hosts[host] {
					p.measureOne(ctx, r)
				}
			}
		})
	}
	for _, host := range order {
		next <- host
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
		a := address{network: try.Addr, socket: r.Addr.Socket}
		p.sample(ctx, r.Target, a, try)
		if kept := r.Limits.Idle.Value; kept > 0 && !try.IdleSaid && p.IdleBudget > 0 && r.Protocol == proxy.HTTP && !r.HTTP2 {
			try.Idle = p.idle(ctx, r.Target, a, min(p.IdleBudget, kept))
		}
	}
}

// sample asks again some times. The try keeps the longest and the median time until the first byte; the first answer was
// for warming up.
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
		if !o.OK() {
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
	var m Measure
	if t.SendProxy > 0 {
		conn.Write(proxyHeader(t.SendProxy, conn)) // what comes of it shows when reading
	}
	if t.TLS != nil {
		if conn, _ = p.secure(ctx, t, conn, &m); conn == nil {
			return 0
		}
	}
	if !answersAndStays(t, conn) {
		return 0
	}
	began := time.Now()
	conn.SetReadDeadline(began.Add(most))
	if _, err := conn.Read(make([]byte, 1)); broken(err, L7RSP).Cause == Silent {
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
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, most)), nil)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && !response.Close
}
