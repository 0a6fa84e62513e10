package probe

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// causeNames are what causes are called in output, in the order of their values.
var causeNames = [...]string{
	"ok", "unresolvable", "resolver-failed", "refused", "timed-out", "unreachable", "dead-neighbour", "no-route",
	"socket-missing", "socket-dead", "socket-not-one", "socket-kind", "socket-permission", "socket-busy",
	"closed", "silent", "other-protocol", "tls-failed", "tls-name", "tls-untrusted", "tls-expired", "tls-client-needed",
	"bad-status", "check-unmet", "denied", "local", "not-testable", "not-tested",
}

// String gives the name used in output: "refused", "tls-name" ...
func (c Cause) String() string { return causeNames[c] }

// ParseCause returns the cause of a name; false when there is none.
func ParseCause(name string) (Cause, bool) {
	for i, known := range causeNames {
		if known == name {
			return Cause(i), true
		}
	}
	return 0, false
}

// Dialed names what was dialed, as a person would: "10.0.0.7:8080", "app:8080 (10.0.0.7)" or a socket's path.
func (t *Target) Dialed(try Try) string {
	if t.Addr.Socket != "" {
		return t.Addr.Socket
	}
	port := t.Addr.Port
	if try.Addr.IsValid() {
		port = int(try.Addr.Port())
	}
	text := net.JoinHostPort(t.Addr.Host, strconv.Itoa(port))
	if t.Lookup.How != Literal && try.Addr.IsValid() {
		text += " (" + try.Addr.Addr().String() + ")"
	}
	return text
}

// ClientSees returns the status that a client gets when every server of the pool answers like this: "502", "503",
// "504" or Cloudflare's "524"; "" when the request succeeds or that can't be told.
func (o Outcome) ClientSees(t *Target) string {
	isHAProxy := t.Dialect == syntax.HAProxy
	switch {
	case o.OK() || !o.Tells():
		return ""
	case o.Status != 0: // which both proxies hand on, be it a gateway's error or "plain HTTP request was sent to HTTPS port"
		return strconv.Itoa(o.Status)
	case t.Protocol == proxy.TCP || t.Protocol == proxy.UDP:
		return "connection closed"
	case t.Dialect == syntax.Cloudflared:
		return o.cloudflaredSees()
	case isHAProxy && o.Code != "" && (strings.HasPrefix(string(o.Code), "L4") || strings.HasPrefix(string(o.Code), "L6")):
		return "503"
	case t.passesRaw(o):
		return "no HTTP"
	case o.Cause == TimedOut || o.Cause == Silent || o.Code == L6TOUT || o.Code == L7TOUT:
		return "504"
	case isHAProxy && (o.Cause == Unresolvable || o.Cause == ResolverFailed):
		return "503"
	}
	return "502"
}

// passesRaw reports whether nginx takes an answer that is no HTTP/1 for HTTP/0.9, and hands it on.
func (t *Target) passesRaw(o Outcome) bool {
	return t.Dialect == syntax.Nginx && t.Protocol == proxy.HTTP && !t.HTTP2 && o.Cause == OtherProtocol && o.Code == L7RSP &&
		o.Detail != wasClosed && o.Detail != wasReset
}

// Message tells what came of a try, in one line of lower case without a full stop.
func (t *Target) Message(try Try) string {
	at, spoken := t.Dialed(try), t.Protocol.String()
	switch try.Cause {
	case Refused:
		return at + " refuses the connection: nothing listens there, or a firewall rejects it"
	case TimedOut:
		return at + " does not answer: its machine is gone, a firewall drops what comes, or its backlog is full"
	case Unreachable:
		return at + " is unreachable: a router or a firewall says so"
	case DeadNeighbour:
		return at + " is no machine: nobody in its own network answers for the address"
	case NoRoute:
		return "this machine has no route to " + at
	case SocketMissing:
		if try.Detail == syscall.ENOTDIR.Error() {
			return "there is no " + at + ": what stands before the last slash is no folder"
		}
		return "there is no " + at
	case SocketDead:
		return "nothing listens at " + at
	case SocketNotOne:
		return at + " is " + cmp.Or(try.Detail, "no socket")
	case SocketKind:
		return at + " is a socket of another kind"
	case SocketPermission:
		return fmt.Sprintf("%s may not connect to %s", cmp.Or(t.User, "the proxy's user"), at)
	case SocketBusy:
		return "the backlog of " + at + " is full"
	case Closed:
		return at + " closes the connection without an answer to " + spoken
	case Silent:
		return fmt.Sprintf("%s accepts the connection and does not answer %s within %s", at, spoken, round(try.Took))
	case OtherProtocol:
		if try.Speaks == refusesProxy {
			return at + " expects no PROXY protocol header"
		}
		return fmt.Sprintf("%s speaks %s, not %s", at, try.Speaks, t.layer(try.Outcome))
	case TLSFailed:
		return at + " agrees to no TLS handshake"
	case TLSName:
		return fmt.Sprintf("the certificate of %s is for %s, not for %s", at, list(try.Names), t.TLS.Name)
	case TLSUntrusted:
		return "the certificate of " + at + " is signed by nobody whom the proxy trusts"
	case TLSExpired:
		return fmt.Sprintf("the certificate of %s is valid until %s", at, try.Expires.Format(time.DateOnly))
	case TLSClientNeeded:
		return at + " asks for a client certificate"
	case BadStatus:
		return fmt.Sprintf("%s answers %d to GET %s", at, try.Status, t.Path)
	case CheckUnmet:
		return at + " answers otherwise than the check expects"
	}
	return at + ": " + try.Cause.String()
}

// Spoken names what is spoken to a target, the outermost last: "HTTP/2 over TLS".
func (t *Target) Spoken() string {
	if t.TLS != nil {
		return t.protocol() + " over TLS"
	}
	return t.protocol()
}

// protocol names the innermost protocol that is spoken to a target.
func (t *Target) protocol() string {
	if t.HTTP2 && t.Protocol == proxy.HTTP {
		return "HTTP/2"
	}
	return t.Protocol.String()
}

// layer names what an outcome is of: TLS, or the protocol inside.
func (t *Target) layer(o Outcome) string {
	if t.TLS != nil && !t.AgreedTLS(o) {
		return "TLS"
	}
	return t.protocol()
}

// AgreedTLS reports whether an outcome is of what was said inside of TLS.
func (t *Target) AgreedTLS(o Outcome) bool {
	return t.TLS != nil && strings.HasPrefix(string(o.Code), "L7")
}

// list writes the first few of names as prose.
func list(names []string) string {
	const most = 4
	if len(names) == 0 {
		return "no name"
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// round shortens a duration to what a person reads.
func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(100 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// Seen tells in one line what was tried and what came, as HAProxy's checks do: "tried 10.0.0.7:8080: L4CON, connection
// refused, after 0.2ms".
func (t *Target) Seen(try Try) string {
	at := t.Addr.Socket
	if at == "" {
		at = try.Addr.String()
	}
	text := fmt.Sprintf("tried %s: %s", at, try.Code)
	if try.Detail != "" {
		text += ", " + try.Detail
	}
	if try.Took > 0 {
		text += ", after " + round(try.Took).String()
	}
	return text
}
