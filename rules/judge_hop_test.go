package rules

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestURIRewriteBeforeTheJudge asks a backend which paths it gets. The refused ones are proved by the examples.
func TestURIRewriteBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	_, port := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	for i, test := range []struct {
		location, asked, got string
		told                 bool
	}{
		{"location /a/ { proxy_pass http://APP/b/; }", "a/x", "/b/x", false},
		{"location /a { proxy_pass http://APP/b; }", "a/x", "/b/x", false},
		{"location /a/ { proxy_pass http://APP/b; }", "a/x", "/bx", true},
		{"location /a { proxy_pass http://APP/b/; }", "a/x", "/b//x", true},
		{"location /a { proxy_pass http://APP/; }", "a/x", "//x", true},
		{"location /a/ { set $app APP; proxy_pass http://$app/b/; }", "a/x", "/b/", true},
		{"location /a/ { rewrite ^/a/(.*)$ /$1 break; proxy_pass http://APP/b/; }", "a/x", "/x", true},
		{"location /a/ { rewrite ^/a/(.*)$ /b/$1 break; proxy_pass http://APP/b/; }", "a/x", "/b/x", false},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			text := fmt.Sprintf("events {}\nhttp { server { listen 8080; %s } }\n", test.location)
			text = strings.ReplaceAll(text, "APP", "127.0.0.1:"+port)
			if _, path := startProxy(t, syntax.Nginx, text).at(test.asked).get(t); path != test.got {
				t.Errorf("%s asks the backend for %q, want %q", test.location, path, test.got)
			}
			if told := len(lintText(t, syntax.Nginx, text, []*lint.Rule{Find("uri-rewrite")})) > 0; told != test.told {
				t.Errorf("%s has findings: %v, want %v", test.location, told, test.told)
			}
		})
	}
}

// TestRefusedURIBeforeTheJudge asks a backend which paths it gets by the repairs of what nginx refuses.
func TestRefusedURIBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	_, port := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	for i, test := range []struct{ location, asked, got string }{
		{"location ~ ^/a/ { proxy_pass http://APP/b/; }", "a/x", "/b/x"},
		{"location ~ ^/a { proxy_pass http://APP/b; }", "a/x", "/b/x"},
		{"location ~ ^/a/ { proxy_pass http://APP/; }", "a/x", "/a/x"},
		{"location ~* \\.png$ { proxy_pass http://APP/images; }", "a/x.png", "/images/a/x.png"},
		{"location / { try_files $uri @app; } location @app { proxy_pass http://APP/b/; }", "a/x", "/b/a/x"},
		{"location /a/ { if ($arg_x = '') { proxy_pass http://APP/b/; } }", "a/x", "/b/x"},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			text := fmt.Sprintf("events {}\nhttp { server { listen 8080; %s } }\n", strings.ReplaceAll(test.location, "APP", "127.0.0.1:"+port))
			found := lintText(t, syntax.Nginx, text, []*lint.Rule{Find("uri-rewrite")})
			if len(found) != 1 {
				t.Fatalf("%d findings in %s", len(found), text)
			}
			for _, text := range applied(found[0].Fix.Edits) {
				if _, path := startProxy(t, syntax.Nginx, text).at(test.asked).get(t); path != test.got {
					t.Errorf("%s asks the backend for %q, want %q", text, path, test.got)
				}
			}
		})
	}
}

// TestWebSocketUpgradeBeforeTheJudge asks a backend for a WebSocket, which it grants as RFC 6455 has it.
func TestWebSocketUpgradeBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	_, port := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.EqualFold(r.Header.Get("Connection"), "upgrade") || r.Header.Get("Upgrade") != "websocket":
			w.WriteHeader(http.StatusUpgradeRequired)
		case !r.ProtoAtLeast(1, 1):
			w.WriteHeader(http.StatusBadRequest)
		default:
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
	})
	rule := Find("websocket-upgrade")
	good := rule.Doc.Good.Nginx
	for name, test := range map[string]struct {
		text   string
		status int
	}{
		"good":             {good, http.StatusSwitchingProtocols},
		"bad":              {rule.Doc.Bad.Nginx, http.StatusBadRequest},
		"no version":       {withoutLine(good, "proxy_http_version"), http.StatusBadRequest},
		"no Connection":    {withoutLine(good, "Connection $"), http.StatusUpgradeRequired},
		"only Connection":  {strings.Replace(withoutLine(good, "Upgrade $"), "$connection_upgrade;\n", "upgrade;\n", 1), http.StatusUpgradeRequired},
		"other Connection": {strings.Replace(good, "Connection $connection_upgrade", "Connection keep-alive", 1), http.StatusUpgradeRequired},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, syntax.Nginx, strings.ReplaceAll(test.text, ":3000", ":"+port))
			request, err := http.NewRequest(http.MethodGet, p.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Connection", "Upgrade")
			request.Header.Set("Upgrade", "websocket")
			if status, _ := do(t, http.DefaultTransport, request); status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if found := lintText(t, syntax.Nginx, test.text, []*lint.Rule{rule}); (len(found) > 0) != (test.status >= 400) {
				t.Errorf("%d findings for status %d", len(found), test.status)
			}
		})
	}
}

