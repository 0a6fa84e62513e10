package logs

import "github.com/proxylint/proxylint/lint"

// Cause is what a line says has happened.
type Cause uint8

// Info is what is known about a cause.
type Info struct {
	Name   string // stable
	Level  lint.Severity
	Status int      // what the client gets; 0: none of its own, as where the answer has begun
	Means  string   // what has happened
	Look   string   // what to look at
	Rules  []string // IDs of those that find it in a configuration
}

// Info returns what is known about the cause.
func (c Cause) Info() *Info { return &causes[c] }

// String returns the cause's name.
func (c Cause) String() string { return causes[c].Name }

// Causes returns all there are.
func Causes() []Cause {
	var list []Cause
	for c := Unknown; int(c) < len(causes); c++ {
		list = append(list, c)
	}
	return list
}

// The causes, in the order of a request's way: the name, the connection, TLS, the request, the answer; then what the
// proxy itself, its health checks and the client do.
const (
	Unknown Cause = iota
	NameNotFound
	ResolverFailed
	ResolverTimeout
	NoResolver
	HostNotFoundAtStart
	InvalidUpstream
	Refused
	ConnectFailed
	NoRoute
	ConnectTimeout
	ConnectReset
	SocketMissing
	SocketPermission
	BacklogFull
	SourceAddress
	TooManyFiles
	NoLiveUpstream
	NoServer
	ServerDisabled
	QueueTimeout
	TLSHandshake
	TLSNotSpoken
	TLSAlert
	TLSClosed
	TLSTimeout
	TLSVerify
	TLSName
	SendTimeout
	SendFailed
	ClosedEarly
	Reset
	ReadTimeout
	HeaderTooBig
	HeaderInvalid
	NotHTTP
	NotFastCGI
	ProtocolError
	AnswerCut
	AnswerTimeout
	AnswerLong
	Buffered
	ScriptUnknown
	ScriptStderr
	Answered
	Answered500
	Answered502
	Answered503
	Answered504
	Retried
	LimitedRequests
	LimitedConnections
	WorkerConnections
	ProxyResources
	ProxyLimit
	RewriteCycle
	AuthRequest
	Denied
	Local
	Killed
	ServerWentDown
	InternalError
	CheckConnect
	CheckConnectTimeout
	CheckTLS
	CheckTimeout
	CheckStatus
	CheckInvalid
	CheckFailed
	ServerUp
	Maintenance
	ClientClosed
	ClientTimeout
	ClientTLS
	ClientRequest
	BodyTooLarge
)

