package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// server counts the connections that come, and answers nothing.
type server struct {
	addr     netip.AddrPort
	accepted atomic.Int64
	open     atomic.Int64
	most     atomic.Int64 // that were open at once
}

// listen starts a server on a port of the loopback.
func listen(t testing.TB) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &server{addr: l.Addr().(*net.TCPAddr).AddrPort()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.accepted.Add(1)
			go s.hold(conn)
		}
	}()
	return s
}

// hold keeps a connection open until the other side closes it.
func (s *server) hold(conn net.Conn) {
	defer conn.Close()
	n := s.open.Add(1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	conn.Read(make([]byte, 1))
	s.open.Add(-1)
}

// plainTarget is a plain target of nginx that nothing is said to.
func plainTarget(addr string) *Target {
	at := netip.MustParseAddrPort(addr)
	return &Target{Protocol: proxy.UnknownProtocol, Addr: proxy.Address{Host: at.Addr().String(), Port: int(at.Port())}}
}

// closedPort returns a port of the loopback at which nothing listens.
func closedPort(t testing.TB) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func causes(r *Results) string {
	var list []string
	for _, result := range r.List {
		if len(result.Tries) == 0 {
			list = append(list, "none")
		}
		for _, try := range result.Tries {
			list = append(list, try.Cause.String())
		}
	}
	return strings.Join(list, " ")
}

func TestClassify(t *testing.T) {
	tests := []struct {
		err   error
		code  Code
		cause Cause
	}{
		{syscall.EMFILE, SOCKERR, Local},
		{syscall.ENFILE, SOCKERR, Local},
		{syscall.EADDRNOTAVAIL, SOCKERR, Local},
		{syscall.EPERM, SOCKERR, Local},
		{syscall.ENOBUFS, SOCKERR, Local},
		{syscall.EAGAIN, SOCKERR, Local}, // though its Timeout() is true
		{syscall.ETIMEDOUT, L4TOUT, TimedOut},
		{syscall.ECONNRESET, L4CON, Closed},
		{syscall.EPROTO, SOCKERR, Local},
		{os.ErrDeadlineExceeded, L4TOUT, TimedOut},
		{errors.New("something else"), SOCKERR, Local},
	}
	for _, tt := range tests {
		err := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", tt.err)}
		if got := classify(err); got.Code != tt.code || got.Cause != tt.cause {
			t.Errorf("%v: %+v, want %s %s", tt.err, got, tt.code, tt.cause)
		}
	}
}

func TestRunKeepsOrder(t *testing.T) {
	open, closed := listen(t).addr.String(), closedPort(t).String()
	results := Run(t.Context(), []*Target{plainTarget(open), plainTarget(closed), plainTarget(open), plainTarget(closed)}, Defaults())
	if got := causes(results); got != "ok refused ok refused" {
		t.Errorf("%s", got)
	}
}

func TestDialedOnce(t *testing.T) {
	s := listen(t)
	targets := []*Target{plainTarget(s.addr.String()), plainTarget(s.addr.String()), plainTarget(s.addr.String()), plainTarget(s.addr.String())}
	targets[2].SendProxy = 1
	targets[3].SendProxy = 2
	results := Run(t.Context(), targets, Defaults())
	for s.accepted.Load() < 3 && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if n := s.accepted.Load(); n != 3 {
		t.Errorf("%d connections, want one for each way of speaking", n)
	}
	if got := causes(results); got != "ok ok ok ok" {
		t.Errorf("%s", got)
	}
}

// TestLimits runs jobs in place of connections and counts those at work.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Defaults()
		o.Concurrency, o.PerAddress = 10, 3
		s := newSchedule(o)
		var all, most, mostOfHost atomic.Int64
		perHost := make([]atomic.Int64, 5)
		raise := func(most *atomic.Int64, n int64) {
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
		}
		var jobs sync.WaitGroup
		for i := range 100 {
			jobs.Go(func() {
				host := i % len(perHost)
				end, _ := s.turn(t.Context(), address{network: netip.MustParseAddrPort(fmt.Sprintf("127.0.0.%d:80", host+1))})
				raise(&most, all.Add(1))
				raise(&mostOfHost, perHost[host].Add(1))
				time.Sleep(time.Second)
				all.Add(-1)
				perHost[host].Add(-1)
				end(Outcome{})
			})
		}
		jobs.Wait()
		if most.Load() != 10 || mostOfHost.Load() != 3 {
			t.Errorf("%d at once and %d of one address, want 10 and 3", most.Load(), mostOfHost.Load())
		}
	})
}

