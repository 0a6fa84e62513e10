package graph

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/safe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

const (
	maxText  = 120  // columns of one text
	maxBytes = 2000 // read of it
	maxWords = 4    // names or addresses in one text
	maxMarks = 3    // rules on one node
)

// shown makes a text from a file fit to be shown.
func shown(text string) string {
	if len(text) > maxBytes {
		text = text[:maxBytes]
	}
	return cut(safe.Clean(safe.Mask(text, nil)), maxText)
}

// words returns what stands at a place, without its secrets: those show by the words before them on the line.
func words(at syntax.Ref) string {
	if at.IsZero() {
		return ""
	}
	line := at.File.LineSpan(at.File.Line(at.Span.Start))
	from := max(line.Start, at.Span.Start-maxBytes)
	to := min(at.Span.End, at.Span.Start+maxBytes)
	var b strings.Builder
	next := at.Span.Start
	for _, secret := range safe.Secrets(at.File.Text(syntax.Span{Start: from, End: to})) {
		start, end := max(from+secret.Start, at.Span.Start), from+secret.End
		if start < end {
			b.WriteString(at.File.Text(syntax.Span{Start: next, End: start}))
			b.WriteString(safe.Masked)
			next = end
		}
	}
	b.WriteString(at.File.Text(syntax.Span{Start: next, End: to}))
	return b.String()
}

// cut shortens a text to so many columns.
func cut(text string, columns int) string {
	condition := runewidth.Condition{StrictEmojiNeutral: true}
	return condition.Truncate(text, columns, "…")
}

// some writes a list of which there may be many.
func some(words []string) string {
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	if more := len(words) - maxWords; more > 0 {
		words = append(words[:maxWords:maxWords], fmt.Sprintf("… and %d more", more))
	}
	return strings.Join(words, ", ")
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// listenerAt returns where the first address is written, or the section that has none.
func listenerAt(list []*proxy.Listener) syntax.Ref {
	if list[0].Addr.At.IsZero() {
		return list[0].Section.Ref(0)
	}
	return list[0].Addr.At
}

// listenerText tells what one section listens on, and for whom.
func listenerText(list []*proxy.Listener) (label, detail string) {
	var addresses, names []string
	for _, l := range list {
		addresses = append(addresses, addressText(l.Addr))
	}
	for _, name := range list[0].Names {
		names = append(names, words(name))
	}
	verb := "listen"
	if s := list[0].Stmt; s != nil {
		verb = s.Name()
	}
	if s := list[0].Section; s != nil && s.File.Dialect == syntax.Cloudflared {
		return shown("tunnel " + cmp.Or(some(names), "for all other hosts")), ""
	}
	if s := list[0].Section; s != nil && s.File.Dialect == syntax.HAProxy {
		names = append(names, sectionText(s))
	}
	protocol := ""
	if p := list[0].Protocol; p != proxy.UnknownProtocol {
		protocol = p.String()
	}
	if slices.ContainsFunc(list, func(l *proxy.Listener) bool { return l.TLS }) {
		protocol = strings.TrimSpace(protocol + " TLS")
	}
	return shown(verb + " " + some(addresses)), shown(some([]string{some(names), protocol}))
}

// sectionText names a HAProxy section.
func sectionText(s *syntax.Stmt) string {
	if s.Args() == 0 {
		return s.Name()
	}
	return s.Name() + " " + words(s.Ref(1))
}

// addressText returns an address as written; one that nobody wrote as it is.
func addressText(a proxy.Address) string {
	if !a.At.IsZero() {
		return words(a.At)
	}
	return fmt.Sprintf("%s:%d", a.Host, a.Port)
}

// routeText tells which requests take a route.
func routeText(r *proxy.Route) string {
	m := r.Match
	text := "all requests"
	switch m.Kind {
	case proxy.MatchAll:
		if r.Stmt != r.Section && r.Stmt.File.Dialect == syntax.HAProxy {
			text = r.Stmt.Name()
		}
	case proxy.MatchPrefix:
		text = "location " + words(m.At)
	case proxy.MatchExact:
		text = "location = " + words(m.At)
	case proxy.MatchRegex:
		if r.Stmt.File.Dialect == syntax.Cloudflared {
			return shown("path " + words(m.At))
		}
		text = "location ~ " + words(m.At)
	case proxy.MatchNamed:
		text = "location @" + strings.TrimPrefix(words(m.At), "@")
	case proxy.MatchIf:
		text = words(m.At)
	}
	if m.If {
		text += ", in part"
	}
	return shown(text)
}

// hopText tells what is spoken on the way from a route, and how long it is waited for, in the file's words.
func hopText(r *proxy.Route) string {
	if r.To == nil {
		return ""
	}
	var parts []string
	if r.Hop.Protocol != proxy.UnknownProtocol {
		parts = append(parts, r.Hop.Protocol.String())
	}
	if r.Hop.TLS != nil {
		parts = append(parts, "TLS")
	}
	if t := r.Hop.Timeouts; t != nil {
		read := "read"
		if r.Stmt.File.Dialect == syntax.HAProxy {
			read = "server"
		}
		parts = append(parts, timeoutText("connect", t.Connect), timeoutText(read, t.Read))
	}
	return shown(some(parts))
}

func timeoutText(name string, t proxy.Setting[time.Duration]) string {
	if !t.Written() {
		return ""
	}
	return name + " " + words(t.At)
}

func upstreamDetail(u *proxy.Upstream) string {
	var parts []string
	if u.Balance.Written() {
		parts = append(parts, words(u.Balance.At))
	}
	if len(u.Endpoints) == 0 && !u.Open {
		parts = append(parts, "no servers")
	}
	if u.Open {
		parts = append(parts, "may have more servers")
	}
	return shown(some(parts))
}

func endpointText(e *proxy.Endpoint) string {
	if e.Name == "" {
		return shown(addressText(e.Addr))
	}
	return shown(words(e.Stmt.Ref(1)) + " " + addressText(e.Addr))
}

func endpointDetail(e *proxy.Endpoint) string {
	var parts []string
	add := func(is bool, text string) {
		if is {
			parts = append(parts, text)
		}
	}
	add(e.Down, "down")
	add(e.Backup, "backup")
	add(e.Slots > 0, fmt.Sprintf("%d slots", e.Slots))
	add(e.TLS != nil, "TLS")
	add(e.Proto != "", e.Proto)
	add(e.SendProxy > 0, "PROXY protocol")
	add(e.Check != nil, "checked")
	return shown(some(parts))
}

// marks tells of findings, one line for each rule, the gravest first: "error: port-scheme-mismatch (2)". Of many
// rules the last line tells how many more there are.
func marks(found []Finding) []string {
	rules := map[string][]Finding{}
	for _, f := range found {
		rules[f.Rule] = append(rules[f.Rule], f)
	}
	ids := slices.SortedFunc(maps.Keys(rules), func(a, b string) int {
		return cmp.Or(cmp.Compare(gravest(rules[b]), gravest(rules[a])), cmp.Compare(a, b))
	})
	var lines []string
	for i, id := range ids {
		if i == maxMarks && len(ids) > maxMarks+1 {
			return append(lines, "… and "+plural(len(ids)-i, "more rule"))
		}
		line := gravest(rules[id]).String() + ": " + id
		if n := len(rules[id]); n > 1 {
			line += fmt.Sprintf(" (%d)", n)
		}
		lines = append(lines, line)
	}
	return lines
}

// gravest returns the highest severity; the zero one for no findings.
func gravest(found []Finding) lint.Severity {
	var most lint.Severity
	for _, f := range found {
		most = max(most, f.Severity)
	}
	return most
}
