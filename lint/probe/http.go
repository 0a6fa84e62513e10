package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxHeader bounds what is read of a response's header, in bytes. No proxy's buffer is as large.
const maxHeader = 256 << 10

// path returns what is asked for: "/" where the configured path is none that can be sent.
func (t *Target) path() string {
	if !strings.HasPrefix(t.Path, "/") || !isSendable(t.Path) {
		return "/"
	}
	return t.Path
}

// authority returns the Host header.
func (t *Target) authority() string {
	if t.Host == "" || !isSendable(t.Host) {
		return "localhost"
	}
	return t.Host
}

// isSendable reports whether a text may stand in a request line or a header: a blank or a line end would make it another
// request.
func isSendable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) < 0
}

// request is a plain GET. keep asks for the connection to stay open.
func (t *Target) request(keep bool) string {
	connection := "close"
	if keep {
		connection = "keep-alive"
	}
	return "GET " + t.path() + " HTTP/1.1\r\nHost: " + t.authority() + "\r\nUser-Agent: " + agent +
		"\r\nAccept: */*\r\nConnection: " + connection + "\r\n\r\n"
}

// speakHTTP asks for the target's path, and takes any status but a gateway's error for an answer.
func (p *prober) speakHTTP(_ context.Context, t *Target, conn net.Conn, m *Measure) Outcome {
	began := time.Now()
	_, writeErr := io.WriteString(conn, t.request(t.Limits.Idle.Value > 0))
	head, err := readHead(conn, func() { m.First = time.Since(began) })
	switch {
	case err != nil:
		outcome := t.unanswered(errors.Join(err, writeErr)) // where both failed, either may say that it was reset
		if len(head.raw) > 0 {
			outcome.Detail = fmt.Sprintf("after %d bytes of the header", len(head.raw))
		}
		return outcome
	case head.status == 0:
		return notHTTP(head.raw)
	}
	m.Header = len(head.raw)
	if timeout, said := head.keepAlive(); said {
		m.Idle, m.IdleSaid = timeout, true
	}
	return t.judge(head, conn)
}

// unanswered says what a connection that ended without an answer tells. With TLS 1.3 a server says what it thinks of the
// client's certificate after the handshake.
func (t *Target) unanswered(err error) Outcome {
	if t.TLS != nil && isCertificateAlert(err) {
		return Outcome{Code: L7RSP, Cause: TLSClientNeeded, Detail: alertText(err)}
	}
	return broken(err, L7RSP)
}

// notHTTP is the outcome for an answer without a status line that a proxy can read.
func notHTTP(b []byte) Outcome {
	outcome := other(b, L7RSP)
	if outcome.Speaks == "HTTP" {
		outcome.Speaks, outcome.Detail = unnamed, quoted(b)
	}
	return outcome
}

// What servers that wait for TLS, or for a client's certificate, answer with status 400.
var (
	wantsTLS         = [][]byte{[]byte("plain HTTP request was sent to HTTPS port"), []byte("HTTP request to an HTTPS server"), []byte("speaking plain HTTP to an SSL-enabled server port"), []byte("host and port requires TLS")}
	wantsCertificate = [][]byte{[]byte("No required SSL certificate was sent"), []byte("The SSL certificate error")}
)

// judge says what a response tells.
func (t *Target) judge(head head, conn net.Conn) Outcome {
	if head.status != 400 {
		finish(head, conn)
		return judgeStatus(head.status)
	}
	body := readSome(head.rest, conn)
	switch {
	case t.TLS == nil && containsAny(body, wantsTLS):
		return Outcome{Code: L7RSP, Cause: OtherProtocol, Speaks: "TLS", Status: 400}
	case t.TLS != nil && containsAny(body, wantsCertificate):
		return Outcome{Code: L7STS, Cause: TLSClientNeeded, Status: 400}
	}
	return judgeStatus(head.status)
}

// judgeStatus says what a status tells.
func judgeStatus(status int) Outcome {
	switch status {
	case 502, 503, 504:
		return Outcome{Code: L7STS, Cause: BadStatus, Status: status}
	}
	return Outcome{Code: L7OK, Status: status}
}

