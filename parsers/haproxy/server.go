package haproxy

import (
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// server is an endpoint in the making, or what default-server lines give to those below them.
type server struct {
	proxy.Endpoint
	options        proxy.ServerOptions  // in the making
	shared         *proxy.ServerOptions // the same for the servers that add nothing; nil: none needed it yet
	checkAt        syntax.Ref           // the check option; zero: not checked
	plan           proxy.CheckPlan
	checkElsewhere bool // at an address or a port of its own, where "ssl" does not count
	interval       proxy.Setting[time.Duration]
	tls            proxy.TLS
	keepalive      proxy.Setting[int64]
}

// inherit turns what default-server says into what the servers take over from it.
func (s *server) inherit() {
	inherit(&s.Weight)
	inherit(&s.options.MaxConns)
	inherit(&s.options.Resolver)
	inherit(&s.plan.Port)
	inherit(&s.interval)
	inherit(&s.tls.SNI)
	inherit(&s.tls.Name)
	inherit(&s.tls.Verify)
	inherit(&s.tls.CA)
	inherit(&s.tls.Cert)
	inherit(&s.tls.Versions)
	inherit(&s.tls.ALPN)
	inherit(&s.keepalive)
	s.shared = nil
}

// commonOptions returns the options of the servers that add nothing to them.
func (s *server) commonOptions() *proxy.ServerOptions {
	if s.shared == nil {
		options := s.options
		s.shared = &options
	}
	return s.shared
}

// serverOptions takes over the options of a server, server-template or default-server line from word
// i on (manual 5.2 "Server and default-server options").
func (b *builder) serverOptions(s *server, stmt *syntax.Stmt, i int) {
	b.servers.each(stmt, i, func(o option) {
		switch o.name {
		case "check", "no-check", "port", "addr", "inter", "check-ssl", "no-check-ssl":
			b.checkOption(s, stmt, o)
		case "check-sni", "check-alpn", "check-proto", "check-send-proxy", "no-check-send-proxy", "check-via-socks4",
			"agent-check", "no-agent-check", "agent-port", "agent-addr", "agent-send":
			b.checkDetail(&s.options.Check, stmt, o)
		case "ssl", "no-ssl", "sni", "verify", "verifyhost", "ca-file", "crt", "alpn",
			"ssl-min-ver", "ssl-max-ver", "force-tlsv10", "force-tlsv11", "force-tlsv12", "force-tlsv13":
			b.tlsOption(&s.tls, stmt, o)
			if o.name == "verifyhost" {
				s.options.Check.VerifyHost = stmt.Arg(o.value)
			}
		case "send-proxy", "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "no-send-proxy",
			"no-send-proxy-v2", "no-send-proxy-v2-ssl", "no-send-proxy-v2-ssl-cn":
			s.options.SendProxy = proxyVersion(o.name)
		case "weight":
			s.Weight = b.number(stmt, o.value)
		case "maxconn":
			s.options.MaxConns = b.number(stmt, o.value)
		case "resolvers":
			s.options.Resolver = explicit(b.resolvers[stmt.Arg(o.value)], stmt.Ref(o.value))
			s.options.Resolver.Dynamic = b.dynamic(stmt, o.value)
		case "pool-max-conn":
			s.keepalive = b.number(stmt, o.value)
		case "proto":
			s.options.Proto = stmt.Arg(o.value)
		case "init-addr":
			s.options.NoLibc = !strings.Contains(stmt.Arg(o.value), "libc")
		case "backup", "no-backup":
			s.Backup = o.name == "backup"
		case "disabled", "enabled":
			s.Down = o.name == "disabled"
		}
	})
}

func (b *builder) checkOption(s *server, stmt *syntax.Stmt, o option) {
	switch o.name {
	case "check":
		s.checkAt = stmt.Ref(o.at)
	case "no-check":
		s.checkAt = syntax.Ref{}
	case "port":
		s.plan.Port = b.number(stmt, o.value)
		s.checkElsewhere = true
		b.checkDetail(&s.options.Check, stmt, o)
	case "addr":
		s.checkElsewhere = true
		b.checkDetail(&s.options.Check, stmt, o)
	case "inter":
		s.interval = b.duration(stmt, o.value)
	default:
		s.plan.TLS = o.name == "check-ssl"
		s.options.Check.TLS = -1
		if s.plan.TLS {
			s.options.Check.TLS = 1
		}
	}
}

// checkDetail takes over what only a check's replay needs.
func (b *builder) checkDetail(c *proxy.ServerCheck, stmt *syntax.Stmt, o option) {
	value := ""
	if o.value > 0 {
		value = stmt.Arg(o.value)
		c.Dynamic = c.Dynamic || b.dynamic(stmt, o.value)
	}
	switch o.name {
	case "addr":
		c.Addr = value
	case "port":
		c.Port = int(b.number(stmt, o.value).Value)
	case "check-sni":
		c.SNI = value
	case "check-alpn":
		c.ALPN = value
	case "check-proto":
		c.Proto = value
	case "check-via-socks4":
		c.Socks4 = true
	case "agent-port":
		c.AgentPort = int(b.number(stmt, o.value).Value)
	case "agent-addr":
		c.AgentAddr = value
	case "agent-send":
		c.AgentSend = value
	case "agent-check", "no-agent-check":
		c.Agent = o.name == "agent-check"
	default:
		c.SendProxy = o.name == "check-send-proxy"
	}
}

func (b *builder) tlsOption(tls *proxy.TLS, stmt *syntax.Stmt, o option) {
	switch o.name {
	case "ssl":
		tls.At = stmt.Ref(o.at)
	case "no-ssl":
		tls.At = syntax.Ref{}
	case "sni":
		tls.SNI = explicit(true, stmt.Ref(o.value))
		tls.Name = literalSample(b.text(stmt, o.value))
	case "verify":
		tls.Verify = explicit(stmt.Arg(o.value) != "none", stmt.Ref(o.value))
	case "verifyhost":
		if tls.Name.Origin != proxy.Explicit {
			tls.Name = b.text(stmt, o.value)
		}
	case "ca-file":
		tls.CA = b.text(stmt, o.value)
	case "crt":
		tls.Cert = b.text(stmt, o.value)
	case "alpn":
		tls.ALPN = b.text(stmt, o.value)
	case "ssl-min-ver":
		_, highest, _ := strings.Cut(tls.Versions.Value, "-")
		tls.Versions = explicit(stmt.Arg(o.value)+"-"+highest, stmt.Ref(o.value))
	case "ssl-max-ver":
		lowest, _, _ := strings.Cut(tls.Versions.Value, "-")
		tls.Versions = explicit(lowest+"-"+stmt.Arg(o.value), stmt.Ref(o.value))
	default: // force-tlsv12
		number := strings.TrimPrefix(o.name, "force-tlsv1")
		tls.Versions = explicit("TLSv1."+number+"-TLSv1."+number, stmt.Ref(o.at))
	}
}

// literalSample returns the text of a str(...) expression. Any other sample is Dynamic.
func literalSample(s proxy.Setting[string]) proxy.Setting[string] {
	text, isText := strings.CutPrefix(s.Value, "str(")
	text, closed := strings.CutSuffix(text, ")")
	if !isText || !closed {
		s.Dynamic = true
		return s
	}
	s.Value = text
	return s
}

func proxyVersion(option string) int8 {
	switch {
	case strings.HasPrefix(option, "no-"):
		return 0
	case option == "send-proxy":
		return 1
	}
	return 2
}

// endpoint reads a server or server-template line on top of what default-server gives.
func (b *builder) endpoint(defaults *server, stmt *syntax.Stmt) *proxy.Endpoint {
	name, address := 1, 2
	if stmt.Name() == "server-template" {
		address = 3
	}
	if address >= len(stmt.Words) {
		return nil
	}
	s := *defaults
	s.Name, s.Stmt = stmt.Arg(name), stmt
	if address == 3 {
		s.options.Slots = slots(stmt.Arg(2))
	}
	b.addresses.read(stmt, address, false, func(addr proxy.Address) { s.Addr = addr })
	b.serverOptions(&s, stmt, address+1)
	if !s.tls.At.IsZero() {
		tls := s.tls
		s.options.TLS = &tls
	} else if s.options.Check.TLS > 0 {
		tls := s.tls
		s.options.Check.With = &tls
	}
	s.ServerOptions = defaults.commonOptions()
	if s.options != defaults.options {
		options := s.options
		s.ServerOptions = &options
	}
	e := b.endpoints.add(s.Endpoint)
	if !s.checkAt.IsZero() {
		s.plan.TLS = s.plan.TLS || e.TLS != nil && !s.checkElsewhere
		e.Check = b.checks.add(proxy.Check{CheckPlan: b.plan(s.plan), At: s.checkAt, Interval: s.interval})
	}
	return e
}

// plan returns the plan of the section that is like the given one; the last is the likeliest.
func (b *builder) plan(like proxy.CheckPlan) *proxy.CheckPlan {
	if n := len(b.plans); n > 0 && *b.plans[n-1] == like {
		return b.plans[n-1]
	}
	plan := new(proxy.CheckPlan) // not &like, which would be allocated on every call
	*plan = like
	b.plans = append(b.plans, plan)
	return plan
}

// slots returns how many servers "5" or "3-7" make.
func slots(s string) int {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		first, last = "1", s
	}
	low, err1 := strconv.Atoi(first)
	high, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || high < low {
		return 1
	}
	return high - low + 1
}
