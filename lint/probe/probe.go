// Package probe dials upstreams the way their proxy would: it resolves, connects, speaks the configured protocol and
// measures what comes back against the configuration. Nothing else in proxylint opens a socket.
//
// Plan reads targets out of configurations, without a network; Run dials them. What a Result means to a client is
// said by Explain.
package probe

import (
	"net/netip"
	"slices"
	"time"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Target is one server of a configuration, and how the proxy reaches and speaks to it. Routes that differ in nothing
// that is dialed share one.
type Target struct {
	Config  *proxy.Config
	Dialect syntax.Dialect
	Version proxy.Version // of the proxy; zero: unknown
	Addr    proxy.Address // as written; Port is the scheme's where none is
	Also    []syntax.Ref  // the other places that name it alike
	Pool    Pool
	Server  string // HAProxy: the server's own name
	Backup  bool
	User    string // whom the proxy's workers run as; "" when not known
	Group   string // and their group; "" when not written
	Chroot  string // HAProxy: the folder below which it looks for unix sockets; "" for the root

	Lookup    Lookup
	Protocol  proxy.Protocol
	HTTP2     bool // HTTP is spoken as HTTP/2 (nginx proxy_http_version 2, HAProxy proto or alpn h2)
	TLS       *TLS // nil: not encrypted
	SendProxy int  // version of the PROXY protocol header that comes first; 0: none
	Path      string
	Host      string // the Host header, or the authority
	Check     *Check // HAProxy's or nginx's active health check; nil: none
	Limits    Limits
}

// Pool is the upstream that a target is a server of.
type Pool struct {
	Name    string
	At      syntax.Ref // the name of the group or backend; for a pass to an address, that address
	Servers int        // how many that are in use it has
}

// Limits are what the configuration allows an upstream. A zero Origin is unknown.
type Limits struct {
	Connect proxy.Setting[time.Duration]
	Read    proxy.Setting[time.Duration]
	Idle    proxy.Setting[time.Duration] // how long the proxy keeps an idle connection; 0: it keeps none
	Header  proxy.Setting[int64]         // the buffer that a response's header must fit into, in bytes
}

// How says how a proxy turns a target's host into addresses.
type How uint8

// The ways of resolving.
const (
	Literal How = iota // it is an IP address or a unix socket
	AtStart            // nginx: getaddrinfo when it starts, every address a peer
	Libc               // HAProxy: getaddrinfo when it starts, the first address
	ByDNS              // DNS servers that the configuration names, while running: no hosts file, no search list
	OnDial             // cloudflared: getaddrinfo for each connection, every address until one answers
)

// Lookup is how the proxy resolves a target's host.
type Lookup struct {
	How      How
	Servers  []string // ByDNS: "10.0.0.53:53"; empty with System
	System   bool     // ByDNS: those of /etc/resolv.conf
	SRV      bool     // the name is one of SRV records
	NoIPv4   bool     // nginx: ipv4=off
	NoIPv6   bool     // nginx: ipv6=off
	Prefer   int      // HAProxy resolve-prefer: 4 or 6; 0: the default
	Slots    int      // HAProxy: how many addresses a server-template takes; 0 for a plain server
	Timeout  time.Duration
	At       syntax.Ref // the resolver directive or section; zero: none
	Declared syntax.Ref // where a compose file or a manifest declares the name, so that it may be known there alone
}

// TLS is how a connection is encrypted.
type TLS struct {
	At      syntax.Ref `json:"-"`              // what asks for it
	SNI     string     `json:"sni,omitempty"`  // the name sent; "" for none
	Name    string     `json:"name,omitempty"` // the name that the certificate must have; "" when it is not verified
	NameAt  syntax.Ref `json:"-"`
	Verify  bool       `json:"verify,omitempty"`
	CA      string     `json:"ca,omitempty"`          // the path of the file of trusted certificates; "" for the system's or none
	Cert    string     `json:"certificate,omitempty"` // the client's certificate and, in Key, its key; "" for none
	Key     string     `json:"key,omitempty"`
	ALPN    []string   `json:"alpn,omitempty"`    // the protocols offered
	Minimum uint16     `json:"minimum,omitempty"` // the lowest and
	Maximum uint16     `json:"maximum,omitempty"` // the highest protocol version, as crypto/tls has them; 0: the library's
}

// Code is the result of a check as HAProxy names it (management.txt, "show stat", check_status).
type Code string

// The codes.
const (
	L4OK    Code = "L4OK"   // connected
	L4TOUT  Code = "L4TOUT" // no answer to the connection
	L4CON   Code = "L4CON"  // the connection failed
	L6OK    Code = "L6OK"   // TLS was agreed
	L6TOUT  Code = "L6TOUT"
	L6RSP   Code = "L6RSP" // TLS failed
	L7OK    Code = "L7OK"  // the protocol was spoken
	L7TOUT  Code = "L7TOUT"
	L7RSP   Code = "L7RSP"   // what came is not the protocol
	L7STS   Code = "L7STS"   // a status that says failure
	SOCKERR Code = "SOCKERR" // our own machine's fault
)

// Cause is why a target answered as it did.
type Cause uint8

// The causes. From Denied on nothing is said of the upstream.
const (
	OK               Cause = iota
	Unresolvable           // the name does not exist, or has no address of a usable kind
	ResolverFailed         // the DNS server answered with a failure, refused, or did not answer
	Refused                // nothing listens there, or a firewall says so
	TimedOut               // no answer to the connection: filtered, gone, or its backlog is full
	Unreachable            // a router or a firewall answered
	DeadNeighbour          // no machine of this network has the address
	NoRoute                // this machine has no route to it
	SocketMissing          // no such path
	SocketDead             // a socket file at which nothing listens
	SocketNotOne           // the path is a regular file or a folder
	SocketKind             // a socket of another kind (datagrams)
	SocketPermission       // the proxy's user may not connect
	SocketBusy             // its backlog is full
	Closed                 // it closed the connection without an answer
	Silent                 // it accepted, and did not answer in time
	OtherProtocol          // it answered in another protocol: see Outcome.Speaks
	TLSFailed              // no handshake: see Outcome.Detail
	TLSName                // the certificate has other names
	TLSUntrusted           // the certificate's issuer is not trusted
	TLSExpired             // the certificate is not valid any more, or not yet
	TLSClientNeeded        // a client certificate is asked for, or the one sent is refused
	BadStatus              // HTTP 502, 503 or 504; for a check, a status it does not take
	CheckUnmet             // another answer than the check expects
	Denied                 // the address may not be dialed
	Local                  // a limit of our own machine
	NotTestable            // a name that is known only where the proxy runs, or a protocol that can't be asked
	NotTested              // the deadline came first, or its host is dead
)

// Outcome is what came of one attempt.
type Outcome struct {
	Code   Code
	Cause  Cause
	Detail string        // the system's or the server's own words; untrusted text
	Status int           // of an HTTP answer; 0: none came
	Speaks string        // OtherProtocol: what is spoken there: "TLS", "HTTP", "FastCGI", "SSH", "PROXY protocol" ...
	Took   time.Duration // until it was clear
}

// OK reports whether the upstream did what the proxy wants of it.
func (o Outcome) OK() bool { return o.Cause == OK }

// Tells reports whether the outcome says something of the upstream.
func (o Outcome) Tells() bool { return o.Cause < Denied }

// Measure is what was measured on the way. Zero values were not measured.
type Measure struct {
	Connect  time.Duration
	First    time.Duration // until the first byte of the answer, the longest of the samples
	FirstMid time.Duration // the median of the samples
	Header   int           // bytes of the response's header, its status and blank line included
	Idle     time.Duration // after this long it closes, or says it closes, an idle connection
	IdleSaid bool          // by a Keep-Alive header
	Expires  time.Time     // of the certificate that expires first
	Names    []string      // of the certificate
	ALPN     string        // the protocol agreed
	TLS      uint16        // the version agreed, as crypto/tls has it
	Cert     string        // SHA-256 of the server's certificate, in lower-case hexadecimal
}

// Try is what came of one address of a target.
type Try struct {
	Addr netip.AddrPort // zero for a unix socket
	Outcome
	Measure
}

// Result is what came of one target.
type Result struct {
	*Target
	Found   Found
	Tries   []Try       // one for each address that the proxy would use, in its order
	Checked *Outcome    // its health check replayed; nil: there is none, or it was not reached
	Nearby  []Listening // what listens on the same machine, where a local port refused; the likely ones alone
}

// Listening is a socket that is open on this machine.
type Listening struct {
	Port    int
	Process string // what holds it; "" when not known
}

// Found is what a lookup found.
type Found struct {
	Addrs   []netip.AddrPort
	Others  []netip.AddrPort // addresses that the name has, and the proxy does not use
	Outcome Outcome          // its Cause is OK, Unresolvable, ResolverFailed or NotTestable
	Server  string           // who answered; "" for the system
	Mute    []string         // DNS servers that did not answer, or with a failure
	TTL     time.Duration
}

// Results is what a run found.
type Results struct {
	List     []*Result // in the order of the targets
	Began    time.Time
	Took     time.Duration
	Vantage  string // whence it was dialed: the name of the machine
	Strict   bool   // an address that does not answer is an error
	Complete bool   // what could not be tested is an error

	Named map[string][]netip.Addr // what names that stand beside literal addresses resolve to, see LookUp
	Lock  *inventory.Lock         // what it is held to; nil: nothing
}

// Of returns the results of one configuration's targets.
func (r *Results) Of(c *proxy.Config) []*Result {
	var list []*Result
	for _, result := range r.List {
		if result.Config == c {
			list = append(list, result)
		}
	}
	return list
}

// Addresses returns the addresses of the names that were looked up with success, those that the proxy does not use among
// them. Names are in lower case, without a final dot.
func (r *Results) Addresses() map[string][]netip.Addr {
	known := map[string][]netip.Addr{}
	for _, result := range r.List {
		name := result.hostname()
		if result.Lookup.How == Literal || !result.Found.Outcome.OK() {
			continue
		}
		for _, addr := range slices.Concat(result.Found.Addrs, result.Found.Others) {
			if !slices.Contains(known[name], addr.Addr()) {
				known[name] = append(known[name], addr.Addr())
			}
		}
	}
	return known
}
