package logs

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/proxy"
)

// joined returns the only group that one line of nginx' error log makes, joined with a configuration.
func joined(t *testing.T, config, server, path, upstream string) (*Summary, *Group) {
	t.Helper()
	line := fmt.Sprintf("2025/11/23 14:02:01 [error] 1#1: *7 connect() failed (111: Connection refused) while connecting to upstream, "+
		"client: 10.1.1.1, server: %s, request: \"GET %s HTTP/1.1\", upstream: \"%s\", host: \"x\"\n", server, path, upstream)
	s := NewSummary()
	for _, e := range read(t, line) {
		s.Add(&e)
	}
	configs := load(t, "nginx.conf", config)
	var found []lint.Diagnostic
	for _, u := range configs[0].Upstreams {
		for _, e := range u.Endpoints {
			found = append(found, lint.Diagnostic{Rule: "live-refused", Severity: lint.Error, At: e.Addr.At, Message: "told", Hint: "write"})
		}
	}
	s.Join(Around{Configs: configs, Found: found})
	return s, s.Groups()[0]
}

func load(t *testing.T, name, text string) []*proxy.Config {
	t.Helper()
	configs, err := parsers.LoadText(name, text, parsers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return configs
}

const joinConfig = `events {}
http {
    upstream app {
        server 10.0.0.7;
        server [fd00::7]:8080;
        server unix:/run/app.sock;
    }
    server {
        listen 80;
        server_name shop.test *.shop.test;
        location / { proxy_pass http://app; }
        location ^~ /static/ { proxy_pass http://10.0.0.5:80; }
        location ~* \.PHP$ { fastcgi_pass 10.0.0.9:9000; }
        location = /one { proxy_pass https://10.0.0.6; }
        location /either { if ($arg_a) { proxy_pass http://10.0.0.5:80; } proxy_pass http://10.0.0.6:80; }
        location /two/ { proxy_pass http://10.0.0.5:80; }
    }
    server {
        listen 80;
        server_name moving.test;
        location / { set $up $arg_to; proxy_pass http://$up; }
    }
}
`

func TestJoinNginx(t *testing.T) {
	for _, test := range []struct{ name, server, path, upstream, place, stale string }{
		{"default port", "shop.test", "/x", "http://10.0.0.7:80/x", "4:16", ""},
		{"IPv6", "shop.test", "/x", "http://[fd00:0::7]:8080/x", "5:16", ""},
		{"socket", "shop.test", "/x", "http://unix:/run/app.sock:/x", "6:16", ""},
		{"https", "shop.test", "/one", "https://10.0.0.6:443/one", "14:46", ""},
		{"pattern", "shop.test", "/a.php", "fastcgi://10.0.0.9:9000", "13:43", ""},
		{"pattern not looked at", "shop.test", "/static/a.php", "http://10.0.0.5:80/static/a.php", "12:50", ""},
		{"another pass to the address", "shop.test", "/two/x", "http://10.0.0.5:80/two/x", "16:44", ""},
		{"wildcard", "api.shop.test", "/x", "http://10.0.0.77:80/x", "3:14", "10.0.0.77:80"},
		{"other port", "shop.test", "/x", "http://10.0.0.7:81/x", "3:14", "10.0.0.7:81"},
		{"gone", "shop.test", "/one", "http://10.0.0.99:443/one", "14:38", "10.0.0.99:443"},
		{"the client chooses", "moving.test", "/x", "http://10.0.0.99:80/x", "21:50", ""},
		{"one of two passes", "shop.test", "/either", "http://10.0.0.6:80/either", "15:93", ""},
		{"gone from two passes", "shop.test", "/either", "http://10.0.0.99:80/either", "8:5", "10.0.0.99:80"},
		{"unknown server", "other.test", "/x", "http://10.0.0.99:80/x", "", ""},
		{"name", "shop.test", "/x", "http://app.test/x", "3:14", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, g := joined(t, joinConfig, test.server, test.path, test.upstream)
			r := Report{}
			want := ""
			if test.place != "" {
				want = "nginx.conf:" + test.place
			}
			if got := g.place(&r); got != want || g.Site.Stale != test.stale {
				t.Errorf("place %q, want %q; stale %q, want %q", got, want, g.Site.Stale, test.stale)
			}
		})
	}
}

