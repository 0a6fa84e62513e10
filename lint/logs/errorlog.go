package logs

import (
	"bytes"
	"strings"
)

// isErrorLog reports whether a line begins as nginx' error log does: "2026/11/23 01:18:31 [error] ".
func isErrorLog(text []byte) bool {
	return len(text) > 26 && text[4] == '/' && text[7] == '/' && text[10] == ' ' && text[13] == ':' && text[16] == ':' &&
		text[19] == ' ' && text[20] == '['
}

// maxMessage is how many bytes of a message of several lines are kept.
const maxMessage = 64 << 10

// pending is a message of nginx' error log that goes on in the next lines: what FastCGI sent in stderr is written as
// it came, line ends included.
type pending struct {
	open  bool
	line  Line // its last
	text  []byte
	lines int
}

const stderrMark = `FastCGI sent in stderr: "`

// errorLine reads a line of nginx' error log, which may be the first of several.
func (p *Parser) errorLine(line Line, text []byte, emit func(*Event)) {
	if n := bytes.Index(text, []byte(stderrMark)); n >= 0 && !isWhole(text[n+len(stderrMark):]) {
		p.pending = pending{open: true, line: line, text: append(p.pending.text[:0], text...)}
		p.pending.line.Text = nil
		return
	}
	p.emitError(line, text, emit)
}

// isWhole reports whether the text from FastCGI ends in this line.
func isWhole(text []byte) bool {
	n := bytes.LastIndex(text, []byte(`" while `))
	return n >= 0 && bytes.Contains(text[n:], []byte(", client: "))
}

// continueMessage adds a line to a message of several lines.
func (p *Parser) continueMessage(line Line, text []byte, emit func(*Event)) {
	const maxLines = 1000
	p.pending.line.Number = line.Number
	p.pending.lines++
	whole := isWhole(text)
	if room := maxMessage - len(p.pending.text); !whole && len(text) < room {
		p.pending.text = append(append(p.pending.text, ' '), text...)
	} else if whole {
		p.pending.text = append(append(p.pending.text, ' '), text[max(0, len(text)-maxMessage):]...)
	}
	if whole || p.pending.lines == maxLines {
		p.Flush(emit)
	}
}

// Flush emits what is known of a message of several lines whose end has not come.
func (p *Parser) Flush(emit func(*Event)) {
	if p.pending.open {
		p.pending.open = false
		p.emitError(p.pending.line, p.pending.text, emit)
	}
}

// emitError reads a whole message. What is known of no cause and has nothing to do with an upstream is passed over, as
// is what nginx tells of each session of a stream: "client disconnected, bytes from/to client:5/9, ...".
func (p *Parser) emitError(line Line, text []byte, emit func(*Event)) {
	if level := text[21:]; bytes.HasPrefix(level, []byte("debug")) || bytes.HasPrefix(level, []byte("notice")) {
		return
	}
	e := p.begin(line, text, NginxError)
	if e.readError(); e.Cause == Unknown && (e.Level == "info" || !strings.Contains(e.Text, "upstream")) {
		return
	}
	e.Time = errorTime(e.Text, p.location)
	p.finish(nil)
	emit(e)
}

// startLine reads what nginx writes to the terminal when it does not start: "nginx: [emerg] host not found ...".
func (p *Parser) startLine(line Line, text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte("nginx: ["))
	if !ok {
		return false
	}
	p.known++
	if bytes.HasPrefix(rest, []byte("warn")) {
		return false
	}
	e := p.begin(line, text, NginxError)
	level, message, ok := strings.Cut(e.Text[len("nginx: ["):], "] ")
	e.Level = level
	e.readMessage(message, "")
	return ok && e.Cause != Unknown
}

// readError reads the level, the connection's number, the message and its fields.
func (e *Event) readError() {
	level, rest, _ := strings.Cut(e.Text[21:], "] ")
	e.Level = level
	if process, message, ok := strings.Cut(rest, ": "); ok && len(process) < 24 {
		rest = message
	}
	if strings.HasPrefix(rest, "*") {
		if n := strings.IndexByte(rest, ' '); n > 0 {
			e.Connection, rest = rest[1:n], rest[n+1:]
		}
	}
	message, fields := rest, ""
	if n := fieldsAt(rest); n >= 0 {
		message, fields = rest[:n], rest[n:]
	}
	e.readFields(fields)
	e.readMessage(message, fields)
}

// fieldsAt returns where ", client: " begins, or ", udp client: ". A script's text may hold it, too.
func fieldsAt(s string) int {
	if strings.HasPrefix(s, stderrMark) {
		if n := strings.LastIndex(s, `" while `); n >= 0 {
			if m := strings.Index(s[n:], ", client: "); m >= 0 {
				return n + m
			}
		}
	}
	if n := strings.Index(s, ", client: "); n >= 0 {
		return n
	}
	return strings.Index(s, ", udp client: ")
}

