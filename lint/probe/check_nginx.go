package probe

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Checks of nginx are made by modules of NGINX Plus and of others (angie, tengine, nginx_upstream_check_module). What is
// here follows their manuals; only fakes have answered it.

// nginxCheck returns the check of a group's server: "check" inside the group, or "health_check" beside the pass.
func nginxCheck(t *Target, u *proxy.Upstream, r *proxy.Route) *Check {
	if u.Implicit || r == nil {
		return nil
	}
	if at := child(u.Stmt, "check"); at != nil {
		return openCheck(t, u.Stmt, at)
	}
	if at := child(r.Stmt.Parent, "health_check"); at != nil {
		return plusCheck(t, at)
	}
	return nil
}

// child returns the last directive of a name directly inside a block; nil when there is none.
func child(block *syntax.Stmt, name string) *syntax.Stmt {
	var found *syntax.Stmt
	if block == nil || block.Block == nil {
		return nil
	}
	for _, s := range block.Block.Stmts {
		if s.Name() == name {
			found = s
		}
	}
	return found
}

// parameter returns the value of a "name=value" word of a directive.
func parameter(s *syntax.Stmt, name, other string) string {
	for i := 1; i <= s.Args(); i++ {
		if value, found := strings.CutPrefix(s.Arg(i), name+"="); found {
			return value
		}
	}
	return other
}

// interval reads a time; a bare number counts units.
func interval(text string, unit time.Duration) time.Duration {
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(n) * unit
	}
	d, _ := time.ParseDuration(text)
	return max(d, 0)
}

