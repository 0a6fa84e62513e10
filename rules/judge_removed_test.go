package rules

import (
	"testing"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// TestRemovedKeywordsBeforeTheJudge has every removed keyword refused, and the line in its place taken.
func TestRemovedKeywordsBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.HAProxy)
	const head = "defaults\n    mode http\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n\n" +
		"listen www\n    bind 127.0.0.1:8080\n    acl ours src 10.0.0.0/8\n"
	for _, test := range []struct{ line, hint string }{
		{`contimeout 5000`, `timeout connect 5000`},
		{`clitimeout 50s`, `timeout client 50s`},
		{`timeout srvtimeout 50s`, `timeout server 50s`},
		{`redispatch`, `option redispatch`},
		{`block if ours`, `http-request deny if ours`},
		{`monitor-net 10.0.0.0/8`, `http-request return status 200 if { src 10.0.0.0/8 }`},
		{`reqadd X-Scheme:\ https if ours`, `http-request add-header X-Scheme https if ours`},
		{`rspadd X-Rate:\ 50%\ off`, `http-response add-header X-Rate "50%% off"`},
		{`reqidel ^X-Forwarded-For:.*`, `http-request del-header X-Forwarded-For`},
		{`reqrep ^([^\ :]*)\ /webcam/(.*) \1\ /\2 if ours`, `http-request replace-path ^/webcam/(.*) /\1 if ours`},
		{`reqirep ^Host:\ old(.*) Host:\ new\1`, `http-request replace-header Host ^old(.*) new\1`},
		{`rspirep ^Location:\ http://(.*) Location:\ https://\1`, `http-response replace-header Location ^http://(.*) https://\1`},
	} {
		t.Run(test.line, func(t *testing.T) {
			if ok, _ := loads(t, syntax.HAProxy, head+"    "+test.line+"\n"); ok {
				t.Error("HAProxy takes it")
			}
			if hint := hintFor(t, "unknown-directive", "haproxy.cfg", head+"    "+test.line+"\n"); hint != test.hint {
				t.Errorf("hint %q, want %q", hint, test.hint)
			}
			if ok, said := loads(t, syntax.HAProxy, head+"    "+test.hint+"\n"); !ok {
				t.Errorf("HAProxy refuses %q: %s", test.hint, said)
			}
		})
	}
}

// TestRemovedDirectives has nginx before and after 1.25.1 read "ssl on", which "listen ... ssl" replaces.
func TestRemovedDirectives(t *testing.T) {
	for directives, want := range map[string]string{
		"server { listen 10.0.0.1:443 default_server; ssl on; }": "listen 10.0.0.1:443 default_server ssl;",
		"server { ssl on; }":                      "listen 443 ssl;",
		"server { ssl off; }":                     "",
		"limit_zone one $binary_remote_addr 10m;": "limit_conn_zone $binary_remote_addr zone=one:10m;",
		"proxy_redirect_errors on;":               "proxy_intercept_errors on;",
	} {
		if hint := hintFor(t, "unknown-directive", "nginx.conf", "events {}\nhttp { "+directives+" }\n"); hint != want {
			t.Errorf("%s: hint %q, want %q", directives, hint, want)
		}
	}
}
