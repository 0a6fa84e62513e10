package probe

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// The records of FastCGI that are sent and read (FastCGI Specification 1.0, 8).
const (
	fcgiBegin           = 1
	fcgiEnd             = 3
	fcgiParams          = 4
	fcgiStdin           = 5
	fcgiStdout          = 6
	fcgiStderr          = 7
	fcgiGetValues       = 9
	fcgiGetValuesResult = 10
	fcgiUnknownType     = 11
)

// fcgiRecord writes one record of a request's.
func fcgiRecord(kind byte, request uint16, content []byte) []byte {
	record := []byte{1, kind}
	record = binary.BigEndian.AppendUint16(record, request)
	record = binary.BigEndian.AppendUint16(record, uint16(len(content)))
	return append(append(record, 0, 0), content...)
}

// fcgiPair writes a name and a value, both shorter than 128 bytes.
func fcgiPair(name, value string) []byte {
	return append([]byte{byte(len(name)), byte(len(value))}, name+value...)
}

// fcgiValues asks for what the server can do, which php-fpm answers without running anything.
func fcgiValues() []byte { return fcgiRecord(fcgiGetValues, 0, fcgiPair("FCGI_MPXS_CONNS", "")) }

// fcgiRequest is a GET for the target's path. It names no script, so that none is run but what the server answers by itself.
func (t *Target) fcgiRequest() []byte {
	var params []byte
	for _, p := range t.parameters() {
		params = append(params, fcgiPair(p[0], p[1])...)
	}
	begin := fcgiRecord(fcgiBegin, 1, []byte{0, 1, 0, 0, 0, 0, 0, 0}) // a responder, and the connection is closed at the end
	out := append(begin, fcgiRecord(fcgiParams, 1, params)...)
	out = append(out, fcgiRecord(fcgiParams, 1, nil)...)
	return append(out, fcgiRecord(fcgiStdin, 1, nil)...)
}

// parameters are those that every gateway protocol needs at least (RFC 3875, 4.1). None is as long as 128 bytes.
func (t *Target) parameters() [][2]string {
	const most = 127
	path, name := t.path(), hostOnly(t.authority())
	if len(path) > most {
		path = "/"
	}
	return [][2]string{
		{"REQUEST_METHOD", "GET"}, {"SCRIPT_NAME", path}, {"SCRIPT_FILENAME", path}, {"PATH_INFO", path}, {"REQUEST_URI", path},
		{"DOCUMENT_URI", path}, {"QUERY_STRING", ""}, {"CONTENT_LENGTH", ""}, {"SERVER_PROTOCOL", "HTTP/1.1"},
		{"GATEWAY_INTERFACE", "CGI/1.1"}, {"SERVER_NAME", name[:min(len(name), most)]}, {"SERVER_PORT", "80"},
		{"REMOTE_ADDR", "127.0.0.1"}, {"HTTP_USER_AGENT", agent},
	}
}

// speakFastCGI asks for the server's values, and where those are not answered for the target's path: uWSGI passes over the
// first.
func (p *prober) speakFastCGI(ctx context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	began := time.Now()
	if _, err := conn.Write(fcgiValues()); err != nil {
		return broken(err, L7RSP)
	}
	conn.SetReadDeadline(began.Add(p.answerTimeout(t) / 2)) // the other half is for a real request
	outcome := readFastCGI(conn, func() { m.First = time.Since(began) })
	if outcome.Cause != Silent {
		return outcome
	}
	again, failed := p.connect(ctx, t, addressOfConn(conn))
	if again == nil {
		return failed
	}
	defer again.Close()
	defer p.arm(ctx, t, again)()
	began = time.Now()
	if _, err := again.Write(t.fcgiRequest()); err != nil {
		return broken(err, L7RSP)
	}
	return readFastCGI(again, func() { m.First = time.Since(began) })
}

// readFastCGI reads one answer. Any record proves the protocol.
func readFastCGI(r io.Reader, first func()) Outcome {
	b := bufio.NewReader(r)
	outcome := Outcome{Code: L7OK}
	var stdout strings.Builder
	for records := 0; records < 16; records++ {
		head, err := b.Peek(8)
		switch {
		case records == 0 && len(head) == 0:
			return broken(err, L7RSP)
		case records == 0 && (len(head) < 8 || head[0] != 1 || head[1] < 1 || head[1] > fcgiUnknownType):
			some, _ := b.Peek(min(b.Buffered(), 64))
			return other(some, L7RSP)
		case len(head) < 8:
			return outcome
		}
		if records == 0 {
			first()
		}
		kind, length := head[1], int(binary.BigEndian.Uint16(head[4:]))
		padding := int(head[6])
		b.Discard(8) // what was just peeked at
		content := make([]byte, length)
		n, err := io.ReadFull(b, content)
		switch kind {
		case fcgiStderr:
			outcome.Detail = cut(strings.TrimSpace(string(content[:n])))
		case fcgiStdout:
			stdout.Write(content[:n])
		}
		if err != nil || kind == fcgiEnd || kind == fcgiGetValuesResult || kind == fcgiUnknownType {
			break
		}
		b.Discard(padding) // an end shows with the next record
	}
	if outcome.Status = cgiStatus(stdout.String()); outcome.Status >= 502 && outcome.Status <= 504 {
		outcome.Code, outcome.Cause = L7STS, BadStatus
	}
	return outcome
}

// cgiStatus returns the status of a CGI response's Status header; 0 when it has none, which stands for 200.
func cgiStatus(head string) int {
	for line := range strings.Lines(head) {
		if strings.TrimSpace(line) == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(name, "Status") {
			continue
		}
		code, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		status, err := strconv.Atoi(code)
		if err == nil && status >= 100 && status <= 999 {
			return status
		}
	}
	return 0
}
