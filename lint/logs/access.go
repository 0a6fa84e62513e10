package logs

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// accessLine reads a line that fits one of the formats. It reports whether there is an event in it: requests that went
// well make none.
func (p *Parser) accessLine(line Line, text []byte) bool {
	for i, f := range p.formats {
		switch fit := f.match(text, &p.fields); {
		case fit == differs:
			continue
		case i > 0: // the next line is probably alike
			copy(p.formats[1:i+1], p.formats[:i])
			p.formats[0] = f
			fallthrough
		default:
			p.known++
			return fit == matches && p.request(line, text, f.source)
		}
	}
	return p.clientError(line, text)
}

// request makes an event of the fields of a request that went wrong, or one of whose tries did.
func (p *Parser) request(line Line, text []byte, source Source) bool {
	e := p.begin(line, text, source)
	e.Status, _ = digits(p.fields.of(text, fStatus))
	e.Time = accessTime(p.fields.in(e.Text, fTime), p.location)
	e.Client = p.fields.in(e.Text, fClient)
	e.Server = p.fields.in(e.Text, fHost)
	e.Connection = p.fields.in(e.Text, fConnection)
	e.Request = p.fields.in(e.Text, fRequest)
	if e.Request == "" {
		e.Request = strings.TrimSpace(p.fields.in(e.Text, fMethod) + " " + p.fields.in(e.Text, fPath))
	}
	if source == NginxAccess {
		p.nginxRequest(e)
	} else {
		p.haproxyRequest(e)
	}
	return e.Cause != Unknown
}

// nginxRequest finds the cause of a request in nginx' access log. Where several servers were tried, the upstream is
// the last of them, or the first that failed where the last one answered.
func (p *Parser) nginxRequest(e *Event) {
	addresses := list(p.fields.in(e.Text, fUpstream))
	statuses := list(p.fields.in(e.Text, fUpstreamStatus))
	e.Retries = max(0, len(addresses)-1)
	e.Timers = Timers{Request: -1, Queue: -1,
		Connect:  lastSeconds(p.fields.in(e.Text, fConnectTime)),
		Response: lastSeconds(p.fields.in(e.Text, fHeaderTime)),
		Total:    lastSeconds(p.fields.in(e.Text, fTotalTime)),
	}
	if e.Timers.Response < 0 {
		e.Timers.Response = lastSeconds(p.fields.in(e.Text, fResponseTime))
	}
	which := len(addresses) - 1
	if e.Status >= 500 || e.Status == 499 {
		e.Cause = statusCause(e.Status)
		last := ""
		if len(statuses) > 0 {
			last = statuses[len(statuses)-1]
		}
		if e.Status != 499 && p.fields.in(e.Text, fHeaderTime) != "" && last == strconv.Itoa(e.Status) &&
			lastSeconds(p.fields.in(e.Text, fHeaderTime)) >= 0 {
			e.Cause = Answered
		}
	} else {
		for i, s := range statuses {
			if n, _ := digits(s); n >= 500 {
				e.Cause, e.Detail, which = Retried, "first "+s, i
				break
			}
		}
	}
	if which >= 0 && which < len(addresses) {
		_, e.Upstream = splitUpstream(addresses[which])
	}
}

func statusCause(status int) Cause {
	switch status {
	case 499:
		return ClientClosed
	case 502:
		return Answered502
	case 503:
		return Answered503
	case 504:
		return Answered504
	}
	return Answered500
}

// list takes apart what nginx writes of several servers: a comma between tries, a colon where an internal redirect led
// to another group.
func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.FieldsFunc(strings.ReplaceAll(s, " : ", ", "), func(r rune) bool { return r == ',' || r == ' ' })
}

// lastSeconds reads the last of a list of seconds.
func lastSeconds(s string) time.Duration {
	values := list(s)
	if len(values) == 0 {
		return -1
	}
	seconds, err := strconv.ParseFloat(values[len(values)-1], 64)
	if err != nil || seconds < 0 || seconds > 1e9 {
		return -1
	}
	return time.Duration(seconds * float64(time.Second))
}

// haproxyRequest finds the cause of a request or connection in HAProxy's log.
func (p *Parser) haproxyRequest(e *Event) {
	at := func(f field) string { return p.fields.in(e.Text, f) }
	e.Frontend = strings.TrimSuffix(at(fFrontend), "~")
	e.Backend, e.ServerName, e.State = at(fBackend), at(fServer), at(fState)
	e.Retries = number(at(fRetries))
	e.Timers = Timers{milliseconds(at(fTq)), milliseconds(at(fTw)), milliseconds(at(fTc)), milliseconds(at(fTr)), milliseconds(at(fTt))}
	if address := at(fServerAddress); address != "" {
		e.Upstream = address
		if port := at(fServerPort); port != "" && port != "0" {
			e.Upstream += ":" + port
		}
	}
	noServer := e.ServerName == "<NOSRV>"
	if noServer {
		e.ServerName = ""
	}
	switch e.Cause = stateCause(e.State); {
	case e.Cause == ConnectFailed && noServer:
		e.Cause = NoServer
	case e.Cause == Unknown && e.Status >= 500 && !noServer:
		e.Cause = Answered
	case e.Cause == Unknown && e.Status >= 500:
		e.Cause = statusCause(e.Status)
	case e.Cause == Unknown && strings.HasPrefix(at(fRetries), "+"):
		e.Cause, e.Detail = Retried, "sent to another server after "+strconv.Itoa(e.Retries)+" retries"
	}
}

func milliseconds(s string) time.Duration {
	n, ok := digits(strings.TrimPrefix(s, "+"))
	if !ok {
		return -1
	}
	return time.Duration(n) * time.Millisecond
}

// clientError reads HAProxy's lines of connections that ended before there was a session:
// "10.0.0.1:3000 [23/Nov/2026:01:18:31.655] www/1: SSL handshake failure".
func (p *Parser) clientError(line Line, text []byte) bool {
	n := bytes.Index(text[:min(len(text), 80)], []byte(" ["))
	if n < 0 {
		return false
	}
	rest := text[n+2:]
	end := bytes.Index(rest, []byte("] "))
	if end < 20 || end > 40 {
		return false
	}
	name, message, ok := bytes.Cut(rest[end+2:], []byte(": "))
	if !ok || bytes.IndexByte(name, '/') < 0 || bytes.IndexByte(name, ' ') >= 0 {
		return false
	}
	p.known++
	cause := ClientRequest
	if bytes.Contains(message, []byte("SSL ")) {
		cause = ClientTLS
	}
	e := p.begin(line, text, HAProxyMessage)
	e.Cause = cause
	e.Time = accessTime(e.Text[n+2:n+2+end], p.location)
	e.Client = e.Text[:n]
	if colon := strings.LastIndexByte(e.Client, ':'); colon > 0 {
		e.Client = e.Client[:colon]
	}
	e.Frontend, _, _ = strings.Cut(string(name), "/")
	e.Detail = string(message)
	return true
}
