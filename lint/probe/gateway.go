package probe

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// uwsgiRequest is a GET for the target's path as a uwsgi packet (uWSGI manual, "The uwsgi Protocol").
func (t *Target) uwsgiRequest() []byte {
	var vars []byte
	for _, p := range t.parameters() {
		for _, text := range p {
			vars = binary.LittleEndian.AppendUint16(vars, uint16(len(text)))
			vars = append(vars, text...)
		}
	}
	packet := binary.LittleEndian.AppendUint16([]byte{0}, uint16(len(vars)))
	return append(append(packet, 0), vars...)
}

// speakUWSGI asks for the target's path. The answer is HTTP.
func (p *prober) speakUWSGI(t *Target, conn net.Conn, m *Measure) Outcome {
	return t.converseOnce(conn, t.uwsgiRequest(), m, func(h head, first []byte) Outcome {
		if h.status == 0 {
			return other(first, L7RSP)
		}
		return gatewayStatus(h.status)
	})
}

// scgiRequest is a GET for the target's path as an SCGI netstring (python.ca/scgi/protocol.txt).
func (t *Target) scgiRequest() []byte {
	vars := "CONTENT_LENGTH\x000\x00SCGI\x001\x00"
	for _, p := range t.parameters() {
		if p[0] != "CONTENT_LENGTH" {
			vars += p[0] + "\x00" + p[1] + "\x00"
		}
	}
	return []byte(strconv.Itoa(len(vars)) + ":" + vars + ",")
}

// speakSCGI asks for the target's path. The answer is a CGI response, with "Status:" or at least some header first.
func (p *prober) speakSCGI(t *Target, conn net.Conn, m *Measure) Outcome {
	return t.converseOnce(conn, t.scgiRequest(), m, func(_ head, first []byte) Outcome {
		name, _, isHeader := strings.Cut(string(first), ":")
		if identify(first) != "" || !isHeader || !isHeaderName(name) {
			return other(first, L7RSP)
		}
		return gatewayStatus(cgiStatus(string(first)))
	})
}

// isHeaderName reports whether a text may be the name of a header (RFC 9110, 5.6.2, but for what nobody uses).
func isHeaderName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}

// converseOnce sends a request and has the beginning of the answer judged: read as HTTP, and as it came.
func (t *Target) converseOnce(conn net.Conn, request []byte, m *Measure, judge func(h head, first []byte) Outcome) Outcome {
	began := time.Now()
	_, writeErr := conn.Write(request)
	h, err := readHead(conn, func() { m.First = time.Since(began) })
	if len(h.raw) == 0 {
		if writeErr != nil {
			err = writeErr
		}
		return broken(err, L7RSP)
	}
	if h.status == 0 {
		h.raw = append(h.raw, readSome(h.rest, conn)...)
	} else {
		m.Header = len(h.raw)
	}
	return judge(h, h.raw)
}

func gatewayStatus(status int) Outcome {
	if status >= 502 && status <= 504 {
		return Outcome{Code: L7STS, Cause: BadStatus, Status: status}
	}
	return Outcome{Code: L7OK, Status: status}
}

// What AJP and memcached are asked, neither of which does anything: CPING and its answer CPONG (Tomcat, AJP Protocol
// Reference), and the version (memcached, protocol.txt).
const (
	ajpPing          = "\x12\x34\x00\x01\x0a"
	ajpPong          = "AB\x00\x01\x09"
	memcachedVersion = "version\r\n"
)

// speakOnce sends a text and compares the beginning of the answer.
func speakOnce(conn net.Conn, text, want string, m *Measure) Outcome {
	began := time.Now()
	_, writeErr := io.WriteString(conn, text)
	b := bufio.NewReader(conn)
	got, err := b.Peek(len(want))
	if len(got) == 0 {
		if writeErr != nil {
			err = writeErr
		}
		return broken(err, L7RSP)
	}
	m.First = time.Since(began)
	if string(got) == want {
		return Outcome{Code: L7OK}
	}
	some, _ := b.Peek(min(b.Buffered(), 64))
	return other(some, L7RSP)
}