// TestStaleNeedsCertainty looks for an address where something that can't be seen may have it.
func TestStaleNeedsCertainty(t *testing.T) {
	const server = "events {}\nhttp { %s server { listen 80; server_name shop.test; location / { proxy_pass http://app; } } }\n"
	for name, test := range map[string]struct {
		upstream string
		stale    bool
	}{
		"addresses alone":  {"upstream app { server 10.0.0.7:80; }", true},
		"a name":           {"upstream app { server 10.0.0.7:80; server app.test:80; }", false},
		"an absent file":   {"upstream app { server 10.0.0.7:80; include servers.conf; }", false},
		"chosen in Lua":    {"upstream app { server 10.0.0.7:80; balancer_by_lua_block { pick() } }", false},
		"a name elsewhere": {"upstream app { server 10.0.0.7:80; } upstream other { server app.test:80; }", true},
	} {
		t.Run(name, func(t *testing.T) {
			if _, g := joined(t, fmt.Sprintf(server, test.upstream), "shop.test", "/", "http://10.0.0.99:80/"); (g.Site.Stale != "") != test.stale {
				t.Errorf("stale %q, want %v", g.Site.Stale, test.stale)
			}
		})
	}
}

// TestJoinFragment joins with files that hold a part of a configuration.
func TestJoinFragment(t *testing.T) {
	for _, text := range []string{
		"listen 80;\nserver_name shop.test;\nlocation / { proxy_pass http://10.0.0.7:80; }\n",
		"location / { proxy_pass http://10.0.0.7:80; }\n",
		"proxy_pass http://10.0.0.7:80;\n",
		"upstream app { server 10.0.0.7:80; }\n",
	} {
		if _, g := joined(t, text, "shop.test", "/", "http://10.0.0.7:80/"); g.Site.Endpoint == nil {
			t.Errorf("no endpoint in %q", text)
		}
		if _, g := joined(t, text, "shop.test", "/", "http://10.0.0.99:80/"); g.Site.Stale != "" {
			t.Errorf("%q is stale in %q", g.Site.Stale, text)
		}
	}
}

func TestJoinedJSON(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, upstream := range []string{"http://10.0.0.7:80/x", "http://10.0.0.99:80/x"} {
		s, g := joined(t, joinConfig, "shop.test", "/x", upstream)
		var b bytes.Buffer
		if err := WriteJSON(&b, Report{Summary: s, Files: 1}); err != nil {
			t.Fatal(err)
		}
		if g.Site.Stale == "" && !strings.Contains(b.String(), `"hint": "write"`) {
			t.Errorf("the finding on the server is not told:\n%s", b.String())
		}
		object, err := jsonschema.UnmarshalJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(object); err != nil {
			t.Error(err)
		}
	}
}

// TestDeclared reads a line in each format that configurations declare.
func TestDeclared(t *testing.T) {
	nginx := load(t, "nginx.conf", `events {}
http {
    log_format mine escape=json '$status|' "$request|$upstream_addr";
    log_format unused '$status';
    access_log /var/log/a.log mine;
    server { access_log off; access_log /var/log/b.log; }
}
`)
	haproxy := load(t, "haproxy.cfg", "frontend www\n    bind :80\n    log-format %ci|%ST|%b\\ %s\n    error-log-format \"%ci %ST %b/%s\"\n")
	if n := len(Declared(nginx)); n != 1 {
		t.Errorf("%d formats of nginx", n)
	}
	if n := len(Declared(haproxy)); n != 2 {
		t.Errorf("%d formats of HAProxy", n)
	}
	parser := NewParser(Options{Formats: append(Declared(nginx), Declared(haproxy)...)})
	var got []string
	_, err := parser.Read(strings.NewReader("502|GET / HTTP/1.1|10.0.0.7:80\n10.1.1.1|503|app a1\n"), "x.log",
		func(e *Event) { got = append(got, e.Target()) })
	if want := []string{"10.0.0.7:80", "app/a1"}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %q, want %q", err, got, want)
	}
}
