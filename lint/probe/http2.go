package probe

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// healthPath is asked for over gRPC. A server that does not know it says so, in gRPC (grpc.io, health checking).
const healthPath = "/grpc.health.v1.Health/Check"

// agreesHTTP2 reports whether HTTP/2 is spoken after a handshake that agreed on a protocol. HAProxy that offers some speaks
// HTTP/1 unless this one is agreed (manual 5.2, "alpn"), and so does cloudflared (net/http, ForceAttemptHTTP2); nginx has no
// choice but the configured one.
func (t *Target) agreesHTTP2(agreed string) bool {
	offers := t.Dialect != syntax.Nginx && t.TLS != nil && len(t.TLS.ALPN) > 0
	return t.HTTP2 && (!offers || agreed == "h2")
}

// speakHTTP2 sends one request as HTTP/2.
func (p *prober) speakHTTP2(ctx context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	heard := &listener{Conn: conn}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true) // TLS, if any, is below already
	transport := &http.Transport{
		Protocols: &protocols, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return heard.take() },
	}
	defer transport.CloseIdleConnections()
	request, err := t.http2Request(ctx)
	if err != nil {
		return Outcome{Code: SOCKERR, Cause: Local, Detail: err.Error()}
	}
	began := time.Now()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return t.http2Fault(err, heard.first())
	}
	m.First = time.Since(began)
	defer response.Body.Close()
	return judgeStatus(response.StatusCode)
}

func (t *Target) http2Request(ctx context.Context) (*http.Request, error) {
	if t.Protocol != proxy.GRPC {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.authority()+t.path(), nil)
		if err == nil {
			request.Header.Set("User-Agent", agent)
		}
		return request, err
	}
	empty := bytes.NewReader(make([]byte, 5)) // a message of no bytes: all services
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+t.authority()+healthPath, empty)
	if err == nil {
		request.Header.Set("User-Agent", agent)
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("TE", "trailers")
	}
	return request, err
}

// http2Fault says what a failed request tells, by the first bytes that came.
func (t *Target) http2Fault(err error, came []byte) Outcome {
	switch name := identify(came); {
	case name != "" && name != "HTTP/2":
		return Outcome{Code: L7RSP, Cause: OtherProtocol, Speaks: name}
	case len(came) == 0:
		return t.unanswered(err)
	}
	o := broken(err, L7RSP)
	if o.Cause == Silent {
		return o
	}
	return Outcome{Code: L7RSP, Cause: Closed, Detail: err.Error()}
}

// listener is a connection that keeps the first bytes that come.
type listener struct {
	net.Conn
	mu    sync.Mutex
	came  []byte
	taken bool
}

// errTaken keeps the transport from asking for a second connection.
var errTaken = errors.New("the connection was closed")

func (l *listener) take() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken {
		return nil, errTaken
	}
	l.taken = true
	return l, nil
}

func (l *listener) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	if room := 64 - len(l.came); room > 0 {
		l.came = append(l.came, b[:min(n, room)]...)
	}
	return n, err
}

func (l *listener) first() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.came
}
