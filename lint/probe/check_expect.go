package probe

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// maxDetail bounds the foreign text of an outcome, in bytes.
const maxDetail = 200

// judge compares what came with what a step expects. It reports false while more has to come.
func (r *checkReplay) judge(s *CheckStep) (Outcome, bool) {
	switch {
	case s.Expect.Kind == ExpectAgent:
		return r.judgeAgent()
	case s.Expect.Kind == ExpectMySQL:
		return r.judgeMySQL()
	case r.check.HTTP:
		return r.judgeHTTP(s.Expect)
	}
	return r.judgeBytes(s)
}

func (r *checkReplay) judgeBytes(s *CheckStep) (Outcome, bool) {
	e := s.Expect
	if !r.ended && (e.Kind == ExpectString && len(r.came) < len(e.Pattern) || len(r.came) < e.MinRecv) {
		return Outcome{}, false
	}
	match := e.matches(r.came)
	if !match && !r.ended && e.MinRecv < 0 {
		return Outcome{}, false
	}
	if match != e.Not {
		return Outcome{Code: L7OK}, true
	}
	o := Outcome{Code: cmp.Or(e.Error, L7RSP), Cause: CheckUnmet, Detail: cmp.Or(e.Says, s.unmatched(match))}
	if len(r.came) == 0 {
		o.Cause = Closed
	}
	if e.Quotes {
		o.Detail = r.quote(e.Coded)
	}
	if e.Coded && len(r.came) >= 3 {
		o.Status, _ = strconv.Atoi(string(r.came[:3]))
	}
	return o, true
}

// quote returns the first line of what came, without its status.
func (r *checkReplay) quote(coded bool) string {
	line, _, _ := bytes.Cut(r.came, []byte("\n"))
	if coded && len(line) > 4 {
		line = line[4:]
	}
	return short(strings.TrimSpace(string(line)))
}

func short(s string) string { return s[:min(len(s), maxDetail)] }

// unmatched returns HAProxy's words for an expectation of "tcp-check" that was not met.
func (s *CheckStep) unmatched(match bool) string {
	what := map[CheckKind]string{ExpectRegexp: "(regex)", ExpectHexRegexp: "(binary regex)"}[s.Expect.Kind]
	if s.Expect.Kind == ExpectString {
		what = "'" + short(string(s.Expect.Pattern)) + "'"
	}
	if match {
		return fmt.Sprintf("TCPCHK matched unwanted content %s at step %d", what, s.Number)
	}
	return fmt.Sprintf("TCPCHK did not match content %s at step %d", what, s.Number)
}

// matches reports whether the pattern is found in some bytes.
func (e *CheckExpect) matches(text []byte) bool {
	switch e.Kind {
	case ExpectRegexp, ExpectStatusRegexp:
		return matchRegexp(string(e.Pattern), text)
	case ExpectHexRegexp:
		return matchRegexp(string(e.Pattern), []byte(strings.ToUpper(hex.EncodeToString(text))))
	}
	return bytes.Contains(text, e.Pattern)
}

// matchRegexp matches as PCRE does, for which "$" stands before a last line end, too.
func matchRegexp(pattern string, text []byte) bool {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return false // planCheck has asked
	}
	return re.Match(text) || bytes.HasSuffix(text, []byte("\n")) && re.Match(text[:len(text)-1])
}

// badPattern returns the first pattern that is none of Go's; "" when all are.
func (r *checkRules) badPattern() string {
	if r.active == nil {
		return ""
	}
	for _, rule := range *r.active {
		if rule.expect != nil {
			if bad := rule.expect.badPattern(); bad != "" {
				return bad
			}
		}
	}
	return ""
}

func (e *CheckExpect) badPattern() string {
	for _, pattern := range e.patterns() {
		if _, err := regexp.Compile(pattern); err != nil {
			return pattern
		}
	}
	return ""
}

// patterns returns the regular expressions of an expectation.
func (e *CheckExpect) patterns() []string {
	var list []string
	switch e.Kind {
	case ExpectRegexp, ExpectStatusRegexp, ExpectHexRegexp:
		return []string{string(e.Pattern)}
	}
	if e.NameMatch == "reg" {
		list = append(list, e.Name)
	}
	if e.ValueMatch == "reg" {
		list = append(list, string(e.Pattern))
	}
	return list
}

// judgeHTTP compares an HTTP answer.
func (r *checkReplay) judgeHTTP(e *CheckExpect) (Outcome, bool) {
	a, enough := r.answer()
	switch {
	case !enough:
		return Outcome{}, false
	case a == nil && len(r.came) == 0:
		return Outcome{Code: L7RSP, Cause: Closed}, true
	case a == nil:
		return Outcome{Code: L7RSP, Cause: CheckUnmet}, true
	}
	r.status = a.StatusCode
	if r.check.NotFound && r.status == http.StatusNotFound {
		return Outcome{Code: L7OK}, true
	}
	o := Outcome{Code: cmp.Or(e.Error, L7STS), Cause: BadStatus, Status: r.status}
	o.Detail = cmp.Or(e.Says, short(reasonPhrase(a.Status)))
	match := false
	switch e.Kind {
	case ExpectStatus:
		match = statusIn(string(e.Pattern), r.status)
	case ExpectStatusRegexp:
		match = e.matches([]byte(strconv.Itoa(r.status)))
	case ExpectHeader, ExpectFullHeader:
		match = e.matchHeader(a.Header)
		o.Cause = CheckUnmet
	default:
		return r.judgeBody(a, e)
	}
	if match != e.Not {
		return Outcome{Code: L7OK}, true
	}
	return o, true
}

