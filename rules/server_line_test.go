package rules

import (
	"path/filepath"
	"testing"

	"github.com/proxylint/proxylint/lint"
)

// TestServerHints has rules give the line to write for a server, which must keep what else the line says.
func TestServerHints(t *testing.T) {
	const section = "defaults\n    mode http\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n\nlisten www\n    bind :8080\n"
	for _, test := range []struct{ rule, file, text, want string }{
		{"port-scheme-mismatch", "haproxy.cfg", section + "    server app1  10.0.0.10:443 check\n",
			"server app1 10.0.0.10:443 ssl verify required ca-file FILE check"},
		{"frozen-dns", "haproxy.cfg", section + "    server app1 app:3000 check init-addr libc weight 5\n",
			"server app1 app:3000 resolvers dns init-addr last,libc,none check weight 5" +
				` (and a section "resolvers dns" with nameserver NAME ADDRESS:53, or parse-resolv-conf)`},
		{"sni-missing", "haproxy.cfg", section + "    server app1 app.acme.net:443 ssl verify none check\n",
			"server app1 app.acme.net:443 sni str(app.acme.net) check-sni app.acme.net ssl verify none check"},
		{"sni-missing", "haproxy.cfg", section + "    server app1 app.acme.net:443 ssl verify none\n",
			"server app1 app.acme.net:443 sni str(app.acme.net) ssl verify none"},
		{"alpn-without-tls", "haproxy.cfg", section + "    server app1 10.0.0.10:3000 alpn h2 weight 5\n",
			"server app1 10.0.0.10:3000 proto h2 weight 5"},
		{"frozen-dns", "nginx.conf", "events {}\nhttp { upstream app { server app1:3000\n max_fails=3 fail_timeout=5s; server 10.0.0.1; }\n" +
			"server { location / { proxy_pass http://app; } } }\n",
			"resolver ADDRESS; zone app 64k; server app1:3000 resolve max_fails=3 fail_timeout=5s; (nginx 1.27.3 or later)"},
		{"no-usable-server", "nginx.conf", "events {}\nhttp { upstream app { server 10.0.0.1 weight=5 backup; }\n" +
			"server { location / { proxy_pass http://app; } } }\n",
			"server 10.0.0.1 weight=5;"},
	} {
		if hint := hintFor(t, test.rule, test.file, test.text); hint != test.want {
			t.Errorf("%s: hint %q, want %q", test.rule, hint, test.want)
		}
	}
}

// hintFor returns the hint of the one finding that a rule has in a file.
func hintFor(t *testing.T, rule, name, text string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), name)
	writeFile(t, root, text)
	found := run(t, filepath.Dir(root), load(t, root), []*lint.Rule{Find(rule)})
	if len(found) != 1 {
		t.Fatalf("%s has %d findings in\n%s", rule, len(found), text)
	}
	return found[0].Hint
}
