package rules

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestTLSUpstreamsBeforeTheJudge puts one real proxy behind another: what proxylint says of the one in the back is what the
// one in front makes of it.
func TestTLSUpstreamsBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	skipWithout(t, syntax.HAProxy)
	dir := t.TempDir()
	ca, key := newCertificate(t, "an authority", time.Now().Add(time.Hour), nil, nil)
	files := strings.NewReplacer("CA", filepath.Join(dir, "ca.pem"), "PEM", filepath.Join(dir, "app.pem"))
	writeFile(t, filepath.Join(dir, "ca.pem"), certificatePEM(ca.Raw))
	writePair(t, filepath.Join(dir, "app.pem"), pair(t, "app.test", time.Now().Add(time.Hour), ca, key))
	const secured = "ssl_certificate PEM; ssl_certificate_key PEM; return 200;"
	back := map[string]string{
		"named":   startBehind(t, syntax.Nginx, files, "listen 8080 ssl default_server; ssl_reject_handshake on; return 200; } server { listen 8080 ssl; server_name app.test; "+secured),
		"plain":   startBehind(t, syntax.Nginx, files, "listen 8080 ssl; "+secured),
		"http2":   startBehind(t, syntax.Nginx, files, "listen 8080 ssl http2; "+secured),
		"old":     startBehind(t, syntax.Nginx, files, "listen 8080 ssl; ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0; "+secured),
		"new":     startBehind(t, syntax.Nginx, files, "listen 8080 ssl; ssl_protocols TLSv1.3; "+secured),
		"client":  startBehind(t, syntax.Nginx, files, "listen 8080 ssl; ssl_verify_client on; ssl_client_certificate CA; "+secured),
		"proxied": startBehind(t, syntax.Nginx, files, "listen 8080 ssl proxy_protocol; "+secured),
		"haproxy": startBehind(t, syntax.HAProxy, files, "ssl crt PEM"),
		"client2": startBehind(t, syntax.HAProxy, files, "ssl crt PEM ca-file CA verify required ssl-max-ver TLSv1.2"),
		"client3": startBehind(t, syntax.HAProxy, files, "ssl crt PEM ca-file CA verify required ssl-min-ver TLSv1.3"),
	}
	byDefault := "L7OK ok 200|"
	if installedVersion(t, syntax.Nginx).Before(proxy.Version{1, 23, 4}) {
		byDefault = "L6RSP tls-failed alert: protocol version not supported|"
	}
	for _, test := range []struct {
		name, back     string
		nginx, haproxy string // options of the pass, and of the server line
		want           string // of the outcome; what differs with HAProxy in front comes after a bar
	}{
		{"no server name", "named", "proxy_set_header Host app.test;", "ssl verify none", "L6RSP tls-failed alert: unrecognized name; with the server name app.test it agrees|L6RSP tls-failed alert: unrecognized name"},
		{"the server name", "named", "proxy_ssl_server_name on; proxy_ssl_name app.test;", "ssl verify none sni str(app.test)", "L7OK ok 200"},
		{"verified", "plain", "proxy_ssl_verify on; proxy_ssl_trusted_certificate CA; proxy_ssl_name app.test;", "ssl verify required ca-file CA verifyhost app.test", "L7OK ok 200"},
		{"another name", "plain", "proxy_ssl_verify on; proxy_ssl_trusted_certificate CA; proxy_ssl_name app;", "ssl verify required ca-file CA verifyhost app", "L6RSP tls-name"},
		{"an old version", "old", "proxy_ssl_protocols TLSv1.2 TLSv1.3;", "ssl verify none", "L6RSP tls-failed alert: protocol version not supported; it speaks nothing newer than TLS 1.1"},
		{"TLS 1.3", "new", "proxy_ssl_protocols TLSv1.3;", "ssl verify none", "L7OK ok 200"},
		{"TLS 1.3, of which nginx is not told", "new", "", "", byDefault},
		{"no client certificate for nginx", "client", "", "ssl verify none", "L7STS tls-client-needed 400"},
		{"a client certificate for nginx", "client", "proxy_ssl_certificate PEM; proxy_ssl_certificate_key PEM;", "ssl verify none crt PEM", "L7OK ok 200"},
		{"no client certificate for HAProxy, TLS 1.2", "client2", "", "ssl verify none", "L6RSP tls-client-needed alert: handshake failure"},
		{"no client certificate for HAProxy, TLS 1.3", "client3", "proxy_ssl_protocols TLSv1.3;", "", "L7RSP tls-client-needed alert: certificate required|"},
		{"a client certificate for HAProxy", "client3", "proxy_ssl_protocols TLSv1.3; proxy_ssl_certificate PEM; proxy_ssl_certificate_key PEM;", "ssl verify none crt PEM", "L7OK ok 200"},
		{"HTTP/2 offered and agreed", "http2", "", "ssl verify none alpn h2,http/1.1", "L7OK ok 200"},
		{"HTTP/2 offered in vain", "plain", "", "ssl verify none alpn h2,http/1.1", "L7OK ok 200"},
		{"PROXY header, version 1", "proxied", "", "ssl verify none send-proxy", "|L7OK ok 200"},
		{"PROXY header, version 2", "proxied", "", "ssl verify none send-proxy-v2", "|L7OK ok 200"},
		{"HTTP/2 alone offered in vain", "plain", "", "ssl verify none alpn h2", "|L6RSP tls-failed alert: no application protocol"},
	} {
		for dialect, text := range map[syntax.Dialect]string{
			syntax.Nginx:   fmt.Sprintf("events {}\nhttp { server { listen 8080; location / { %s proxy_pass https://%s; } } }\n", test.nginx, back[test.back]),
			syntax.HAProxy: behindHAProxy(back[test.back] + " " + test.haproxy),
		} {
			want, other, differs := strings.Cut(test.want, "|")
			if dialect == syntax.HAProxy && differs {
				want = other
			}
			if want == "" {
				continue
			}
			t.Run(test.name+"/"+dialect.String(), func(t *testing.T) {
				t.Parallel()
				matchOutcome(t, dialect, files.Replace(text), want)
			})
		}
	}
	for to, want := range map[string]string{
		"http2": "L7OK ok 200", "plain": "L6RSP tls-failed alert: no application protocol",
		"client": "L6RSP tls-failed alert: no application protocol", "named": "L6RSP tls-failed alert: unrecognized name",
	} {
		t.Run("gRPC/"+to, func(t *testing.T) {
			t.Parallel()
			text := fmt.Sprintf("events {}\nhttp { server { listen 8080; location / { grpc_pass grpcs://%s; } } }\n", back[to])
			matchOutcome(t, syntax.Nginx, text, want)
		})
	}
	t.Run("plain HTTP to HAProxy's TLS", func(t *testing.T) {
		for dialect, text := range map[syntax.Dialect]string{
			syntax.Nginx:   fmt.Sprintf("events {}\nhttp { server { listen 8080; location / { proxy_pass http://%s; } } }\n", back["haproxy"]),
			syntax.HAProxy: behindHAProxy(back["haproxy"]),
		} {
			matchOutcome(t, dialect, text, "L7RSP other-protocol TLS connection closed")
		}
	})
}

