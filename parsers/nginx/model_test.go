package nginx

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func model(src string) *proxy.Config {
	return Load(syntax.Source{Path: "nginx.conf", Src: src}, Options{})
}

// routes tells where each route leads: what is spoken, the upstream, its endpoints.
func routes(c *proxy.Config) []string {
	var list []string
	for _, r := range c.Routes {
		text := r.Match.Text + " " + r.Hop.Protocol.String()
		if r.Hop.TLS != nil {
			text += " TLS"
		}
		if r.Runtime {
			text += " runtime"
		}
		switch {
		case r.Dynamic:
			text += " → ?"
		case r.To == nil:
			text += " → nothing"
		case r.To.Implicit:
			text += " →"
		default:
			text += " → " + r.To.Name + ":"
		}
		if r.To != nil {
			for _, e := range r.To.Endpoints {
				text += " " + describe(e.Addr)
			}
		}
		list = append(list, text)
	}
	return list
}

// describe renders an address with the line of its host and its port.
func describe(a proxy.Address) string {
	if a.Socket != "" {
		return "unix:" + a.Socket
	}
	text := a.Host
	if !a.HostAt.IsZero() {
		text += fmt.Sprintf("@%d", a.HostAt.Position().Line)
	}
	if !a.PortAt.IsZero() {
		text += fmt.Sprintf(" %d@%d", a.Port, a.PortAt.Position().Line)
	}
	return text
}

func TestRoutes(t *testing.T) {
	tests := []struct {
		name, http string
		want       []string
	}{
		{"group", "upstream app { server 10.0.0.1:80; server unix:/s.sock backup; }\nserver { location / { proxy_pass http://app; } }",
			[]string{"/ HTTP → app: 10.0.0.1@3 80@3 unix:/s.sock"}},
		{"group below its server", "server { location / { proxy_pass http://APP/x; } }\nupstream app { server [::1]:81; }",
			[]string{"/ HTTP → app: ::1@4 81@4"}},
		{"plain host", "server { location = /a { proxy_pass https://h.net:8443/b; } }", []string{"/a HTTP TLS → h.net@3 8443@3"}},
		{"unix socket with a path", "server { location / { proxy_pass http://unix:/run/a.sock:/b; } }", []string{"/ HTTP → unix:/run/a.sock"}},
		{"other modules", "server {\nlocation /f { fastcgi_pass unix:/php.sock; }\nlocation /u { uwsgi_pass suwsgi://u:1; }\nlocation /s { scgi_pass s:2; }\nlocation /g { grpc_pass grpcs://g:3; }\nlocation /m { memcached_pass m:4; }\n}",
			[]string{"/f FastCGI → unix:/php.sock", "/u uwsgi TLS → u@5 1@5", "/s SCGI → s@6 2@6", "/g gRPC TLS → g@7 3@7", "/m memcached → m@8 4@8"}},
		{"if and limit_except", "server { location / { if ($a) { proxy_pass http://h:1; }\nlimit_except GET { proxy_pass http://h:2; } } }",
			[]string{"/ HTTP → h@3 1@3", "/ HTTP → h@4 2@4"}},
		{"set", "server { location / {\nset $p http;\nset $h app;\nset $n 8080;\nproxy_pass $p://$h:$n;\n} }", []string{"/ HTTP runtime → app@5 8080@6"}},
		{"set at the server", "server {\nset $u https://app:1;\nlocation / { proxy_pass $u; } }", []string{"/ HTTP TLS runtime → app@4 1@4"}},
		{"set twice", "server { location / {\nset $h a;\nset $h b;\nif ($x) { set $h c; }\nproxy_pass http://$h;\n} }",
			[]string{"/ HTTP runtime → b@5", "/ HTTP runtime → c@6"}},
		{"set to nothing", "server { location / {\nset $h '';\nproxy_pass http://$h;\n} }", []string{"/ HTTP runtime → ?"}},
		{"set in an if alone", "server { location / {\nif ($x) { set $h c; }\nproxy_pass http://$h;\n} }",
			[]string{"/ HTTP runtime → ?", "/ HTTP runtime → c@4"}},
		{"set through set", "server { location / {\nset $a app;\nset $b $a:81;\nproxy_pass http://$b;\n} }", []string{"/ HTTP runtime → app@4 81@5"}},
		{"set in a circle", "server { location / {\nset $a $b;\nset $b $a;\nproxy_pass http://$b;\n} }", []string{"/ HTTP runtime → ?"}},
		{"request", "server { location / { proxy_pass http://$host:81; } }", []string{"/ HTTP runtime → ?"}},
		{"request path", "server { location / { proxy_pass http://app:81$request_uri; } }", []string{"/ HTTP runtime → app@3 81@3"}},
		{"variable in the path", "server { location / { proxy_pass http://app:81/$1?x=$y; } }", []string{"/ HTTP runtime → app@3 81@3"}},
		{"map", "map $a $b { default app; x 10.0.0.1:81; }\nupstream app { server 10.0.0.2; }\nserver { location / { proxy_pass http://$b; } }",
			[]string{"/ HTTP runtime → app: 10.0.0.2@4", "/ HTTP runtime → 10.0.0.1@3 81@3"}},
		{"map without default", "map $a $b { x y; }\nserver { location / { proxy_pass http://$b; } }", []string{"/ HTTP runtime → y@3", "/ HTTP runtime → ?"}},
		{"split_clients", "split_clients $a $b { 10% x; * y; }\nserver { location / { proxy_pass http://$b; } }", []string{"/ HTTP runtime → x@3", "/ HTTP runtime → y@3"}},
		{"literal elsewhere", "server {\nlocation /a { proxy_pass http://app:80; }\nlocation /b { set $h app; proxy_pass http://$h; }\n}",
			[]string{"/a HTTP → app@4 80@4", "/b HTTP runtime → app@4 80@4"}},
		{"template in quotes", "server { location / { proxy_pass \"http://{{ host }}:80\"; } }", []string{"/ HTTP → ?"}},
		{"regular expression", "server { location ~* \\.php$ { fastcgi_pass 127.0.0.1:9000; } }", []string{`\.php$ FastCGI → 127.0.0.1@3 9000@3`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routes(model(fmt.Sprintf(wrapped, tt.http)))
			if !cmp.Equal(got, tt.want) {
				t.Error(cmp.Diff(tt.want, got))
			}
		})
	}
}