var causes = [...]Info{
	Unknown: {Name: "unknown", Level: lint.Info, Means: "the message is none of those known", Look: "the line itself"},
	NameNotFound: {
		Name: "name-not-found", Level: lint.Error, Status: 502,
		Means: "the name server knows no such name, so there is no address to connect to",
		Look:  "the name as written, without a search domain; what the name server of \"resolver\" knows",
		Rules: []string{"host-unresolvable", "resolver-search-domain", "resolver-public-for-private", "host-reserved", "inv-host-unknown"},
	},
	ResolverFailed: {
		Name: "resolver-failed", Level: lint.Error, Status: 502,
		Means: "the name server refused to answer, or failed",
		Look:  "whether the server that \"resolver\" names serves this machine and this zone",
		Rules: []string{"resolver-public-for-private", "resolver-docker-elsewhere", "resolvers-tuning"},
	},
	ResolverTimeout: {
		Name: "resolver-timeout", Level: lint.Error, Status: 502,
		Means: "the name server did not answer in time",
		Look:  "the address of \"resolver\", and whether port 53 gets through",
		Rules: []string{"resolver-docker-elsewhere", "resolver-public-for-private", "resolvers-tuning"},
	},
	NoResolver: {
		Name: "no-resolver", Level: lint.Error, Status: 502,
		Means: "a name must be looked up for the request, and no name server is configured",
		Look:  "the missing \"resolver\"",
		Rules: []string{"resolver-missing"},
	},
	HostNotFoundAtStart: {
		Name: "host-not-found-at-start", Level: lint.Error,
		Means: "the name did not resolve when the proxy read its configuration, so it did not start, or kept the old one",
		Look:  "the name, and whether it exists before the proxy starts",
		Rules: []string{"frozen-dns", "upstream-typo", "host-unresolvable", "inv-host-unknown", "init-addr-none"},
	},
	InvalidUpstream: {
		Name: "invalid-upstream", Level: lint.Error, Status: 500,
		Means: "the address that variables gave is none",
		Look:  "the value of the variable in the pass directive: its scheme, host and port",
		Rules: []string{"malformed-upstream-address", "map-without-default", "port-range", "host-invalid"},
	},
	Refused: {
		Name: "refused", Level: lint.Error, Status: 502,
		Means: "the connection was refused: nobody listens on that port, or on that socket",
		Look:  "whether the service runs, and listens where it is reached from here",
		Rules: []string{"live-refused", "inv-port-mismatch", "inv-listener-missing", "inv-loopback-bound", "inv-localhost-in-container", "frozen-dns", "localhost-dual-stack"},
	},
	ConnectFailed: {
		Name: "connect-failed", Level: lint.Error, Status: 503,
		Means: "no connection to the server came about; HAProxy says so of a failed TLS handshake, too",
		Look:  "whether the service listens there, and speaks TLS where the proxy does",
		Rules: []string{"live-refused", "live-tls-handshake", "inv-port-mismatch", "server-unchecked", "redispatch-missing", "sni-missing", "server-port-missing"},
	},
	NoRoute: {
		Name: "no-route", Level: lint.Error, Status: 502,
		Means: "no machine has the address, or no route leads there",
		Look:  "the address: a machine that is gone, or a network that is not this proxy's",
		Rules: []string{"live-dead-neighbour", "live-unreachable", "ephemeral-address", "inv-ip-undeclared", "inv-ip-outside-subnet", "unroutable-address"},
	},
	ConnectTimeout: {
		Name: "connect-timeout", Level: lint.Error, Status: 504,
		Means: "nobody answered the connection within the connect timeout",
		Look:  "a firewall that drops, a machine that is down, a full backlog; then the connect timeout",
		Rules: []string{"live-timeout", "timeout-unit", "timeout-too-short", "ephemeral-address", "inv-ip-outside-subnet", "inv-network-disjoint", "live-partial"},
	},
	ConnectReset: {
		Name: "connect-reset", Level: lint.Error, Status: 502,
		Means: "the connection was reset while it was being made",
		Look:  "a firewall or a port forwarder with nobody behind it",
		Rules: []string{"live-refused"},
	},
	SocketMissing: {
		Name: "socket-missing", Level: lint.Error, Status: 502,
		Means: "there is no such unix socket",
		Look:  "whether the service runs, and where it makes its socket as this proxy sees it",
		Rules: []string{"live-socket-missing", "inv-fpm-socket-mismatch", "inv-socket-mismatch", "socket-in-private-tmp"},
	},
	SocketPermission: {
		Name: "socket-permission", Level: lint.Error, Status: 502,
		Means: "the proxy's user may not connect to the socket, or SELinux or a route forbids it",
		Look:  "owner, group and mode of the socket and its folders; httpd_can_network_connect under SELinux",
		Rules: []string{"live-socket-permission", "inv-fpm-socket-permission", "inv-socket-permission"},
	},
	BacklogFull: {
		Name: "backlog-full", Level: lint.Error, Status: 502,
		Means: "the service does not accept connections as fast as they come, and its queue is full",
		Look:  "the service's number of workers, its backlog, and net.core.somaxconn",
		Rules: []string{"connection-limit"},
	},
	SourceAddress: {
		Name: "source-address", Level: lint.Error, Status: 500,
		Means: "the connection had no source: an address this machine does not have, or all local ports are in use",
		Look:  "proxy_bind or source; connections that are closed after each request",
		Rules: []string{"source-address", "keepalive-without-http11", "fastcgi-keepalive"},
	},
	TooManyFiles: {
		Name: "too-many-files", Level: lint.Error, Status: 500,
		Means: "the proxy has as many files and connections open as it may",
		Look:  "worker_rlimit_nofile, ulimit -n, LimitNOFILE; each proxied request takes two",
		Rules: []string{"connection-limit"},
	},
	NoLiveUpstream: {
		Name: "no-live-upstream", Level: lint.Error, Status: 502,
		Means: "every server of the group is down, or was taken out after failures for fail_timeout",
		Look:  "the failures just before; max_fails and fail_timeout",
		Rules: []string{"no-usable-server", "single-peer-failure", "max-conns-no-queue", "next-upstream-off"},
	},
	NoServer: {
		Name: "no-server", Level: lint.Error, Status: 503,
		Means: "the backend had no server that could take the request, or no backend was chosen",
		Look:  "the health checks' messages just before; the use_backend rules where the backend is the frontend itself",
		Rules: []string{"no-usable-server", "no-default-backend", "check-type-mismatch", "check-tls-mismatch", "httpchk-host", "acl-never-true", "init-addr-none", "server-port-missing"},
	},
	ServerDisabled: {
		Name: "server-disabled", Level: lint.Info,
		Means: "the server gets no requests for fail_timeout, after max_fails failures",
		Look:  "the failures just before",
		Rules: []string{"single-peer-failure"},
	},
	QueueTimeout: {
		Name: "queue-timeout", Level: lint.Error, Status: 503,
		Means: "the request waited for a free connection to a server, and got none in time",
		Look:  "maxconn of the servers, timeout queue, and how long the servers take",
		Rules: []string{"queue-timeout", "connection-limit"},
	},
	TLSHandshake: {
		Name: "tls-handshake", Level: lint.Error, Status: 502,
		Means: "no TLS connection to the server came about",
		Look:  "the OpenSSL text in the line; protocol versions and ciphers of both sides",
		Rules: []string{"live-tls-handshake", "sni-missing", "tls-name-is-group", "port-scheme-mismatch"},
	},
	TLSNotSpoken: {
		Name: "tls-not-spoken", Level: lint.Error, Status: 502,
		Means: "the server answered the TLS handshake in plain text",
		Look:  "https to a port that speaks http",
		Rules: []string{"port-scheme-mismatch", "live-protocol-mismatch", "inv-protocol-mismatch", "proxy-protocol-mismatch"},
	},
	TLSAlert: {
		Name: "tls-alert", Level: lint.Error, Status: 502,
		Means: "the server ended the TLS handshake with an alert",
		Look:  "what the alert says: the name sent (SNI), a client certificate, protocol versions",
		Rules: []string{"sni-missing", "tls-name-is-group", "live-tls-handshake"},
	},
	TLSClosed: {
		Name: "tls-closed", Level: lint.Error, Status: 502,
		Means: "the server closed the connection during the TLS handshake",
		Look:  "the name sent (SNI), or a server that speaks another protocol there",
		Rules: []string{"sni-missing", "port-scheme-mismatch", "proxy-protocol-mismatch", "live-tls-handshake"},
	},
	TLSTimeout: {
		Name: "tls-timeout", Level: lint.Error, Status: 504,
		Means: "the server accepted the connection, but did not answer the TLS handshake in time",
		Look:  "a server that speaks no TLS there and waits, or one that is overloaded",
		Rules: []string{"port-scheme-mismatch", "live-tls-handshake", "live-slow"},
	},
	TLSVerify: {
		Name: "tls-verify", Level: lint.Error, Status: 502,
		Means: "the server's certificate was not accepted",
		Look:  "its date and issuer, and the file of trusted certificates",
		Rules: []string{"live-tls-expired", "live-tls-handshake", "tls-verify-without-ca"},
	},
	TLSName: {
		Name: "tls-name", Level: lint.Error, Status: 502,
		Means: "the server's certificate is for another name than the one asked for",
		Look:  "proxy_ssl_name, which is the host of proxy_pass where it is not set",
		Rules: []string{"live-tls-name", "tls-name-is-group", "sni-missing"},
	},
	SendTimeout: {
		Name: "send-timeout", Level: lint.Error, Status: 504,
		Means: "the server did not take the request in time",
		Look:  "an overloaded server; proxy_send_timeout for large uploads",
		Rules: []string{"timeout-too-short", "timeout-unit", "timeout-chain"},
	},
	SendFailed: {
		Name: "send-failed", Level: lint.Error, Status: 502,
		Means: "the server closed the connection while the request was being sent",
		Look:  "a server that refuses bodies of this size, or closes idle connections",
		Rules: []string{"keepalive-race", "live-keepalive-race", "backend-buffer"},
	},
	ClosedEarly: {
		Name: "closed-early", Level: lint.Error, Status: 502,
		Means: "the server closed the connection before it answered",
		Look:  "a crash or time limit of the application, idle connections it closes, or another protocol",
		Rules: []string{"keepalive-race", "live-keepalive-race", "protocol-mismatch", "port-scheme-mismatch", "inv-app-timeout-order", "port-not-http", "proxy-protocol-mismatch"},
	},
	Reset: {
		Name: "reset", Level: lint.Error, Status: 502,
		Means: "the server reset the connection before it answered",
		Look:  "a crash or restart of the application, idle connections it closes, php-fpm's request_terminate_timeout",
		Rules: []string{"keepalive-race", "live-keepalive-race", "inv-app-timeout-order", "protocol-mismatch"},
	},
	ReadTimeout: {
		Name: "read-timeout", Level: lint.Error, Status: 504,
		Means: "the server took the request and did not answer within the read timeout",
		Look:  "what the application was doing then; the timeout, where such requests may take as long",
		Rules: []string{"timeout-too-short", "timeout-unit", "timeout-chain", "timeout-missing", "wrong-module", "live-slow", "grpc-needs-http2"},
	},
	HeaderTooBig: {
		Name: "header-too-big", Level: lint.Error, Status: 502,
		Means: "the header of the answer does not fit into the buffer",
		Look:  "proxy_buffer_size or fastcgi_buffer_size; large cookies",
		Rules: []string{"buffer-too-small", "live-header-too-big", "header-limit"},
	},
	HeaderInvalid: {
		Name: "header-invalid", Level: lint.Error, Status: 502,
		Means: "the header of the answer is not valid",
		Look:  "the header that the application sends, or a rule that denies answers",
		Rules: []string{"live-protocol-mismatch", "header-limit", "protocol-mismatch"},
	},
	NotHTTP: {
		Name: "not-http", Level: lint.Error,
		Means: "what the server sent is no HTTP answer; nginx passed it on as if it were HTTP/0.9, without a header",
		Look:  "a port that speaks another protocol, or TLS, where http is written",
		Rules: []string{"port-not-http", "port-scheme-mismatch", "protocol-mismatch", "live-protocol-mismatch", "inv-protocol-mismatch", "grpc-needs-http2"},
	},
	NotFastCGI: {
		Name: "not-fastcgi", Level: lint.Error, Status: 502,
		Means: "what the server sent is not a FastCGI answer",
		Look:  "fastcgi_pass to a server that speaks HTTP: proxy_pass is meant",
		Rules: []string{"protocol-mismatch", "live-protocol-mismatch", "inv-protocol-mismatch"},
	},
	ProtocolError: {
		Name: "protocol-error", Level: lint.Error, Status: 502,
		Means: "the server's answer breaks its protocol (HTTP/2, gRPC, uwsgi, SCGI)",
		Look:  "the pass directive against what the server speaks",
		Rules: []string{"protocol-mismatch", "grpc-needs-http2", "live-protocol-mismatch"},
	},
	AnswerCut: {
		Name: "answer-cut", Level: lint.Warning,
		Means: "the server closed the connection in the middle of its answer; the client got a part of it",
		Look:  "a crash or restart of the application, or its time limit",
		Rules: []string{"inv-app-timeout-order", "keepalive-race"},
	},
	AnswerTimeout: {
		Name: "answer-timeout", Level: lint.Warning,
		Means: "the server paused in the middle of its answer for longer than the read timeout; the client got a part of it",
		Look:  "the read timeout; WebSockets and event streams that are silent for a while",
		Rules: []string{"websocket-timeout", "timeout-too-short", "timeout-unit"},
	},
	AnswerLong: {
		Name: "answer-long", Level: lint.Info,
		Means: "the server sent more than it had announced, and the rest was dropped",
		Look:  "the application's Content-Length",
	},
	Buffered: {
		Name: "buffered", Level: lint.Info,
		Means: "a body is kept in a temporary file, since it does not fit into memory; this is no error",
		Look:  "proxy_buffers and client_body_buffer_size, where the disk is slow",
	},
	ScriptUnknown: {
		Name: "script-unknown", Level: lint.Error, Status: 404,
		Means: "php-fpm found no script where SCRIPT_FILENAME points",
		Look:  "root and fastcgi_param SCRIPT_FILENAME, as php-fpm's machine sees the files",
		Rules: []string{"fastcgi-script-filename"},
	},
	ScriptStderr: {
		Name: "script-stderr", Level: lint.Info,
		Means: "the application wrote this to its standard error",
		Look:  "the application",
	},
	Answered: {
		Name: "server-answered", Level: lint.Error,
		Means: "the server itself answered so; the proxy passed it on",
		Look:  "the application's log, or the next proxy's",
		Rules: []string{"live-http-5xx"},
	},
	Answered500: {
		Name: "answered-500", Level: lint.Error, Status: 500,
		Means: "the proxy or the server answered 500; this line does not tell why", Look: "the error log at that time",
		Rules: []string{"proxy-loop", "undefined-named-location", "map-without-default"},
	},
	Answered502: {
		Name: "answered-502", Level: lint.Error, Status: 502,
		Means: "no usable answer came from the server; this line does not tell why", Look: "the error log at that time",
	},
	Answered503: {
		Name: "answered-503", Level: lint.Error, Status: 503,
		Means: "the request was refused: by a limit, by a rule, or by the server; this line does not tell which",
		Look:  "the error log at that time", Rules: []string{"rate-limit-503", "static-5xx"},
	},
	Answered504: {
		Name: "answered-504", Level: lint.Error, Status: 504,
		Means: "the server did not answer in time", Look: "the times of the request, and the timeouts",
		Rules: []string{"timeout-too-short", "timeout-unit", "timeout-chain"},
	},
	Retried: {
		Name: "retried", Level: lint.Info,
		Means: "a server failed, and another try was answered",
		Look:  "the server that failed",
		Rules: []string{"server-unchecked"},
	},
	LimitedRequests: {
		Name: "limited-requests", Level: lint.Warning, Status: 503,
		Means: "the client sent more requests than limit_req allows, and nginx refused",
		Look:  "the zone's rate and burst; limit_req_status 429 tells clients what it is",
		Rules: []string{"rate-limit-503"},
	},
	LimitedConnections: {
		Name: "limited-connections", Level: lint.Warning, Status: 503,
		Means: "the client had more connections than limit_conn allows, and nginx refused",
		Look:  "limit_conn; limit_conn_status 429 tells clients what it is",
		Rules: []string{"rate-limit-503"},
	},
	WorkerConnections: {
		Name: "worker-connections", Level: lint.Error, Status: 500,
		Means: "a worker has as many connections as it may; one proxied request takes two",
		Look:  "worker_connections in events, and a loop of the proxy to itself",
		Rules: []string{"connection-limit", "proxy-loop"},
	},
	ProxyResources: {
		Name: "proxy-resources", Level: lint.Error, Status: 503,
		Means: "HAProxy ran out of memory, sockets or source ports",
		Look:  "maxconn, ulimit-n and the memory of the machine",
		Rules: []string{"connection-limit", "source-address"},
	},
	ProxyLimit: {
		Name: "proxy-limit", Level: lint.Error,
		Means: "HAProxy accepts no more connections: a limit is reached",
		Look:  "maxconn in global, defaults and the frontend",
		Rules: []string{"connection-limit"},
	},
	RewriteCycle: {
		Name: "rewrite-cycle", Level: lint.Error, Status: 500,
		Means: "rewrites, try_files or error_page led the request in a circle",
		Look:  "the last argument of try_files, and what error_page points to",
		Rules: []string{"proxy-loop"},
	},
	AuthRequest: {
		Name: "auth-request", Level: lint.Error, Status: 500,
		Means: "the subrequest of auth_request was answered neither 2xx nor 401 nor 403",
		Look:  "what the location of auth_request passes to",
		Rules: []string{"auth-request-body"},
	},
	Denied: {
		Name: "denied", Level: lint.Info,
		Means: "a rule of HAProxy, or its parser, refused the request or the answer",
		Look:  "http-request deny, http-response deny; the status in the line",
		Rules: []string{"static-5xx"},
	},
	Local: {
		Name: "local", Level: lint.Info,
		Means: "HAProxy answered by itself, as a rule told it to",
		Look:  "http-request return, redirects, errorfiles and monitor-uri",
		Rules: []string{"static-5xx"},
	},
	Killed: {
		Name: "killed", Level: lint.Warning,
		Means: "an administrator ended the session", Look: "\"shutdown session\" on the runtime socket",
	},
	ServerWentDown: {
		Name: "server-went-down", Level: lint.Error, Status: 503,
		Means: "the session was ended since its server went down, or a better one came up (on-marked-down, on-marked-up)",
		Look:  "the health checks' messages at that time",
		Rules: []string{"observe-mark-down"},
	},
	InternalError: {
		Name: "internal-error", Level: lint.Error, Status: 500,
		Means: "the proxy found a fault in itself", Look: "its version, and its changelog",
	},
	CheckConnect: {
		Name: "check-connect", Level: lint.Error,
		Means: "the health check could not connect (layer 4)",
		Look:  "whether the service listens on the check's address and port",
		Rules: []string{"check-port-differs", "live-refused", "inv-port-mismatch", "live-check-fails", "ephemeral-address"},
	},
	CheckConnectTimeout: {
		Name: "check-connect-timeout", Level: lint.Error,
		Means: "nobody answered the health check's connection in time (layer 4)",
		Look:  "a firewall, or a machine that is down",
		Rules: []string{"live-timeout", "check-timeout", "check-port-differs", "live-check-fails"},
	},
	CheckTLS: {
		Name: "check-tls", Level: lint.Error,
		Means: "the health check's TLS handshake failed (layer 6)",
		Look:  "check-ssl, check-sni and verify on the server line",
		Rules: []string{"check-tls-mismatch", "live-check-fails", "sni-missing", "live-tls-handshake"},
	},
	CheckTimeout: {
		Name: "check-timeout", Level: lint.Error,
		Means: "the server accepted the health check's connection, but did not answer in time (layer 7)",
		Look:  "timeout check and inter, against how long the health page takes",
		Rules: []string{"check-timeout", "check-type-mismatch", "live-check-fails", "live-slow"},
	},
	CheckStatus: {
		Name: "check-status", Level: lint.Error,
		Means: "the server answered the health check with a status or text that is not expected (layer 7)",
		Look:  "the check's path and Host header, and http-check expect",
		Rules: []string{"httpchk-host", "live-check-fails", "check-tls-mismatch"},
	},
	CheckInvalid: {
		Name: "check-invalid", Level: lint.Error,
		Means: "the server's answer to the health check is not in the check's protocol (layer 7)",
		Look:  "option httpchk and its kind against what the server speaks",
		Rules: []string{"check-type-mismatch", "check-tls-mismatch", "proxy-protocol-mismatch", "live-check-fails"},
	},
	CheckFailed: {
		Name: "check-failed", Level: lint.Error,
		Means: "the health check failed, or the server was marked down otherwise",
		Look:  "the reason in the line",
		Rules: []string{"live-check-fails", "observe-mark-down"},
	},
	ServerUp: {Name: "server-up", Level: lint.Info, Means: "the server takes requests again", Look: "how long it was down"},
	Maintenance: {
		Name: "maintenance", Level: lint.Warning,
		Means: "the server takes no requests: an administrator or a failed lookup of its name took it out",
		Look:  "the reason in the line; the resolvers section and hold",
		Rules: []string{"resolvers-tuning", "resolvers-undefined", "init-addr-none"},
	},
	ClientClosed: {
		Name: "client-closed", Level: lint.Info, Status: 499,
		Means: "the client went away before the answer came",
		Look:  "how long it had waited: clients and load balancers in front have timeouts, too",
		Rules: []string{"timeout-chain"},
	},
	ClientTimeout: {
		Name: "client-timeout", Level: lint.Info, Status: 408,
		Means: "the client was silent for too long",
		Look:  "timeout client and timeout http-request",
		Rules: []string{"timeout-too-short", "timeout-unit"},
	},
	ClientTLS: {
		Name: "client-tls", Level: lint.Info,
		Means: "no TLS connection with the client came about, which is no fault of an upstream",
		Look:  "scanners, health checks in plain text, and certificates that clients don't trust",
		Rules: []string{"bind-crt-without-ssl"},
	},
	ClientRequest: {
		Name: "client-request", Level: lint.Info, Status: 400,
		Means: "the client's request is not valid, which is no fault of an upstream",
		Look:  "TLS or another protocol on a plain port; large_client_header_buffers",
		Rules: []string{"header-limit"},
	},
	BodyTooLarge: {
		Name: "body-too-large", Level: lint.Info, Status: 413,
		Means: "the client's body is larger than client_max_body_size, which is no fault of an upstream",
		Look:  "client_max_body_size",
	},
}
