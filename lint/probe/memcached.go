package probe

import (
	"bufio"
	"context"
	"io"
	"net"
	"time"
)

// memcachedVersion asks which version is spoken, the one command that touches no key (memcached, protocol.txt).
const memcachedVersion = "version\r\n"

// speakMemcached asks for the version.
func (p *prober) speakMemcached(_ context.Context, _ *Target, conn net.Conn, m *Measure) Outcome {
	began := time.Now()
	if _, err := io.WriteString(conn, memcachedVersion); err != nil {
		return broken(err, L7RSP)
	}
	outcome := readMemcached(bufio.NewReader(conn))
	m.First = time.Since(began)
	return outcome
}

func readMemcached(r *bufio.Reader) Outcome {
	line, err := r.ReadSlice('\n')
	switch {
	case len(line) == 0:
		return broken(err, L7RSP)
	case identify(line) == "memcached":
		return Outcome{Code: L7OK}
	}
	return other(line, L7RSP)
}
