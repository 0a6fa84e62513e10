package rules

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "timeout-unit",
	Family:   lint.Timeouts,
	Severity: lint.Error,
	Dialect:  syntax.HAProxy,
	Symptom:  "504",
	Run:      timeoutUnit,
	Doc: lint.Doc{
		Title: "a time without a unit, which HAProxy reads as milliseconds, or with a wrong one",
		Why: `In HAProxy a bare number is a number of milliseconds, in nginx and most other programs one of seconds. A
"timeout server 30" gives the backend 30 milliseconds: whatever takes longer is a 504. A short "timeout client" ends in 408,
a short "timeout connect" or "timeout queue" in 503, and "inter 5" checks two hundred times a second. HAProxy warns of numbers below
100 from version 3.1 on, older versions say nothing.

An error is a number below 100 where such a time can't be meant; a warning are the others below 100, those below 1000, and
hours written in seconds, such as 1800 or 3600. Between checks, 100 to 999 milliseconds are taken as meant. Longer numbers are right as they are: 50000 is the usual way to write 50 s.

The units are us, ms, s, m, h and d, and one time has one. HAProxy passes over what follows, with a warning at start that a later version
will refuse it. "15min" and "5sec" are what they say all the same, and an info; "1h30m" is one hour, and "10milliseconds" are ten minutes.`,
		How: `Write the unit: 30s, 500ms, 1h.`,
		Bad: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5
    timeout client 30
    timeout server 30

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:8080 check inter 2s
`},
		Good: lint.Example{HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:8080 check inter 2s
`},
		Links: []string{"https://docs.haproxy.org/3.2/configuration.html#2.5"},
		Since: "0.1.0",
	},
})

func timeoutUnit(_ context.Context, p *lint.Pass) {
	p.Config.Tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if !s.When.Live() {
			return false
		}
		switch s.Name() {
		case "timeout":
			checkUnit(p, s, 1)
		case "server":
			checkIntervals(p, s, 3)
		case "server-template":
			checkIntervals(p, s, 4)
		case "default-server":
			checkIntervals(p, s, 1)
		}
		return true
	})
}

// checkIntervals judges the times between checks on a server line whose options start at word i.
func checkIntervals(p *lint.Pass, s *syntax.Stmt, i int) {
	for ; i < s.Args(); i++ {
		switch s.Arg(i) {
		case "inter", "fastinter", "downinter":
			checkUnit(p, s, i)
			i++
		}
	}
}

// checkUnit judges the time after word i, which names it.
func checkUnit(p *lint.Pass, s *syntax.Stmt, i int) {
	text := s.Arg(i + 1)
	if !isDigits(text) {
		checkRest(p, s, i)
		return
	}
	n, err := strconv.ParseUint(text, 10, 32)
	name, from := s.Arg(i), uint64(100)
	if s.Name() == "timeout" {
		// a check is seldom made every few minutes, so 100 to 999 is what it says there
		name, from = "timeout "+name, 1000
	}
	if err != nil || n == 0 || n >= from && !isHours(n) {
		return
	}
	milliseconds := fmt.Sprintf("%d milliseconds", n)
	if n == 1 {
		milliseconds = "1 millisecond"
	}
	if n >= 1000 {
		milliseconds += fmt.Sprintf(" (%gs)", float64(n)/1000)
	}
	d := lint.Diagnostic{
		Severity: lint.Warning,
		Symptom:  unitSymptom(name),
		At:       s.Ref(i + 1),
		Message:  fmt.Sprintf("%s %s is %s, since a number without a unit is in milliseconds", name, text, milliseconds),
		Hint:     fmt.Sprintf("%s %ds", name, n),
	}
	switch {
	case n >= 100 && n < 1000:
		d.Hint = fmt.Sprintf("%s %dms, or %ds if seconds are meant", name, n, n)
	default:
		if n < 100 && breaksRequests(name) {
			d.Severity = lint.Error
		}
		d.Fix = repair(d.At, fmt.Sprintf("%ds", n), false)
	}
	p.Report(d)
}

// checkRest tells of a time that goes on after its unit.
func checkRest(p *lint.Pass, s *syntax.Stmt, i int) {
	text := s.Arg(i + 1)
	read, rest := timeRead(text)
	if rest == "" || strings.ContainsAny(rest, "${%<") {
		return
	}
	name := s.Arg(i)
	if s.Name() == "timeout" {
		name = "timeout " + name
	}
	d := lint.Diagnostic{
		Severity: lint.Info,
		Symptom:  lint.NoSymptom,
		At:       s.Ref(i + 1),
		Message:  fmt.Sprintf("%s %s is read as %s, and HAProxy warns that a later version will refuse it", name, text, read),
		Hint:     name + " " + read,
	}
	meant := timeMeant(text, rest)
	if meant == read {
		d.Fix = repair(d.At, read, true)
	} else {
		d.Severity, d.Symptom = lint.Warning, unitSymptom(name)
		d.Message = fmt.Sprintf("%s %s is read as %s: a time is one number and one unit", name, text, read)
		d.Hint = name + " " + meant
		d.Fix = repair(d.At, meant, false)
	}
	p.Report(d)
}

// timeRead splits a time where HAProxy stops to read it, which is after the first unit.
func timeRead(text string) (read, rest string) {
	after := strings.TrimLeft(text, "0123456789")
	for _, unit := range [...]string{"us", "ms", "s", "m", "h", "d"} {
		if rest, found := strings.CutPrefix(after, unit); found && after != text {
			return strings.TrimSuffix(text, rest), rest
		}
	}
	return text, ""
}

// timeMeant returns what people mean by a time that goes on with the rest after its unit, as HAProxy takes it.
func timeMeant(text, rest string) string {
	read := strings.TrimSuffix(text, rest)
	number := strings.TrimRight(read, "musdh")
	if sum, err := time.ParseDuration(text); err == nil && sum%time.Second == 0 {
		return seconds(sum)
	} else if err == nil {
		return fmt.Sprintf("%dms", sum/time.Millisecond)
	}
	switch word := strings.TrimPrefix(text, number); {
	case strings.HasPrefix(word, "milli"):
		return number + "ms"
	case strings.HasPrefix(word, "micro"):
		return number + "us"
	}
	return read
}

// isHours reports whether a number is a time in half hours as people write it in seconds: 1800, 3600, 86400.
// Round thousands are milliseconds.
func isHours(n uint64) bool { return n%1800 == 0 && n%1000 != 0 }

// breaksRequests reports whether a time of that name under 100 ms makes requests fail, rather than close
// idle connections early or ask servers too often.
func breaksRequests(name string) bool {
	switch name {
	case "timeout connect", "timeout client", "timeout server", "timeout tunnel", "timeout http-request", "timeout check",
		"timeout queue", "timeout resolve":
		return true
	}
	return false
}

func unitSymptom(name string) lint.Symptom {
	switch name {
	case "timeout server":
		return "504"
	case "timeout client", "timeout http-request":
		return "408"
	case "timeout connect", "timeout queue", "timeout check", "timeout resolve", "timeout retry":
		return "503"
	case "inter", "fastinter", "downinter":
		return "flapping"
	}
	return "connections closed early"
}
