package proxy_test

import (
	"strings"
	"testing"

	"github.com/proxylint/proxylint/parsers"
	"github.com/proxylint/proxylint/parsers/syntax"
)

func TestSurvey(t *testing.T) {
	for _, test := range []struct {
		servers               string
		plain, tls, checkPort bool
	}{
		{"10.0.0.1:80 check|10.0.0.2:65535", true, false, false},
		{"10.0.0.1:80|app:80", false, false, false},
		{"10.0.0.1:80|10.0.0.2", false, false, false},
		{"10.0.0.1:0", false, false, false},
		{"10.0.0.1:70000", false, false, false},
		{"10.0.0.1:+80", false, false, false},
		{"10.0.0.1:$PORT", false, false, false},
		{"ipv4@10.0.0.1:80", false, false, false},
		{"[::1]:80", false, false, false},
		{"10.0.0.300:80", false, false, false},
		{"10.0.0.1:80|10.0.0.2:443 ssl verify none", true, true, false},
		{"10.0.0.1:80 check port 81", true, false, true},
	} {
		text := "backend app\n"
		for i, server := range strings.Split(test.servers, "|") {
			text += "    server s" + string(rune('a'+i)) + " " + server + "\n"
		}
		configs, err := parsers.LoadText("a.cfg", text, parsers.Options{Dialect: syntax.HAProxy})
		if err != nil {
			t.Fatal(err)
		}
		u := configs[0].Upstreams[0]
		if u.Plain != test.plain || u.TLS != test.tls || u.CheckPort != test.checkPort {
			t.Errorf("%s: Plain %v, TLS %v, CheckPort %v, want %v, %v, %v", test.servers,
				u.Plain, u.TLS, u.CheckPort, test.plain, test.tls, test.checkPort)
		}
	}
}
