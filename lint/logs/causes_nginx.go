package logs

import (
	"strings"
	"sync"
)

// message recognises a message of nginx' error log.
type message struct {
	prefix string // what it begins with
	holds  string // what it also holds; "": nothing asked
	while  string // what nginx was doing begins so; "": anything
	cause  Cause
}

// The messages are those of nginx' sources (ngx_http_upstream.c, ngx_event_openssl.c, ngx_resolver.c and the modules).
// The first that fits counts. Errors of the system are told by their text, since numbers differ between systems.
var nginxMessages = []message{
	{"connect() ", "failed (", "resolving", ResolverFailed},
	{"connect() ", "failed (", "connecting to upstream", ConnectFailed}, // see connectCauses
	{"connect() ", "failed (", "", ConnectFailed},
	{"no live upstreams", "", "", NoLiveUpstream},
	{"upstream server temporarily disabled", "", "", ServerDisabled},
	{"upstream timed out", "", "connecting to upstream", ConnectTimeout},
	{"upstream timed out", "", "SSL handshaking to upstream", TLSTimeout},
	{"upstream timed out", "", "sending request to upstream", SendTimeout},
	{"upstream timed out", "", "reading response header from upstream", ReadTimeout},
	{"upstream timed out", "", "reading upstream", AnswerTimeout},
	{"upstream timed out", "", "proxying upgraded connection", AnswerTimeout},
	{"upstream timed out", "", "", ReadTimeout},
	{"upstream prematurely closed connection", "", "reading upstream", AnswerCut},
	{"upstream prematurely closed connection", "", "sending to client", AnswerCut}, // without buffers
	{"upstream prematurely closed connection", "", "", ClosedEarly},
	{"upstream prematurely closed FastCGI stdout", "", "reading response header", ClosedEarly},
	{"upstream prematurely closed", "", "", AnswerCut},
	{"upstream sent too big header", "", "", HeaderTooBig},
	{"upstream sent no valid HTTP/1.0 header", "", "", NotHTTP},
	{"upstream sent invalid header", "", "", HeaderInvalid},
	{"upstream sent duplicate header", "", "", HeaderInvalid},
	{"upstream sent invalid status", "", "", HeaderInvalid},
	{"upstream sent \"Content-Length\" and \"Transfer-Encoding\"", "", "", HeaderInvalid},
	{"upstream sent unknown \"Transfer-Encoding\"", "", "", HeaderInvalid},
	{"upstream sent invalid \"Content-Length\"", "", "", HeaderInvalid},
	{"upstream sent invalid chunked response", "", "", AnswerCut},
	{"upstream sent more data than specified", "", "", AnswerLong},
	{"upstream sent data after final chunk", "", "", AnswerLong},
	{"upstream sent unsupported FastCGI protocol version", "", "", NotFastCGI},
	{"upstream sent unexpected FastCGI", "", "", NotFastCGI},
	{"upstream sent invalid FastCGI", "", "", NotFastCGI},
	{"upstream sent ", "", "", ProtocolError},
	{"upstream violated ", "", "", ProtocolError},
	{"upstream rejected request", "", "", ProtocolError},
	{"memcached sent invalid trailer", "", "", AnswerLong},
	{"memcached sent ", "", "", ProtocolError},
	{"upstream SSL certificate does not match", "", "", TLSName},
	{"upstream SSL certificate verify error", "", "", TLSVerify},
	{"an upstream response is buffered", "", "", Buffered},
	{"a client request body is buffered", "", "", Buffered},
	{"SSL_do_handshake() failed", "", "SSL handshaking to upstream", TLSHandshake}, // see tlsCauses
	{"SSL_do_handshake() failed", "", "", ClientTLS},
	{"peer closed connection in SSL handshake", "", "SSL handshaking to upstream", TLSClosed},
	{"peer closed connection in SSL handshake", "", "", ClientTLS},
	{"SSL_read() failed", "", "reading response header from upstream", TLSHandshake},
	{"SSL_read() failed", "", "reading upstream", AnswerCut},
	{"SSL_write() failed", "", "sending request to upstream", SendFailed},
	{"SSL_write() failed", "", "proxying and sending to upstream", SendFailed},
	{"SSL_write() failed", "", "", ClientClosed},
	{"recv() failed", "", "resolving", ResolverFailed},
	{"recv() failed", ": Connection refused)", "proxying and reading from upstream", Refused}, // of UDP
	{"recv() failed", "", "reading response header from upstream", Reset},
	{"recv() failed", "", "reading upstream", AnswerCut},
	{"recv() failed", "", "proxying and reading from upstream", AnswerCut},
	{"recv() failed", "", "sending request to upstream", Reset},
	{"recv() failed", "", "", ClientClosed},
	{"readv() failed", "", "reading upstream", AnswerCut},
	{"readv() failed", "", "", Reset},
	{"writev() failed", "", "sending request to upstream", SendFailed},
	{"writev() failed", "", "", ClientClosed},
	{"send() failed", "", "resolving", ResolverFailed},
	{"send() failed", "", "sending request to upstream", SendFailed},
	{"send() failed", "", "proxying and sending to upstream", SendFailed},
	{"send() failed", "", "", ClientClosed},
	{"sendfile() failed", "", "sending request to upstream", SendFailed},
	{"sendfile() failed", "", "", ClientClosed},
	{"FastCGI sent in stderr", "Primary script unknown", "", ScriptUnknown},
	{"FastCGI sent in stderr", "Unable to open primary script", "", ScriptUnknown},
	{"FastCGI sent in stderr", "", "", ScriptStderr},
	{"no resolver defined to resolve", "", "", NoResolver},
	{"host not found in upstream", "", "", HostNotFoundAtStart},
	{"host not found", "", "", HostNotFoundAtStart},
	{"invalid port in upstream", "", "", InvalidUpstream},
	{"invalid host in upstream", "", "", InvalidUpstream},
	{"no host in upstream", "", "", InvalidUpstream},
	{"no port in upstream", "", "", InvalidUpstream},
	{"invalid URL prefix", "", "", InvalidUpstream},
	{"upstream \"", "may not have port", "", InvalidUpstream},
	{"bind(", "failed (", "connecting to upstream", SourceAddress},
	{"accept4() failed", "", "", TooManyFiles},
	{"accept() failed", "", "", TooManyFiles},
	{"socket() failed (24", "", "", TooManyFiles},
	{"open() \"", "(24: ", "", TooManyFiles},
	{"worker_connections are not enough", "", "", WorkerConnections},
	{"limiting requests, dry run", "", "", Unknown},
	{"limiting requests", "", "", LimitedRequests},
	{"limiting connections by zone", "", "", LimitedConnections},
	{"rewrite or internal redirection cycle", "", "", RewriteCycle},
	{"subrequests cycle", "", "", RewriteCycle},
	{"auth request unexpected status", "", "", AuthRequest},
	{"client intended to send too large", "", "", BodyTooLarge},
	{"client prematurely closed connection", "", "", ClientClosed},
	{"epoll_wait() reported that client prematurely closed connection", "", "", ClientClosed},
	{"kevent() reported that client prematurely closed connection", "", "", ClientClosed},
	{"client timed out", "", "", ClientTimeout},
	{"connection timed out", "", "proxying connection", AnswerTimeout},
	{"client SSL certificate verify error", "", "", ClientTLS},
	{"client sent ", "", "", ClientRequest},
}

