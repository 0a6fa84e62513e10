package probe

import (
	"bufio"
	"context"
	"encoding/binary"
	"net"
)

// speakUWSGI sends one request in the uwsgi protocol.
func (p *prober) speakUWSGI(_ context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	return exchange(conn, bufio.NewReader(conn), t.uwsgiRequest(), readCGI, m)
}

// uwsgiRequest is a packet of kind 0, a request: each name and value behind its size (uwsgi documentation, Protocol).
func (t *Target) uwsgiRequest() []byte {
	var body []byte
	for _, v := range t.pathInfo() {
		for _, s := range v {
			body = binary.LittleEndian.AppendUint16(body, uint16(len(s)))
			body = append(body, s...)
		}
	}
	packet := binary.LittleEndian.AppendUint16([]byte{0}, uint16(len(body)))
	return append(append(packet, 0), body...)
}