// TestNamesBeforeTheJudge verifies certificates with names of all kinds.
func TestNamesBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	skipWithout(t, syntax.HAProxy)
	ca, key := newCertificate(t, "an authority", time.Now().Add(time.Hour), nil, nil)
	file := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, file, certificatePEM(ca.Raw))
	for _, test := range []struct {
		name, common, others string // the name that is wanted, and those of the certificate
		nginx, haproxy       bool   // whether it is good enough
	}{
		{"app.test", "x", "APP.test", true, true},
		{"app.test.", "x", "app.test", false, false},
		{"app.test", "x", "*.test", false, true},
		{"a.app.test", "x", "*.app.test", true, true},
		{"abc.app.test", "x", "a*.app.test", true, true},
		{"a.app.test", "x", "a.*.test", false, false},
		{"app.test", "app.test", "", true, true},
		{"app.test", "app.test", "127.0.0.1", true, true},
		{"app.test", "app.test", "other.test", false, true},
		{"127.0.0.1", "x", "127.0.0.1", false, false},
		{"127.0.0.1", "127.0.0.1", "", true, true},
	} {
		t.Run(test.name+" for "+test.common+" and "+test.others, func(t *testing.T) {
			t.Parallel()
			addr := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{namedPair(t, test.common, test.others, ca, key)}})
			for dialect, isGood := range map[syntax.Dialect]bool{syntax.Nginx: test.nginx, syntax.HAProxy: test.haproxy} {
				text := behindHAProxy(fmt.Sprintf("%s ssl verify required ca-file %s verifyhost %s", addr, file, test.name))
				if dialect == syntax.Nginx {
					text = fmt.Sprintf("events {}\nhttp { server { listen 8080; location / { proxy_ssl_verify on; proxy_ssl_trusted_certificate %s; proxy_ssl_name %s; proxy_pass https://%s; } } }\n", file, test.name, addr)
				}
				want := "L6RSP tls-name"
				if isGood {
					want = "L7OK ok 200"
				}
				matchOutcome(t, dialect, text, want)
			}
		})
	}
}