// TestURIPlace checks where the path of a pass stands, which a unix socket sets off by a colon.
func TestURIPlace(t *testing.T) {
	for pass, want := range map[string]string{
		"http://app:81/b":       "/b",
		"http://app/":           "/",
		"http://unix:/a.sock:/": "/",
		"http://unix:/a:/b/c":   "/b/c",
		"http://app":            "",
	} {
		c := model(fmt.Sprintf(wrapped, "server { location / { proxy_pass "+pass+"; } }"))
		uri := c.Routes[0].Hop.URI
		if uri.Value != want || uri.At.Text() != want {
			t.Errorf("%s: path %q at %q, want %q", pass, uri.Value, uri.At.Text(), want)
		}
	}
}

func TestStream(t *testing.T) {
	c := model("events {}\nstream {\nupstream db { server 10.0.0.1:5432; }\nproxy_timeout 1h;\nserver { listen 5432; listen 53 udp; proxy_pass db; proxy_connect_timeout 2s; }\nserver { listen 1; proxy_ssl on; proxy_pass h:2; }\n}\n")
	want := []string{" TCP → db: 10.0.0.1@3 5432@3", " TCP TLS → h@6 2@6"}
	if got := routes(c); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	timeouts := c.Routes[0].Hop.Timeouts
	if timeouts.Read.Value != time.Hour || timeouts.Read.Origin != proxy.Inherited || timeouts.Connect.Value != 2*time.Second || timeouts.Connect.Origin != proxy.Explicit {
		t.Errorf("timeouts %+v", timeouts)
	}
	if len(c.Listeners) != 3 || c.Listeners[1].Protocol != proxy.UDP {
		t.Errorf("%d listeners", len(c.Listeners))
	}
}

// TestSendProxy follows proxy_protocol from stream to its servers.
func TestSendProxy(t *testing.T) {
	c := model(`events {}
stream {
    proxy_protocol on;
    server { listen 1; proxy_pass h:1; }
    server { listen 2; proxy_protocol off; proxy_pass h:2; }
    server { listen 3; proxy_protocol v2; proxy_pass h:3; }
}
http { server { location / { proxy_pass http://h:4; } } }
`)
	type row struct {
		sent bool
		from proxy.Origin
	}
	var got []row
	for _, r := range c.Routes {
		got = append(got, row{r.Hop.SendProxy.Value, r.Hop.SendProxy.Origin})
	}
	want := []row{{true, proxy.Inherited}, {false, proxy.Explicit}, {true, proxy.Explicit}, {false, proxy.Default}}
	if !cmp.Equal(got, want, cmp.AllowUnexported(row{})) {
		t.Error(cmp.Diff(want, got, cmp.AllowUnexported(row{})))
	}
}

