package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	benchTargets     = 10_000
	benchConcurrency = 1024
	benchTimeout     = time.Second
)

// BenchmarkRun dials 10,000 endpoints of the loopback, of which 60 % are open, 35 % refuse and 5 % do not answer, beside
// loops that do nothing but dial: one of goroutines, and one of epoll. ns/op is that of all three.
func BenchmarkRun(b *testing.B) {
	addrs := benchAddrs(b)
	var targets []*Target
	for _, addr := range addrs {
		targets = append(targets, plainTarget(addr.String()))
	}
	o := Defaults()
	o.Concurrency, o.Rate, o.ConnectTimeout = benchConcurrency, 0, benchTimeout
	var run, goroutines, epoll []time.Duration
	for b.Loop() {
		run = append(run, timed(func() { checkBench(b, Run(context.Background(), targets, o)) }))
		goroutines = append(goroutines, timed(func() { dialWithGoroutines(addrs) }))
		epoll = append(epoll, timed(func() { dialWithEpoll(b, addrs) }))
	}
	best := slices.Min(run).Seconds()
	b.ReportMetric(best, "s/run")
	b.ReportMetric(best/slices.Min(goroutines).Seconds(), "x-goroutines")
	b.ReportMetric(best/slices.Min(epoll).Seconds(), "x-epoll")
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func checkBench(b *testing.B, results *Results) {
	counts := map[Cause]int{}
	for _, r := range results.List {
		counts[r.Tries[0].Cause]++
	}
	if counts[OK] != benchTargets*60/100 || counts[Refused] != benchTargets*35/100 || counts[TimedOut] != benchTargets*5/100 {
		b.Errorf("%v", counts)
	}
}

// benchAddrs returns addresses of 127.0.0.0/8, each with another IP, in an order that mixes the kinds.
func benchAddrs(b *testing.B) []netip.AddrPort {
	open, full := listenLoopback(b, 4096), listenLoopback(b, 0)
	go drain(open)
	for { // the queue takes one more than the backlog says
		conn, err := net.DialTimeout("tcp", full.Addr().String(), 100*time.Millisecond)
		if err != nil {
			break
		}
		b.Cleanup(func() { conn.Close() })
	}
	closed := closedPort(b).Port()
	addrs := make([]netip.AddrPort, benchTargets)
	for i := range addrs {
		port := closed
		switch {
		case i%20 == 0:
			port = portOf(full)
		case i%20 <= 12:
			port = portOf(open)
		}
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], 127<<24|1<<16|uint32(i))
		addrs[i] = netip.AddrPortFrom(netip.AddrFrom4(ip), port)
	}
	return addrs
}

func portOf(l net.Listener) uint16 { return l.Addr().(*net.TCPAddr).AddrPort().Port() }

// listenLoopback listens at all addresses of the loopback, and at no other.
func listenLoopback(b *testing.B, backlog int) net.Listener {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.BindToDevice(int(fd), "lo") }), err)
	}}
	l, err := config.Listen(b.Context(), "tcp4", "0.0.0.0:0")
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() { l.Close() })
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), backlog) })
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func drain(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		conn.Close()
	}
}

func dialWithGoroutines(addrs []netip.AddrPort) {
	next := make(chan netip.AddrPort)
	var workers sync.WaitGroup
	for range benchConcurrency {
		workers.Go(func() {
			for addr := range next {
				if conn, err := net.DialTimeout("tcp", addr.String(), benchTimeout); err == nil {
					conn.Close()
				}
			}
		})
	}
	for _, addr := range addrs {
		next <- addr
	}
	close(next)
	workers.Wait()
}

// dialWithEpoll keeps a window of connections under way in one thread: as little work as can be.
func dialWithEpoll(b *testing.B, addrs []netip.AddrPort) {
	type connection struct {
		fd   int
		ends time.Time
	}
	poll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	defer syscall.Close(poll)
	open := map[int]time.Time{} // and when they time out: a number is used again
	var oldest []connection
	events := make([]syscall.EpollEvent, 256)
	for len(addrs) > 0 || len(open) > 0 {
		for ; len(addrs) > 0 && len(open) < benchConcurrency; addrs = addrs[1:] {
			fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
			if err != nil {
				b.Fatal(err)
			}
			to := &syscall.SockaddrInet4{Addr: addrs[0].Addr().As4(), Port: int(addrs[0].Port())}
			if err := syscall.Connect(fd, to); err != syscall.EINPROGRESS {
				syscall.Close(fd)
				continue
			}
			if err := syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLOUT, Fd: int32(fd)}); err != nil {
				b.Fatal(err)
			}
			open[fd] = time.Now().Add(benchTimeout)
			oldest = append(oldest, connection{fd, open[fd]})
		}
		n, err := syscall.EpollWait(poll, events, 10)
		if err != nil && err != syscall.EINTR {
			b.Fatal(err)
		}
		for _, event := range events[:max(n, 0)] {
			syscall.Close(int(event.Fd))
			delete(open, int(event.Fd))
		}
		for ; len(oldest) > 0 && time.Now().After(oldest[0].ends); oldest = oldest[1:] {
			if fd := oldest[0].fd; open[fd] == oldest[0].ends {
				syscall.Close(fd)
				delete(open, fd)
			}
		}
	}
}
