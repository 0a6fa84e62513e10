package probe

import (
	"bufio"
	"context"
	"fmt"
	"net"
)

// speakSCGI sends one request in the SCGI protocol.
func (p *prober) speakSCGI(_ context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	return exchange(conn, bufio.NewReader(conn), t.scgiRequest(), readCGI, m)
}

// scgiRequest is a netstring of names and values, of which the body's length comes first (the SCGI specification).
func (t *Target) scgiRequest() []byte {
	headers := []byte("CONTENT_LENGTH\x000\x00SCGI\x001\x00")
	for _, v := range t.pathInfo() {
		headers = fmt.Appendf(headers, "%s\x00%s\x00", v[0], v[1])
	}
	return fmt.Appendf(nil, "%d:%s,", len(headers), headers)
}
