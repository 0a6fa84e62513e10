package probe

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// Kinds of records (FastCGI specification, 8).
const (
	fcgiBegin     = 1
	fcgiEnd       = 3
	fcgiParams    = 4
	fcgiStdin     = 5
	fcgiStdout    = 6
	fcgiStderr    = 7
	fcgiGetValues = 9
	fcgiValues    = 10
	fcgiUnknown   = 11
)

// fcgiRecordHeader is the size of what stands before a record's content, in bytes.
const fcgiRecordHeader = 8

// fcgiPatience is how long an answer to a question for values is awaited. php-fpm gives it at once; uWSGI passes over it.
const fcgiPatience = 500 * time.Millisecond

// speakFastCGI asks for the server's limits, which runs no script, and sends a request where no answer comes.
func (p *prober) speakFastCGI(ctx context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	conn.SetDeadline(time.Now().Add(min(fcgiPatience, p.answerTimeout(t)/2))) // a net.Conn takes one
	answer := bufio.NewReader(conn)
	outcome := exchange(conn, answer, fcgiValuesRequest(), readFastCGI, m)
	if outcome.Cause == Silent {
		defer p.arm(ctx, t, conn)()
		outcome = exchange(conn, answer, t.fcgiRequest(), readFastCGI, m)
	}
	return outcome
}

// speakFastCGIRequest sends a request alone: some servers close a connection that begins with anything else.
func (p *prober) speakFastCGIRequest(_ context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	return exchange(conn, bufio.NewReader(conn), t.fcgiRequest(), readFastCGI, m)
}

// fcgiRecord appends one record.
func fcgiRecord(b []byte, kind byte, id uint16, content []byte) []byte {
	b = append(b, 1, kind)
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	return append(append(b, 0, 0), content...)
}

// fcgiPair appends a name and a value, each of whose lengths takes one byte or four.
func fcgiPair(b []byte, name, value string) []byte {
	for _, s := range []string{name, value} {
		if len(s) < 0x80 {
			b = append(b, byte(len(s)))
		} else {
			b = binary.BigEndian.AppendUint32(b, 1<<31|uint32(len(s)))
		}
	}
	return append(append(b, name...), value...)
}

func fcgiValuesRequest() []byte {
	return fcgiRecord(nil, fcgiGetValues, 0, fcgiPair(nil, "FCGI_MPXS_CONNS", ""))
}

// fcgiRequest is a request to a responder that closes the connection afterwards. It names no script: a server that runs
// one says that it does not know it.
func (t *Target) fcgiRequest() []byte {
	const responder = 1
	b := fcgiRecord(nil, fcgiBegin, 1, []byte{0, responder, 0, 0, 0, 0, 0, 0})
	var params []byte
	for _, v := range t.cgiVariables() {
		params = fcgiPair(params, v[0], v[1])
	}
	b = fcgiRecord(b, fcgiParams, 1, params)
	b = fcgiRecord(b, fcgiParams, 1, nil)
	return fcgiRecord(b, fcgiStdin, 1, nil)
}

// readFastCGI reads records until it is clear what they tell. It returns the size of the response's header as it fills
// nginx's buffer: with what stands between its records, but without the first record's own header.
func readFastCGI(r *bufio.Reader) (outcome Outcome, header int) {
	output := &fcgiOutput{records: r}
	block, err := readBlock(bufio.NewReader(output))
	if output.read == 0 {
		return fcgiFault(r, err), 0
	}
	outcome = Outcome{Code: L7OK}
	if status, ok := cgiStatus(block); ok && err == nil {
		outcome, header = judgeStatus(status), len(block)+output.between
	}
	if outcome.OK() {
		outcome.Detail = strings.TrimSpace(string(output.notes))
	}
	return outcome, header
}

// fcgiOutput is what a script writes, taken out of its records.
type fcgiOutput struct {
	records *bufio.Reader
	read    int    // bytes of records, of any kind
	content []byte // not handed on yet
	padding int    // behind it
	between int    // bytes that belong to no content, from the first content on
	notes   []byte // what came as an error's text
}

func (o *fcgiOutput) Read(b []byte) (int, error) {
	for len(o.content) == 0 {
		if o.read > maxHeader {
			return 0, io.EOF
		}
		record, err := nextRecord(o.records)
		if err != nil {
			return 0, err
		}
		switch o.read += record.size; record.kind {
		case fcgiStderr:
			o.notes = append(o.notes, record.content...)
		case fcgiStdout:
			o.take(record)
		default:
			return 0, io.EOF
		}
	}
	n := copy(b, o.content)
	o.content = o.content[n:]
	return n, nil
}

func (o *fcgiOutput) take(record fcgiAnswer) {
	if o.content != nil {
		o.between += o.padding + fcgiRecordHeader
	}
	o.content, o.padding = record.content, record.padding
}

// fcgiFault says what an answer tells that does not begin with a record.
func fcgiFault(r *bufio.Reader, err error) Outcome {
	came, _ := r.Peek(r.Buffered()) // never waits
	if len(came) == 0 {
		return broken(err, L7RSP)
	}
	return other(came, L7RSP)
}

// fcgiAnswer is a record that came.
type fcgiAnswer struct {
	kind    byte
	content []byte
	padding int
	size    int // of all, in bytes
}

// errNoRecord is for bytes that begin no record. They are left unread.
var errNoRecord = errors.New("no FastCGI record")

func nextRecord(r *bufio.Reader) (fcgiAnswer, error) {
	if first, err := r.Peek(1); err != nil || first[0] != 1 {
		return fcgiAnswer{}, errors.Join(err, errNoRecord)
	}
	head, err := r.Peek(fcgiRecordHeader)
	if err != nil {
		return fcgiAnswer{}, err
	}
	if head[1] < fcgiBegin || head[1] > fcgiUnknown {
		return fcgiAnswer{}, errNoRecord
	}
	length, padding := int(binary.BigEndian.Uint16(head[4:])), int(head[6])
	record := fcgiAnswer{kind: head[1], content: make([]byte, length), padding: padding, size: fcgiRecordHeader + length + padding}
	r.Discard(fcgiRecordHeader) // it was seen
	if _, err := io.ReadFull(r, record.content); err != nil {
		return fcgiAnswer{}, err
	}
	_, err = r.Discard(padding)
	return record, err
}