// TestKeepaliveWithoutHTTP11BeforeTheJudge counts the connections that five requests take. That thousands of them
// use up the ports is not proved here.
func TestKeepaliveWithoutHTTP11BeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	rule := Find("keepalive-without-http11")
	good := rule.Doc.Good.Nginx
	mapped := strings.NewReplacer("http {", "http {\n    map $http_upgrade $up { default upgrade; '' close; }",
		`Connection ""`, "Connection $up").Replace(good)
	for name, test := range map[string]struct {
		text string
		want int32
	}{
		"good":           {good, 1},
		"bad":            {rule.Doc.Bad.Nginx, 5},
		"version 1.0":    {strings.Replace(good, "1.1", "1.0", 1), 5},
		"no version":     {withoutLine(good, "proxy_http_version"), 5},
		"no Connection":  {withoutLine(good, "Connection"), 5},
		"map with close": {mapped, 5},
		"map without":    {strings.Replace(mapped, "close", "''", 1), 1},
	} {
		t.Run(name, func(t *testing.T) {
			connections, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })
			p := startProxy(t, syntax.Nginx, strings.ReplaceAll(test.text, ":3000", ":"+port))
			for range 5 {
				p.get(t)
			}
			if got := connections.Load(); got != test.want {
				t.Errorf("%d connections, want %d", got, test.want)
			}
			if found := lintText(t, syntax.Nginx, test.text, []*lint.Rule{rule}); (len(found) > 0) != (test.want > 1) {
				t.Errorf("%d findings for %d connections", len(found), test.want)
			}
		})
	}
}

// TestGRPCNeedsHTTP2BeforeTheJudge lets the proxies speak to a server that knows HTTP/2 only, and closes at any other
// greeting as gRPC's servers do.
func TestGRPCNeedsHTTP2BeforeTheJudge(t *testing.T) {
	http2 := &http.Protocols{}
	http2.SetUnencryptedHTTP2(true)
	l := listen(t)
	server := &http.Server{Protocols: http2, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })}
	go server.Serve(strictListener{l})
	t.Cleanup(func() { server.Close() })
	rule := Find("grpc-needs-http2")
	for _, dialect := range []syntax.Dialect{syntax.Nginx, syntax.HAProxy} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			for want, text := range map[int]string{
				http.StatusBadGateway: rule.Doc.Bad.For(dialect),
				http.StatusOK:         rule.Doc.Good.For(dialect),
			} {
				text = strings.ReplaceAll(text, ":50051 check", ":50051")
				p := startProxy(t, dialect, strings.ReplaceAll(text, ":50051", ":"+listenPort(l)))
				request, err := http.NewRequest(http.MethodGet, p.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				transport := &http.Transport{DisableKeepAlives: true}
				if dialect == syntax.Nginx {
					transport.Protocols = http2 // all that its listener speaks
				}
				if status, _ := do(t, transport, request); status != want {
					t.Errorf("status %d, want %d: %s", status, want, p.log())
				}
			}
		})
	}
}

// TestScriptFilenameBeforeTheJudge lets a server stand in for PHP-FPM, which is not there to be asked: it answers as
// that does where no script is named.
func TestScriptFilenameBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	port := serveFastCGI(t, &atomic.Int32{})
	rule := Find("fastcgi-script-filename")
	for want, text := range map[int]string{http.StatusNotFound: rule.Doc.Bad.Nginx, http.StatusOK: rule.Doc.Good.Nginx} {
		p := startProxy(t, syntax.Nginx, requestParams(strings.ReplaceAll(text, ":9000", ":"+port)))
		if status, _ := p.at("index.php").get(t); status != want {
			t.Errorf("status %d, want %d: %s", status, want, p.log())
		}
	}
}

// TestFastCGIKeepaliveBeforeTheJudge counts the connections that five requests take.
func TestFastCGIKeepaliveBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	rule := Find("fastcgi-keepalive")
	for want, text := range map[int32]string{5: rule.Doc.Bad.Nginx, 1: rule.Doc.Good.Nginx} {
		var connections atomic.Int32
		port := serveFastCGI(t, &connections)
		p := startProxy(t, syntax.Nginx, requestParams(strings.ReplaceAll(text, ":9000", ":"+port)))
		for range 5 {
			if status, _ := p.at("index.php").get(t); status != http.StatusOK {
				t.Fatalf("status %d: %s", status, p.log())
			}
		}
		if got := connections.Load(); got != want {
			t.Errorf("%d connections, want %d", got, want)
		}
	}
}

// requestParams adds the parameters that Go's FastCGI server can't do without.
func requestParams(text string) string {
	return strings.ReplaceAll(text, "fastcgi_pass", `fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_pass`)
}

