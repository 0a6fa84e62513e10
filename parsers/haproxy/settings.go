package haproxy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// HAProxy's built-in values (manual 4.2 "retries", 5.2 "inter" and "weight").
const (
	defaultRetries  = 3
	defaultWeight   = 1
	defaultInterval = 2 * time.Second
)

// settings are what one proxy section has in effect, with what it inherits.
type settings struct {
	protocol    proxy.Protocol
	timeouts    *proxy.Timeouts
	ownTimeouts bool // timeouts are not shared with the defaults section
	balance     proxy.Setting[string]
	retry       *proxy.Retry
	ownRetry    bool            // likewise
	check       *proxy.Check    // the kind of check; whether it is made, each server says
	httpCheck   proxy.CheckPlan // what http-check lines add to it, wherever they stand
	tcpCheck    proxy.CheckPlan // the same for tcp-check lines
	ownLines    bool            // those lines are not inherited
	checking    proxy.Checking  // all lines that say how servers are checked
	server      server          // what default-server gives
	backend     backendUse      // default_backend
	open        bool            // requests may go elsewhere than to the servers shown
}

// backendUse is a place that names a backend.
type backendUse struct {
	stmt *syntax.Stmt
	word int
}

// builtIn returns what a proxy has in effect before anything is written: HAProxy's own values, or
// unknown ones where an unseen defaults section may come first.
func builtIn(origin proxy.Origin) *settings {
	s := &settings{protocol: proxy.TCP, timeouts: &proxy.Timeouts{}, ownTimeouts: true, retry: &proxy.Retry{}, ownRetry: true}
	if origin == proxy.Unknown {
		s.protocol = proxy.UnknownProtocol
	}
	eachTimeout(s.timeouts, func(t *proxy.Setting[time.Duration]) { t.Origin = origin })
	s.balance = proxy.Setting[string]{Value: "roundrobin", Origin: origin}
	s.retry.Tries = proxy.Setting[int64]{Value: defaultRetries, Origin: origin}
	s.retry.On.Origin, s.retry.Redispatch.Origin = origin, origin
	s.server = server{interval: proxy.Setting[time.Duration]{Value: defaultInterval, Origin: origin}}
	s.server.plan.Port.Origin, s.server.keepalive.Origin = origin, origin
	s.server.Weight = proxy.Setting[int64]{Value: defaultWeight, Origin: origin}
	s.server.options.MaxConns.Origin, s.server.options.Resolver.Origin = origin, origin
	s.server.tls.SNI.Origin, s.server.tls.Name.Origin, s.server.tls.CA.Origin = origin, origin, origin
	s.server.tls.Verify = proxy.Setting[bool]{Value: true, Origin: origin}
	return s
}

// asInherited returns the settings as another section inherits them.
func (s *settings) asInherited() *settings {
	child := *s
	timeouts, retry := *s.timeouts, *s.retry
	eachTimeout(&timeouts, inherit)
	inherit(&retry.On)
	inherit(&retry.Tries)
	inherit(&retry.Redispatch)
	child.timeouts, child.ownTimeouts = &timeouts, false
	child.retry, child.ownRetry = &retry, false
	child.ownLines = false
	child.checking.Lines = slices.Clip(s.checking.Lines) // others append to it
	inherit(&child.balance)
	child.server.inherit()
	child.server.commonOptions()
	return &child
}

func inherit[T any](s *proxy.Setting[T]) {
	if s.Origin == proxy.Explicit {
		s.Origin = proxy.Inherited
	}
}

func eachTimeout(t *proxy.Timeouts, fn func(*proxy.Setting[time.Duration])) {
	for _, setting := range [...]*proxy.Setting[time.Duration]{
		&t.Connect, &t.Read, &t.Client, &t.Queue, &t.Check, &t.Tunnel, &t.HTTPRequest, &t.KeepAlive,
	} {
		fn(setting)
	}
}

