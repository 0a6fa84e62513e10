package probe

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// configured are the ways of speaking that every server is asked in.
var configured = []func(*Target){
	func(*Target) {},
	func(t *Target) { t.TLS = &TLS{} },
	func(t *Target) { t.HTTP2 = true },
	func(t *Target) { t.Protocol, t.HTTP2 = proxy.GRPC, true },
	func(t *Target) { t.Protocol = proxy.FastCGI },
	func(t *Target) { t.Protocol = proxy.UWSGI },
	func(t *Target) { t.Protocol = proxy.SCGI },
	func(t *Target) { t.Protocol = proxy.AJP },
	func(t *Target) { t.Protocol = proxy.Memcached },
	func(t *Target) { t.SendProxy = 2 },
}

// servers are what is asked: real programs where they can be had, else the first bytes that they answer.
var servers = map[string]func(*testing.T) net.Addr{ // nil when it is not installed
	"nginx":                    func(t *testing.T) net.Addr { return startNginx(t, "", "return 200;") },
	"nginx_ssl":                func(t *testing.T) net.Addr { return startNginx(t, "ssl", "return 200;") },
	"nginx_http2":              func(t *testing.T) net.Addr { return startNginx(t, "http2", "return 200;") },
	"nginx_proxy_protocol":     func(t *testing.T) net.Addr { return startNginx(t, "proxy_protocol", "return 200;") },
	"nginx_ssl_proxy_protocol": func(t *testing.T) net.Addr { return startNginx(t, "ssl proxy_protocol", "return 200;") },
	"HAProxy":                  func(t *testing.T) net.Addr { return startHAProxy(t, "") },
	"HAProxy_ssl":              func(t *testing.T) net.Addr { return startHAProxy(t, "ssl crt PEM") },
	"HAProxy_accept-proxy":     func(t *testing.T) net.Addr { return startHAProxy(t, "accept-proxy") },
	"Go_HTTP/2_alone":          startHTTP2,
	"php-fpm":                  startFPM,
	"uWSGI_socket":             func(t *testing.T) net.Addr { return startUWSGI(t, "--socket") },
	"uWSGI_fastcgi-socket":     func(t *testing.T) net.Addr { return startUWSGI(t, "--fastcgi-socket") },
	"uWSGI_scgi-socket":        func(t *testing.T) net.Addr { return startUWSGI(t, "--scgi-socket") },
	"uWSGI_http-socket":        func(t *testing.T) net.Addr { return startUWSGI(t, "--http-socket") },
	"redis":                    startRedis,
	"memcached":                startMemcached,
	"AJP":                      func(t *testing.T) net.Addr { return fake(t, fakeAJP) },
	"sshd":                     func(t *testing.T) net.Addr { return fake(t, fakeSSH) },
	"SMTP":                     func(t *testing.T) net.Addr { return fake(t, greets("220 mail.test ESMTP\r\n")) },
	"MySQL":                    func(t *testing.T) net.Addr { return fake(t, greets("\x4a\x00\x00\x00\x0a8.0.36\x00")) },
}

