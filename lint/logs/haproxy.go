package logs

import (
	"bytes"
	"strings"
)

// haproxyMessage reads what HAProxy logs besides requests: "Server app/a1 is DOWN, reason: ...".
func (p *Parser) haproxyMessage(line Line, text []byte) bool {
	text = stripLevel(text)
	if len(text) == 0 || !bytes.ContainsRune([]byte("SBHAbPCp["), rune(text[0])) || !isMessage(text) {
		return false
	}
	p.known++
	e := p.begin(line, text, HAProxyMessage)
	return e.readServerState(strings.TrimPrefix(e.Text, "Backup ")) || e.readProxyState(e.Text)
}

// isMessage is a quick look at whether a line may be one of those messages.
func isMessage(text []byte) bool {
	for _, prefix := range [...]string{"Server ", "Backup Server ", "Health check for ", "Agent check for ", "backend ", "Proxy ", "proxy ", "Connect() failed", "Cannot bind to "} {
		if bytes.HasPrefix(text, []byte(prefix)) {
			return true
		}
	}
	return false
}

// stripLevel cuts off what stands before a message on standard error: "[WARNING]  (1234) : " from 2.3 on, with a date
// "326/141523 " before that.
func stripLevel(text []byte) []byte {
	if len(text) == 0 || text[0] != '[' {
		return text
	}
	end := bytes.IndexByte(text[:min(len(text), 16)], ']')
	if n := bytes.Index(text[:min(len(text), 64)], []byte(") : ")); end > 0 && n > end {
		return text[n+len(") : "):]
	}
	return text
}

// readServerState reads what is told of one server.
func (e *Event) readServerState(s string) bool {
	rest, isServer := strings.CutPrefix(s, "Server ")
	if !isServer {
		if _, rest, isServer = strings.Cut(s, "erver "); !isServer || !strings.HasPrefix(s, "Health check for ") && !strings.HasPrefix(s, "Agent check for ") {
			return false
		}
	}
	name, rest, _ := strings.Cut(rest, " ")
	var ok bool
	if e.Backend, e.ServerName, ok = strings.Cut(name, "/"); !ok {
		return false
	}
	if strings.HasPrefix(rest, "('") { // the host name: "('app.test') is UP/READY (resolves again)"
		_, rest, _ = strings.Cut(rest, "') ")
	}
	_, reason, _ := strings.Cut(rest, "reason: ")
	switch {
	case strings.HasPrefix(rest, "is going DOWN for maintenance"), strings.HasPrefix(rest, "was DOWN and now enters maintenance"):
		e.Cause, e.Detail = Maintenance, inParentheses(rest)
	case strings.HasPrefix(rest, "enters drain state"), strings.HasPrefix(rest, "is UP/DRAIN"):
		e.Cause, e.Detail = Maintenance, "drain"
	case strings.HasPrefix(rest, "is stopping"): // as http-check disable-on-404 has it
		e.Cause, e.Detail = Maintenance, checkDetail(reason)
	case strings.HasPrefix(rest, "is UP"), strings.HasPrefix(rest, "succeeded"), strings.HasPrefix(rest, "conditionally succeeded"), strings.Contains(rest, "is READY"):
		e.Cause = ServerUp
	case strings.HasPrefix(rest, "is DOWN/"): // out of maintenance, but not up
		e.Cause, e.Detail = CheckFailed, inParentheses(rest)
	case strings.HasPrefix(rest, "is DOWN"), strings.HasPrefix(rest, "failed"):
		e.Cause, e.Detail = checkCause(reason), checkDetail(reason)
	default:
		return false
	}
	return true
}

// checkDetail returns the result of a check with what follows it, up to its duration.
func checkDetail(reason string) string {
	reason, _, _ = strings.Cut(reason, ", check duration")
	first, _, _ := strings.Cut(reason, ". ")
	return first
}

func inParentheses(s string) string {
	_, rest, _ := strings.Cut(s, "(")
	inside, _, _ := strings.Cut(rest, ")")
	return inside
}

// readProxyState reads what is told of a backend or a frontend.
func (e *Event) readProxyState(s string) bool {
	kind, rest, _ := strings.Cut(s, " ")
	name, rest, _ := strings.Cut(rest, " ")
	name = strings.Trim(name, "'")
	switch {
	case (kind == "backend" || kind == "proxy") && strings.HasPrefix(rest, "has no server available"):
		e.Cause, e.Backend = NoServer, name
	case kind == "Proxy" && strings.HasPrefix(rest, "reached "):
		e.Cause, e.Frontend, e.Detail = ProxyLimit, name, strings.TrimPrefix(rest, "reached ")
	case kind == "Connect()", kind == "Cannot":
		_, backend, _ := strings.Cut(rest, " for backend ")
		e.Cause = SourceAddress
		e.Backend, e.Detail, _ = strings.Cut(strings.TrimSuffix(backend, "."), ": ")
		if strings.Contains(e.Detail, "check backlog size") { // of a unix socket
			e.Cause = BacklogFull
		}
	default:
		return false
	}
	return true
}