// apply takes over what one line sets.
func (s *settings) apply(b *builder, stmt *syntax.Stmt) {
	switch name := stmt.Name(); name {
	case "mode":
		s.protocol = modeOf(stmt.Arg(1))
	case "timeout":
		value := b.duration(stmt, 2)
		value.Dynamic = value.Dynamic || stmt.Args() > 2 // "5 s": refused
		s.setTimeout(stmt.Arg(1), value)
	case "contimeout", "clitimeout", "srvtimeout":
		s.setTimeout(name, b.duration(stmt, 1))
	case "balance":
		s.balance = b.text(stmt, 1)
	case "retries":
		s.writableRetry().Tries = b.number(stmt, 1)
	case "retry-on":
		on := b.text(stmt, 1)
		on.Value = strings.Join(argsFrom(stmt, 1), " ")
		on.At.Span.End = stmt.End
		s.writableRetry().On = on
	case "option":
		s.setOption(b, stmt, 1, true)
	case "no", "default":
		if stmt.Arg(1) == "option" {
			s.setOption(b, stmt, 2, false)
		}
	case "http-check", "tcp-check":
		s.addCheckLine(b, stmt)
	case "default-server":
		b.serverOptions(&s.server, stmt, 1)
		s.server.inherit()
	case "default_backend":
		s.backend = backendUse{stmt, 1}
	case "dispatch":
		s.open = true
	}
}

// modeOf returns the protocol of a mode line; "health", "log", "haterm" and "spop" are neither.
func modeOf(mode string) proxy.Protocol {
	switch mode {
	case "http":
		return proxy.HTTP
	case "tcp":
		return proxy.TCP
	}
	return proxy.UnknownProtocol
}

// writableTimeouts returns the section's own timeouts, and so stops sharing those it inherits.
func (s *settings) writableTimeouts() *proxy.Timeouts {
	if !s.ownTimeouts {
		timeouts := *s.timeouts
		s.timeouts, s.ownTimeouts = &timeouts, true
	}
	return s.timeouts
}

// writableRetry is the same for retries.
func (s *settings) writableRetry() *proxy.Retry {
	if !s.ownRetry {
		retry := *s.retry
		s.retry, s.ownRetry = &retry, true
	}
	return s.retry
}

func (s *settings) setTimeout(name string, value proxy.Setting[time.Duration]) {
	t := s.writableTimeouts()
	switch name {
	case "connect", "contimeout":
		t.Connect = value
	case "server", "srvtimeout":
		t.Read = value
	case "client", "clitimeout":
		t.Client = value
	case "queue":
		t.Queue = value
	case "check":
		t.Check = value
	case "tunnel":
		t.Tunnel = value
	case "http-request":
		t.HTTPRequest = value
	case "http-keep-alive":
		t.KeepAlive = value
	}
}

// setOption takes over an "option" line; word i names the option.
func (s *settings) setOption(b *builder, stmt *syntax.Stmt, i int, on bool) {
	name := stmt.Arg(i)
	switch name {
	case "redispatch":
		s.writableRetry().Redispatch = explicit(on, stmt.Ref(i))
	case "transparent", "http_proxy":
		s.open = on
	case "httpchk":
		s.keepCheckLine(b, stmt)
		s.check = nil
		if on {
			s.check = httpCheckOf(stmt, i)
		}
	case "tcp-check", "ssl-hello-chk", "smtpchk", "mysql-check", "pgsql-check", "redis-check", "ldap-check",
		"spop-check", "external-check":
		s.keepCheckLine(b, stmt)
		s.check = nil
		if on {
			s.check = &proxy.Check{At: stmt.Ref(i), CheckPlan: &proxy.CheckPlan{Protocol: proxy.TCP}}
		}
	}
}

// httpCheckOf reads "option httpchk [[method] uri [version]]"; the version may carry headers
// after it.
func httpCheckOf(stmt *syntax.Stmt, i int) *proxy.Check {
	check := &proxy.CheckPlan{Protocol: proxy.HTTP, Method: "OPTIONS", URI: "/"}
	switch args := argsFrom(stmt, i+1); len(args) {
	case 0:
	case 1:
		check.URI = args[0]
	default:
		check.Method, check.URI = args[0], args[1]
		for _, line := range strings.Split(strings.Join(args[2:], " "), "\r\n") {
			if name, value, found := strings.Cut(line, ":"); found && strings.EqualFold(name, "host") {
				check.Host = strings.TrimSpace(value)
			}
		}
	}
	return &proxy.Check{At: stmt.Ref(i), CheckPlan: check}
}