// TestBufferTooSmallBeforeTheJudge sends a header of 6 kB.
func TestBufferTooSmallBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	_, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Set-Cookie", strings.Repeat("x", 6000)) })
	rule := Find("buffer-too-small")
	for _, test := range []struct {
		text   string
		status int
	}{
		{rule.Doc.Bad.Nginx, http.StatusBadGateway},
		{withoutLine(rule.Doc.Bad.Nginx, "proxy_buffer_size"), http.StatusBadGateway},
		{rule.Doc.Good.Nginx, http.StatusOK},
	} {
		p := startProxy(t, syntax.Nginx, strings.ReplaceAll(test.text, ":3000", ":"+port))
		if status, _ := p.get(t); status != test.status {
			t.Errorf("status %d, want %d: %s", status, test.status, test.text)
		}
		if found := lintText(t, syntax.Nginx, test.text, []*lint.Rule{rule}); (len(found) > 0) != (test.status >= 400) {
			t.Errorf("%d findings for status %d", len(found), test.status)
		}
	}
}

// TestBufferSizesBeforeTheJudge shows sizes to nginx, which must refuse those that are an error here.
func TestBufferSizesBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	for _, sizes := range []string{
		"proxy_buffer_size 128k;",
		"proxy_buffer_size 16k;",
		"proxy_buffer_size 8k;",
		"proxy_buffers 2 16k;",
		"proxy_buffers 3 16k;",
		"proxy_buffers 1 16k;",
		"proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 8k;",
		"proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 16k;",
		"proxy_buffer_size 128k; proxy_buffers 4 256k; proxy_busy_buffers_size 768k;",
		"proxy_buffer_size 128k; proxy_buffers 4 256k; proxy_busy_buffers_size 769k;",
	} {
		text := fmt.Sprintf("events {}\nhttp { server { location / { proxy_pass http://127.0.0.1:3000; %s } } }\n", sizes)
		ok, output := loads(t, syntax.Nginx, text)
		refused := false
		for _, d := range lintText(t, syntax.Nginx, text, []*lint.Rule{Find("buffer-too-small")}) {
			refused = refused || d.Severity == lint.Error
		}
		if ok == refused {
			t.Errorf("%s nginx takes it: %v, the rule refuses it: %v: %s", sizes, ok, refused, output)
		}
	}
}

// TestAuthRequestBodyBeforeTheJudge posts through an authentication service that reads what it is sent.
func TestAuthRequestBodyBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	_, app := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })
	_, auth := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	rule := Find("auth-request-body")
	good := rule.Doc.Good.Nginx
	for _, test := range []struct {
		text   string
		status int
	}{
		{rule.Doc.Bad.Nginx, http.StatusInternalServerError},
		{withoutLine(good, "Content-Length"), http.StatusInternalServerError},
		{withoutLine(good, "proxy_pass_request_body"), http.StatusOK},
		{good, http.StatusOK},
	} {
		text := strings.NewReplacer(":3000", ":"+app, ":4000", ":"+auth, "http {", "http {\n    proxy_read_timeout 500ms;").Replace(test.text)
		p := startProxy(t, syntax.Nginx, text)
		request, err := http.NewRequest(http.MethodPost, p.url, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := do(t, &http.Transport{DisableKeepAlives: true}, request); status != test.status {
			t.Errorf("status %d, want %d: %s", status, test.status, test.text)
		}
		if found := lintText(t, syntax.Nginx, test.text, []*lint.Rule{rule}); (len(found) > 0) != (test.status >= 400) {
			t.Errorf("%d findings for status %d", len(found), test.status)
		}
	}
}

// at returns the same proxy, to be asked for another path.
func (p *running) at(path string) *running { return &running{url: p.url + path, output: p.output} }

// do sends a request and returns the status and the body of the answer.
func do(t *testing.T, transport http.RoundTripper, request *http.Request) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: transport}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return response.StatusCode, ""
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// serveHTTP starts a backend and returns the count of its connections, and its port.
func serveHTTP(t *testing.T, handler http.HandlerFunc) (connections *atomic.Int32, port string) {
	connections = &atomic.Int32{}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return connections, listenPort(server.Listener)
}

// serveFastCGI starts a server that answers 404 to requests which name no script, counts its connections, and
// returns its port.
func serveFastCGI(t *testing.T, connections *atomic.Int32) (port string) {
	l := listen(t)
	go fcgi.Serve(countingListener{l, connections}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fcgi.ProcessEnv(r)["SCRIPT_FILENAME"] == "" {
			http.Error(w, "File not found.", http.StatusNotFound)
		}
	}))
	t.Cleanup(func() { l.Close() })
	return listenPort(l)
}

type countingListener struct {
	net.Listener
	count *atomic.Int32
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.count.Add(1)
	}
	return conn, err
}

// strictListener gives connections that end where HTTP/2's greeting does not come first.
type strictListener struct{ net.Listener }

func (l strictListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &strictConn{Conn: conn}, err
}

type strictConn struct {
	net.Conn
	greeted bool
}

func (c *strictConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.greeted && !strings.HasPrefix("PRI * HTTP/2.0", string(b[:min(n, 14)])) {
		c.Close()
		return 0, io.EOF
	}
	c.greeted = true
	return n, err
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func listenPort(l net.Listener) string { return strconv.Itoa(l.Addr().(*net.TCPAddr).Port) }

// withoutLine takes the lines out that hold a text.
func withoutLine(text, part string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, part) {
			b.WriteString(line)
		}
	}
	return b.String()
}
