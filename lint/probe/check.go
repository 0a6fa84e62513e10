package probe

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint/safe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Check is an active health check, as its steps. As JSON it is part of a plan.
type Check struct {
	At       syntax.Ref    `json:"-"`
	HTTP     bool          `json:"http,omitempty"` // answers are HTTP: what is expected is asked of the status, a header or the body
	Steps    []CheckStep   `json:"steps,omitempty"`
	Interval time.Duration `json:"interval"`            // between checks, and a limit of the whole of one where Timeout is 0; in nanoseconds
	Connect  time.Duration `json:"connect,omitempty"`   // a limit of the connection beside Interval where Timeout is not 0
	Timeout  time.Duration `json:"timeout,omitempty"`   // from the connection on; 0: none of its own
	NotFound bool          `json:"not_found,omitempty"` // status 404 takes the server out gently (disable-on-404)
	Never    string        `json:"never,omitempty"`     // why it can't be replayed; "" when it can
	Agent    []CheckStep   `json:"agent,omitempty"`     // HAProxy's agent-check, which is asked beside
}

// CheckStep is one step of a check. Exactly one of its parts but Number is set.
type CheckStep struct {
	Number  int           `json:"number,omitempty"` // as HAProxy logs it; 0: the connection that nobody wrote
	Connect *CheckConnect `json:"connect,omitempty"`
	Send    []byte        `json:"send,omitempty"`
	Expect  *CheckExpect  `json:"expect,omitempty"`
}

// CheckConnect opens a new connection.
type CheckConnect struct {
	Host      string `json:"host,omitempty"` // "" for the server's own
	Port      int    `json:"port,omitempty"` // 0 for the server's own
	TLS       *TLS   `json:"tls,omitempty"`
	SendProxy int    `json:"send_proxy,omitempty"` // version of the PROXY protocol header that comes first; 0: none
}

// CheckExpect is what must come, or with Not, must not come.
type CheckExpect struct {
	Kind    CheckKind `json:"kind"`
	Not     bool      `json:"not,omitempty"`
	Pattern []byte    `json:"pattern,omitempty"` // bytes, a regular expression, or "200-299,404"; of a header, its value
	Name    string    `json:"name,omitempty"`    // of a header

	NameMatch  string `json:"name_match,omitempty"`  // "beg", "end", "sub", "reg"; "" for equal
	ValueMatch string `json:"value_match,omitempty"` // the same, and "any" for a header that has only to be there

	MinRecv int    `json:"min_recv"` // -1: more is read until it matches; else it is decided once so many bytes came
	OK      Code   `json:"ok,omitempty"`
	Error   Code   `json:"error,omitempty"`
	Late    Code   `json:"late,omitempty"`
	Says    string `json:"says,omitempty"`   // what HAProxy logs of a failure; "" for its own words
	Quotes  bool   `json:"quotes,omitempty"` // it logs what came
	Coded   bool   `json:"coded,omitempty"`  // and what came begins with a status of three digits
}

// CheckKind says what an expectation asks of an answer, in HAProxy's words.
type CheckKind string

// The kinds.
const (
	ExpectStatus       CheckKind = "status"
	ExpectStatusRegexp CheckKind = "rstatus"
	ExpectHeader       CheckKind = "hdr"  // one of the values between commas
	ExpectFullHeader   CheckKind = "fhdr" // the whole value
	ExpectString       CheckKind = "string"
	ExpectRegexp       CheckKind = "rstring"
	ExpectHexRegexp    CheckKind = "rbinary" // asked of the bytes in upper-case hexadecimal digits
	ExpectMySQL        CheckKind = "mysql"   // a server's greeting
	ExpectAgent        CheckKind = "agent"   // a line of agent-check
)

// defaultInterval is HAProxy's inter (manual 5.2).
const defaultInterval = 2 * time.Second

// planCheck returns the health check of a server as a route reaches it; nil when it has none.
func planCheck(t *Target, u *proxy.Upstream, e *proxy.Endpoint, r *proxy.Route) *Check {
	if t.Dialect == syntax.Nginx {
		return nginxCheck(t, u, r)
	}
	if e.Check == nil && !e.ServerOptions.Check.Agent {
		return nil
	}
	c := &Check{At: t.Addr.At, Interval: defaultInterval}
	if e.Check != nil {
		c.At = e.Check.At
		if known := e.Check.Interval; isKnown(known) && known.Value > 0 {
			c.Interval = known.Value
		}
	}
	if u.Timeouts != nil && isKnown(u.Timeouts.Check) && u.Timeouts.Check.Value > 0 {
		c.Timeout = u.Timeouts.Check.Value
		if isKnown(u.Timeouts.Connect) {
			c.Connect = u.Timeouts.Connect.Value
		}
	}
	switch {
	case u.Checking.Dynamic || e.ServerOptions.Check.Dynamic:
		c.Never = "it holds what is known only where HAProxy runs"
		return c
	case t.Config.Tree.Fragment || e.Stmt.File.IsOpen():
		c.Never = "lines that are not in sight may change it"
		return c
	}
	own := serverConnect(t, e)
	if e.Check != nil {
		c.plan(u, e, own)
	}
	c.planAgent(e.ServerOptions.Check)
	c.keepSecrets(u.Checking.Lines)
	return c
}

// keepSecrets leaves a check alone that would send a password, a token or a cookie: a plan shows what is sent, and goes elsewhere.
func (c *Check) keepSecrets(lines []*syntax.Stmt) {
	for _, stmt := range lines {
		text := stmt.File.Text(stmt.Span)
		cookie := stmt.Arg(1) != "expect" && strings.Contains(strings.ToLower(text), "cookie")
		if cookie || len(safe.Secrets(text)) > 0 {
			c.Steps, c.Never = nil, "it sends a secret"
		}
	}
}

