package logs

import (
	"bytes"
	"errors"
	"strings"
	"sync"
)

// field is something that a line of an access log tells.
type field uint8

const (
	none field = iota
	fTime
	fClient
	fRequest
	fMethod
	fPath
	fHost
	fStatus
	fUpstream
	fUpstreamStatus
	fConnectTime
	fHeaderTime
	fResponseTime
	fTotalTime
	fConnection
	fFrontend
	fBackend
	fServer
	fServerAddress
	fServerPort
	fState
	fTq
	fTw
	fTc
	fTr
	fTt
	fRetries
	fCapture // HAProxy's captured headers, which are not there where none are declared
	numFields
)

// fields are where the values of one line stand in it.
type fields [numFields]struct{ start, end int32 }

func (f *fields) has(name field) bool { return f[name].end > f[name].start }

func (f *fields) of(text []byte, name field) []byte { return text[f[name].start:f[name].end] }

func (f *fields) in(text string, name field) string {
	value := text[f[name].start:f[name].end]
	if value == "-" {
		return ""
	}
	return value
}

// Format is a compiled format of an access log.
type Format struct {
	source  Source
	parts   []part
	decides int // the part from which on it is known whether the request went well
}

// part is a variable and the text that follows it.
type part struct {
	field field
	until string // "" at the end of the line
	rare  int    // which byte of until to look for
}

var errNoFields = errors.New("the log format holds neither the status nor what became of the request")

// newFormat makes a format of its parts, the first of which is the text that the line begins with.
func newFormat(source Source, parts []part) (*Format, error) {
	f := &Format{source: source, parts: parts}
	known := false
	for i, p := range parts {
		f.parts[i].rare = max(0, strings.IndexFunc(p.until, isRare))
		switch p.field {
		case fState, fUpstreamStatus, fStatus:
			known = true
			f.decides = i
		case fRetries:
			f.decides = i
		}
	}
	if !known {
		return nil, errNoFields
	}
	return f, nil
}

// isRare reports whether a character is seldom found in the values of a log.
func isRare(r rune) bool { return r != ' ' && r != '-' && r != '.' && (r >= 0x80 || !isWord(byte(r))) }

// addText appends text to the last part of a list, which begins with a part without a field.
func addText(parts []part, text string) []part {
	parts[len(parts)-1].until += text
	return parts
}

// match is how a line fits a format.
type match uint8

const (
	differs match = iota
	healthy       // it fits, as far as was read, and the request went well
	matches
)

// match finds the values of a line.
func (f *Format) match(text []byte, found *fields) match {
	if !bytes.HasPrefix(text, []byte(f.parts[0].until)) {
		return differs
	}
	*found = fields{}
	at := len(f.parts[0].until)
	for i := 1; i < len(f.parts); i++ {
		p := &f.parts[i]
		if p.field == fCapture && !bytes.HasPrefix(text[at:], []byte("{")) {
			at = min(len(text), at+len(strings.TrimPrefix(p.until, " "))) // without a value there is no space behind it
			continue
		}
		n := p.length(text[at:])
		if n < 0 || p.field == fStatus && !isStatus(text[at:at+n]) || p.field == fState && !isState(text[at:at+n]) {
			return differs
		}
		found[p.field].start, found[p.field].end = int32(at), int32(at+n)
		if i == f.decides && !found.isRemarkable(text, f.source) {
			return healthy
		}
		at += n + len(p.until)
	}
	return matches
}

// isRemarkable reports whether a request went wrong, or one of its tries.
func (f *fields) isRemarkable(text []byte, source Source) bool {
	status := f.of(text, fStatus)
	if len(status) == 3 && (status[0] >= '5' || string(status) == "499") {
		return true
	}
	if source == NginxAccess {
		tries := f.of(text, fUpstreamStatus)
		return len(tries) > 3 && bytes.Contains(tries, []byte("50"))
	}
	state := f.of(text, fState)
	return len(state) > 0 && state[0] != '-' || bytes.HasPrefix(f.of(text, fRetries), []byte("+"))
}

func isStatus(s []byte) bool {
	_, ok := digits(s)
	return ok && len(s) == 3 || string(s) == "-1"
}

// isState reports whether a value is a termination state, "SC" or "SC--": tcplog fits the lines of httplog, but for it.
func isState(s []byte) bool {
	for _, c := range s {
		if c != '-' && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(s) == 2 || len(s) == 4
}

// index returns where the text that follows the value is first found; -1: nowhere.
func (p *part) index(text []byte) int {
	for from := p.rare; from < len(text); {
		n := bytes.IndexByte(text[from:], p.until[p.rare])
		if n < 0 {
			return -1
		}
		if at := from + n - p.rare; len(p.until) == 1 || bytes.HasPrefix(text[at:], []byte(p.until)) {
			return at
		}
		from += n + 1
	}
	return -1
}

// length returns how long the value is that text begins with; -1: what follows it is not there.
func (p *part) length(text []byte) int {
	if p.until == "" {
		return len(text)
	}
	n := p.index(text)
	if n < 0 {
		return -1
	}
	switch p.field {
	case fUpstream, fUpstreamStatus, fConnectTime, fHeaderTime, fResponseTime:
		return p.listLength(text, n)
	case fClient:
		return p.addressLength(text, n)
	case fRequest, none:
		return p.quotedLength(text, n)
	case fCapture:
		if end := bytes.Index(text, []byte("}"+p.until)); end >= 0 {
			return end + 1
		}
	}
	return n
}

// listLength goes on where a list of nginx goes on: "10.0.0.1:80, 10.0.0.2:80 : unix:/run/app.sock".
func (p *part) listLength(text []byte, n int) int {
	for {
		rest := text[n:]
		inList := n > 0 && (text[n-1] == ',' || text[n-1] == ':' && n > 1 && text[n-2] == ' ') ||
			bytes.HasPrefix(rest, []byte(", ")) || bytes.HasPrefix(rest, []byte(" : "))
		if !inList {
			return n
		}
		m := p.index(rest[1:])
		if m < 0 {
			return n
		}
		n += m + 1
	}
}

// addressLength finds the last colon of an IPv6 address with a port.
func (p *part) addressLength(text []byte, n int) int {
	if p.until != ":" {
		return n
	}
	if end := bytes.IndexByte(text, ' '); end > n {
		return bytes.LastIndexByte(text[:end], ':')
	}
	return n
}

// quotedLength passes over quotes that are escaped, as in nginx' escape=json.
func (p *part) quotedLength(text []byte, n int) int {
	if p.until[0] != '"' {
		return n
	}
	for n > 0 && isEscaped(text[:n]) {
		m := p.index(text[n+1:])
		if m < 0 {
			return -1
		}
		n += m + 1
	}
	return n
}

// isEscaped reports whether an odd number of backslashes stands at the end.
func isEscaped(text []byte) bool {
	n := len(text)
	for n > 0 && text[n-1] == '\\' {
		n--
	}
	return (len(text)-n)%2 == 1
}

// defaultFormats are those that the proxies have by themselves.
var defaultFormats = sync.OnceValue(func() []*Format {
	const (
		combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`
		timers   = `%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r`
		tcp      = `%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq`
		clf      = `%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq`
	)
	list := []*Format{}
	for _, format := range [...]string{timers, tcp, clf} {
		compiled, err := CompileHAProxy(format)
		if err != nil {
			panic(err)
		}
		list = append(list, compiled)
	}
	compiled, err := CompileNginx(combined)
	if err != nil {
		panic(err)
	}
	return append(list, compiled)
})
