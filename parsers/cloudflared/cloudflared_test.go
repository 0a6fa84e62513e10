package cloudflared_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/cloudflared"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

const config = `# ä tunnel
tunnel: 6ff42ae2 # its id
credentials-file: '/etc/cloudflared/it''s.json'
originRequest: &shared
  connectTimeout: 5s
  noTLSVerify: true
ingress:
  # the shop
  - hostname: "shop.ä.dev" # quoted
    path: '#/api'
    service: https://user:word@app.internal:8443?x#y
    originRequest:
      originServerName: shop.internal
      noTLSVerify: off
      caPool: /etc/ca.pem
      http2Origin: true
      httpHostHeader: shop.test
      keepAliveTimeout: 2m
  - {hostname: a.dev, service: 'http://[fe80::1]:80'}
  - hostname: ssh.dev
    service: ssh://10.0.0.7
  - hostname: sock.dev
    service: unix+tls:/run/app.sock
    originRequest: *shared
  - hostname: own.dev
    service: hello_world
  - service: http_status:404
`

func load(src string) *proxy.Config {
	return cloudflared.Load(syntax.Source{Path: "config.yml", Src: src})
}

func TestModel(t *testing.T) {
	c := load(config)
	if problems := c.Tree.Roots[0].Problems; len(problems) > 0 || len(c.Tree.Problems) > 0 {
		t.Errorf("problems in what is right: %v %v", problems, c.Tree.Problems)
	}
	var got []string
	for _, r := range c.Routes {
		e := r.To.Endpoints[0]
		a := e.Addr
		text := fmt.Sprintf("%s %s|%s|%s|%s %d %s", r.From[0].Names[0].Text(), a.At.Text(), a.HostAt.Text(), a.PortAt.Text(), a.Host, a.Port, a.Socket)
		text += fmt.Sprintf(" %s %s %s connect=%s/%d", r.Hop.Scheme.Text(), r.Hop.Protocol, r.Hop.HTTPVersion.Value, r.Hop.Timeouts.Connect.Value, r.Hop.Timeouts.Connect.Origin)
		if tls := r.Hop.TLS; tls != nil {
			text += fmt.Sprintf(" tls %s/%v verify=%v/%d ca=%s", tls.Name.Value, tls.Name.Dynamic, tls.Verify.Value, tls.Verify.Origin, tls.CA.At.Text())
		}
		got = append(got, text)
	}
	want := []string{
		"shop.ä.dev app.internal:8443|app.internal|8443|app.internal 8443  https HTTP 2 connect=5s/2 tls shop.internal/false verify=true/3 ca=/etc/ca.pem",
		"a.dev [fe80::1]:80|fe80::1|80|fe80::1 80  http HTTP 1.1 connect=5s/2",
		"ssh.dev 10.0.0.7|10.0.0.7||10.0.0.7 -1  ssh TCP 1.1 connect=5s/2",
		"sock.dev unix+tls:/run/app.sock|||" + " -1 /run/app.sock unix+tls HTTP 1.1 connect=5s/3 tls sock.dev/true verify=false/3 ca=",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	first := c.Routes[0]
	if first.Match.Kind != proxy.MatchRegex || first.Match.At.Text() != "#/api" || first.To.Idle.Value != 2*time.Minute || first.Hop.Headers.Set[0].Value != "shop.test" {
		t.Errorf("%+v", first)
	}
}

func TestTree(t *testing.T) {
	f := load(config).Tree.Roots[0]
	var got []string
	for _, s := range f.Stmts {
		got = append(got, fmt.Sprintf("%d %s %q", f.Line(s.Start), s.Name(), s.Arg(1)))
		if s.Block == nil {
			continue
		}
		for _, rule := range s.Block.Stmts {
			got = append(got, fmt.Sprintf("%d-%d %s %q %d words", f.Line(rule.Start), f.Line(rule.End), rule.Name(), rule.Arg(1), len(rule.Words)))
		}
	}
	for _, c := range f.Comments {
		got = append(got, fmt.Sprintf("%d %s %v", f.Line(c.Start), f.Text(c.Span), c.Trailing))
	}
	want := []string{
		`2 tunnel "6ff42ae2"`, `3 credentials-file "/etc/cloudflared/it's.json"`, `4 originRequest "connectTimeout"`, `7 ingress ""`,
		`9-18 hostname "shop.ä.dev" 19 words`, `19-19 hostname "a.dev" 4 words`, `20-21 hostname "ssh.dev" 4 words`,
		`22-24 hostname "sock.dev" 5 words`, `25-26 hostname "own.dev" 4 words`, `27-27 service "http_status:404" 2 words`,
		"1 # ä tunnel false", "2 # its id true", "8 # the shop false", "9 # quoted true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestIs(t *testing.T) {
	const rule = "  - service: http://a:1\n"
	for _, test := range []struct {
		name, src string
		want      bool
	}{
		{"a.yml", "tunnel: x\ningress:\n" + rule, true},
		{"a.yml", "ingress:\n  - hostname: a.dev\n    service: http://a:1\n", true},
		{"a.yml", "ingress:\n" + rule, false},
		{".cloudflared/config.yml", "ingress:\n" + rule, true},
		{"etc/cloudflared/shop.yaml", "ingress:\n" + rule, true},
		{"cloudflared.yml", "ingress:\n  - service: http_status:404\n", true},
		{".cloudflared/config.yml", "ingress:\n  - service: [\n", true},
		{".cloudflared/config.yml", "tunnel: x\nurl: http://localhost:8000\n", false},
		{"a.yml", "tunnel: x\ningress:\n  - service: web\n", false}, // a chart's
		{"values.yaml", "ingress:\n  enabled: true\n  hosts:\n    - a.dev\ntunnel: x\n", false},
		{"values.yaml", "ingress:\n  - hostname: a.dev\n    service: web\n", false},
		{"ingress.yaml", "kind: Ingress\nspec:\n  rules:\n    - host: a.dev\n", false},
		{"policy.yaml", "kind: NetworkPolicy\nspec:\n  ingress:\n    - from: []\n", false},
		{"a.yml", "tunnel: x\ningress: &a [*a]\n", false},
		{"a.yml", "ingress:\n- [\n", false},
	} {
		if got := cloudflared.Is(test.name, test.src); got != test.want {
			t.Errorf("%s: %v, want %v:\n%s", test.name, got, test.want, test.src)
		}
	}
}

// odd are texts that must do no harm.
var odd = []string{
	"", "ingress:", "ingress: []", "ingress:\n  -\n  - a\n  - []\n", "a: &r [{service: http://a:1}]\ningress: *r\n", "- a", "a", "ingress: {a: b}\n",
	"a: &m {ingress: [{service: 'http://a:1'}]}\n<<: *m\n", "ingress:\n  - service: {a: b}\n    hostname: [a]\n    path: {}\n    originRequest: 1\n",
	"ingress:\n  - service: |\n      http://a:1\n", "ingress:\n  - service: \"http://a:\\u0031\"\n", "ingress:\n  - service: http://a:1\n    service: b\n",
	"originRequest: [a]\ningress:\n  - service: unix:\n", "ingress:\r\n  - hostname: a.dev # x\r\n    service: http://a:1\r\n", "\ufeffingress:\n  - service: http://ä:1\n",
}

func FuzzLoad(f *testing.F) {
	f.Add(config)
	for _, src := range odd {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		cloudflared.Is("a.yml", src)
		c := load(src)
		file, end := c.Tree.Roots[0], syntax.Pos(0)
		c.Tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
			for _, w := range s.Words {
				if w.Start < end || w.End < w.Start || int(w.End) > len(src) {
					t.Fatalf("word %v after %d of %q", w, end, src)
				}
				end = w.End
				file.Value(w)
			}
			return true
		})
		for _, p := range file.Problems {
			if p.At.Start < 0 || p.At.End < p.At.Start || int(p.At.End) > len(src) || strings.ContainsAny(p.Msg, "\n\r\x1b") {
				t.Fatalf("problem %+v of %q", p, src)
			}
		}
		for _, r := range c.Routes {
			a := r.To.Endpoints[0].Addr
			if !a.Dynamic && (a.Host != a.HostAt.Text() || a.Port >= 0 && a.PortAt.IsZero()) {
				t.Fatalf("address %+v of %q", a, src)
			}
		}
	})
}

