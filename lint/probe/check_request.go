package probe

import (
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// checkRequest is the request of an HTTP check. Empty parts are not written.
type checkRequest struct {
	option                     bool // it is that of "option httpchk"
	method, uri, version, body string
	headers                    [][2]string
}

// requestOfOption reads "option httpchk [[method] uri [version [host]]]". Old configurations hide headers and a body behind
// the version (manual 4.2 "option httpchk").
func requestOfOption(stmt *syntax.Stmt) *checkRequest {
	q := &checkRequest{option: true, uri: stmt.Arg(2)}
	if stmt.Args() >= 3 {
		q.method, q.uri = stmt.Arg(2), stmt.Arg(3)
	}
	version, hidden, _ := strings.Cut(stmt.Arg(4), "\r\n")
	q.version = version
	fields, body, _ := strings.Cut(hidden, "\r\n\r\n")
	if rest, noFields := strings.CutPrefix(hidden, "\r\n"); noFields {
		fields, body = "", rest
	}
	q.body = body
	for line := range strings.SplitSeq(fields, "\r\n") {
		if name, value, found := strings.Cut(line, ":"); found {
			q.headers = append(q.headers, [2]string{name, strings.TrimSpace(value)})
		}
	}
	if host := stmt.Arg(5); host != "" {
		q.headers = append(q.headers, [2]string{"host", host})
	}
	return q
}

// parseRequest reads an "http-check send" line.
func (r *checkRules) parseRequest(stmt *syntax.Stmt) *checkRequest {
	q := &checkRequest{}
	for i := 2; i < len(stmt.Words); i++ {
		value := stmt.Arg(i + 1)
		switch stmt.Arg(i) {
		case "meth":
			q.method = value
		case "uri":
			q.uri = value
		case "uri-lf":
			q.uri = r.literal(value)
		case "ver":
			q.version = value
		case "body":
			q.body = value
		case "body-lf":
			q.body = r.literal(value)
		case "hdr":
			if !strings.EqualFold(value, "content-length") && !strings.EqualFold(value, "transfer-encoding") {
				q.headers = append(q.headers, [2]string{value, r.literal(stmt.Arg(i + 2))})
			}
			i++
		}
		i++
	}
	return q
}

// overwrite takes over what another request says; headers all or none, as HAProxy does.
func (q *checkRequest) overwrite(other *checkRequest) {
	for _, part := range []struct {
		to   *string
		text string
	}{{&q.method, other.method}, {&q.uri, other.uri}, {&q.version, other.version}, {&q.body, other.body}} {
		if part.text != "" {
			*part.to = part.text
		}
	}
	if len(other.headers) > 0 {
		q.headers = other.headers
	}
}

// bytes returns the request as HAProxy writes it: names in lower case, a length only where it is needed, and the close last.
func (q *checkRequest) bytes() []byte {
	method, uri, version := q.method, q.uri, q.version
	if method == "" {
		method = "OPTIONS"
	}
	if uri == "" {
		uri = "/"
	}
	if version == "" {
		version = "HTTP/1.0"
	}
	var b strings.Builder
	b.WriteString(method + " " + uri + " " + version + "\r\n")
	for _, h := range q.headers {
		if name := strings.ToLower(h[0]); h[1] != "" && name != "connection" {
			b.WriteString(name + ": " + h[1] + "\r\n")
		}
	}
	switch method {
	case "OPTIONS", "GET", "HEAD", "DELETE":
		if q.body == "" {
			break
		}
		fallthrough
	default:
		b.WriteString("content-length: " + strconv.Itoa(len(q.body)) + "\r\n")
	}
	if version != "HTTP/1.0" {
		b.WriteString("connection: close\r\n")
	}
	b.WriteString("\r\n" + q.body)
	return []byte(b.String())
}