// outcomes are what is found out: HAProxy's code, and the status or, after an equals sign, the protocol that is named. A code
// alone is a server that closed the connection or was silent, and could not be named. An asterisk marks servers that wait for
// as many bytes as the first ones seem to say, so that nginx's request, which is shorter or longer, ends otherwise. Bars
// stand between outcomes that depend on the random bytes of a TLS hello.
const outcomes = `
server                   HTTP            HTTPS           HTTP/2          gRPC            FastCGI          uwsgi            SCGI             AJP             memcached      PROXY+HTTP
nginx                    L7OK,200        L6RSP=HTTP      L7RSP=HTTP      L7RSP=HTTP      L7RSP=HTTP       L7RSP,400=HTTP   L7RSP,400=HTTP   L7RSP=HTTP      L7RSP=HTTP     L7RSP,400=no_PROXY
nginx_ssl                L7RSP,400=TLS   L7OK,200        L7RSP=TLS       L7RSP=TLS       L7RSP=TLS        L7RSP,400=TLS    L7RSP,400=TLS    L7RSP=TLS       L7RSP=TLS      L7RSP,400=TLS
nginx_http2              L7RSP=HTTP/2    L6RSP=HTTP/2    L7OK,200        L7OK,200        L7RSP=HTTP/2     L7RSP=HTTP/2     L7RSP=HTTP/2     L7RSP=HTTP/2    L7RSP=HTTP/2*  L7RSP=HTTP/2
nginx_proxy_protocol     L7RSP=PROXY     L6RSP=PROXY     L7RSP=PROXY     L7RSP=PROXY     L7RSP=PROXY      L7RSP=PROXY      L7RSP=PROXY      L7RSP=PROXY     L7RSP=PROXY    L7OK,200
nginx_ssl_proxy_protocol L7RSP=PROXY     L6RSP=PROXY     L7RSP=PROXY     L7RSP=PROXY     L7RSP=PROXY      L7RSP=PROXY      L7RSP=PROXY      L7RSP=PROXY     L7RSP=PROXY    L7RSP,400=TLS
HAProxy                  L7OK,200        L6RSP=HTTP      L7OK,200        L7OK,200        L7RSP=HTTP       L7RSP,400=HTTP   L7RSP,400=HTTP   L7RSP=HTTP      L7RSP=HTTP     L7RSP,400=no_PROXY
HAProxy_ssl              L7RSP=TLS       L7OK,200        L7RSP=TLS       L7RSP=TLS       L7RSP=TLS        L7RSP=TLS        L7RSP=TLS        L7RSP=TLS       L7RSP=TLS      L7RSP=TLS
HAProxy_accept-proxy     L7RSP=PROXY     L6RSP=PROXY     L7RSP=PROXY     L7RSP=PROXY     L7RSP=PROXY      L7RSP=PROXY      L7RSP=PROXY      L7RSP=PROXY     L7RSP=PROXY    L7OK,200
Go_HTTP/2_alone          L7RSP=HTTP/2    L6RSP=HTTP/2    L7OK,404        L7OK,404        L7RSP=HTTP/2     L7RSP=HTTP/2     L7RSP=HTTP/2     L7TOUT          L7TOUT         L7RSP=HTTP/2
php-fpm                  L7RSP=FastCGI   L6RSP=FastCGI   L7RSP=FastCGI   L7RSP=FastCGI   L7OK             L7RSP=FastCGI    L7RSP=FastCGI    L7TOUT          L7RSP=FastCGI  L7RSP=FastCGI
uWSGI_socket             L7RSP=uwsgi     L6RSP=uwsgi*    L7RSP=uwsgi     L7RSP=uwsgi     L7RSP=uwsgi      L7OK,404         L7RSP=uwsgi      L7TOUT          L7RSP=uwsgi    L7TOUT
uWSGI_fastcgi-socket     L7TOUT=FastCGI  L6TOUT          L7TOUT          L7TOUT          L7OK,404         L7TOUT           L7TOUT=FastCGI   L7TOUT          L7TOUT=FastCGI L7TOUT
uWSGI_scgi-socket        L7RSP=SCGI      L6RSP=SCGI|L6TOUT=SCGI* L7TOUT=SCGI     L7TOUT=SCGI*    L7TOUT=SCGI*     L7TOUT=SCGI*     L7OK,404         L7TOUT=SCGI     L7TOUT=SCGI    L7RSP|L7RSP=SCGI
uWSGI_http-socket        L7OK,404        L6TOUT=HTTP     L7RSP=HTTP      L7RSP=HTTP      L7TOUT=HTTP      L7TOUT=HTTP      L7TOUT=HTTP      L7TOUT=HTTP     L7TOUT=HTTP    L7OK,404
redis                    L7RSP=redis     L6RSP=redis*    L7RSP=redis     L7RSP=redis     L7TOUT=redis     L7TOUT=redis     L7TOUT=redis     L7TOUT=redis    L7RSP=redis    L7TOUT=redis
memcached                L7RSP=memcached L6RSP=memcached L7RSP=memcached L7RSP=memcached L7TOUT=memcached L7TOUT=memcached L7TOUT=memcached L7RSP=memcached L7OK           L7RSP=memcached
AJP                      L7RSP           L6RSP           L7RSP           L7RSP           L7RSP            L7RSP            L7RSP            L7OK            L7RSP          L7RSP
sshd                     L7RSP=SSH       L6RSP=SSH       L7RSP=SSH       L7RSP=SSH       L7RSP=SSH        L7RSP=SSH        L7RSP=SSH        L7RSP=SSH       L7RSP=SSH      L7RSP=SSH
SMTP                     L7RSP=SMTP      L6RSP=SMTP      L7RSP=SMTP      L7RSP=SMTP      L7RSP=SMTP       L7RSP=SMTP       L7RSP=SMTP       L7RSP=SMTP      L7RSP=SMTP     L7RSP=SMTP
MySQL                    L7RSP=MySQL     L6RSP=MySQL     L7RSP=MySQL     L7RSP=MySQL     L7RSP=MySQL      L7RSP=MySQL      L7RSP=MySQL      L7RSP=MySQL     L7RSP=MySQL    L7RSP=MySQL
`