// TestSlowHost has one host keep all of its turns; the others are not held up.
func TestSlowHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Defaults()
		o.Concurrency, o.PerAddress = 5, 4
		s := newSchedule(o)
		began := time.Now()
		var jobs sync.WaitGroup
		for range 100 {
			jobs.Go(func() {
				end, _ := s.turn(t.Context(), address{network: netip.MustParseAddrPort("10.0.0.1:80")})
				time.Sleep(time.Minute)
				end(Outcome{})
			})
		}
		synctest.Wait()
		for range 20 {
			end, _ := s.turn(t.Context(), address{network: netip.MustParseAddrPort("10.0.0.2:80")})
			end(Outcome{})
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the other host waited %s", waited)
		}
		jobs.Wait()
	})
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Defaults()
		o.Rate = 100
		s := newSchedule(o)
		began := time.Now()
		for range 506 {
			s.pace(t.Context())
		}
		if took := time.Since(began).Round(time.Millisecond); took != 5*time.Second {
			t.Errorf("506 connections at 100 in a second took %s, want 5s, as 6 may come at once", took)
		}
	})
}

func TestDeadHost(t *testing.T) {
	timeout, dead := Outcome{Code: L4TOUT, Cause: TimedOut}, Outcome{Code: L4CON, Cause: DeadNeighbour}
	refused := Outcome{Code: L4CON, Cause: Refused}
	tests := []struct {
		name  string
		addr  string
		wait  time.Duration
		first []Outcome
		want  bool // to be left out
	}{
		{"two timeouts", "10.0.0.1:80", 0, []Outcome{timeout, timeout}, false},
		{"three timeouts", "10.0.0.1:80", 0, []Outcome{timeout, timeout, timeout}, true},
		{"no neighbour", "10.0.0.1:80", 0, []Outcome{dead, dead, dead}, true},
		{"one answer", "10.0.0.1:80", 0, []Outcome{timeout, refused, timeout, timeout}, false},
		{"our own limits are no answer", "10.0.0.1:80", 0, []Outcome{timeout, {Cause: Local}, timeout, timeout}, true},
		{"this machine", "127.0.0.1:80", 0, []Outcome{timeout, timeout, timeout}, false},
		{"it may be starting", "10.0.0.1:80", time.Minute, []Outcome{timeout, timeout, timeout}, false},
	}
	for _, tt := range tests {
		o := Defaults()
		o.Wait = tt.wait
		s := newSchedule(o)
		a := address{network: netip.MustParseAddrPort(tt.addr)}
		for _, outcome := range tt.first {
			end, _ := s.turn(t.Context(), a)
			end(outcome)
		}
		end, skipped := s.turn(t.Context(), address{network: netip.AddrPortFrom(a.network.Addr(), 81)})
		if left := end == nil; left != tt.want {
			t.Errorf("%s: left out %t, want %t", tt.name, left, tt.want)
		}
		if tt.want && (skipped.Cause != NotTested || skipped.Detail != "3 connections to 10.0.0.1 got no answer, so its other ports were left out") {
			t.Errorf("%s: %+v", tt.name, skipped)
		}
	}
}

