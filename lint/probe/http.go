package probe

import (
	"context"
	"net"
)

func (p *prober) speakHTTP(ctx context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	return Outcome{Code: L4OK, Took: m.Connect}
}