// readMessage finds the cause, and what the message holds besides.
func (e *Event) readMessage(message, fields string) {
	text := message
	if n := strings.LastIndex(message, " while "); n >= 0 {
		text, e.While = message[:n], message[n+len(" while "):]
	}
	e.Cause = nginxCause(text, e.While)
	e.Status = e.errorStatus(text, strings.Contains(fields, ", bytes from/to client:"))
	e.Errno = errno(text)
	e.Detail = nginxDetail(e.Cause, text)
	switch e.Cause {
	case NoLiveUpstream:
		e.Backend = e.Upstream
	case HostNotFoundAtStart, InvalidUpstream:
		e.At = lastPlace(text)
		if e.Upstream == "" {
			e.Upstream = quoted(text)
		}
	case NameNotFound, ResolverFailed, ResolverTimeout, NoResolver:
		if _, server, ok := strings.Cut(e.While, "resolving, resolver: "); ok { // that no answer came from
			e.Detail = "the name server is " + server
		} else if e.Upstream == "" {
			e.Upstream = lookedUp(text)
		}
	case ClientRequest:
		if strings.HasPrefix(e.Request, "\x16\x03") || strings.HasPrefix(e.Request, `\x16\x03`) { // RFC 8446, section 5.1
			e.Detail = "a TLS handshake came to a port that speaks none"
		}
	case LimitedRequests, LimitedConnections:
		if n := strings.Index(text, `zone "`); n >= 0 {
			e.Zone = quoted(text[n:])
		}
	case ConnectFailed, SocketMissing, SocketPermission:
		if rest, ok := strings.CutPrefix(text, "connect() to "); ok && e.Upstream == "" {
			e.Upstream, _, _ = strings.Cut(rest, " failed (")
		}
	}
}

// otherStatuses are those of messages that differ from their cause's.
var otherStatuses = []struct {
	prefix string
	status int
}{
	{"connect() ", 502},      // whatever the system's error was
	{"subrequests cycle", 0}, // a part of the answer is missing
	{"client sent too long URI", 414},
	{"client sent invalid version", 505},
	{"client sent unknown \"Transfer-Encoding\"", 501},
}

// errorStatus returns what the client got, as far as a message tells; 0: the answer had begun, or nobody had asked. A
// stream has statuses of its own: 500 where there was no address to connect to, 502 for all that comes after that
// (ngx_stream_proxy_module.c).
func (e *Event) errorStatus(text string, stream bool) int {
	status := e.Cause.Info().Status
	for _, other := range otherStatuses {
		if strings.HasPrefix(text, other.prefix) {
			status = other.status
		}
	}
	switch {
	case e.Client == "", e.While == "waiting for request", e.While == "reading upstream", strings.HasPrefix(e.While, "proxying and "):
		return 0
	case stream && e.Cause <= InvalidUpstream && status != 0:
		return 500
	case stream && status == 504:
		return 502
	}
	return status
}

// readFields reads ", client: 10.0.0.1, server: example.com, request: "GET / HTTP/1.1", upstream: ...". What stands in
// quotes is as the client sent it, quotes included, so that only order tells fields from a client's words.
func (e *Event) readFields(s string) {
	e.Client = plainField(s, "client: ")
	e.Server = plainField(s, ", server: ")
	if _, rest, ok := strings.Cut(s, `, request: "`); ok {
		end := requestEnd(rest)
		e.Request, s = rest[:end], rest[end:]
	}
	if _, rest, ok := strings.Cut(s, `, upstream: "`); ok {
		address, _, _ := strings.Cut(rest, `"`)
		e.Scheme, e.Upstream = splitUpstream(address)
	}
	if e.Server == "" {
		if _, rest, ok := strings.Cut(s, `, host: "`); ok {
			e.Server, _, _ = strings.Cut(rest, `"`)
		}
	}
}

// requestEnd returns where the request line ends.
func requestEnd(s string) int {
	if n := strings.Index(s, ` HTTP/`); n >= 0 {
		if m := strings.IndexByte(s[n:], '"'); m >= 0 {
			return n + m
		}
	}
	if n := strings.IndexByte(s, '"'); n >= 0 {
		return n
	}
	return len(s)
}

func plainField(s, name string) string {
	_, rest, _ := strings.Cut(s, name)
	value, _, _ := strings.Cut(rest, ", ")
	return value
}

// splitUpstream takes "http://10.0.0.7:8080/path" apart, of which the path is not kept; a stream's has no scheme.
func splitUpstream(s string) (scheme, address string) {
	scheme, address, ok := strings.Cut(s, "://")
	if !ok {
		scheme, address = "", s
	}
	if socket, isSocket := strings.CutPrefix(address, "unix:"); isSocket {
		socket, _, _ = strings.Cut(socket, ":")
		return scheme, "unix:" + socket
	}
	if n := strings.IndexAny(address, "/?"); n >= 0 {
		address = address[:n]
	}
	return scheme, address
}

// errno returns the number behind the first "(" that one follows, as in "failed (111: Connection refused)".
func errno(s string) int {
	for {
		n := strings.IndexByte(s, '(')
		if n < 0 {
			return 0
		}
		s = s[n+1:]
		if end := strings.IndexByte(s, ':'); end > 0 {
			if value, ok := digits(s[:end]); ok {
				return value
			}
		}
	}
}

// number returns the first number of a text; 0: there is none.
func number(s string) int {
	start := strings.IndexAny(s, "0123456789")
	if start < 0 {
		return 0
	}
	end := start
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	value, _ := digits(s[start:end])
	return value
}

func quoted(s string) string {
	_, rest, _ := strings.Cut(s, `"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// lookedUp returns the name in "app.internal could not be resolved" or "no resolver defined to resolve app.internal".
func lookedUp(s string) string {
	if name, _, ok := strings.Cut(s, " could not be resolved"); ok {
		return name
	}
	return strings.TrimPrefix(s, "no resolver defined to resolve ")
}

// lastPlace returns the file and line that a message about a configuration ends with: "... in /etc/nginx/nginx.conf:31".
func lastPlace(s string) string {
	n := strings.LastIndex(s, " in ")
	if n < 0 {
		return ""
	}
	place := s[n+len(" in "):]
	if colon := strings.LastIndexByte(place, ':'); colon > 0 {
		if _, ok := digits(place[colon+1:]); ok {
			return place
		}
	}
	return ""
}
