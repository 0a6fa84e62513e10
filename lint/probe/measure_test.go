package probe

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// measured dials a target and takes samples.
func measured(target *Target, o Options) Try {
	p := newProber(o)
	r := p.target(context.Background(), target)
	p.measure(context.Background(), []*Result{r})
	return r.Tries[0]
}

func TestSamples(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 1:
			time.Sleep(300 * time.Millisecond) // warming up does not count
		case 3:
			time.Sleep(100 * time.Millisecond)
		}
	}))
	t.Cleanup(server.Close)
	try := measured(targetAt(server.Listener.Addr()), Defaults())
	if n := asked.Load(); n != 1+samples {
		t.Errorf("asked %d times", n)
	}
	if try.First < 100*time.Millisecond || try.First > 250*time.Millisecond || try.FirstMid >= 50*time.Millisecond {
		t.Errorf("the longest took %s, the median %s", try.First, try.FirstMid)
	}
}

// TestSilentSample counts an answer that did not come in time as one that took so long.
func TestSilentSample(t *testing.T) {
	var asked atomic.Int32
	target := targetAt(fake(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		if asked.Add(1) == 2 {
			io.Copy(io.Discard, c)
			return
		}
		io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
	}))
	o := Defaults()
	o.AnswerTimeout = 300 * time.Millisecond
	if try := measured(target, o); !try.OK() || try.First < o.AnswerTimeout || try.FirstMid >= o.AnswerTimeout {
		t.Errorf("%s, the longest took %s, the median %s", try.Cause, try.First, try.FirstMid)
	}
}

func TestIdle(t *testing.T) {
	closing := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hi")) }))
	closing.Config.IdleTimeout = 200 * time.Millisecond
	closing.Start()
	t.Cleanup(closing.Close)
	staying := httptest.NewServer(closing.Config.Handler)
	t.Cleanup(staying.Close)
	saying := fake(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		time.Sleep(200 * time.Millisecond)
		io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\n\r\n")
	})
	for _, test := range []struct {
		name     string
		addr     net.Addr
		kept     time.Duration
		min, max time.Duration
	}{
		{"it closes", closing.Listener.Addr(), time.Minute, 150 * time.Millisecond, time.Second},
		{"it says 408 and closes", saying, time.Minute, 150 * time.Millisecond, time.Second},
		{"it stays", staying.Listener.Addr(), time.Minute, 0, 0},
		{"the proxy keeps none", closing.Listener.Addr(), 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := Defaults()
			o.IdleBudget = 600 * time.Millisecond
			target := targetAt(test.addr)
			target.Limits.Idle = proxy.Setting[time.Duration]{Value: test.kept, Origin: proxy.Default}
			if try := measured(target, o); try.Idle < test.min || try.Idle > test.max {
				t.Errorf("closed after %s, want %s to %s", try.Idle, test.min, test.max)
			}
		})
	}
}

// TestIdleOnce holds one connection for all targets of an address.
func TestIdleOnce(t *testing.T) {
	var asked atomic.Int32
	addr := fake(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		asked.Add(1)
		io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		time.Sleep(100 * time.Millisecond)
	})
	o := Defaults()
	o.IdleBudget = time.Second
	p := newProber(o)
	var results []*Result
	for _, host := range []string{"a.test", "b.test", "c.test"} {
		target := targetAt(addr)
		target.Host = host
		target.Limits.Idle.Value = time.Minute
		results = append(results, p.target(context.Background(), target))
	}
	asked.Store(0)
	p.holdIdle(context.Background(), results)
	for _, r := range results {
		if idle := r.Tries[0].Idle; idle < 80*time.Millisecond || idle > 500*time.Millisecond {
			t.Errorf("closed after %s", idle)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d connections were held", n)
	}
}

func TestWhatIsNotMeasured(t *testing.T) {
	var asked atomic.Int32
	target := targetAt(fake(t, func(c net.Conn) {
		asked.Add(1)
		c.Read(make([]byte, 100))
		c.Write([]byte(strings.Repeat("x", 10)))
	}))
	o := Defaults()
	o.Diagnose = false
	measured(target, o)
	if n := asked.Load(); n != 1 {
		t.Errorf("what failed was asked %d times", n)
	}
}
