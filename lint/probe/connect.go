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

func (a address) dialed() (network, text string) {
	if a.socket != "" {
		return "unix", a.socket
	}
	return "tcp", a.network.String()
}

// try connects to one address and, if that works, speaks to it.
func (p *prober) try(ctx context.Context, t *Target, a address) Try {
	try := Try{Addr: a.network}
	if t.Protocol == proxy.UDP {
		try.Outcome = Outcome{Cause: NotTestable, Detail: "a datagram that is not answered says nothing"}
		return try
	}
	conn, outcome := p.connect(ctx, t, a)
	try.Outcome = outcome
	if conn == nil {
		return try
	}
	defer conn.Close()
	try.Connect = outcome.Took
	try.Outcome = p.speak(ctx, t, conn, &try.Measure)
	if !try.OK() {
		try.Outcome = p.diagnose(ctx, t, a, try.Outcome)
	}
	return try
}

// connect opens a connection as the proxy would, and says why it could not. The connection is nil then.
func (p *prober) connect(ctx context.Context, t *Target, a address) (net.Conn, Outcome) {
	began := time.Now()
	dialer := net.Dialer{Timeout: p.connectTimeout(t), KeepAlive: -1}
	network, text := a.dialed()
	conn, err := dialer.DialContext(ctx, network, text)
	outcome := classify(err)
	outcome.Took = time.Since(began)
	return conn, outcome
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

// classify says what a failed connection tells.
func classify(err error) Outcome {
	var errno syscall.Errno
	switch {
	case err == nil:
		return Outcome{Code: L4OK}
	case errors.As(err, &errno) && errno == syscall.ECONNREFUSED:
		return Outcome{Code: L4CON, Cause: Refused, Detail: errno.Error()}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Outcome{Code: L4TOUT, Cause: TimedOut}
	}
	return Outcome{Code: SOCKERR, Cause: Local, Detail: err.Error()}
}