// TestInheritance follows settings from http over server to location.
func TestInheritance(t *testing.T) {
	c := model(fmt.Sprintf(wrapped, `proxy_read_timeout 10s; proxy_set_header Host a; proxy_buffers 4 16k;
server {
    proxy_connect_timeout 1s500ms;
    location /a { proxy_pass http://10.0.0.1; }
    location /b { proxy_read_timeout 30; proxy_set_header X b; proxy_next_upstream error http_502; proxy_pass http://10.0.0.1;
        location /b/c { proxy_pass http://10.0.0.1; } }
    location /d { fastcgi_pass 10.0.0.1:9000; }
}`))
	type row struct {
		match                 string
		read, connect, send   time.Duration
		readFrom, connectFrom proxy.Origin
		headers, replaced     string
		headersFrom           proxy.Origin
		next                  string
	}
	var got []row
	for _, r := range c.Routes {
		o := r.Hop.Timeouts
		got = append(got, row{
			r.Match.Text, o.Read.Value, o.Connect.Value, o.Send.Value, o.Read.Origin, o.Connect.Origin,
			headerNames(r.Hop.Headers.Set), headerNames(r.Hop.Headers.Replaced), r.Hop.Headers.Origin, r.Hop.Retry.On.Value,
		})
	}
	s := time.Second
	want := []row{
		{"/a", 10 * s, 1500 * time.Millisecond, 60 * s, proxy.Inherited, proxy.Inherited, "Host", "", proxy.Inherited, "error timeout"},
		{"/b", 30 * s, 1500 * time.Millisecond, 60 * s, proxy.Explicit, proxy.Inherited, "X", "Host", proxy.Explicit, "error http_502"},
		{"/b/c", 30 * s, 1500 * time.Millisecond, 60 * s, proxy.Inherited, proxy.Inherited, "X", "Host", proxy.Inherited, "error http_502"},
		{"/d", 60 * s, 60 * s, 60 * s, proxy.Default, proxy.Default, "", "", proxy.Default, "error timeout"},
	}
	if !cmp.Equal(got, want, cmp.AllowUnexported(row{})) {
		t.Error(cmp.Diff(want, got, cmp.AllowUnexported(row{})))
	}
	if b := c.Routes[0].Hop.Buffers; b.Count.Value != 4 || b.Each.Value != 16<<10 || b.Each.At.Text() != "16k" || b.Size.Origin != proxy.Default {
		t.Errorf("buffers %+v", b)
	}
}

func headerNames(list []proxy.Header) string {
	var names []string
	for _, h := range list {
		names = append(names, h.Name)
	}
	return strings.Join(names, " ")
}

// TestUnknown makes sure that what an absent file or an unseen block may set is not taken for a default.
func TestUnknown(t *testing.T) {
	absent := "server { resolver 10.0.0.9; include absent.conf; location / { proxy_pass http://10.0.0.1; } }"
	for name, tt := range map[string]struct {
		src                string
		timeout, resolving proxy.Origin
	}{
		"whole":             {fmt.Sprintf(wrapped, "server { location / { proxy_pass http://10.0.0.1; } }"), proxy.Default, proxy.Default},
		"absent include":    {fmt.Sprintf(wrapped, absent), proxy.Unknown, proxy.Inherited},
		"absent mime.types": {fmt.Sprintf(wrapped, strings.Replace(absent, "absent.conf", "mime.types", 1)), proxy.Default, proxy.Inherited},
		"server alone":      {"server { location / { proxy_pass http://10.0.0.1; } }", proxy.Unknown, proxy.Unknown},
		"location alone":    {"location / { proxy_read_timeout 5s; proxy_pass http://10.0.0.1; }", proxy.Explicit, proxy.Unknown},
		"directives alone":  {"proxy_pass http://10.0.0.1;\nproxy_set_header Host $host;", proxy.Unknown, proxy.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			c := Load(syntax.Source{Path: filepath.Join(t.TempDir(), "nginx.conf"), Src: tt.src}, Options{})
			if len(c.Routes) != 1 {
				t.Fatalf("%d routes around %v", len(c.Routes), c.Tree.Around)
			}
			r := c.Routes[0]
			if r.Hop.Timeouts.Read.Origin != tt.timeout || r.Resolver.Origin != tt.resolving {
				t.Errorf("timeout %v, resolver %v; want %v, %v", r.Hop.Timeouts.Read.Origin, r.Resolver.Origin, tt.timeout, tt.resolving)
			}
		})
	}
}

