package logs

import (
	"strings"
	"time"
)

// Source is the kind of log that a line is from.
type Source uint8

// The sources. An access log has one line for each request; what has Message in its name tells of other things.
const (
	NginxError Source = iota + 1
	NginxAccess
	HAProxyHTTP
	HAProxyTCP
	HAProxyMessage
)

var sourceNames = [...]string{NginxError: "nginx error log", NginxAccess: "nginx access log",
	HAProxyHTTP: "haproxy http log", HAProxyTCP: "haproxy tcp log", HAProxyMessage: "haproxy message"}

// String names the source.
func (s Source) String() string { return sourceNames[s] }

func (s Source) isAccess() bool { return s == NginxAccess || s == HAProxyHTTP || s == HAProxyTCP }

// Event is what a line tells of. Its texts are raw: the log's bytes, which must be made safe before they are shown.
// A field that the line does not have is zero.
type Event struct {
	File   string
	Line   int       // from 1; of a message of several lines the last
	Text   string    // the line without its prefix
	Time   time.Time // zero: not told
	Source Source

	Cause  Cause
	Status int    // what the client got; of an error log, what it gets when no other server answers
	Errno  int    // of the system, as in "(111: Connection refused)", or of the resolver
	Level  string // of nginx' error log
	While  string // what nginx was doing: "connecting to upstream"
	Detail string // what the message holds besides, in words: the alert, the number inside it explained
	At     string // a place in a configuration that the message names: file:line

	Connection string // number of nginx' connection, by which lines of one request are known
	Client     string // address
	Server     string // server_name, or the host asked for
	Request    string // "GET /path HTTP/1.1"
	Scheme     string // of the upstream: http, https, fastcgi, ...
	Upstream   string // address as written: 10.0.0.7:8080, unix:/run/app.sock, or a name
	Zone       string // of a limit

	Frontend, Backend, ServerName string // HAProxy's names; Backend is also nginx' group where a message tells it

	State   string // HAProxy's termination state, "SC--"
	Timers  Timers
	Retries int
}

// Timers say how long the parts of a request took; -1: it never came that far, or is not told.
type Timers struct {
	Request, Queue, Connect, Response, Total time.Duration
}

var noTimers = Timers{-1, -1, -1, -1, -1}

// Route returns the part of a site that an event is about: HAProxy's frontend, or the first part of the path.
func (e *Event) Route() string {
	if e.Frontend != "" {
		return e.Frontend
	}
	path := e.Path()
	if !strings.HasPrefix(path, "/") { // no HTTP, or a proxy's request
		return ""
	}
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			return path[:i+1]
		}
	}
	return path
}

// Path returns the path of the request, without its query.
func (e *Event) Path() string {
	start := 0
	for i := range len(e.Request) {
		switch c := e.Request[i]; {
		case c == ' ' && start == 0:
			start = i + 1
		case (c == ' ' || c == '?') && start > 0:
			return e.Request[start:i]
		}
	}
	return e.Request[start:]
}

// Target returns what the event is about: the address of the upstream, else the names of backend and server.
func (e *Event) Target() string {
	switch {
	case e.Upstream != "":
		return e.Upstream
	case e.Backend != "" && e.ServerName != "":
		return e.Backend + "/" + e.ServerName
	case e.Backend != "":
		return e.Backend
	}
	return e.Zone
}
