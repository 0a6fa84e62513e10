package rules

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// liveComment is what a configuration of a live rule says of an upstream, in place of the network:
//
//	# live: ADDRESS [@IP] CAUSE [key=value]...
//
// ADDRESS is the target as written, CAUSE a probe.Cause by its name. A target that no comment names is ok.
// "# live: strict ok" is --strict-live, and "# live: locked ok" is --locked with the lock file found. "# live: named ok
// NAME=IP" says what a name beside an address resolves to.
var liveComment = regexp.MustCompile(`(?m)^# live: (\S+)(?: @(\S+))? (\S+)(.*)$`)

// script returns what the comments of the configurations say would be found; nil when there are none.
func script(t *testing.T, configs []*proxy.Config, facts *inventory.Facts) *probe.Results {
	t.Helper()
	said := map[string][][]string{}
	for _, c := range configs {
		for _, file := range c.Tree.Files {
			for _, m := range liveComment.FindAllStringSubmatch(file.Src, -1) {
				said[m[1]] = append(said[m[1]], m)
			}
		}
	}
	if len(said) == 0 {
		return nil
	}
	results := &probe.Results{Began: today, Strict: said["strict"] != nil}
	used := map[string]bool{"strict": true, "locked": true, "named": true}
	if said["locked"] != nil {
		results.Lock = facts.LockOf(configs[0])
	}
	for _, m := range said["named"] {
		scriptNamed(results, m[4])
	}
	for _, target := range probe.Plan(configs, facts) {
		r := &probe.Result{Target: target}
		name := strings.TrimPrefix(strings.TrimPrefix(target.Addr.At.Text(), "http://"), "unix@")
		name = strings.TrimPrefix(name, "unix:")
		for _, m := range said[name] {
			used[name] = true
			scriptTry(t, r, m)
		}
		if said[name] == nil {
			r.Tries = []probe.Try{{}}
		}
		results.List = append(results.List, r)
	}
	for name := range said {
		if !used[name] {
			t.Errorf("# live: there is no target %s", name)
		}
	}
	return results
}

// scriptTry adds what one comment says to a result.
func scriptTry(t *testing.T, r *probe.Result, m []string) {
	t.Helper()
	cause, ok := probe.ParseCause(m[3])
	if !ok {
		t.Fatalf("%s: no cause is named %s", m[0], m[3])
	}
	try := probe.Try{Outcome: probe.Outcome{Cause: cause, Code: probe.L4CON}}
	for _, text := range []string{m[2], r.Addr.Host} {
		if addr, err := netip.ParseAddr(text); err == nil {
			try.Addr = netip.AddrPortFrom(addr, uint16(r.Addr.Port))
			break
		}
	}
	switch cause {
	case probe.TimedOut:
		try.Code = probe.L4TOUT
	case probe.Silent:
		try.Code = probe.L7TOUT
	case probe.OK:
		try.Code = probe.L7OK
	}
	for _, s := range settingPattern.FindAllStringSubmatch(m[4], -1) {
		if !scriptSetting(r, &try, s[1], strings.Trim(s[2], `"`)) {
			t.Fatalf("%s: no key is named %s", m[0], s[1])
		}
	}
	switch cause {
	case probe.Unresolvable, probe.ResolverFailed, probe.NotTestable:
		r.Found.Outcome = try.Outcome
	default:
		r.Tries = append(r.Tries, try)
		if m[2] != "" {
			r.Found.Addrs = append(r.Found.Addrs, try.Addr)
		}
	}
}

// scriptNamed says what names beside addresses resolve to.
func scriptNamed(results *probe.Results, text string) {
	results.Named = map[string][]netip.Addr{}
	for word := range strings.FieldsSeq(text) {
		name, addr, _ := strings.Cut(word, "=")
		results.Named[name] = append(results.Named[name], netip.MustParseAddr(addr))
	}
}

var settingPattern = regexp.MustCompile(`(\w+)=("[^"]*"|\S+)`)

func scriptSetting(r *probe.Result, try *probe.Try, key, value string) bool {
	number, _ := strconv.Atoi(value)
	duration, _ := time.ParseDuration(value)
	switch key {
	case "code":
		try.Code = probe.Code(value)
	case "detail":
		try.Detail = value
	case "status":
		try.Status = number
	case "speaks":
		try.Speaks = value
	case "took":
		try.Took = duration
	case "first":
		try.First = duration
	case "header":
		try.Header = number
	case "idle":
		try.Idle = duration
	case "said":
		try.IdleSaid = true
	case "expires":
		try.Expires, _ = time.Parse(time.DateOnly, value)
	case "names":
		try.Names = strings.Split(value, ",")
	case "cert":
		try.Cert = value
	case "mute":
		r.Found.Mute = strings.Split(value, ",")
	case "nearby":
		port, process, _ := strings.Cut(value, ":")
		n, _ := strconv.Atoi(port)
		r.Nearby = append(r.Nearby, probe.Listening{Port: n, Process: process})
	case "check", "checkcode", "checkstatus":
		scriptCheck(r, key, value)
	default:
		return false
	}
	return true
}

// scriptCheck says what came of the health check.
func scriptCheck(r *probe.Result, key, value string) {
	if r.Checked == nil {
		r.Checked = &probe.Outcome{}
	}
	switch key {
	case "check":
		r.Checked.Cause, _ = probe.ParseCause(value)
	case "checkcode":
		r.Checked.Code = probe.Code(value)
	case "checkstatus":
		r.Checked.Status, _ = strconv.Atoi(value)
	}
	if r.Check == nil {
		r.Check = &probe.Check{At: r.Addr.At}
	}
}

// TestHintInsideTLS gives no advice to leave TLS off where it was agreed on.
func TestHintInsideTLS(t *testing.T) {
	target := &probe.Target{Dialect: syntax.HAProxy, Protocol: proxy.HTTP, HTTP2: true, TLS: &probe.TLS{}}
	for code, want := range map[probe.Code]string{probe.L6RSP: "the server line without ssl", probe.L7RSP: ""} {
		fault := &probe.Try{Outcome: probe.Outcome{Cause: probe.OtherProtocol, Code: code, Speaks: "HTTP"}}
		if got := protocolHint(target, fault); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