func TestAround(t *testing.T) {
	for src, want := range map[string]string{
		"events {} http {}": "",
		"user www;":         "",
		"upstream a { server b; } server { listen 80; }":                  "http",
		"server { listen 1; proxy_pass a; }":                              "stream",
		"listen 80; location / { root /srv; }":                            "http server",
		"proxy_set_header Host $host; proxy_pass http://a;":               "http server location",
		"server 10.0.0.1:80; server 10.0.0.2:80;":                         "http upstream",
		"text/html html; text/css css;":                                   "http map",
		"if ($a) { add_header X y; }":                                     "http server location",
		"map $a $b { default 1; } limit_req_zone $a zone=b:1m rate=1r/s;": "http",
	} {
		if got := strings.Join(model(src).Tree.Around, " "); got != want {
			t.Errorf("around %q: %q, want %q", src, got, want)
		}
	}
}

func TestListeners(t *testing.T) {
	c := model(fmt.Sprintf(wrapped, `server { server_name a b; }
server { listen 443 ssl http2; listen [::]:443 ssl; listen unix:/s; listen 127.0.0.1; listen *:8080 proxy_protocol; http2 on; }`))
	var got []string
	for _, l := range c.Listeners {
		got = append(got, fmt.Sprintf("%s|%s|%d ssl=%v http2=%v proxy=%v names=%d", l.Addr.Host, l.Addr.Socket, l.Addr.Port, l.TLS, l.HTTP2, l.ProxyProtocol, len(l.Names)))
	}
	want := []string{
		"||80 ssl=false http2=false proxy=false names=2",
		"||443 ssl=true http2=true proxy=false names=0",
		"::||443 ssl=true http2=true proxy=false names=0",
		"|/s|-1 ssl=false http2=true proxy=false names=0",
		"127.0.0.1||80 ssl=false http2=true proxy=false names=0",
		"*||8080 ssl=false http2=true proxy=true names=0",
	}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestEndpoints(t *testing.T) {
	c := model(fmt.Sprintf(wrapped, "upstream a { zone z 64k; least_conn; keepalive 32; keepalive_timeout 4s; server 10.0.0.1:80 weight=5 max_conns=10 backup; server b.net resolve down; }"))
	u := c.Upstreams[0]
	if u.Balance.Value != "least_conn" || u.Keepalive.Value != 32 || u.Idle.Value != 4*time.Second || u.Zone.Text() != "z" {
		t.Errorf("upstream %+v", u)
	}
	a, b := u.Endpoints[0], u.Endpoints[1]
	if a.Weight.Value != 5 || a.Weight.At.Text() != "weight=5" || a.MaxConns.Value != 10 || !a.Backup || a.Down {
		t.Errorf("first server %+v", a)
	}
	if b.Weight.Origin != proxy.Default || !b.Resolve || !b.Down || b.Addr.Host != "b.net" || b.Addr.Port != -1 {
		t.Errorf("second server %+v", b)
	}
}

func TestParseTime(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"5": 5 * time.Second, "1m30s": 90 * time.Second, "500ms": 500 * time.Millisecond, "1h 5m": 65 * time.Minute, "1d": 24 * time.Hour,
		"": -1, "5x": -1, "s": -1, "99999999999999999999": -1, "9223372036854775807y": -1, "-1": -1,
	} {
		got, ok := parseTime(s)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("parseTime(%q) = %v, %v", s, got, ok)
		}
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"4096": 4096, "8k": 8192, "1M": 1 << 20, "2g": 2 << 30, "": -1, "k": -1, "9999999999999999999": -1, "9223372036854775807k": -1, "-5": -1} {
		got, ok := parseSize(s)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("parseSize(%q) = %v, %v", s, got, ok)
		}
	}
}

func TestHeaderLimit(t *testing.T) {
	c := model("events {}\nhttp { large_client_header_buffers 4 16k; server { listen 81; }\nserver { listen 82; large_client_header_buffers 4 32k; } }\n")
	for i, want := range []int64{16 << 10, 32 << 10} {
		if got := c.Listeners[i].Header; got.Value != want || !got.Written() {
			t.Errorf("listener %d: %+v", i, got)
		}
	}
}
