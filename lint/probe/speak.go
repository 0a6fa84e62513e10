package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// agent is how proxylint calls itself where a protocol asks for it.
const agent = "proxylint"

// speak says over a fresh connection what the proxy would say first, and judges the answer.
func (p *prober) speak(ctx context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	began := time.Now()
	stop := p.arm(ctx, t, conn)
	defer stop()
	outcome := p.converse(ctx, t, conn, m)
	if outcome.Cause == TLSClientNeeded && t.TLS.lacksCertificate() {
		outcome = Outcome{Cause: NotTestable, Detail: t.TLS.Cert + ", the proxy's certificate, can't be read here"}
	}
	outcome.Took = time.Since(began)
	outcome.Detail = cut(outcome.Detail)
	return outcome
}

// converse speaks the layers of a target, the outermost first.
func (p *prober) converse(ctx context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	conn, outcome := p.introduce(ctx, t, conn, m)
	if conn == nil {
		return outcome
	}
	defer conn.Close() // over TLS with a word of goodbye, as the proxy does
	switch t.Protocol {
	case proxy.HTTP, proxy.GRPC:
		if t.agreesHTTP2(m.ALPN) {
			return p.speakHTTP2(ctx, t, conn, m)
		}
		return p.speakHTTP(ctx, t, conn, m)
	case proxy.FastCGI:
		return p.speakFastCGI(ctx, t, conn, m)
	case proxy.UWSGI:
		return p.speakUWSGI(ctx, t, conn, m)
	case proxy.SCGI:
		return p.speakSCGI(ctx, t, conn, m)
	case proxy.AJP:
		return p.speakAJP(ctx, t, conn, m)
	case proxy.Memcached:
		return p.speakMemcached(ctx, t, conn, m)
	}
	if t.TLS != nil {
		return Outcome{Code: L6OK}
	}
	return Outcome{Code: L4OK}
}

// introduce sends the PROXY header and agrees on TLS, where a target has them. The connection is nil when that fails.
func (p *prober) introduce(ctx context.Context, t *Target, conn net.Conn, m *Measure) (net.Conn, Outcome) {
	if t.SendProxy > 0 {
		if _, err := conn.Write(proxyHeader(t.SendProxy, conn)); err != nil {
			return nil, broken(err, L7RSP)
		}
	}
	if t.TLS == nil {
		return conn, Outcome{}
	}
	return p.secure(ctx, t, conn, m)
}

// arm ends a conversation when the proxy or the run would not wait longer, or when the context ends.
func (p *prober) arm(ctx context.Context, t *Target, conn net.Conn) (stop func()) {
	conn.SetDeadline(time.Now().Add(p.answerTimeout(t))) // a net.Conn takes one
	ended := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	return func() { ended() }
}

// answerTimeout returns how long an answer may take: as long as the proxy waits, but no longer than the run's limit.
func (p *prober) answerTimeout(t *Target) time.Duration {
	configured := t.Limits.Read.Value
	if configured <= 0 || !isKnown(t.Limits.Read) {
		return p.AnswerTimeout
	}
	return min(configured, p.AnswerTimeout)
}

// Opening returns what is said first over the connection, in one line: bytes that are no text are written as \x00.
func (t *Target) Opening() string {
	var parts []string
	if t.SendProxy > 0 {
		parts = append(parts, fmt.Sprintf("PROXY header, version %d", t.SendProxy))
	}
	if t.TLS != nil {
		hello := "TLS hello without a server name"
		if t.TLS.SNI != "" {
			hello = "TLS hello for " + t.TLS.SNI
		}
		parts = append(parts, hello)
	}
	if said := t.opening(); said != "" {
		parts = append(parts, said)
	}
	return strings.Join(parts, ", then ")
}

// opening returns what is said first in the innermost protocol.
func (t *Target) opening() string {
	switch {
	case t.Protocol == proxy.GRPC:
		return "POST " + healthPath + " HTTP/2"
	case t.Protocol == proxy.HTTP && t.HTTP2:
		return fmt.Sprintf("GET %s HTTP/2", t.path())
	case t.Protocol == proxy.HTTP:
		return fmt.Sprintf("GET %s HTTP/1.1, Host: %s", t.path(), t.authority())
	case t.Protocol == proxy.FastCGI:
		return fmt.Sprintf("FCGI_GET_VALUES, and if that is not answered GET %s", t.path())
	case t.Protocol == proxy.UWSGI, t.Protocol == proxy.SCGI:
		return fmt.Sprintf("GET %s", t.path())
	case t.Protocol == proxy.AJP:
		return "CPING " + strings.Trim(strconv.QuoteToASCII(ajpPing), `"`)
	case t.Protocol == proxy.Memcached:
		return strings.TrimSpace(memcachedVersion)
	case t.Protocol == proxy.TCP:
		return "nothing"
	case t.Protocol == proxy.UDP:
		return "nothing: a datagram that is not answered says nothing"
	}
	return ""
}

// broken says what a failed read or write tells; code is for a connection that was closed.
func broken(err error, code Code) Outcome {
	timeout := L7TOUT
	if code == L6RSP {
		timeout = L6TOUT
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Outcome{Code: timeout, Cause: Silent}
	case errors.Is(err, syscall.ECONNRESET):
		return Outcome{Code: code, Cause: Closed, Detail: wasReset}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return Outcome{Code: code, Cause: Closed, Detail: wasClosed}
	}
	return Outcome{Code: code, Cause: Closed, Detail: err.Error()}
}

// How connections end without an answer, as details of outcomes.
const (
	wasClosed = "connection closed"
	wasReset  = "connection reset"
)

// cut bounds a text from the network.
func cut(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
