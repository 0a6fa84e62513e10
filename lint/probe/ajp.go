package probe

import (
	"bufio"
	"context"
	"io"
	"net"
	"time"
)

// What AJP asks and answers to learn whether a connection lives (the AJPv13 reference, "cping" and "cpong").
const (
	ajpPing = "\x12\x34\x00\x01\x0a"
	ajpPong = "AB\x00\x01\x09"
)

// speakAJP asks whether the connection lives, which needs no request.
func (p *prober) speakAJP(_ context.Context, _ *Target, conn net.Conn, m *Measure) Outcome {
	began := time.Now()
	if _, err := io.WriteString(conn, ajpPing); err != nil {
		return broken(err, L7RSP)
	}
	outcome := readAJP(bufio.NewReader(conn))
	m.First = time.Since(began)
	return outcome
}

func readAJP(r *bufio.Reader) Outcome {
	answer, err := r.Peek(len(ajpPong))
	switch {
	case string(answer) == ajpPong:
		return Outcome{Code: L7OK}
	case len(answer) == 0:
		return broken(err, L7RSP)
	}
	came, _ := r.Peek(r.Buffered()) // never waits
	return other(came, L7RSP)
}
