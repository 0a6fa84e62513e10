package probe

import (
	"context"
	"net"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// Opening returns what is said first over the connection, once TLS is agreed: bytes that are no text are written as \x00.
func (t *Target) Opening() string { return "" }

// speak says over a fresh connection what the proxy would say first, and judges the answer.
func (p *prober) speak(ctx context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	switch t.Protocol {
	case proxy.HTTP:
		return p.speakHTTP(ctx, t, conn, m)
	}
	return Outcome{Code: L4OK, Took: m.Connect}
}
