package probe

import (
	"bufio"
	"bytes"
	"net"
	"strconv"
	"strings"
	"time"
)

// cgiVariables are the request that FastCGI, uwsgi and SCGI carry, as names and values: a GET without credentials.
func (t *Target) cgiVariables() [][2]string {
	const most = 4 << 10 // a uwsgi packet can't be longer than 64 KB
	asked, host := t.path(), t.authority()
	if len(asked) > most {
		asked = "/"
	}
	if len(host) > most {
		host = "localhost"
	}
	script, query, _ := strings.Cut(asked, "?")
	return [][2]string{
		{"REQUEST_METHOD", "GET"},
		{"REQUEST_URI", asked},
		{"SCRIPT_NAME", script},
		{"QUERY_STRING", query},
		{"SERVER_PROTOCOL", "HTTP/1.1"},
		{"HTTP_HOST", host},
		{"HTTP_USER_AGENT", agent},
	}
}

// pathInfo is cgiVariables for uwsgi and SCGI, whose applications look for their path in another place.
func (t *Target) pathInfo() [][2]string {
	variables := t.cgiVariables()
	for i, v := range variables {
		if v[0] == "SCRIPT_NAME" {
			variables[i][0] = "PATH_INFO"
		}
	}
	return variables
}

// exchange sends a request and reads what comes, by a function that returns the size of the response's header, too.
func exchange(conn net.Conn, answer *bufio.Reader, request []byte, read func(*bufio.Reader) (Outcome, int), m *Measure) Outcome {
	began := time.Now()
	if _, err := conn.Write(request); err != nil {
		return broken(err, L7RSP)
	}
	if _, err := answer.Peek(1); err != nil {
		return broken(err, L7RSP)
	}
	m.First = time.Since(began)
	outcome, size := read(answer)
	m.Header = size
	return outcome
}

// readCGI reads the header of a response, and returns its size in bytes. Any CGI or HTTP header but a gateway's error is an
// answer.
func readCGI(r *bufio.Reader) (Outcome, int) {
	block, err := readBlock(r)
	status, ok := cgiStatus(block)
	switch {
	case ok:
		return judgeStatus(status), len(block)
	case err != nil && cgiBegun(block):
		return broken(err, L7RSP), 0
	}
	return other(block, L7RSP), 0
}

// readBlock reads lines up to an empty one, or what came first where that is no text.
func readBlock(r *bufio.Reader) ([]byte, error) {
	var block []byte
	for len(block) < maxHeader {
		line, err := r.ReadSlice('\n')
		block = append(block, line...)
		if err != nil && err != bufio.ErrBufferFull {
			return block, err
		}
		if begins := len(block) == len(line); begins && !cgiBegun(line) || err == nil && len(bytes.TrimRight(line, "\r\n")) == 0 {
			return block, nil
		}
	}
	return block, nil
}

// cgiBegun reports whether an answer may be the beginning of a status line or a header.
func cgiBegun(block []byte) bool {
	line, _, ended := bytes.Cut(block, []byte("\n"))
	if bytes.HasPrefix(line, []byte("HTTP/")) {
		return true
	}
	name, _, found := bytes.Cut(line, []byte(":"))
	return (found || !ended) && isToken(name)
}

// cgiStatus returns the status of a response's header: of its status line, of its Status field, or 200 where neither is
// there (RFC 3875, 6.3). It is false for what is no header.
func cgiStatus(block []byte) (int, bool) {
	if status := statusOf(block); status != 0 {
		return status, true
	}
	first := true
	for line := range bytes.Lines(block) {
		name, value, found := bytes.Cut(line, []byte(":"))
		if first && (!found || !isToken(name)) {
			return 0, false
		}
		first = false
		if !strings.EqualFold(string(name), "Status") {
			continue
		}
		code, _, _ := strings.Cut(strings.TrimSpace(string(value)), " ")
		status, err := strconv.Atoi(code)
		return status, err == nil && status >= 100 && status <= 999
	}
	return 200, !first
}

// isToken reports whether a text is a header's name (RFC 9110, 5.6.2), short of its rarer characters.
func isToken(b []byte) bool {
	return len(b) > 0 && bytes.IndexFunc(b, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}