func containsAny(b []byte, texts [][]byte) bool {
	for _, text := range texts {
		if bytes.Contains(b, text) {
			return true
		}
	}
	return false
}

// readSome reads the beginning of a body.
func readSome(rest *bufio.Reader, conn net.Conn) []byte {
	const most = 4 << 10
	conn.SetReadDeadline(time.Now().Add(time.Second)) // a net.Conn takes one
	body, _ := io.ReadAll(io.LimitReader(rest, most)) // what came is enough
	return body
}

// finish reads a short body to its end. Closing a connection with something unread in it resets it, which servers log.
func finish(h head, conn net.Conn) {
	const (
		most     = 64 << 10
		patience = 250 * time.Millisecond
	)
	conn.SetReadDeadline(time.Now().Add(patience)) // a net.Conn takes one
	if response, err := h.response(); err == nil {
		io.CopyN(io.Discard, response.Body, most) // what it says is not asked
	}
}

// head is the beginning of a response, up to the empty line.
type head struct {
	raw    []byte // as it came, the empty line included; of an answer that is no HTTP, what came first
	status int    // 0: it is no HTTP
	rest   *bufio.Reader
}

// maxInterim bounds the interim answers (status 1xx) that are passed over.
const maxInterim = 16

var errInterim = errors.New("interim answers without end")

// readHead reads the header of a response, over interim ones. first is called when the first byte is there. An error says
// that the header did not come to its end.
func readHead(r io.Reader, first func()) (head, error) {
	b := bufio.NewReader(r)
	if _, err := b.Peek(1); err != nil {
		return head{}, err
	}
	first()
	for range maxInterim {
		h, err := readOneHead(b)
		if err != nil || h.status < 100 || h.status == 101 || h.status >= 200 {
			return h, err
		}
	}
	return head{}, errInterim
}

func readOneHead(b *bufio.Reader) (head, error) {
	h := head{rest: b}
	if !beginsHTTP(b) {
		h.raw = make([]byte, b.Buffered())
		_, err := io.ReadFull(b, h.raw)
		return h, err
	}
	line := 0 // where the last one begins
	for len(h.raw) < maxHeader {
		c, err := b.ReadByte()
		if err != nil {
			return h, err
		}
		if h.raw = append(h.raw, c); c != '\n' {
			continue
		}
		if line == 0 {
			h.status = statusOf(h.raw)
		}
		if h.status == 0 || len(bytes.TrimRight(h.raw[line:], "\r\n")) == 0 {
			return h, nil
		}
		line = len(h.raw)
	}
	return h, nil
}

// beginsHTTP reports whether an answer begins as a status line does, and waits for no byte more than it takes to tell: a
// server that greets waits, too. What ends too early for that does.
func beginsHTTP(b *bufio.Reader) bool {
	const start = "HTTP/"
	for i := range start {
		if got, err := b.Peek(i + 1); err != nil || got[i] != start[i] {
			return err != nil
		}
	}
	return true
}

// statusOf returns the status in a status line; 0 when it is none.
func statusOf(line []byte) int {
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1."))
	if !ok || len(rest) < 5 || rest[1] != ' ' {
		return 0
	}
	status, err := strconv.Atoi(string(rest[2:5]))
	if err != nil || status < 100 {
		return 0
	}
	return status
}

// response is the whole of it, the body still to be read.
func (h head) response() (*http.Response, error) {
	return http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(h.raw), h.rest)), nil)
}

// keepAlive returns the time of a "Keep-Alive: timeout=5" header, which is in seconds.
func (h head) keepAlive() (timeout time.Duration, said bool) {
	for line := range bytes.Lines(h.raw) {
		name, value, _ := strings.Cut(string(line), ":")
		if !strings.EqualFold(name, "Keep-Alive") {
			continue
		}
		for part := range strings.SplitSeq(value, ",") {
			if text, ok := strings.CutPrefix(strings.TrimSpace(part), "timeout="); ok {
				seconds, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
				return time.Duration(seconds) * time.Second, err == nil && seconds > 0
			}
		}
	}
	return 0, false
}
