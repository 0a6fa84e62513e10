package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// address is what one try dials: a network address or the path of a unix socket.
type address struct {
	network netip.AddrPort
	socket  string
}

// host is what an address shares with others: the IP address, or the socket itself.
func (a address) host() address {
	a.network = netip.AddrPortFrom(a.network.Addr(), 0)
	return a
}

// connect opens a connection as the proxy would, and says why it could not. The connection is nil then. It is closed
// when the context ends.
func (p *prober) connect(ctx context.Context, t *Target, a address) (net.Conn, Outcome) {
	switch {
	case t.Protocol == proxy.UDP:
		return nil, Outcome{Cause: NotTestable, Detail: "over UDP only a request of its own protocol is answered"}
	case a.socket != "":
		return p.connectSocket(ctx, t, a.socket)
	}
	if o := p.permit(t, a.network.Addr()); !o.OK() {
		return nil, o
	}
	if !p.schedule.pace(ctx) {
		return nil, unfinished(ctx)
	}
	conn, took, err := p.dial(ctx, t, "tcp", a.network.String())
	if err == nil {
		return conn, Outcome{Code: L4OK, Took: took}
	}
	if isOver(ctx) {
		return nil, unfinished(ctx)
	}
	o := classify(err)
	o.Took = took
	return nil, p.refine(o, err, a.network)
}

// dial opens a connection that lives no longer than the context.
func (p *prober) dial(ctx context.Context, t *Target, network, text string) (net.Conn, time.Duration, error) {
	dialer := net.Dialer{Timeout: p.connectTimeout(t), KeepAlive: -1}
	began := time.Now()
	conn, err := dialer.DialContext(ctx, network, text)
	took := time.Since(began)
	if err != nil {
		return nil, took, err
	}
	return boundConn{conn, context.AfterFunc(ctx, func() { conn.Close() })}, took, nil
}

// boundConn is a connection that the end of a context closes.
type boundConn struct {
	net.Conn
	release func() bool
}

func (c boundConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// connectTimeout returns how long a connection may take: as long as the proxy waits, but no longer than the run's limit.
func (p *prober) connectTimeout(t *Target) time.Duration {
	configured := t.Limits.Connect.Value
	switch {
	case configured <= 0:
		return p.ConnectTimeout
	case p.AsConfigured:
		return configured
	}
	return min(configured, p.ConnectTimeout)
}

// classify says what a failed TCP connection tells. The error's number comes first: Go takes EAGAIN for a timeout.
func classify(err error) Outcome {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if o := classifyErrno(errno); o.Cause != OK {
			o.Detail = errno.Error()
			return o
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return Outcome{Code: L4TOUT, Cause: TimedOut}
	}
	return Outcome{Code: SOCKERR, Cause: Local, Detail: err.Error()}
}

// neighbourWait is how long nobody must have answered before "no route to host" is the kernel's own verdict: Linux asks
// three times for a neighbour, a second apart (arp(7), mcast_solicit and retrans_time_ms). A router answers at once.
const neighbourWait = 2500 * time.Millisecond

// refine tells apart what one error number stands for.
func (p *prober) refine(o Outcome, err error, addr netip.AddrPort) Outcome {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL) && addr.Addr().Is6(): // no IPv6 here, as in many a container
		o.Code, o.Cause = L4CON, NoRoute
	case o.Cause == Unreachable && o.Took >= neighbourWait:
		o.Cause = DeadNeighbour
	case o.Cause == TimedOut:
		o.Detail = p.backlogDetail(addr)
	}
	return o
}

// isOver reports whether a context has ended, or is about to: a dialer sees its deadline first.
func isOver(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// unfinished is the outcome of what the end of the run came before.
func unfinished(ctx context.Context) Outcome {
	if errors.Is(ctx.Err(), context.Canceled) {
		return Outcome{Cause: NotTested, Detail: "the run was interrupted"}
	}
	return Outcome{Cause: NotTested, Detail: "the deadline of the run came first"}
}
