package cloudflared

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/spell"
	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// maxHostname is how long a name can be in DNS (RFC 1035, 2.3.4).
const maxHostname = 253

// kind is what a parameter of originRequest takes.
type kind uint8

const (
	aText kind = 1 + iota
	aDuration
	aBool
	aNumber
	aValue // of some other form
)

// parameters are those of originRequest.
func parameters() map[string]kind {
	return map[string]kind{
		"connectTimeout": aDuration, "tlsTimeout": aDuration, "tcpKeepAlive": aDuration, "keepAliveTimeout": aDuration,
		"noHappyEyeballs": aBool, "matchSNItoHost": aBool, "noTLSVerify": aBool, "disableChunkedEncoding": aBool,
		"bastionMode": aBool, "http2Origin": aBool, "keepAliveConnections": aNumber, "proxyPort": aNumber,
		"httpHostHeader": aText, "originServerName": aText, "caPool": aText, "proxyAddress": aText, "proxyType": aText,
		"ipRules": aValue, "access": aValue,
	}
}

// check tells what cloudflared refuses, or passes over, in the keys and values of a document.
func (l *loader) check(doc yamldoc.Node) {
	known := parameters()
	l.checkRepeated(doc)
	l.checkOrigin(doc.Get("originRequest"), known)
	for _, r := range l.rules {
		l.checkOrigin(r.origin.own, known)
		l.checkHostname(r.hostname)
		if _, err := regexp.Compile(r.path.Text()); err != nil && !isFilledIn(r.path.Text()) {
			l.wrong(r.path, onLine(strings.TrimPrefix(err.Error(), "error parsing regexp: "))+": the path is a regular expression", "")
		}
	}
	for item := range doc.Get("ingress").Items() {
		l.checkRepeated(item)
		l.checkNames(item, map[string]kind{"hostname": aText, "path": aText, "service": aText, "originRequest": aValue})
	}
	l.checkOrder()
}

// checkOrigin looks at one originRequest.
func (l *loader) checkOrigin(n yamldoc.Node, known map[string]kind) {
	l.checkRepeated(n)
	l.checkNames(n, known)
	for key, value := range n.Pairs() {
		text := value.Text()
		if value.IsNull() || !value.IsScalar() || isFilledIn(text) {
			continue
		}
		switch known[key.Text()] {
		case aDuration:
			l.checkDuration(key, value)
		case aBool:
			if _, err := parseBool(text); err != nil || isQuoted(value) {
				l.wrong(value, fmt.Sprintf("%s takes true or false, not a text", key.Text()), "")
			}
		case aNumber:
			if _, err := strconv.Atoi(text); err != nil {
				l.wrong(value, fmt.Sprintf("%s takes a number, not %q", key.Text(), text), "")
			}
		}
	}
}

func isQuoted(n yamldoc.Node) bool {
	at := n.Ref()
	return at.Span.Start > 0 && strings.ContainsRune(`"'`, rune(at.File.Src[at.Span.Start-1]))
}

// checkDuration looks at a time, which cloudflared takes with its unit alone.
func (l *loader) checkDuration(key, value yamldoc.Node) {
	text := value.Text()
	if _, err := time.ParseDuration(text); err == nil && value.Tag() != "!!int" {
		return
	}
	hint := key.Text() + ": 30s"
	if strings.Trim(text, "0123456789") == "" {
		hint = fmt.Sprintf("%s: %ss", key.Text(), text)
	}
	l.wrong(value, fmt.Sprintf("%s takes a duration with its unit, not %q", key.Text(), text), hint)
}

// checkRepeated tells of a key that is written twice in a mapping.
func (l *loader) checkRepeated(n yamldoc.Node) {
	if key := n.Repeated(); key.Exists() {
		at := key.Ref().Span
		l.problem(syntax.Problem{Code: "syntax", Msg: fmt.Sprintf("the key %q is written a second time", key.Text()), At: at, Seen: at.Start})
	}
}

// checkNames tells of keys that cloudflared passes over.
func (l *loader) checkNames(n yamldoc.Node, known map[string]kind) {
	for key := range n.Pairs() {
		name := key.Text()
		if known[name] != 0 || name == "" {
			continue
		}
		var names []string
		for other := range known {
			names = append(names, other)
		}
		slices.Sort(names)
		p := syntax.Problem{
			Code: "unknown-directive", Grade: syntax.Warn, At: key.Ref().Span, Seen: -1,
			Msg: fmt.Sprintf("cloudflared knows no key %q here", name),
		}
		if near, unique := spell.Nearest(name, names); near != "" {
			p.Hint = near
			if unique && key.Ref().Text() == name && !n.Key(near).Exists() {
				p.Write = &near
			}
		}
		l.problem(p)
	}
}