// addCheckLine takes over what a line says of the check. A section's own lines replace those it
// inherits.
func (s *settings) addCheckLine(b *builder, stmt *syntax.Stmt) {
	s.keepCheckLine(b, stmt)
	if !s.ownLines {
		s.httpCheck, s.tcpCheck, s.ownLines = proxy.CheckPlan{}, proxy.CheckPlan{}, true
	}
	plan := &s.tcpCheck
	if stmt.Name() == "http-check" {
		plan = &s.httpCheck
	}
	switch stmt.Arg(1) {
	case "send":
		if plan == &s.httpCheck {
			readSend(plan, stmt)
		}
	case "connect":
		b.readConnect(plan, stmt)
	}
}

// keepCheckLine keeps a line for who replays the check.
func (s *settings) keepCheckLine(b *builder, stmt *syntax.Stmt) {
	s.checking.Lines = append(s.checking.Lines, stmt)
	s.checking.Dynamic = s.checking.Dynamic || stmt.When != nil
	for i := range stmt.Words {
		s.checking.Dynamic = s.checking.Dynamic || b.dynamic(stmt, i)
	}
}

// wholeCheck returns the section's kind of check with what its lines add to it.
func (s *settings) wholeCheck() *proxy.Check {
	if s.check == nil {
		return nil
	}
	plan, said := *s.check.CheckPlan, s.tcpCheck
	if plan.Protocol == proxy.HTTP {
		said = s.httpCheck
	}
	if said == (proxy.CheckPlan{}) {
		return s.check
	}
	plan.Method = cmp.Or(said.Method, plan.Method)
	plan.URI = cmp.Or(said.URI, plan.URI)
	plan.Host = cmp.Or(said.Host, plan.Host)
	plan.Port, plan.TLS = said.Port, said.TLS
	return &proxy.Check{CheckPlan: &plan, At: s.check.At, Interval: s.check.Interval}
}

func readSend(plan *proxy.CheckPlan, stmt *syntax.Stmt) {
	for i := 2; i < len(stmt.Words); i++ {
		switch stmt.Arg(i) {
		case "meth":
			plan.Method = stmt.Arg(i + 1)
		case "uri":
			plan.URI = stmt.Arg(i + 1)
		case "hdr":
			if strings.EqualFold(stmt.Arg(i+1), "host") {
				plan.Host = stmt.Arg(i + 2)
			}
		}
	}
}

func (b *builder) readConnect(plan *proxy.CheckPlan, stmt *syntax.Stmt) {
	for i := 2; i < len(stmt.Words); i++ {
		switch stmt.Arg(i) {
		case "port":
			plan.Port = b.number(stmt, i+1)
		case "ssl":
			plan.TLS = true
		}
	}
}

func explicit[T any](value T, at syntax.Ref) proxy.Setting[T] {
	return proxy.Setting[T]{Value: value, Origin: proxy.Explicit, At: at}
}

// text returns word i as a setting.
func (b *builder) text(stmt *syntax.Stmt, i int) proxy.Setting[string] {
	s := explicit(stmt.Arg(i), stmt.Ref(i))
	s.Dynamic = b.dynamic(stmt, i)
	return s
}

// number returns word i as a setting; what is no number is Dynamic.
func (b *builder) number(stmt *syntax.Stmt, i int) proxy.Setting[int64] {
	n, err := strconv.ParseInt(stmt.Arg(i), 10, 64)
	s := explicit(n, stmt.Ref(i))
	s.Dynamic = err != nil || b.dynamic(stmt, i)
	return s
}

// duration returns word i as a setting; what is no time is Dynamic.
func (b *builder) duration(stmt *syntax.Stmt, i int) proxy.Setting[time.Duration] {
	d, _, ok := validTime(stmt.Arg(i))
	s := explicit(d, stmt.Ref(i))
	s.Dynamic = !ok || b.dynamic(stmt, i)
	return s
}

// dynamic reports whether word i can't be known offline.
func (b *builder) dynamic(stmt *syntax.Stmt, i int) bool {
	if i >= len(stmt.Words) {
		return false
	}
	w := stmt.Words[i]
	return stmt.File.Marked(w.Span) || b.env.dynamic(stmt.File.Read(w))
}

// argsFrom returns the words from i on, decoded.
func argsFrom(stmt *syntax.Stmt, i int) []string {
	var args []string
	for ; i < len(stmt.Words); i++ {
		args = append(args, stmt.Arg(i))
	}
	return args
}
