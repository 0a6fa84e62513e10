package probe

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func load(t *testing.T, name, text string) []*proxy.Config {
	t.Helper()
	configs, err := parsers.LoadText(name, text, parsers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return configs
}

// describe writes what a target is, one line.
func describe(t *Target) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d%s %s", t.Addr.Host, t.Addr.Port, t.Addr.Socket, t.Protocol)
	if t.HTTP2 {
		b.WriteString(" http2")
	}
	if t.SendProxy > 0 {
		fmt.Fprintf(&b, " proxy=%d", t.SendProxy)
	}
	if s := t.TLS; s != nil {
		fmt.Fprintf(&b, " tls(sni=%q name=%q verify=%v ca=%q cert=%q alpn=%q %x-%x)", s.SNI, s.Name, s.Verify, s.CA, s.Cert, s.ALPN, s.Minimum, s.Maximum)
	}
	if l := t.Lookup; l.How != Literal {
		fmt.Fprintf(&b, " %s%v", howNames[l.How], l.Servers)
		for name, on := range map[string]bool{"srv": l.SRV, "system": l.System, "no4": l.NoIPv4, "no6": l.NoIPv6, "prefer4": l.Prefer == 4} {
			if on {
				b.WriteString(" " + name)
			}
		}
	}
	fmt.Fprintf(&b, " host=%s connect=%s read=%s idle=%s header=%d pool=%s/%d also=%d",
		t.Host, t.Limits.Connect.Value, t.Limits.Read.Value, t.Limits.Idle.Value, t.Limits.Header.Value, t.Pool.Name, t.Pool.Servers, len(t.Also))
	return b.String()
}