// connectCauses tell the errors of connect() apart.
var connectCauses = []struct {
	text  string
	cause Cause
}{
	{": Connection refused)", Refused},
	{": No connection could be made", Refused},
	{": No route to host)", NoRoute},
	{": Network is unreachable)", NoRoute},
	{": Host is down)", NoRoute},
	{": Connection timed out)", ConnectTimeout},
	{": Operation timed out)", ConnectTimeout},
	{": A connection attempt failed", ConnectTimeout},
	{": Connection reset by peer)", ConnectReset},
	{": No such file or directory)", SocketMissing},
	{": Not a directory)", SocketMissing},
	{": Permission denied)", SocketPermission},
	{": Operation not permitted)", SocketPermission},
	{": Resource temporarily unavailable)", BacklogFull},
	{": Cannot assign requested address)", SourceAddress},
	{": Can't assign requested address)", SourceAddress},
	{": Invalid argument)", NoRoute},
	{": Too many open files)", TooManyFiles},
}

// tlsCauses tell apart why a handshake failed, by OpenSSL's words.
var tlsCauses = []struct {
	text  string
	cause Cause
}{
	{"wrong version number", TLSNotSpoken},
	{"packet length too long", TLSNotSpoken},
	{"http request", TLSNotSpoken},
	{"certificate verify failed", TLSVerify},
	{"SSL alert number", TLSAlert},
	{"sslv3 alert", TLSAlert},
	{"tlsv1 alert", TLSAlert},
	{"tlsv1 unrecognized name", TLSAlert},
	{"Connection reset by peer", TLSClosed},
	{"unexpected eof", TLSClosed},
}

// nginxIndex holds for each first byte the messages that begin with it, in order.
var nginxIndex = sync.OnceValue(func() *[256][]message {
	var index [256][]message
	for _, m := range nginxMessages {
		index[m.prefix[0]] = append(index[m.prefix[0]], m)
	}
	return &index
})

// nginxCause returns the cause of a message, given without its fields, and of what nginx was doing.
func nginxCause(text, while string) Cause {
	text = strings.TrimPrefix(strings.TrimLeft(text, "0123456789"), " ") // "1024 worker_connections are not enough"
	if text == "" {
		return Unknown
	}
	for _, m := range nginxIndex()[text[0]] {
		if strings.HasPrefix(text, m.prefix) && strings.HasPrefix(while, m.while) && strings.Contains(text, m.holds) {
			return refine(m.cause, text)
		}
	}
	if i := strings.Index(text, " could not be resolved"); i >= 0 {
		return resolverCause(text[i:])
	}
	return Unknown
}

// refine tells apart what one message says in several ways.
func refine(c Cause, text string) Cause {
	list := connectCauses
	switch c {
	case TLSHandshake:
		list = tlsCauses
	case ConnectFailed:
	default:
		return c
	}
	for _, known := range list {
		if strings.Contains(text, known.text) {
			return known.cause
		}
	}
	return c
}

// resolverCause reads the number behind "could not be resolved": that of RFC 1035, section 4.1.1, or of the system.
func resolverCause(text string) Cause {
	switch number(text) {
	case 3:
		return NameNotFound
	case 60, 110:
		return ResolverTimeout
	}
	return ResolverFailed
}
