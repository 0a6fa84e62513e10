package haproxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func load(texts ...string) *proxy.Config {
	var sources []syntax.Source
	for i, text := range texts {
		sources = append(sources, syntax.Source{Path: fmt.Sprintf("%d.cfg", i), Src: text})
	}
	return Load(sources, proxy.Version{})
}

// show prints a setting: its value, its origin, and what stands at its place.
func show[T any](s proxy.Setting[T]) string {
	origin := [...]string{"unknown", "default", "inherited", "explicit"}[s.Origin]
	value := fmt.Sprint(s.Value)
	if s.Dynamic {
		value = "?"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", value, origin, s.At.Text()))
}

func TestTimeouts(t *testing.T) {
	const backend = "backend b\n server s 10.0.0.1:80\n"
	tests := []struct {
		name  string
		texts []string
		want  string // timeout server of backend b
	}{
		{"fragment", []string{backend}, "0s unknown"},
		{"global alone", []string{"global\n daemon\n" + backend}, "0s default"},
		{"absent", []string{"defaults\n" + backend}, "0s default"},
		{"explicit", []string{"defaults\n timeout server 1m\n" + backend + " timeout server 5s\n"}, "5s explicit 5s"},
		{"inherited", []string{"defaults\n timeout server 1m\n" + backend}, "1m0s inherited 1m"},
		{"milliseconds", []string{"defaults\n timeout server 5000\n" + backend}, "5s inherited 5000"},
		{"the last defaults applies", []string{"defaults\n timeout server 1s\ndefaults\n" + backend}, "0s default"},
		{"a later defaults does not", []string{backend + "defaults\n timeout server 1s\n"}, "0s unknown"},
		{"a named one applies too", []string{"defaults d\n timeout server 1s\n" + backend}, "1s inherited 1s"},
		{"from", []string{"defaults d\n timeout server 1s\ndefaults\nbackend b from d\n"}, "1s inherited 1s"},
		{"defaults from", []string{"defaults d\n timeout server 1s\ndefaults e from d\n" + backend}, "1s inherited 1s"},
		{"defaults from, overwritten", []string{"defaults d\n timeout server 1s\ndefaults e from d\n timeout server 2s\n" + backend}, "2s inherited 2s"},
		{"from nothing", []string{"defaults\n timeout server 1s\nbackend b from x\n"}, "0s unknown"},
		{"over files", []string{"defaults\n timeout server 1s\n", backend}, "1s inherited 1s"},
		{"old spelling", []string{"defaults\n srvtimeout 1s\n" + backend}, "1s inherited 1s"},
		{"not read", []string{"defaults\n.if 0\n timeout server 1s\n.endif\n" + backend}, "0s default"},
		{"read perhaps", []string{"defaults\n.if defined(X)\n timeout server 1s\n.endif\n" + backend}, "1s inherited 1s"},
		{"unset variable", []string{"defaults\n timeout server \"$X\"\n" + backend}, "? inherited \"$X\""},
		{"variable with a fallback", []string{"defaults\n timeout server \"${X-3s}\"\n" + backend}, `3s inherited "${X-3s}"`},
		{"variable set", []string{"global\n setenv X 4s\ndefaults\n timeout server \"$X\"\n" + backend}, `4s inherited "$X"`},
		{"a blank before the unit", []string{"defaults\n timeout server 5 s\n" + backend}, "? inherited 5"},
		{"open quote", []string{"defaults\n timeout server \"5s\n" + backend}, `? inherited "5s`},
		{"listen", []string{"defaults\n timeout server 1s\nlisten b\n bind :80\n server s :81\n"}, "1s inherited 1s"},
		{"mistyped header", []string{"defaults\n timeout server 1s\n\nbackendd b\n server s :81\n"}, "1s inherited 1s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := load(tt.texts...)
			if len(c.Upstreams) != 1 || c.Upstreams[0].Name != "b" {
				t.Fatalf("%d upstreams, want b alone", len(c.Upstreams))
			}
			if got := show(c.Upstreams[0].Timeouts.Read); got != tt.want {
				t.Errorf("timeout server is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestServerAddresses(t *testing.T) {
	tests := []struct{ word, want string }{ // host|at, socket, port|at
		{"10.0.0.1:80", "10.0.0.1|10.0.0.1  80|80"},
		{"app", "app|app  -1|"},
		{"::1:80", "::1|::1  80|80"},
		{"[::1]:80", "::1|::1  80|80"},
		{"[::1]", "::1|::1  -1|"},
		{"ipv4@app:80", "app|app  80|80"},
		{":80", "|  80|80"},
		{"*:80", "*|*  80|80"},
		{"app:+10", "app|app  -1|+10"},
		{"app:http", "app|app  -1|http"},
		{"app:80-90", "app|app  -1|80-90"},
		{"app:99999", "app|app  99999|99999"},
		{"app:", "app|app  -1|"},
		{"/run/app.sock", "| /run/app.sock -1|"},
		{"unix@/run/app.sock", "| /run/app.sock -1|"},
		{"fd@3", "| fd@3 -1|"},
		{`"app:80"`, "app|app  80|80"},
		{`app":80"`, `app|app":80"  80|app":80"`},
		{"$APP:80", "dynamic"},
		{`"${APP-app}:80"`, `app|"${APP-app}:80"  80|"${APP-app}:80"`},
		{"{{app}}:80", "dynamic"},
		{"10.0.0.1,10.0.0.2", "10.0.0.1,10.0.0.2|10.0.0.1,10.0.0.2  -1|"},
	}
	for _, tt := range tests {
		t.Run(tt.word, func(t *testing.T) {
			c := load("backend b\n server s " + tt.word + "\n")
			a := c.Upstreams[0].Endpoints[0].Addr
			got := fmt.Sprintf("%s|%s %s %d|%s", a.Host, a.HostAt.Text(), a.Socket, a.Port, a.PortAt.Text())
			if a.Dynamic {
				got = "dynamic"
			}
			if got != tt.want {
				t.Errorf("address %q, want %q", got, tt.want)
			}
			if a.At.Text() != strings.Trim(tt.word, `"`) && !strings.Contains(tt.word, `"`) {
				t.Errorf("address stands at %q", a.At.Text())
			}
		})
	}
}

func TestListeners(t *testing.T) {
	c := load(`frontend f
 mode http
 bind :80,[::]:443 ssl crt x.pem alpn h2,http/1.1
 bind 10.0.0.1:8000-8010 accept-proxy
 bind unix@/run/f.sock
 bind
`)
	var got []string
	for _, l := range c.Listeners {
		got = append(got, fmt.Sprintf("%s %q %d tls=%v h2=%v proxy=%v %s", l.Addr.At.Text(), l.Addr.Host+l.Addr.Socket, l.Addr.Port, l.TLS, l.HTTP2, l.ProxyProtocol, l.Protocol))
	}
	want := []string{
		`:80 "" 80 tls=true h2=true proxy=false HTTP`,
		`[::]:443 "::" 443 tls=true h2=true proxy=false HTTP`,
		`10.0.0.1:8000-8010 "10.0.0.1" -1 tls=false h2=false proxy=true HTTP`,
		`unix@/run/f.sock "/run/f.sock" -1 tls=false h2=false proxy=false HTTP`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("listeners\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRoutes(t *testing.T) {
	c := load(`defaults
 mode http
 default_backend d
 timeout server 5s
frontend f
 bind :80
 bind :81
 http-request set-header X-A 1
 http-request set-header X-B 1 if { path / }
 use_backend a if { path /a }
 use_backend "%[req.hdr(host)]"
 use_backend "$X"
 use_backend gone unless x
.if 0
 use_backend never
.endif
frontend g
 default_backend l
backend a
 http-request set-header Host app
 retries 1
backend d
listen l
 bind :82
 server s :1
 default_backend a
listen stats
 bind :83
listen own
 bind :84
 server s :1
`)
	var got []string
	for _, r := range c.Routes {
		to := "-"
		if r.To != nil {
			to = r.To.Name
		}
		var headers []string
		for _, h := range r.Hop.Headers.Set {
			headers = append(headers, h.Name)
		}
		got = append(got, fmt.Sprintf("%s: %s -> %s %q listeners=%d dynamic=%v %v %d",
			r.Section.Arg(1), r.At.Text(), to, r.Match.At.Text(), len(r.From), r.Dynamic, headers, r.Hop.Retry.Tries.Value))
	}
	want := []string{
		`f: a -> a "if { path /a }" listeners=2 dynamic=false [X-A Host] 1`,
		`f: "%[req.hdr(host)]" -> - "" listeners=2 dynamic=true [X-A] 0`,
		`f: "$X" -> - "" listeners=2 dynamic=true [X-A] 0`,
		`f: gone -> - "unless x" listeners=2 dynamic=false [X-A] 0`,
		`f: d -> d "" listeners=2 dynamic=false [X-A] 3`,
		`g: l -> l "" listeners=0 dynamic=false [] 3`,
		`l: a -> a "" listeners=1 dynamic=false [Host] 1`,
		`stats: d -> d "" listeners=1 dynamic=false [] 3`,
		`own: d -> d "" listeners=1 dynamic=false [] 3`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("routes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, r := range c.Routes {
		if r.Hop.Timeouts == nil || r.Hop.Buffers == nil || r.Hop.Retry == nil {
			t.Errorf("the hop to %s lacks a part", r.Name)
		}
	}
}

func TestListenLeadsToItself(t *testing.T) {
	c := load("listen l\n bind :80\n server s 10.0.0.1:81\n")
	if len(c.Routes) != 1 || len(c.Upstreams) != 1 || c.Routes[0].To != c.Upstreams[0] || c.Routes[0].Name != "l" {
		t.Fatalf("routes %+v, upstreams %+v", c.Routes, c.Upstreams)
	}
}

func TestEndpoints(t *testing.T) {
	c := load(`global
 ssl-server-verify none
resolvers dns
 nameserver a 10.0.0.2:53
defaults
 mode http
 default-server inter 3s resolvers dns maxconn 9 ca-file all.pem
backend b
 option httpchk
 server plain app:80
 default-server check weight 2
 server own app:80 inter 1s weight 3 resolvers gone port 81 backup
 server none app:80 no-check disabled send-proxy-v2 init-addr last,none proto h2
 server tls app:443 ssl sni str(a.b) verify required ca-file own.pem check-ssl
 server dynamic app:443 ssl sni req.hdr(host) port 80
 server-template t 3-5 app:80 no-ssl
 http-check send meth HEAD uri /up hdr Host up.local
`)
	var got []string
	for _, e := range c.Upstreams[0].Endpoints {
		line := fmt.Sprintf("%s: weight=%s maxconn=%s resolver=%s(%v)", e.Name, show(e.Weight), show(e.MaxConns), show(nameOf(e.Resolver)), e.Resolver.Value != nil)
		line += fmt.Sprintf(" slots=%d proxy=%d proto=%q %v %v %v", e.Slots, e.SendProxy, e.Proto, e.Backup, e.Down, e.NoLibc)
		if e.Check != nil {
			line += fmt.Sprintf("\n check %s %s %s %s host=%s inter=%s port=%s tls=%v", e.Check.At.Text(), e.Check.Protocol, e.Check.Method,
				e.Check.URI, e.Check.Host, show(e.Check.Interval), show(e.Check.Port), e.Check.TLS)
		}
		if e.TLS != nil {
			line += fmt.Sprintf("\n tls sni=%s name=%s verify=%s ca=%s", show(e.TLS.SNI), show(e.TLS.Name), show(e.TLS.Verify), show(e.TLS.CA))
		}
		got = append(got, line)
	}
	want := []string{
		`plain: weight=1 default maxconn=9 inherited 9 resolver=dns inherited dns(true) slots=0 proxy=0 proto="" false false false`,
		`own: weight=3 explicit 3 maxconn=9 inherited 9 resolver=explicit gone(false) slots=0 proxy=0 proto="" true false false
 check check HTTP HEAD /up host=up.local inter=1s explicit 1s port=81 explicit 81 tls=false`,
		`none: weight=2 inherited 2 maxconn=9 inherited 9 resolver=dns inherited dns(true) slots=0 proxy=2 proto="h2" false true true`,
		`tls: weight=2 inherited 2 maxconn=9 inherited 9 resolver=dns inherited dns(true) slots=0 proxy=0 proto="" false false false
 check check HTTP HEAD /up host=up.local inter=3s inherited 3s port=0 default tls=true
 tls sni=true explicit str(a.b) name=a.b explicit str(a.b) verify=true explicit required ca=own.pem explicit own.pem`,
		`dynamic: weight=2 inherited 2 maxconn=9 inherited 9 resolver=dns inherited dns(true) slots=0 proxy=0 proto="" false false false
 check check HTTP HEAD /up host=up.local inter=3s inherited 3s port=80 explicit 80 tls=false
 tls sni=true explicit req.hdr(host) name=? explicit req.hdr(host) verify=false inherited none ca=all.pem inherited all.pem`,
		`t: weight=2 inherited 2 maxconn=9 inherited 9 resolver=dns inherited dns(true) slots=3 proxy=0 proto="" false false false
 check check HTTP HEAD /up host=up.local inter=3s inherited 3s port=0 default tls=false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("endpoints\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func nameOf(s proxy.Setting[*proxy.Resolver]) proxy.Setting[string] {
	named := proxy.Setting[string]{Origin: s.Origin, Dynamic: s.Dynamic, At: s.At}
	if s.Value != nil {
		named.Value = s.Value.Name
	}
	return named
}

func TestFragmentLeavesServersUnknown(t *testing.T) {
	e := load("backend b\n server s app:80\n").Upstreams[0].Endpoints[0]
	if e.Resolver.Origin != proxy.Unknown || e.Weight.Origin != proxy.Unknown {
		t.Errorf("resolver %v, weight %v: an unseen default-server may set them", e.Resolver.Origin, e.Weight.Origin)
	}
}

func TestUpstreams(t *testing.T) {
	tests := []struct {
		name, src string
		want      string // name, protocol, number of servers, "+" when open
	}{
		{"default mode", "defaults\nbackend b\n", "b TCP 0"},
		{"unknown mode", "backend b\n", "b unknown 0"},
		{"http", "defaults\n mode http\nbackend b\n server s :1\n", "b HTTP 1"},
		{"twice, both kept", "defaults\nbackend b\n server s :1\nbackend b\n", "b TCP 1, b TCP 0"},
		{"branches", "defaults\nbackend b\n.if defined(X)\n server s :1\n.else\n server s :2\n.endif\n", "b TCP 2"},
		{"dead section", "defaults\n.if 0\nbackend a\n server s :1\n.endif\nbackend b\n", "b TCP 0"},
		{"quoted", "defaults\nbackend 'b'\n \"server\" \"s\" \"h:1\"\n", "b TCP 1"},
		{"vertical tab", "defaults\nbackend b\n server\vs\vh:1\n", "b TCP 1"},
		{"unknown option", "defaults\nbackend b\n server s 1.2.3.4:1 check newopt 5\n", "b TCP 1"},
		{"no line end", "defaults\nbackend b\n server s h:1", "b TCP 1"},
		{"long line", "defaults\nbackend b\n # " + strings.Repeat("x", 70_000) + "\n server s h:1\n", "b TCP 1"},
		{"server without an address", "defaults\nbackend b\n server s\n", "b TCP 0"},
		{"dispatch", "defaults\nbackend b\n dispatch 10.0.0.1:80\n", "b TCP 0+"},
		{"broken line", "defaults\nbackend b\n server \"s h:1\n", "b TCP 1+"},
		{"peers are no upstream", "defaults\npeers p\n server s h:1\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, u := range load(tt.src).Upstreams {
				open := ""
				if u.Open {
					open = "+"
				}
				got = append(got, fmt.Sprintf("%s %s %d%s", u.Name, u.Protocol, len(u.Endpoints), open))
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("upstreams %q, want %q", s, tt.want)
			}
		})
	}
}

func TestChecks(t *testing.T) {
	tests := []struct{ lines, want string }{
		{"", "none"},
		{" option httpchk\n", "HTTP OPTIONS / "},
		{" option httpchk /up\n", "HTTP OPTIONS /up "},
		{" option httpchk GET /up\n", "HTTP GET /up "},
		{" option httpchk GET /up HTTP/1.1\\r\\nHost:\\ a.b\n", "HTTP GET /up a.b"},
		{" http-check send meth GET uri /up hdr Host a.b\n option httpchk\n", "HTTP GET /up a.b"},
		{" option httpchk\n http-check connect port 81 ssl\n", "HTTP OPTIONS /  81 tls"},
		{" option tcp-check\n tcp-check connect port 81\n", "TCP    81"},
		{" option httpchk\n no option httpchk\n", "none"},
		{" option mysql-check\n", "TCP   "},
	}
	for _, tt := range tests {
		t.Run(tt.lines, func(t *testing.T) {
			for _, src := range []string{"defaults\nbackend b\n" + tt.lines, "defaults\n" + tt.lines + "backend b\n"} {
				got := "none"
				if c := load(src).Upstreams[0].Check; c != nil {
					got = fmt.Sprintf("%s %s %s %s", c.Protocol, c.Method, c.URI, c.Host)
					if c.Port.Value > 0 {
						got += fmt.Sprintf(" %d", c.Port.Value)
					}
					if c.TLS {
						got += " tls"
					}
				}
				if got != tt.want {
					t.Errorf("%q: check %q, want %q", src, got, tt.want)
				}
			}
		})
	}
}

func TestResolvers(t *testing.T) {
	c := load("resolvers dns\n nameserver a 10.0.0.2:53\n nameserver b udp@[::1]:53\n parse-resolv-conf\n hold valid 10s\n")
	r := c.Resolvers[0]
	if len(r.Servers) != 2 || r.Servers[1].Host != "::1" || !r.System || r.Valid.Value != 10*time.Second || r.At.Text() != "dns" {
		t.Errorf("resolver %+v", r)
	}
}

func TestBuiltInResolvers(t *testing.T) {
	const src = "defaults\nbackend b\n server s app:80 resolvers default\n"
	for version, want := range map[proxy.Version]bool{{}: true, {2, 6}: true, {2, 5}: false} {
		c := Load([]syntax.Source{{Path: "a.cfg", Src: src}}, version)
		r := c.Upstreams[0].Endpoints[0].Resolver.Value
		if (r != nil && r.System) != want {
			t.Errorf("HAProxy %s: resolver %+v, want one: %v", version, r, want)
		}
	}
}

func TestFragment(t *testing.T) {
	for src, want := range map[string]bool{"": true, "backend b\n": true, "global\n": false, "defaults\n": false} {
		if got := load(src).Tree.Fragment; got != want {
			t.Errorf("%q: fragment %v, want %v", src, got, want)
		}
	}
}