func TestPlan(t *testing.T) {
	for _, test := range []struct{ name, file, text, want string }{
		{
			"a group is dialed as each kind of route speaks", "nginx.conf", `
http { upstream app { server 10.0.0.1:8080; server 10.0.0.2 down; server 10.0.0.3 backup; keepalive 8; }
server { listen 80; server_name shop.example;
location / { proxy_pass http://app; }
location /b { proxy_pass http://app/; proxy_read_timeout 5s; }
location /s { proxy_pass https://app; proxy_ssl_server_name on; proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; proxy_ssl_protocols TLSv1.2 TLSv1.3; } } }`,
			`
10.0.0.1:8080 HTTP host=app connect=1m0s read=5s idle=1m0s header=4096 pool=app/2 also=0
10.0.0.3:80 HTTP host=app connect=1m0s read=5s idle=1m0s header=4096 pool=app/2 also=0
10.0.0.1:8080 HTTP tls(sni="app" name="app" verify=true ca="ca.pem" cert="" alpn=[] 303-304) host=app connect=1m0s read=1m0s idle=1m0s header=4096 pool=app/2 also=0
10.0.0.3:80 HTTP tls(sni="app" name="app" verify=true ca="ca.pem" cert="" alpn=[] 303-304) host=app connect=1m0s read=1m0s idle=1m0s header=4096 pool=app/2 also=0`,
		},
		{
			"a pass to an address", "nginx.conf", `
http { server { listen 80; server_name shop.example;
location / { proxy_pass https://10.0.0.1; proxy_set_header Host $host; proxy_ssl_name $host; proxy_ssl_server_name on; }
location /a { proxy_pass http://10.0.0.1:8080/x; }
location /g { grpc_pass grpcs://10.0.0.1:50051; }
location /f { fastcgi_pass unix:/run/php.sock; fastcgi_buffer_size 8k; } } }`,
			`
10.0.0.1:443 HTTP tls(sni="shop.example" name="" verify=false ca="" cert="" alpn=[] 0-0) host=shop.example connect=1m0s read=1m0s idle=0s header=4096 pool=10.0.0.1/1 also=0
10.0.0.1:8080 HTTP host=10.0.0.1:8080 connect=1m0s read=1m0s idle=0s header=4096 pool=10.0.0.1:8080/1 also=0
10.0.0.1:50051 gRPC http2 tls(sni="" name="" verify=false ca="" cert="" alpn=["h2"] 0-0) host=10.0.0.1:50051 connect=1m0s read=1m0s idle=0s header=4096 pool=10.0.0.1:50051/1 also=0
:-1/run/php.sock FastCGI host= connect=1m0s read=1m0s idle=0s header=8192 pool=unix:/run/php.sock/1 also=0`,
		},
		{
			"names are asked for as nginx does", "nginx.conf", `
http { resolver 10.0.0.53 [fd00::53]:5353 ipv6=off; upstream z { zone z 64k; server app resolve; server other; }
server { listen 80; location / { proxy_pass http://z; } location /v { set $b http://late:81; proxy_pass $b; } location /n { proxy_pass http://$arg_x; } } }`,
			`
app:80 HTTP dns[10.0.0.53:53 [fd00::53]:5353] no6 host=z connect=1m0s read=1m0s idle=0s header=4096 pool=z/2 also=0
other:80 HTTP at start[] host=z connect=1m0s read=1m0s idle=0s header=4096 pool=z/2 also=0
late:81 HTTP dns[10.0.0.53:53 [fd00::53]:5353] no6 host=late:81 connect=1m0s read=1m0s idle=0s header=4096 pool=late:81/1 also=0`,
		},
		{
			"streams", "nginx.conf", `
stream { server { listen 53 udp; proxy_pass 10.0.0.1:53; } server { listen 5432; proxy_pass 10.0.0.2:5432; proxy_protocol on; proxy_ssl on; proxy_timeout 1m; } }`,
			`
10.0.0.1:53 UDP host=10.0.0.1:53 connect=1m0s read=10m0s idle=0s header=16384 pool=10.0.0.1:53/1 also=0
10.0.0.2:5432 TCP proxy=1 tls(sni="" name="" verify=false ca="" cert="" alpn=[] 0-0) host=10.0.0.2:5432 connect=1m0s read=1m0s idle=0s header=16384 pool=10.0.0.2:5432/1 also=0`,
		},
		{
			"HAProxy", "haproxy.cfg", `
resolvers dns
    nameserver a 10.0.0.53:53
defaults
    mode http
    timeout connect 2s
    timeout server 30s
frontend web
    bind :80
    http-request set-header Host shop.example
    default_backend app
backend app
    server a app:8080 check resolvers dns resolve-prefer ipv4
    server b 10.0.0.2:443 ssl verify none sni req.hdr(host) alpn h2,http/1.1 ssl-min-ver TLSv1.2
    server c 10.0.0.3 disabled
    server d 10.0.0.4 send-proxy-v2
    server-template e 3 _http._tcp.app resolvers dns
backend unused
    server f name:80 ssl verify required ca-file ca.pem crt client.pem sni str(inner.example)
    server g 127.0.0.1:9000 proto fcgi`,
			`
app:8080 HTTP dns[10.0.0.53:53] prefer4 host=shop.example connect=2s read=30s idle=0s header=16384 pool=app/4 also=0
10.0.0.2:443 HTTP http2 tls(sni="shop.example" name="" verify=false ca="" cert="" alpn=["h2" "http/1.1"] 303-0) host=shop.example connect=2s read=30s idle=0s header=16384 pool=app/4 also=0
10.0.0.4:80 HTTP proxy=2 host=shop.example connect=2s read=30s idle=0s header=16384 pool=app/4 also=0
_http._tcp.app:80 HTTP dns[10.0.0.53:53] srv host=shop.example connect=2s read=30s idle=0s header=16384 pool=app/4 also=0
name:80 HTTP tls(sni="inner.example" name="inner.example" verify=true ca="ca.pem" cert="client.pem" alpn=[] 0-0) libc[] host=name connect=2s read=30s idle=0s header=0 pool=unused/2 also=0
127.0.0.1:9000 FastCGI host=127.0.0.1 connect=2s read=30s idle=0s header=0 pool=unused/2 also=0`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got strings.Builder
			for _, target := range Plan(load(t, test.file, strings.TrimPrefix(test.text, "\n")), &inventory.Facts{}) {
				got.WriteString("\n" + describe(target))
			}
			if diff := cmp.Diff(test.want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPlanCertificates looks for files where the proxy does.
func TestPlanCertificates(t *testing.T) {
	const nginx = `http { server { listen 80; location / { proxy_pass https://10.0.0.1;
proxy_ssl_trusted_certificate ca.pem; proxy_ssl_certificate /tls/app.pem; proxy_ssl_certificate_key keys/app.pem; } } }`
	const haproxy = `
defaults
    mode http
backend app
    server a 10.0.0.1:443 ssl verify required ca-file CA crt app.pem`
	for _, test := range []struct{ file, text, want string }{
		{"/etc/nginx/nginx.conf", nginx, "/etc/nginx/ca.pem /tls/app.pem /etc/nginx/keys/app.pem"},
		{"nginx.conf", nginx, "ca.pem /tls/app.pem keys/app.pem"},
		{"haproxy.cfg", "global" + strings.Replace(haproxy, "CA", "ca.pem", 1), "ca.pem app.pem app.pem"},
		{"haproxy.cfg", "global\n    ca-base /tls/ca\n    crt-base /tls/own" + strings.Replace(haproxy, "CA", "ca.pem", 1), "/tls/ca/ca.pem /tls/own/app.pem /tls/own/app.pem"},
		{"haproxy.cfg", "global\n    ca-base /tls/ca" + strings.Replace(haproxy, "CA", "@system-ca", 1), "@system-ca app.pem app.pem"},
	} {
		s := Plan(load(t, test.file, test.text), nil)[0].TLS
		if got := s.CA + " " + s.Cert + " " + s.Key; got != test.want {
			t.Errorf("%s: got %s, want %s", test.file, got, test.want)
		}
	}
}

// TestPlanOldTLS offers no TLS 1.3 where nginx does not.
func TestPlanOldTLS(t *testing.T) {
	for version, want := range map[proxy.Version]uint16{{}: 0, {1, 22, 1}: tls.VersionTLS12, {1, 23, 4}: 0} {
		configs := load(t, "nginx.conf", "http { server { listen 80; location / { proxy_pass https://10.0.0.1; } } }")
		configs[0].Version = version
		if s := Plan(configs, nil)[0].TLS; s.Maximum != want {
			t.Errorf("%s: TLS up to %x", version, s.Maximum)
		}
	}
}

// places writes where all of a target stands.
func places(t *Target) string {
	var b strings.Builder
	refs := append([]syntax.Ref{t.Addr.At, t.Addr.HostAt, t.Addr.PortAt, t.Pool.At, t.Lookup.At, t.Limits.Read.At, t.Limits.Header.At}, t.Also...)
	if t.TLS != nil {
		refs = append(refs, t.TLS.At, t.TLS.NameAt)
	}
	for _, r := range refs {
		if !r.IsZero() {
			p := r.Position()
			fmt.Fprintf(&b, " %s:%d:%d %s", r.File.Path, p.Line, p.Byte, r.Text())
		}
	}
	return b.String()
}

func TestPlanFile(t *testing.T) {
	configs := append(load(t, "conf/nginx.conf", `http {
	upstream app { server 10.0.0.1:8080; server app:81; } # ä secret
	server { listen 80; location / { proxy_pass https://app; proxy_ssl_name x.example; proxy_read_timeout 7s; } location /b { proxy_pass http://10.0.0.1:8080; } } }`),
		load(t, "haproxy.cfg", "backend a\n    server s 10.0.0.9:80 check\n    timeout server 3s\n    server t unix@/run/x.sock\n")...)
	targets := Plan(configs, nil)
	var file bytes.Buffer
	if err := WritePlan(&file, targets); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "secret") {
		t.Error("the plan holds more of the file than what is dialed")
	}
	again, err := ReadPlan(&file)
	if err != nil {
		t.Fatal(err)
	}
	if len(again) != len(targets) || len(again) != 5 {
		t.Fatalf("%d targets became %d", len(targets), len(again))
	}
	for i, target := range targets {
		if diff := cmp.Diff(describe(target), describe(again[i])); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(places(target), places(again[i])); diff != "" {
			t.Error(diff)
		}
	}
}

func TestReadPlanRefuses(t *testing.T) {
	target := `{"version": 1, "targets": [{"proxy": "nginx", "configuration": "n", "at": {"file": "n", "line": 1, "column": 1, "text": "a:1"}, "host": "a", "port": 1, "protocol": "HTTP"}]}`
	if _, err := ReadPlan(strings.NewReader(target)); err != nil {
		t.Fatal("the plan that the others are made from:", err)
	}
	for old, new := range map[string]string{
		`"version": 1`:  `"version": 2`,
		`"nginx"`:       `"apache"`,
		`"HTTP"`:        `"gopher"`,
		`"port": 1`:     `"port": 70000`,
		`"line": 1`:     `"line": 99999999`,
		`"column": 1`:   `"column": -4`,
		`"text": "a:1"`: `"text": "a\nb"`,
		`"host": "a"`:   `"host": ""`,
		`"targets": [`:  `"targets": [[`,
	} {
		text := strings.Replace(target, old, new, 1)
		if text == target {
			t.Fatalf("%s is not in the plan", old)
		}
		if _, err := ReadPlan(strings.NewReader(text)); err == nil {
			t.Errorf("%s was taken", new)
		}
	}
}

func TestPlanWorkers(t *testing.T) {
	tests := map[string]struct {
		text string
		want workers
	}{
		"nginx.conf": {"user www-data web;\nevents {}\nhttp { server { location / { proxy_pass http://10.0.0.1; } } }\n", workers{"www-data", "web", ""}},
		"haproxy.cfg": {"global\n    user haproxy\n    group web\n    chroot /var/lib/haproxy\n" +
			"backend b\n    server s abns@app\n", workers{"haproxy", "web", "/var/lib/haproxy"}},
	}
	for name, tt := range tests {
		var plan bytes.Buffer
		if err := WritePlan(&plan, Plan(load(t, name, tt.text), &inventory.Facts{})); err != nil {
			t.Fatal(err)
		}
		targets, err := ReadPlan(&plan)
		if err != nil || len(targets) != 1 {
			t.Fatal(targets, err)
		}
		if got := (workers{targets[0].User, targets[0].Group, targets[0].Chroot}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
		if socket := targets[0].Addr.Socket; name == "haproxy.cfg" && socket != "abns@app" {
			t.Errorf("%q, want the family with the name", socket)
		}
	}
}