// port reads a port; what is none is the server's own.
func port(text string) int {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// openCheck reads the check of the open modules (ngx_http_upstream_check_module, "check").
func openCheck(t *Target, group, at *syntax.Stmt) *Check {
	c := &Check{At: at.Ref(0), Interval: interval(parameter(at, "interval", "30000"), time.Millisecond), Timeout: interval(parameter(at, "timeout", "1000"), time.Millisecond)}
	c.Steps = []CheckStep{{Connect: &CheckConnect{Port: port(parameter(at, "port", ""))}}}
	switch kind := parameter(at, "type", "tcp"); kind {
	case "tcp":
	case "http":
		c.HTTP = true
		send := "GET / HTTP/1.0\r\n\r\n"
		if s := child(group, "check_http_send"); s != nil {
			send = s.Arg(1)
		}
		alive := "200-399"
		if s := child(group, "check_http_expect_alive"); s != nil {
			alive = aliveStatuses(s)
		}
		c.send(send)
		c.Steps = append(c.Steps, CheckStep{Expect: &CheckExpect{Kind: ExpectStatus, Pattern: []byte(alive), MinRecv: -1}})
	case "ssl_hello":
		hello, _ := hex.DecodeString(sslHello)
		c.Steps = append(c.Steps, CheckStep{Send: hello},
			CheckStep{Expect: &CheckExpect{Kind: ExpectHexRegexp, Pattern: []byte("^1[56]"), MinRecv: 5, OK: L6OK, Error: L6RSP, Late: L6TOUT}})
	case "mysql":
		c.Steps = append(c.Steps, CheckStep{Expect: &CheckExpect{Kind: ExpectMySQL, MinRecv: -1}})
	default:
		c.Never = "it speaks " + kind
	}
	c.keepSecrets(group.Block.Stmts)
	return c
}

// aliveStatuses turns "http_2xx http_3xx" into ranges.
func aliveStatuses(s *syntax.Stmt) string {
	var list []string
	for i := 1; i <= s.Args(); i++ {
		if digit, isClass := strings.CutSuffix(strings.TrimPrefix(s.Arg(i), "http_"), "xx"); isClass {
			list = append(list, digit+"00-"+digit+"99")
		}
	}
	return strings.Join(list, ",")
}

// plusCheck reads a check of NGINX Plus (ngx_http_upstream_hc_module and ngx_stream_upstream_hc_module, "health_check").
func plusCheck(t *Target, at *syntax.Stmt) *Check {
	c := &Check{At: at.Ref(0), Interval: interval(parameter(at, "interval", "5"), time.Second)}
	c.Connect, c.Timeout = t.Limits.Connect.Value, t.Limits.Read.Value
	connect := CheckConnect{Port: port(parameter(at, "port", "")), TLS: t.TLS, SendProxy: t.SendProxy}
	c.Steps = []CheckStep{{Connect: &connect}}
	switch {
	case parameter(at, "type", "") == "grpc" || t.Protocol == proxy.GRPC || t.HTTP2:
		c.Never = "it speaks h2"
	case t.Protocol == proxy.UDP:
		c.Never = "it speaks UDP"
	case t.Protocol != proxy.HTTP && t.Protocol != proxy.TCP:
		c.Never = "it speaks " + t.Protocol.String()
	}
	c.HTTP = t.Protocol == proxy.HTTP
	uri := parameter(at, "uri", "/")
	if c.HTTP {
		if strings.Contains(uri, "$") || !isSendable(uri) {
			c.Never = "its uri can't be known"
		}
		request := "GET " + uri + " HTTP/1.0\r\nHost: " + t.authority() + "\r\nConnection: close\r\n\r\n"
		c.send(request)
	}
	c.expectMatch(t, parameter(at, "match", ""))
	return c
}

// expectMatch adds what a "match" block expects; without one, HTTP is to answer with 2xx or 3xx.
func (c *Check) expectMatch(t *Target, name string) {
	if name == "" {
		if c.HTTP {
			c.Steps = append(c.Steps, CheckStep{Expect: &CheckExpect{Kind: ExpectStatus, Pattern: []byte("200-399"), MinRecv: -1}})
		}
		return
	}
	var block *syntax.Stmt
	t.Config.Tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if s.Name() == "match" && s.Arg(1) == name && s.Block != nil {
			block = s
		}
		return block == nil
	})
	if block == nil {
		c.Never = "match " + name + " is not in sight"
		return
	}
	c.keepSecrets(block.Block.Stmts)
	for _, s := range block.Block.Stmts {
		switch s.Name() {
		case "send":
			c.send(s.Arg(1))
		case "status", "body", "expect", "header":
			c.Steps = append(c.Steps, CheckStep{Expect: c.matchLine(s)})
		default:
			c.Never = "it asks for more than an answer (" + s.Name() + ")"
		}
	}
}

// send adds the step that sends a text, if there is any.
func (c *Check) send(text string) {
	if text != "" {
		c.Steps = append(c.Steps, CheckStep{Send: []byte(text)})
	}
}

// matchLine reads one line of a match block: "status ! 500", "body ~ ok", "header X = y", "header ! X".
func (c *Check) matchLine(s *syntax.Stmt) *CheckExpect {
	e := &CheckExpect{MinRecv: -1}
	var words []string
	operator := ""
	for i := 1; i <= s.Args(); i++ {
		switch word := s.Arg(i); word {
		case "!", "!~", "!=", "~", "=":
			operator = strings.TrimPrefix(word, "!")
			e.Not = word[0] == '!'
		default:
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		c.Never = "what it expects can't be read"
		return e
	}
	switch s.Name() {
	case "status":
		e.Kind, e.Pattern = ExpectStatus, []byte(strings.Join(words, ","))
	case "header":
		e.Kind, e.Name, e.ValueMatch = ExpectFullHeader, words[0], "any"
		if len(words) > 1 {
			e.Pattern, e.ValueMatch = []byte(words[1]), map[string]string{"~": "reg"}[operator]
		}
	default:
		e.Kind, e.Pattern = ExpectString, []byte(words[0])
		if operator == "~" {
			e.Kind = ExpectRegexp
		}
	}
	if bad := e.badPattern(); bad != "" {
		c.Never = "the pattern " + bad + " is one for PCRE alone"
	}
	return e
}
