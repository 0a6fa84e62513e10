// Package proxy is the neutral model of a reverse proxy's configuration: who listens, where requests
// go, and how the proxy speaks to what stands there. nginx and HAProxy are both read into it.
//
// Inheritance (http → server → location; defaults → section) is resolved when the model is built.
// What can't be known offline (a variable, a map, a template marker) is Dynamic; what an absent file
// or an unseen outer block may set has the Origin Unknown. Rules pass over both.
package proxy

import (
	"net/netip"
	"time"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Config is one proxy's configuration.
type Config struct {
	Dialect   syntax.Dialect
	Version   Version // of the proxy that will read it; zero: unknown
	Tree      *syntax.Tree
	Listeners []*Listener
	Routes    []*Route
	Upstreams []*Upstream
	Resolvers []*Resolver

	// Only holds the paths of the files that findings are wanted for, as Tree.Files has them; nil: all.
	Only map[string]bool
}

// Wants reports whether findings in a file are wanted.
func (c *Config) Wants(f *syntax.File) bool { return c.Only == nil || c.Only[f.Path] }

// Origin says where a setting's value comes from.
type Origin uint8

// The origins. The zero value is Unknown: an absent file or an unseen outer block may set it.
const (
	Unknown   Origin = iota
	Default          // nobody wrote it: the proxy's built-in value
	Inherited        // written in an outer block or a defaults section
	Explicit         // written in this very block
)

// Setting is the value in effect of one setting. At is the value as written; zero for a default.
type Setting[T any] struct {
	Value   T
	Origin  Origin
	Dynamic bool // the written value holds a variable or a template marker: Value means nothing
	At      syntax.Ref
}

// Written reports whether a person wrote the value.
func (s Setting[T]) Written() bool { return s.Origin == Explicit || s.Origin == Inherited }

// Address is where something listens or is dialed. A part that is absent has a zero place.
type Address struct {
	Host    string // a name or an IP address, without brackets and address-family prefix; "" when absent
	Socket  string // the path of a unix socket, or one without a path as HAProxy writes it (abns@, fd@ ...); "" for a network address
	Port    int    // -1 when absent or not a number; may be out of range
	Dynamic bool   // it holds a variable, a template marker or an unset environment variable
	At      syntax.Ref
	HostAt  syntax.Ref // for a value that came through a variable: where that value stands
	PortAt  syntax.Ref
}

// Listener is one address that clients connect to: an nginx listen, a HAProxy bind.
type Listener struct {
	Addr          Address
	Stmt          *syntax.Stmt // the listen or bind line
	Section       *syntax.Stmt // the server block, frontend or listen section that holds it
	Protocol      Protocol     // HTTP or TCP (UDP)
	Names         []syntax.Ref // server names, as written
	TLS           bool
	HTTP2         bool
	ProxyProtocol bool
	Timeouts      *Timeouts      // the client's side
	Header        Setting[int64] // nginx: the largest line of a request header let through, in bytes
}

// Protocol is what is spoken to a backend, or by a listener's clients.
type Protocol uint8

// The protocols.
const (
	UnknownProtocol Protocol = iota
	HTTP
	GRPC
	FastCGI
	UWSGI
	SCGI
	Memcached
	TCP
	UDP
	AJP
)

// String gives the protocol's usual name.
func (p Protocol) String() string {
	return [...]string{"unknown", "HTTP", "gRPC", "FastCGI", "uwsgi", "SCGI", "memcached", "TCP", "UDP", "AJP"}[p]
}

// MatchKind says how a route is chosen.
type MatchKind uint8

// The kinds of match.
const (
	MatchAll    MatchKind = iota // everything: default_backend, an nginx stream server
	MatchPrefix                  // location /a, location ^~ /a
	MatchExact                   // location = /a
	MatchRegex                   // location ~ and ~*
	MatchNamed                   // location @a
	MatchIf                      // HAProxy: use_backend ... if/unless
)

// Match is the condition of a route. At is the pattern or condition as written.
type Match struct {
	Kind MatchKind
	Text string
	At   syntax.Ref
	If   bool // inside an nginx "if" or limit_except block
}

// Route is one way a request may take: an nginx location's pass, a HAProxy use_backend or
// default_backend. A pass whose variable may hold several values is one Route for each of them.
type Route struct {
	From    []*Listener
	Match   Match
	Stmt    *syntax.Stmt // the pass directive or the use_backend line
	Section *syntax.Stmt // the server block or frontend that holds it
	At      syntax.Ref   // the target as written at Stmt
	Name    string       // HAProxy: the backend named; "" when Dynamic
	To      *Upstream    // nil when Dynamic, or when no such upstream is in the tree
	Dynamic bool         // where it leads can't be known offline

	// Runtime says that nginx looks the target up for every request, because it came through a
	// variable; Resolver is then what answers (nginx ngx_http_proxy_module, proxy_pass).
	Runtime  bool
	Resolver Setting[*Resolver]
	Hop      Hop
}

// Hop is how a route speaks to its upstream. The parts behind pointers are shared between routes
// that inherit all of them; they are never nil except TLS.
type Hop struct {
	Protocol    Protocol
	Scheme      syntax.Ref      // nginx: "http" or "https" of proxy_pass, as written
	URI         Setting[string] // nginx: the path after the address in proxy_pass
	HTTPVersion Setting[string]
	TLS         *TLS // nil: not encrypted, or for HAProxy: see the Endpoint
	Timeouts    *Timeouts
	Buffers     *Buffers
	Headers     *Headers
	Retry       *Retry
	SendProxy   Setting[bool] // nginx stream: a PROXY protocol header is sent; for HAProxy see the Endpoint
}

// TLS is how an encrypted connection to a backend is made.
type TLS struct {
	At     syntax.Ref      // what asks for it: the https scheme, the ssl option
	SNI    Setting[bool]   // a server name is sent
	Name   Setting[string] // the name sent and verified; Default: the proxied host or group
	Verify Setting[bool]
	CA     Setting[string]

	Cert, Key Setting[string] // the client certificate sent, and its key; HAProxy's crt holds both
	Versions  Setting[string] // nginx: the words of proxy_ssl_protocols, joined by blanks; HAProxy: "lowest-highest", of which one may be empty
	ALPN      Setting[string] // HAProxy: the protocols offered, with commas between
}

// Timeouts are the limits in effect. In nginx they lie between two reads or writes, not over the
// whole exchange. A HAProxy value of 0 is no limit.
type Timeouts struct {
	Connect, Read, Send, Client, Queue, Check, Tunnel, HTTPRequest, KeepAlive Setting[time.Duration]
}

// Buffers are what a response must fit into. Sizes are in bytes.
type Buffers struct {
	Size      Setting[int64] // the header buffer: proxy_buffer_size, tune.bufsize
	Count     Setting[int64] // proxy_buffers, the number
	Each      Setting[int64] // proxy_buffers, the size of one
	Busy      Setting[int64] // proxy_busy_buffers_size
	Buffering Setting[bool]
}

// Headers are the request headers that the proxy sets, in effect for one route.
type Headers struct {
	Origin   Origin
	Set      []Header
	Replaced []Header // nginx: what the level around set, all of which Set takes the place of
}

// Header is one header the proxy sets, or one parameter it passes.
type Header struct {
	Name, Value string
	At          syntax.Ref // the name as written
}

// Retry is what happens after a failed try.
type Retry struct {
	On      Setting[string]        // proxy_next_upstream, retry-on: the words, joined by blanks
	Tries   Setting[int64]         // proxy_next_upstream_tries, retries
	Timeout Setting[time.Duration] // proxy_next_upstream_timeout

	Redispatch Setting[bool] // HAProxy: option redispatch, so that a retry may go to another server
}

// Upstream is a pool of servers: an nginx upstream group, a HAProxy backend or listen section, or
// the pool of one that a pass to a plain address implies.
type Upstream struct {
	Name      string
	At        syntax.Ref   // the name; for an implicit one, the address at its pass
	Stmt      *syntax.Stmt // the block or section; for an implicit one, the pass directive
	Implicit  bool
	Protocol  Protocol // TCP in nginx's stream and HAProxy's mode tcp; HTTP else
	Open      bool     // it may have servers that the tree does not show
	Balance   Setting[string]
	Keepalive Setting[int64]         // idle connections kept: nginx keepalive, HAProxy pool-max-conn
	Idle      Setting[time.Duration] // nginx: how long an idle connection is kept
	Zone      syntax.Ref             // nginx: the name of its shared memory zone
	Resolver  Setting[*Resolver]
	Check     *Check    // the checks that all of its servers get; nil: none
	Checking  Checking  // HAProxy: the lines that Check was read from
	Timeouts  *Timeouts // HAProxy; nil in nginx, where a route's Hop has them
	Endpoints []*Endpoint

	// What Survey found, so that a rule passes over the many servers that it has nothing to say of.
	Plain bool // every server is an IPv4 address and a port from 1 to 65535, with nothing else written there
	TLS   bool // at least one server's connection is encrypted (HAProxy's ssl)

	CheckPort bool // at least one server is checked on a port of its own
}

// Survey sets Plain, TLS and CheckPort from the endpoints.
func (u *Upstream) Survey() {
	u.Plain, u.TLS, u.CheckPort = true, false, false
	for _, e := range u.Endpoints {
		u.CheckPort = u.CheckPort || e.Check != nil && e.Check.Port.Written()
		u.Plain = u.Plain && e.Addr.isPlain()
		u.TLS = u.TLS || e.TLS != nil
	}
}

// isPlain reports whether the address is IPv4:PORT, as written.
func (a *Address) isPlain() bool {
	if a.Dynamic || a.Port < 1 || a.Port > 65535 || a.HostAt.Span.Start != a.At.Span.Start || a.HostAt.Span.End+1 != a.PortAt.Span.Start ||
		a.PortAt.Span.End != a.At.Span.End || a.HostAt.File != a.At.File || a.PortAt.File != a.At.File {
		return false
	}
	addr, err := netip.ParseAddr(a.Host)
	return err == nil && addr.Is4()
}

// Endpoint is one server of an upstream.
type Endpoint struct {
	*ServerOptions              // never nil
	Name           string       // HAProxy: the server's own name
	Stmt           *syntax.Stmt // its line
	Addr           Address
	Weight         Setting[int64]
	Check          *Check // nil: not checked
	Backup         bool
	Down           bool // nginx down, HAProxy disabled
	Resolve        bool // nginx: resolve
}

// ServerOptions are what most servers of a HAProxy backend have in common; those that do share them,
// since there may be a million. In nginx all but MaxConns are empty.
type ServerOptions struct {
	MaxConns  Setting[int64]     // HAProxy maxconn, nginx max_conns
	Resolver  Setting[*Resolver] // who resolves the name again while running
	TLS       *TLS               // ssl; nil: plain
	Proto     string             // proto, such as "h2" or "fcgi"
	Slots     int                // servers that a server-template makes; 0 for a plain server
	SendProxy int8               // version of the PROXY protocol header sent; 0: none
	NoLibc    bool               // init-addr without libc, so an unresolvable name is no start failure
	Check     ServerCheck        // how it is checked, where that differs from how it is spoken to
}

// ServerCheck is what a HAProxy server line, on top of default-server, says of checks (manual 5.2). Empty values are not
// written.
type ServerCheck struct {
	Addr, Proto string // check-proto is meant
	SNI, ALPN   string // check-sni and check-alpn
	VerifyHost  string // the name that a certificate must have, of checks and traffic
	Port        int
	TLS         int8 // 1: check-ssl, -1: no-check-ssl
	SendProxy   bool // check-send-proxy
	Socks4      bool // check-via-socks4
	With        *TLS // what the line says of TLS where the traffic itself is plain, and checks may be not; else nil
	Agent       bool // agent-check
	AgentPort   int
	AgentAddr   string
	AgentSend   string
	Dynamic     bool // one of the values can't be known offline
}

// Checking are the lines of a HAProxy section that say how its servers are checked: option, http-check and tcp-check, in
// order, those of the defaults sections that it inherits from first.
type Checking struct {
	Lines   []*syntax.Stmt
	Dynamic bool // a word of theirs, or whether a line is read at all, can't be known offline
}

// Check is an active health check.
type Check struct {
	*CheckPlan // never nil; shared by the servers that are checked alike
	At         syntax.Ref
	Interval   Setting[time.Duration]
}

// CheckPlan is what a health check connects to and asks.
type CheckPlan struct {
	Protocol Protocol // HTTP or TCP
	Method   string
	URI      string
	Host     string // the Host header sent; "" when none
	Port     Setting[int64]
	TLS      bool
}

// Resolver is who answers DNS questions at run time: an nginx resolver directive, a HAProxy
// resolvers section.
type Resolver struct {
	Name    string       // HAProxy: the section's name
	Stmt    *syntax.Stmt // nil for HAProxy's built-in "default" section
	At      syntax.Ref
	Servers []Address
	System  bool // HAProxy: parse-resolv-conf
	Valid   Setting[time.Duration]
}