// serverConnect returns the connection of a server's checks: like the traffic's, unless a port or an address of their own
// is written (manual 5.2 "check", "check-send-proxy", "check-ssl").
func serverConnect(t *Target, e *proxy.Endpoint) CheckConnect {
	said := e.ServerOptions.Check
	host, port := splitAddr(said.Addr)
	connect := CheckConnect{Host: host, Port: cmp.Or(said.Port, port)}
	elsewhere := said.Addr != "" || said.Port > 0
	if said.SendProxy || !elsewhere {
		connect.SendProxy = t.SendProxy
	}
	if said.SendProxy {
		connect.SendProxy = max(connect.SendProxy, 1)
	}
	if said.TLS > 0 || said.TLS == 0 && !elsewhere && e.TLS != nil {
		connect.TLS = checkTLS(e, said.SNI, said.ALPN)
	}
	return connect
}

// splitAddr takes a port off an IP address.
func splitAddr(text string) (host string, port int) {
	if a, err := netip.ParseAddrPort(text); err == nil {
		return a.Addr().String(), int(a.Port())
	}
	return text, 0
}

// checkTLS returns how a check is encrypted: with the server's certificates, but names of its own.
func checkTLS(e *proxy.Endpoint, sni, alpn string) *TLS {
	options := e.TLS
	if options == nil {
		options = e.ServerOptions.Check.With
	}
	if options == nil {
		options = &proxy.TLS{}
	}
	s := haproxyTLS(options, &Target{})
	s.SNI, s.Name, s.ALPN = sni, "", nil
	if s.Verify {
		s.Name = cmp.Or(e.ServerOptions.Check.VerifyHost, sni)
	}
	if alpn = cmp.Or(alpn, text(options.ALPN)); alpn != "" {
		s.ALPN = strings.Split(alpn, ",")
	}
	return s
}

// plan fills in the steps of a server's check.
func (c *Check) plan(u *proxy.Upstream, e *proxy.Endpoint, own CheckConnect) {
	said := e.ServerOptions.Check
	rules := readCheckRules(u.Checking.Lines)
	c.HTTP, c.NotFound, c.Never = rules.kind == "httpchk", rules.notFound, rules.never
	if bad := rules.badPattern(); bad != "" {
		c.Never = "the pattern " + bad + " is one for PCRE alone"
	}
	if said.Socks4 {
		c.Never = "it goes through a SOCKS proxy"
	}
	if proto := cmp.Or(said.Proto, e.Proto); c.HTTP && proto != "" && proto != "h1" {
		c.Never = "it speaks " + proto
	}
	for _, r := range rules.finish() {
		step := CheckStep{Number: r.number, Send: r.send, Expect: r.expect}
		switch {
		case r.connect != nil:
			connect := r.connect.settle(own, e)
			step.Connect = &connect
		case r.request != nil:
			step.Send = r.request.bytes()
		}
		c.Steps = append(c.Steps, step)
	}
}

// planAgent fills in the question to an agent (manual 5.2 "agent-check").
func (c *Check) planAgent(said proxy.ServerCheck) {
	if !said.Agent || said.AgentPort == 0 {
		return
	}
	c.Agent = []CheckStep{{Connect: &CheckConnect{Host: said.AgentAddr, Port: said.AgentPort}}}
	if said.AgentSend != "" {
		c.Agent = append(c.Agent, CheckStep{Send: []byte(said.AgentSend)})
	}
	c.Agent = append(c.Agent, CheckStep{Expect: &CheckExpect{Kind: ExpectAgent, MinRecv: -1}})
}

// valid reports what can't be replayed of a check that was not planned here.
func (c *Check) valid() error {
	for _, steps := range [][]CheckStep{c.Steps, c.Agent} {
		for i, s := range steps {
			switch {
			case i == 0 && s.Connect == nil:
				return errors.New("a check begins without a connection")
			case s.Connect != nil && s.Connect.Port != int(uint16(s.Connect.Port)):
				return fmt.Errorf("%d is no port", s.Connect.Port)
			case s.Connect == nil && len(s.Send) == 0 && s.Expect == nil:
				return fmt.Errorf("step %d of a check does nothing", i+1)
			}
		}
	}
	return nil
}

// String tells the steps in few words, such as "GET /health HTTP/1.0, expect status 200-399". Bytes that are no text are
// written as \x00.
func (c *Check) String() string {
	if c.Never != "" {
		return "not replayed: " + c.Never
	}
	var words []string
	for _, s := range slices.Concat(c.Steps, c.Agent) {
		if w := s.words(); w != "" {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return "connect"
	}
	return strings.Join(words, ", ")
}

func (s CheckStep) words() string {
	switch {
	case s.Connect != nil && (s.Connect.Host != "" || s.Connect.Port > 0):
		return strings.TrimSuffix(fmt.Sprintf("connect to %s:%d", cmp.Or(s.Connect.Host, "port"), s.Connect.Port), ":0")
	case s.Send != nil:
		line, _, _ := strings.Cut(string(s.Send), "\r\n")
		quoted := strconv.QuoteToASCII(line)
		return "send " + quoted[1:len(quoted)-1]
	case s.Expect != nil:
		not := ""
		if s.Expect.Not {
			not = "no "
		}
		return strings.TrimSpace(fmt.Sprintf("expect %s%s %s", not, s.Expect.Kind, strings.TrimSpace(s.Expect.Name+" "+string(s.Expect.Pattern))))
	}
	return ""
}
