package probe

import (
	"fmt"
	"syscall"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// LogLine returns what the proxy's log is going to say of a request that ends like this, without its time and its client,
// and with "..." for what can't be foretold; "" when nothing can. nginx's words are those of its error log, HAProxy's
// the termination state of its HTTP log (manual 8.5).
func (t *Target) LogLine(o Outcome) string {
	switch t.Dialect {
	case syntax.HAProxy:
		return t.haproxyLog(o)
	case syntax.Cloudflared:
		return t.cloudflaredLog(o)
	}
	return t.nginxLog(o)
}

func (t *Target) nginxLog(o Outcome) string {
	connect := "connect()"
	if t.Addr.Socket != "" {
		connect = "connect() to unix:" + t.Addr.Socket
	}
	failed := func(errno int, text string) string {
		return fmt.Sprintf("%s failed (%d: %s) while connecting to upstream", connect, errno, text)
	}
	reading := " while reading response header from upstream"
	switch o.Cause {
	case Unresolvable:
		if t.Lookup.How == ByDNS {
			return t.Addr.Host + " could not be resolved (3: Host not found)"
		}
		return fmt.Sprintf("[emerg] host not found in upstream %q", t.Addr.At.Text())
	case ResolverFailed:
		if t.Lookup.How == ByDNS && len(t.Lookup.Servers) == 0 {
			return "no resolver defined to resolve " + t.Addr.Host
		}
		return t.Addr.Host + " could not be resolved (110: Operation timed out)"
	case Refused, SocketDead, SocketNotOne:
		return failed(111, "Connection refused")
	case TimedOut:
		return "upstream timed out (110: Connection timed out) while connecting to upstream"
	case Unreachable, DeadNeighbour:
		return failed(113, "No route to host")
	case NoRoute:
		return failed(101, "Network is unreachable")
	case SocketMissing:
		if o.Detail == syscall.ENOTDIR.Error() {
			return failed(20, "Not a directory")
		}
		return failed(2, "No such file or directory")
	case SocketPermission:
		return failed(13, "Permission denied")
	case SocketBusy:
		return failed(11, "Resource temporarily unavailable")
	case SocketKind:
		return failed(91, "Protocol wrong type for socket")
	case Silent:
		return "upstream timed out (110: Connection timed out)" + reading
	case Closed:
		return "upstream prematurely closed connection" + reading
	case OtherProtocol:
		return t.nginxMismatch(o, reading)
	case TLSFailed, TLSClientNeeded:
		return "SSL_do_handshake() failed (SSL: ...) while SSL handshaking to upstream"
	case TLSName:
		return fmt.Sprintf("upstream SSL certificate does not match %q while SSL handshaking to upstream", t.TLS.Name)
	case TLSUntrusted:
		return "upstream SSL certificate verify error: (...) while SSL handshaking to upstream"
	case TLSExpired:
		return "upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream"
	}
	return ""
}

// nginxMismatch is what nginx says of a protocol that it does not speak there.
func (t *Target) nginxMismatch(o Outcome, reading string) string {
	switch {
	case o.Status != 0: // an answer like any other
		return ""
	case o.Code == L6TOUT:
		return "upstream timed out (110: Connection timed out) while SSL handshaking to upstream"
	case o.Code == L6RSP:
		return "SSL_do_handshake() failed (SSL: ...wrong version number) while SSL handshaking to upstream"
	case o.Code == L7TOUT:
		return "upstream timed out (110: Connection timed out)" + reading
	case o.Detail == wasReset:
		return "recv() failed (104: Connection reset by peer)" + reading
	case o.Detail == wasClosed:
		return "upstream prematurely closed connection" + reading
	case t.Protocol == proxy.FastCGI && o.Speaks == "HTTP":
		return "upstream sent unsupported FastCGI protocol version: 72" + reading // 'H'
	case t.Protocol == proxy.HTTP:
		return "upstream sent no valid HTTP/1.0 header" + reading
	}
	return ""
}

func (t *Target) haproxyLog(o Outcome) string {
	if t.Protocol == proxy.TCP {
		return ""
	}
	state := ""
	switch o.Cause {
	case Refused, SocketDead, SocketNotOne, SocketMissing, SocketPermission, SocketBusy, SocketKind, Unreachable, DeadNeighbour, NoRoute,
		TLSFailed, TLSName, TLSUntrusted, TLSExpired, TLSClientNeeded:
		state = "SC--"
	case TimedOut:
		state = "sC--"
	case Silent:
		state = "sH--"
	case Closed:
		state = "SH--"
	case OtherProtocol:
		switch state = "PH--"; {
		case o.Status != 0: // an answer like any other
			return ""
		case o.Code == L6RSP || o.Code == L6TOUT:
			state = "SC--"
		case o.Code == L7TOUT:
			state = "sH--"
		case o.Detail == wasReset || o.Detail == wasClosed:
			state = "SH--"
		}
	default:
		return ""
	}
	return fmt.Sprintf("%s/%s ... %s %s", t.Pool.Name, t.Server, o.ClientSees(t), state)
}