// TestOwnLimits loses slots to what fails by this machine's limits, and keeps the last few.
func TestOwnLimits(t *testing.T) {
	o := Defaults()
	o.Concurrency = 10
	s := newSchedule(o)
	for i := range 20 {
		end, _ := s.turn(t.Context(), address{network: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 80)})
		end(Outcome{Code: SOCKERR, Cause: Local})
	}
	if left := cap(s.slots) - len(s.slots); left != fewestSlots {
		t.Errorf("%d slots are left of 10, want %d", left, fewestSlots)
	}
}

func TestUntilDone(t *testing.T) {
	closed, refused, local := Outcome{Code: L7RSP, Cause: Closed}, Outcome{Code: L4CON, Cause: Refused}, Outcome{Code: SOCKERR, Cause: Local}
	tests := []struct {
		name  string
		wait  time.Duration
		come  []Outcome // one after the other, the last for ever
		want  Cause
		tries int
		took  time.Duration
	}{
		{"it works", 0, []Outcome{{}}, OK, 1, 0},
		{"refused", 0, []Outcome{refused, {}}, Refused, 1, 0},
		{"timed out", 0, []Outcome{{Cause: TimedOut}, {}}, TimedOut, 1, 0},
		{"closed by chance", 0, []Outcome{closed, {}}, OK, 2, retryAfter},
		{"closed", 0, []Outcome{closed}, Closed, 2, retryAfter},
		{"a limit of this machine", 0, []Outcome{local, local, {}}, OK, 3, 2 * retryAfter},
		{"a limit for good", 0, []Outcome{local}, Local, 4, 3 * retryAfter},
		{"denied", time.Minute, []Outcome{{Cause: Denied}}, Denied, 1, 0},
		{"it starts", 10 * time.Second, []Outcome{refused, refused, refused, {}}, OK, 4, 7 * retryAfter},
		{"it does not start", 10 * time.Second, []Outcome{refused}, Refused, 7, 47 * retryAfter},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := Defaults()
				o.Wait = tt.wait
				began, tries := time.Now(), 0
				got := untilDone(t.Context(), newProber(o), func() Outcome {
					tries++
					return tt.come[min(tries, len(tt.come))-1]
				}, func(o Outcome) Outcome { return o })
				if took := time.Since(began); got.Cause != tt.want || tries != tt.tries || took != tt.took {
					t.Errorf("%s after %d tries and %s, want %s after %d and %s", got.Cause, tries, took, tt.want, tt.tries, tt.took)
				}
			})
		})
	}
}

func TestWaitForUpstream(t *testing.T) {
	at := closedPort(t)
	o := Defaults()
	o.Wait = 10 * time.Second
	seen := make(chan *Results)
	go func() { seen <- Run(t.Context(), []*Target{plainTarget(at.String())}, o) }()
	time.Sleep(100 * time.Millisecond) // for the first try to be refused
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := causes(<-seen); got != "ok" {
		t.Errorf("%s, want ok once it listens", got)
	}
}

// TestEndClosesConnections has the end of a run break off a conversation.
func TestEndClosesConnections(t *testing.T) {
	s := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	conn, outcome := newProber(Defaults()).connect(ctx, plainTarget(s.addr.String()), address{network: s.addr})
	if conn == nil {
		t.Fatal(outcome)
	}
	defer conn.Close()
	cancel()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, want a closed connection", err)
	}
}

func TestUDPIsNotDialed(t *testing.T) {
	s := listen(t)
	target := plainTarget(s.addr.String())
	target.Protocol = proxy.UDP
	if got := causes(Run(t.Context(), []*Target{target}, Defaults())); got != "not-testable" || s.accepted.Load() > 0 {
		t.Errorf("%s with %d connections", got, s.accepted.Load())
	}
}

func TestProgress(t *testing.T) {
	closed := closedPort(t).String()
	o := Defaults()
	var seen []string
	o.Progress = func(done, all int) { seen = append(seen, fmt.Sprintf("%d/%d", done, all)) }
	Run(t.Context(), []*Target{plainTarget(closed), plainTarget(closed), plainTarget(closed)}, o)
	if got := strings.Join(seen, " "); got != "1/3 2/3 3/3" {
		t.Error(got)
	}
}