// namedPair makes a certificate with a common name and another one, a name or an address; "" for none.
func namedPair(t *testing.T, common, other string, by *x509.Certificate, byKey *ecdsa.PrivateKey) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: common},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if ip := net.ParseIP(other); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else if other != "" {
		template.DNSNames = []string{other}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, byKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// matchOutcome dials the only upstream of a configuration, and compares the status that a client is said to see with the one
// that it gets.
func matchOutcome(t *testing.T, dialect syntax.Dialect, text, want string) {
	t.Helper()
	r := dialUpstream(t, dialect, text)
	try := r.Tries[0]
	said := []string{string(try.Code), try.Cause.String()}
	if try.Status != 0 {
		said = append(said, strconv.Itoa(try.Status))
	}
	for _, text := range []string{try.Speaks, try.Detail} {
		if text != "" {
			said = append(said, text)
		}
	}
	if got := strings.Join(said, " "); got != want {
		t.Errorf("%s: got %q, want %q", dialect, got, want)
	}
	predicted := try.ClientSees(r.Target)
	if predicted == "" {
		predicted = "200"
	}
	p := startProxy(t, dialect, text)
	if status, _ := p.get(t); strconv.Itoa(status) != predicted {
		t.Errorf("the client of %s gets %d, predicted was %s: %s", dialect, status, predicted, p.log())
	}
}

// dialUpstream returns what a run finds of the only upstream of a configuration.
func dialUpstream(t *testing.T, dialect syntax.Dialect, text string) *probe.Result {
	t.Helper()
	path := filepath.Join(t.TempDir(), proxyFile(dialect))
	writeFile(t, path, text)
	configs := load(t, path)
	configs[0].Version = installedVersion(t, dialect)
	o := probe.Defaults()
	o.AnswerTimeout, o.Measure = 2*time.Second, false
	results := probe.Run(context.Background(), probe.Plan(configs, nil), o)
	if len(results.List) != 1 || len(results.List[0].Tries) != 1 {
		t.Fatalf("%d targets", len(results.List))
	}
	return results.List[0]
}

// installedVersion asks nginx for its version. HAProxy's is of no account here.
func installedVersion(t *testing.T, dialect syntax.Dialect) proxy.Version {
	if dialect != syntax.Nginx {
		return proxy.Version{}
	}
	said, err := exec.Command("nginx", "-v").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(said), "nginx/")
	text, _, _ = strings.Cut(strings.TrimSpace(text), " ")
	version, err := proxy.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// startBehind starts a proxy that answers every request itself, and returns where. options are those of its server block, or
// of its bind line.
func startBehind(t *testing.T, dialect syntax.Dialect, files *strings.Replacer, options string) (addr string) {
	text := "events {}\nhttp { server { " + options + " } }\n"
	if dialect == syntax.HAProxy {
		text = "defaults\n    mode http\n    timeout client 5s\n    timeout connect 1s\n    timeout server 1s\n\nfrontend www\n" +
			"    bind :8080 " + options + "\n    http-request return status 200\n"
	}
	p := startProxy(t, dialect, files.Replace(text))
	return strings.Trim(strings.TrimPrefix(p.url, "http:"), "/")
}

// behindHAProxy is a configuration of HAProxy with one server.
func behindHAProxy(server string) string {
	return fmt.Sprintf(`global
    ssl-server-verify none
defaults
    mode http
    retries 0
    timeout connect 1s
    timeout client 5s
    timeout server 2s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 %s
`, server)
}

// TestHeaderSizesBeforeTheJudge sends headers that just fit into the proxies' buffers, and ones that are a byte longer.
func TestHeaderSizesBeforeTheJudge(t *testing.T) {
	const nginx = "events {}\nhttp { server { listen 8080; location / { %sproxy_pass http://%s; } } }\n"
	for _, test := range []struct {
		name    string
		dialect syntax.Dialect
		options string
		fits    int // bytes
	}{
		{"nginx, 4k", syntax.Nginx, "proxy_buffer_size 4k; ", 4096},
		{"nginx, 8k", syntax.Nginx, "proxy_buffer_size 8k; proxy_buffers 8 8k; ", 8192},
		{"nginx, unbuffered", syntax.Nginx, "proxy_buffer_size 4k; proxy_buffering off; ", 4096},
		{"nginx, HTTP/1.1", syntax.Nginx, "proxy_buffer_size 4k; proxy_http_version 1.1; ", 4096},
		{"HAProxy", syntax.HAProxy, "", 15273},
	} {
		for _, size := range []int{test.fits, test.fits + 1} {
			t.Run(fmt.Sprintf("%s/%d", test.name, size), func(t *testing.T) {
				skipWithout(t, test.dialect)
				t.Parallel()
				addr := backendOf(t, headerOf(size))
				text := fmt.Sprintf(nginx, test.options, addr)
				if test.dialect == syntax.HAProxy {
					text = behindHAProxy(addr)
				}
				if try := dialUpstream(t, test.dialect, text).Tries[0]; try.Header != size {
					t.Errorf("counted %d bytes", try.Header)
				}
				p := startProxy(t, test.dialect, text)
				if status, _ := p.get(t); (status == 200) != (size <= test.fits) {
					t.Errorf("the client gets %d: %s", status, p.log())
				}
			})
		}
	}
}

// headerOf is the header of a response, of so many bytes, that no body follows: with a buffer that is full to the last byte,
// nginx 1.22 loses the body.
func headerOf(size int) string {
	const begin, end = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Long: ", "\r\n\r\n"
	return begin + strings.Repeat("x", size-len(begin)-len(end)) + end
}

// TestIdleBeforeTheJudge measures how long real servers keep idle connections.
func TestIdleBeforeTheJudge(t *testing.T) {
	for _, test := range []struct {
		name     string
		dialect  syntax.Dialect
		options  string
		min, max time.Duration
		said     bool
	}{
		{"nginx closes", syntax.Nginx, "listen 8080; keepalive_timeout 1s; return 200;", 900 * time.Millisecond, 1500 * time.Millisecond, false},
		{"nginx says it", syntax.Nginx, "listen 8080; keepalive_timeout 60s 7s; return 200;", 7 * time.Second, 7 * time.Second, true},
		{"nginx keeps none", syntax.Nginx, "listen 8080; keepalive_timeout 0; location / { return 200; }", 0, 0, false},
		{"nginx keeps it longer", syntax.Nginx, "listen 8080; return 200;", 0, 0, false},
		{"HAProxy closes", syntax.HAProxy, "\n    timeout http-keep-alive 500ms", 400 * time.Millisecond, time.Second, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			skipWithout(t, test.dialect)
			t.Parallel()
			addr := startBehind(t, test.dialect, strings.NewReplacer(), test.options)
			path := filepath.Join(t.TempDir(), "nginx.conf")
			writeFile(t, path, fmt.Sprintf("events {}\nhttp { upstream app { server %s; keepalive 4; } server { location / { proxy_pass http://app; } } }\n", addr))
			o := probe.Defaults()
			o.IdleBudget = 2 * time.Second
			try := probe.Run(context.Background(), probe.Plan(load(t, path), nil), o).List[0].Tries[0]
			if !try.OK() || try.Idle < test.min || try.Idle > test.max || try.IdleSaid != test.said {
				t.Errorf("%s, idle for %s, said: %v", try.Cause, try.Idle, try.IdleSaid)
			}
			if try.First <= 0 || try.FirstMid <= 0 || try.FirstMid > try.First || try.Header == 0 {
				t.Errorf("the first byte took %s, the median %s, the header has %d bytes", try.First, try.FirstMid, try.Header)
			}
		})
	}
}

func certificatePEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// writePair writes a certificate and its key into one file, as HAProxy wants them.
func writePair(t *testing.T, path string, pair tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, certificatePEM(pair.Certificate[0])+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}