// TestJudge asks cloudflared itself, where it is installed, what it refuses.
func TestJudge(t *testing.T) {
	program, err := exec.LookPath("cloudflared")
	if err != nil {
		t.Skip("cloudflared is not installed")
	}
	var texts []string
	for _, service := range []string{
		"http://a:1", "localhost:8000", "http://a:1/", "http://a:1/x", "http://a:70000", "http://a:b", "http:/a", "'http://'", "http_status:99", "http_status:x",
		"http_status:999", "unix:a", "unix+tls:/a", "HTTP://a", "http://::1:80", "'http://[::1:80'", "'http://[::1]80'", "http://a?x=/y", "http://my host",
		"http://a_b", "'http://a:'", "tcp://a", "hello_world", "hello-world", "bastion", "socks-proxy", "8000", "http://http://a:1", "http://u:p@a",
		"http://a%20b", "http://*:80", "http://a,b:80", "localhost", "127.0.0.1:80", "http:a:80", "ssh://a", "''", "x://a", "://a", "a//b", "'http://[fe80::1%25eth0]:80'",
	} {
		texts = append(texts, "ingress:\n  - hostname: a.dev\n    service: "+service+"\n  - service: http_status:404\n")
	}
	for _, rule := range []string{
		"path: '*.js'", "path: ^/x$",
		"hostname: b.dev", "originRequest: {noTLSVerify: true, noTLSVerify: true}", "originRequest: {connectTimeout: 30}", "originRequest: {connectTimeout: 30sec}", "originRequest: {connectTimeout: 1m30s}",
		"originRequest: {connectTimeout: '30s'}", "originRequest: {noTLSVerify: 'true'}", "originRequest: {noTLSVerify: yes}", "originRequest: {noTLSVerify: 1}",
		"originRequest: {noTLSVerify: }", "originRequest: {keepAliveConnections: a}", "originRequest: {keepAliveConnections: 10}", "orignRequest: {}",
	} {
		texts = append(texts, "ingress:\n  - hostname: b.dev\n    service: http://a:1\n  - service: http://a:1\n    hostname: a.dev\n    "+rule+"\n  - service: http_status:404\n")
	}
	for _, host := range []string{"a.dev:443", "a.*.dev", "'*.a.dev'", "'*a.dev'", "https://a.dev", "a.dev/x", "'*'", "''"} {
		texts = append(texts, "ingress:\n  - hostname: "+host+"\n    service: http://a:1\n  - service: http_status:404\n")
	}
	texts = append(texts, "tunnel: a\ntunnel: b\ningress:\n  - service: http_status:404\n", config, "ingress:\n  - hostname: a.dev\n    service: http://a:1\n", "ingress:\n  - service: http://a:1\n  - service: http://b:1\n", "ingress:\n  - path: x\n    service: http://a:1\n")
	path := filepath.Join(t.TempDir(), "config.yml")
	for _, src := range texts {
		if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		said, err := exec.CommandContext(ctx, program, "tunnel", "--no-autoupdate", "--config", path, "ingress", "validate").CombinedOutput()
		cancel()
		if ours := refused(load(src)); ours != (err != nil) {
			t.Errorf("refused: we say %v, cloudflared %v:\n%s\n%s", ours, err != nil, src, said)
		}
	}
}

func refused(c *proxy.Config) bool {
	isFatal := func(p syntax.Problem) bool { return p.Grade == syntax.Fatal }
	return slices.ContainsFunc(c.Tree.Roots[0].Problems, isFatal) ||
		slices.ContainsFunc(c.Tree.Problems, func(p syntax.FileProblem) bool { return isFatal(p.Problem) })
}