func (r *checkReplay) judgeBody(a *httpAnswer, e *CheckExpect) (Outcome, bool) {
	o := Outcome{Code: cmp.Or(e.Error, L7RSP), Cause: CheckUnmet}
	if len(a.body) == 0 {
		o.Detail = cmp.Or(e.Says, "HTTP content check could not find a response body")
		return o, a.whole
	}
	if !a.whole && (e.Kind == ExpectString && len(a.body) < len(e.Pattern) || len(a.body) < e.MinRecv) {
		return o, false
	}
	match := e.matches(a.body)
	switch {
	case match != e.Not && (match || a.whole || e.MinRecv >= 0):
		return Outcome{Code: L7OK}, true
	case !match && !a.whole && e.MinRecv < 0:
		return o, false
	}
	o.Detail = cmp.Or(e.Says, "HTTP content check did not match")
	if e.Not {
		o.Detail = cmp.Or(e.Says, "HTTP check matched unwanted content")
	}
	return o, true
}

// httpAnswer is an answer as far as it came.
type httpAnswer struct {
	*http.Response
	body  []byte
	whole bool
}

// answer reads what came as HTTP; nil when it is none. It reports false while more has to come.
func (r *checkReplay) answer() (*httpAnswer, bool) {
	const start = "HTTP/"
	if n := min(len(r.came), len(start)); string(r.came[:n]) != start[:n] {
		return nil, true
	}
	if !bytes.Contains(r.came, []byte("\r\n\r\n")) && !bytes.Contains(r.came, []byte("\n\n")) {
		return nil, r.ended
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(r.came)), &http.Request{Method: string(r.method)})
	if err != nil {
		return nil, true
	}
	a := &httpAnswer{Response: response}
	a.body, err = io.ReadAll(response.Body)
	framed := response.ContentLength >= 0 || len(response.TransferEncoding) > 0
	a.whole = r.ended || framed && err == nil
	return a, true
}

// reasonPhrase returns the words of "404 Not Found".
func reasonPhrase(status string) string {
	_, words, _ := strings.Cut(status, " ")
	return words
}

// statusIn reports whether a status is in a list such as "200-299,404".
func statusIn(list string, status int) bool {
	for part := range strings.SplitSeq(list, ",") {
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		first, err1 := strconv.Atoi(low)
		last, err2 := strconv.Atoi(high)
		if err1 == nil && err2 == nil && first <= status && status <= last {
			return true
		}
	}
	return false
}

// matchHeader reports whether a header has the name and a value expected.
func (e *CheckExpect) matchHeader(h http.Header) bool {
	for name, lines := range h {
		if !textMatch("(?i)", e.NameMatch, strings.ToLower(name), strings.ToLower(e.Name), e.Name) {
			continue
		}
		for _, line := range lines {
			values := []string{line}
			if e.Kind == ExpectHeader && e.ValueMatch != "any" {
				values = strings.Split(line, ",")
			}
			for _, v := range values {
				if e.ValueMatch == "any" || textMatch("", e.ValueMatch, strings.TrimSpace(v), string(e.Pattern), string(e.Pattern)) {
					return true
				}
			}
		}
	}
	return false
}

// textMatch compares a text in one of HAProxy's ways; flags and pattern are those of a regular expression.
func textMatch(flags, how, text, want, pattern string) bool {
	switch how {
	case "beg":
		return strings.HasPrefix(text, want)
	case "end":
		return strings.HasSuffix(text, want)
	case "sub":
		return strings.Contains(text, want)
	case "reg":
		return matchRegexp(flags+pattern, []byte(text))
	}
	return text == want
}

// judgeAgent reads the line of an agent: words of which the last of a kind counts (manual 5.2 "agent-check").
func (r *checkReplay) judgeAgent() (Outcome, bool) {
	end := bytes.IndexAny(r.came, "\r\n")
	if end < 0 {
		return Outcome{Code: L7RSP, Cause: Closed}, r.ended
	}
	line, _, _ := strings.Cut(string(r.came[:end]), "#")
	o := Outcome{Code: L7OK}
	for _, word := range strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' || c == ',' }) {
		switch strings.ToLower(word) {
		case "up", "ready":
			o = Outcome{Code: L7OK}
		case "down", "stopped", "fail", "drain", "maint":
			o = Outcome{Code: L7STS, Cause: CheckUnmet, Detail: "via agent : " + word}
		}
	}
	return o, true
}

// judgeMySQL reads the greeting of a MySQL server: a length of three bytes, a number, and 0xff for an error.
func (r *checkReplay) judgeMySQL() (Outcome, bool) {
	if len(r.came) < 5 {
		return Outcome{Code: L7RSP, Cause: CheckUnmet}, r.ended
	}
	length := int(r.came[0]) | int(r.came[1])<<8 | int(r.came[2])<<16
	switch {
	case len(r.came) < 4+length:
		return Outcome{Code: L7RSP, Cause: CheckUnmet}, r.ended
	case r.came[4] == 0xff && length >= 3:
		r.status = int(r.came[5]) | int(r.came[6])<<8
		return Outcome{Code: L7STS, Cause: CheckUnmet, Status: r.status, Detail: short(string(r.came[7 : 4+length]))}, true
	}
	return Outcome{Code: L7OK}, true
}