// TestServers asks every server in every way, and lets other protocols be tried where the configured one fails. What nginx's
// clients get is compared with what they are said to get.
func TestServers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(outcomes), "\n")
	columns := strings.Fields(lines[0])[1:]
	addrs := make([]net.Addr, len(lines))
	for i, line := range lines[1:] {
		addrs[i] = servers[strings.Fields(line)[0]](t)
	}
	front := startNginx(t, "", "return 404; } "+passesTo(addrs)+" location /none {")
	var rows sync.WaitGroup
	got, seen := make([][]Outcome, len(lines)), make([][]string, len(lines))
	for i, line := range lines[1:] {
		if addrs[i] == nil {
			continue
		}
		rows.Go(func() { // one after the other, since some servers have one worker
			want := strings.Fields(line)[1:]
			for j, as := range configured {
				got[i] = append(got[i], askServer(addrs[i], as, strings.TrimSuffix(want[j], "*")))
				seen[i] = append(seen[i], askThrough(front, i, j))
			}
		})
	}
	rows.Wait()
	for i, line := range lines[1:] {
		want := strings.Fields(line)
		t.Run(want[0], func(t *testing.T) {
			if addrs[i] == nil {
				t.Skip("it is not installed")
			}
			for j, column := range columns {
				o, status := got[i][j], seen[i][j]
				outcome, unlike := strings.CutSuffix(want[1+j], "*")
				if !fits(o, outcome) {
					t.Errorf("%s: got %s, want %s", column, cell(o), outcome)
				}
				target := targetAt(addrs[i])
				configured[j](target)
				said := cmp.Or(o.ClientSees(target), strconv.Itoa(o.Status))
				if status != "" && status != said && said != "0" && !unlike {
					t.Errorf("%s: a client of nginx gets %s, and is said to get %s", column, status, said)
				}
			}
		})
	}
}

// passes are how nginx speaks in each of the configured ways; "" where it can't.
var passes = []string{
	"proxy_pass http://%s/;", "proxy_pass https://%s/;", "", "grpc_pass grpc://%s;", "fastcgi_pass %s;",
	"uwsgi_pass %s;", "scgi_pass %s;", "", "set $memcached_key none; memcached_pass %s;", "",
}

// passesTo returns locations that pass to servers in every way, /1/2 to the second server in the third.
func passesTo(addrs []net.Addr) string {
	var text strings.Builder
	for _, module := range []string{"proxy", "grpc", "fastcgi", "uwsgi", "scgi", "memcached"} {
		fmt.Fprintf(&text, "%s_read_timeout 400ms; %[1]s_connect_timeout 400ms;\n", module)
	}
	for i, addr := range addrs {
		for j, pass := range passes {
			if addr != nil && pass != "" {
				fmt.Fprintf(&text, "location = /%d/%d { "+pass+" }\n", i, j, addr)
			}
		}
	}
	return text.String()
}

// askThrough returns the status that nginx answers for a server and a way of speaking; "" where it can't speak so.
func askThrough(front net.Addr, i, j int) string {
	if front == nil || passes[j] == "" {
		return ""
	}
	response, err := http.Get(fmt.Sprintf("http://%s/%d/%d", front, i, j))
	if err != nil {
		return "no HTTP" // which Go's client refuses
	}
	response.Body.Close()
	return strconv.Itoa(response.StatusCode)
}

// askServer asks in one way, once more and with patience where something else comes than is wanted.
func askServer(addr net.Addr, as func(*Target), want string) Outcome {
	var got Outcome
	for _, wait := range []time.Duration{150 * time.Millisecond, 2 * time.Second} {
		target := targetAt(addr)
		as(target)
		o := Defaults()
		o.AnswerTimeout = wait
		if got = newProber(o).target(context.Background(), target).Tries[0].Outcome; fits(got, want) {
			break
		}
	}
	return got
}

// fits reports whether an outcome is one of those of a cell, which are separated by bars.
func fits(o Outcome, cells string) bool { return slices.Contains(strings.Split(cells, "|"), cell(o)) }

// cell is an outcome as one word of the table.
func cell(o Outcome) string {
	text := string(o.Code)
	if o.Status != 0 {
		text += fmt.Sprintf(",%d", o.Status)
	}
	if o.Cause == OtherProtocol {
		text += "=" + strings.ReplaceAll(strings.TrimSuffix(o.Speaks, " protocol"), " ", "_")
	}
	return text
}