// checkHostname looks at the name of a rule, which may begin with "*." and has no port.
func (l *loader) checkHostname(n yamldoc.Node) {
	text := n.Text()
	host, _, err := net.SplitHostPort(text)
	switch {
	case isFilledIn(text):
	case err == nil:
		hint := ""
		if !strings.Contains(host, "/") && host != "http" && host != "https" {
			hint = "hostname: " + host
		}
		l.wrong(n, fmt.Sprintf("the hostname %s has a port, which a tunnel does not see", onLine(text)), onLine(hint))
	case strings.LastIndex(text, "*") > 0:
		l.wrong(n, fmt.Sprintf("the hostname %s has a * that is not its first label: *.example.com", onLine(text)), "")
	}
}

// wrong tells of a value that keeps cloudflared from starting.
func (l *loader) wrong(n yamldoc.Node, msg, hint string) {
	at := n.Ref()
	l.problem(syntax.Problem{Code: "directive-arguments", Msg: msg, Hint: hint, At: at.Span, Seen: at.Span.Start})
}

// isCatchAll reports whether a rule takes every request.
func (r rule) isCatchAll() bool {
	return (r.hostname.Text() == "" || r.hostname.Text() == "*") && r.path.Text() == ""
}

// checkOrder looks for what the order of the rules makes of them: the first that matches is taken.
func (l *loader) checkOrder() {
	if len(l.rules) == 0 {
		return
	}
	last := l.rules[len(l.rules)-1]
	if !last.isCatchAll() && !isFilledIn(last.hostname.Text()) {
		at := last.place()
		l.problem(syntax.Problem{
			Code: "ingress-catch-all", At: at.Span, Seen: at.Span.Start,
			Msg:  "the last ingress rule must match all requests, and this one has a filter",
			Hint: "- service: http_status:404, as the last rule",
		})
	}
	earlier := shadows{}
	for i, r := range l.rules[:len(l.rules)-1] {
		if r.isCatchAll() {
			at, next := r.place(), l.rules[i+1].place()
			l.related("ingress-catch-all", syntax.Fatal, at,
				"this rule matches all requests and is not the last", syntax.Related{At: next, Msg: "a rule that would never be reached"})
		} else if by := earlier.of(r); by != nil {
			l.related("ingress-shadowed", syntax.Warn, r.place(),
				fmt.Sprintf("no request for %s gets here: an earlier rule takes them", onLine(r.hostname.Text())),
				syntax.Related{At: by.place(), Msg: "the rule that takes them"})
		}
		earlier.add(r)
	}
}

// place returns the words that say what a rule matches.
func (r rule) place() syntax.Ref {
	for _, n := range []yamldoc.Node{r.hostname, r.path, r.service} {
		if at := n.Ref(); at.Text() != "" {
			return at
		}
	}
	return r.stmt.Ref(0)
}

func (l *loader) related(code string, grade syntax.Grade, at syntax.Ref, msg string, to syntax.Related) {
	p := syntax.Problem{Code: code, Grade: grade, Msg: msg, At: at.Span, Seen: -1}
	if grade == syntax.Fatal {
		p.Seen = at.Span.Start
	}
	l.tree.Problems = append(l.tree.Problems, syntax.FileProblem{Problem: p, File: l.file, Related: []syntax.Related{to}})
}

// shadows are the rules so far, the first of each hostname and path.
type shadows map[[2]string]*rule

func (s shadows) add(r rule) {
	key := [2]string{r.hostname.Text(), r.path.Text()}
	if s[key] == nil {
		s[key] = &r
	}
}

// of returns an earlier rule that takes all requests of a rule: one for the same host, or a wildcard around it, with the
// same path or none. nil: there is none.
func (s shadows) of(r rule) *rule {
	host := r.hostname.Text()
	if host == "" || len(host) > maxHostname {
		return nil
	}
	for _, path := range []string{"", r.path.Text()} {
		if by := s[[2]string{host, path}]; by != nil {
			return by
		}
		for i := range len(host) {
			if host[i] != '.' {
				continue
			}
			if by := s[[2]string{"*" + host[i:], path}]; by != nil {
				return by
			}
		}
	}
	return nil
}
