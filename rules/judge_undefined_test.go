package rules

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// sayings returns what nginx says of a text when it checks it; "" where it is content.
func sayings(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nginx.conf")
	writeFile(t, file, text)
	said, _ := judges[syntax.Nginx].check(file).CombinedOutput()
	return string(said)
}

// withStream returns what loads nginx's stream module, and false where it can't be had.
func withStream(t *testing.T) (loader string, ok bool) {
	t.Helper()
	for _, loader := range []string{"", "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"} {
		if sayings(t, loader+"events {}\nstream { server { listen 8080; return x; } }\n") == "" {
			return loader, true
		}
	}
	return "", false
}

// TestUndefinedZoneBeforeTheJudge checks that the rule speaks where nginx -t misses a name, and nowhere else.
func TestUndefinedZoneBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	for lines, said := range map[string]string{
		"limit_req zone=one; server { }":                                                                            `zero size shared memory zone "one"`,
		"limit_conn one 1; server { }":                                                                              `zero size shared memory zone "one"`,
		"proxy_cache one; server { }":                                                                               `"proxy_cache" zone "one" is unknown`,
		"limit_conn_zone $host zone=one:1m; limit_req zone=one; server { }":                                         "already declared for a different use",
		"limit_req_zone $host zone=one:1m rate=1r/s; limit_req zone=One; server { }":                                `zero size shared memory zone "One"`,
		"access_log /dev/null main; log_format main $host; server { }":                                              `unknown log format "main"`,
		"access_log /dev/null buffer=32k; server { }":                                                               `unknown log format "buffer=32k"`,
		"log_format main $nobody; server { }":                                                                       `unknown "nobody" variable`,
		"map $nobody $x { default 1; } server { }":                                                                  `unknown "nobody" variable`,
		"map $host $x { default $nobody; } server { return 200 $x; }":                                               `unknown "nobody" variable`,
		"server { if ($nobody = x) { return 403; } }":                                                               `unknown "nobody" variable`,
		"server { location / { add_header X \"${nobody}\"; } }":                                                     `unknown "nobody" variable`,
		"server { location / { limit_req zone=one; } } limit_req_zone $host zone=one:1m rate=1r/s;":                 "",
		"log_format main $host; access_log /dev/null main; server { }":                                              "",
		"server { return 200 $later$LATER; } map $host $Later { default 1; }":                                       "",
		"server { location ~ (?<a>x) { return 200 $a; } rewrite (?P<b>y) /$b; set $c $d$1; set $d x; }":             "",
		"map $host $x { ~(?'m'y)$ $m; } server { server_name ~(?<s>z); return 200 $s$x$m; }":                        "",
		"server { location / { proxy_redirect ~(?<q>x) /$q; proxy_pass http://127.0.0.1:1; } }":                     "",
		"server { if ($host ~* (?<h>x$)) { return 200 $h; } if (-f $document_root/x) { return 200 x; } }":           "",
		"server { auth_request_set $u $upstream_http_x; return 200 $u$sent_http_a$sent_trailer_b$cookie_c$arg_d; }": "",
	} {
		text := "events {}\nhttp { " + lines + " }\n"
		got := sayings(t, text)
		if (got != "") != (said != "") || !strings.Contains(got, said) {
			t.Errorf("%s: nginx says %q, want %q", lines, got, said)
		}
		if found := lintText(t, syntax.Nginx, text, []*lint.Rule{Find("undefined-zone")}); (len(found) > 0) != (said != "") {
			t.Errorf("%s: %d findings, and nginx says %q", lines, len(found), said)
		}
	}
}

// TestBuiltInVariablesBeforeTheJudge asks nginx for every variable that the rule takes for one of its own. Those that it
// does not know must be of modules that are not built in, or of other versions, all of which are listed here.
func TestBuiltInVariablesBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	version, _ := exec.Command("nginx", "-v").CombinedOutput()
	if !strings.Contains(string(version), "nginx/1.22.") {
		t.Skipf("the list is made for 1.22, this is %s", version)
	}
	loader, hasStream := withStream(t)
	newer := []string{
		"acme_", "oidc_", "otel_", "jwt_", "session_log_", "mqtt_", "spdy", "angie_", "geoip_", "apache_", "http3", "unix_time",
		"is_request_port", "request_port", "proxy_add_via", "ssl_client_sigalg", "ssl_ech_", "ssl_sigalg", "time_iso8601_ms",
		"upstream_last_", "upstream_queue_time",
	}
	for _, stream := range []bool{false, true} {
		before := "events {}\nhttp { server { listen 8080; return 200 $"
		if stream {
			before = loader + "events {}\nstream { server { listen 8080; return $"
		}
		for _, name := range builtInVariables(stream) {
			if slices.ContainsFunc(newer, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
				continue
			}
			if stream && (!hasStream || name == "server_name") { // there since 1.25.5
				continue
			}
			if said := sayings(t, before+name+"; } }\n"); said != "" {
				t.Errorf("$%s: %s", name, said)
			}
		}
	}
}

func TestUndefinedNamedLocationBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	_, port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "app") })
	rule := Find("undefined-named-location")
	target := strings.NewReplacer("10.0.0.10:8080", "127.0.0.1:"+port, "$uri ", "/none ")
	bad, good := target.Replace(rule.Doc.Bad.Nginx), target.Replace(rule.Doc.Good.Nginx)
	for name, test := range map[string]struct {
		text   string
		status int
	}{
		"try_files":           {bad, http.StatusInternalServerError},
		"try_files, defined":  {good, http.StatusOK},
		"error_page":          {strings.Replace(bad, "try_files /none @backend", "error_page 418 = @backend; return 418", 1), http.StatusInternalServerError},
		"error_page, defined": {strings.Replace(good, "try_files /none @app", "error_page 418 = @app; return 418", 1), http.StatusOK},
		"error_page of http": {strings.NewReplacer("http {", "http { error_page 418 = @none;", "try_files /none @app", "return 418").Replace(good),
			http.StatusInternalServerError},
		"another case": {strings.Replace(good, "location @app", "location @App", 1), http.StatusInternalServerError},
		"auth_request": {strings.Replace(good, "try_files", "auth_request @app; try_files", 1), http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, syntax.Nginx, test.text)
			if status, _ := p.get(t); status != test.status {
				t.Errorf("status %d, want %d: %s", status, test.status, p.log())
			}
			if found := lintText(t, syntax.Nginx, test.text, []*lint.Rule{rule}); (len(found) > 0) != (test.status != http.StatusOK) {
				t.Errorf("%d findings for status %d", len(found), test.status)
			}
		})
	}
}

// TestListenConflictBeforeTheJudge checks that the rule finds an error where nginx -t does, and a warning likewise.
func TestListenConflictBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	loader, hasStream := withStream(t)
	const http, stream = "http", "stream"
	for _, test := range []struct{ block, first, second, said string }{
		{http, "listen 8080 default_server;", "listen *:8080 default_server; server_name b;", "a duplicate default server for 0.0.0.0:8080"},
		{http, "listen 8080 default;", "listen 0.0.0.0:8080 default_server; server_name b;", "a duplicate default server for 0.0.0.0:8080"},
		{http, "listen 8080 reuseport;", "listen 8080 reuseport; server_name b;", "duplicate listen options for 0.0.0.0:8080"},
		{http, "listen 8080 bind;", "listen 8080 backlog=5; server_name b;", "duplicate listen options for 0.0.0.0:8080"},
		{http, "listen [::]:8080 ipv6only=on;", "listen [::]:8080 ipv6only=on; server_name b;", "duplicate listen options for [::]:8080"},
		{http, "listen 8080;", "listen 8081; listen *:8081; server_name b;", "a duplicate listen 0.0.0.0:8081"},
		{http, "listen 8080;", "listen 8080;", `conflicting server name "" on 0.0.0.0:8080, ignored`},
		{http, "listen 8080; server_name a.b;", "listen 8080; server_name A.B;", `conflicting server name "a.b" on 0.0.0.0:8080, ignored`},
		{http, "listen 8080; server_name .a.b;", "listen 8080; server_name a.b;", `conflicting server name "a.b" on 0.0.0.0:8080, ignored`},
		{http, "listen 8080; server_name .a.b;", "listen 8080; server_name *.a.b;", `conflicting server name "*.a.b" on 0.0.0.0:8080, ignored`},
		{http, "listen 8080; server_name ~a;", "listen 8080; server_name ~a;", ""},
		{http, "listen 8080 default_server;", "listen 127.0.0.1:8080 default_server;", ""},
		{http, "listen 8080 default_server backlog=5;", "listen [::]:8080 default_server backlog=5;", ""},
		{stream, "listen 8080; return a;", "listen 0.0.0.0:8080; return b;", `duplicate "0.0.0.0:8080" address and port pair`},
		{stream, "listen 8080; return a;", "listen 8080 udp; return b;", ""},
	} {
		text := fmt.Sprintf("# nginx-version: 1.22.1\nevents {}\n%s {\nserver { %s }\nserver { %s }\n}\n", test.block, test.first, test.second)
		judged := text
		if test.block == stream {
			if !hasStream {
				continue
			}
			judged = loader + text
		}
		said := sayings(t, judged)
		if (said != "") != (test.said != "") || !strings.Contains(said, test.said) {
			t.Errorf("%s %s: nginx says %q, want %q", test.first, test.second, said, test.said)
		}
		found := lintText(t, syntax.Nginx, text, []*lint.Rule{Find("listen-conflict")})
		if len(found) > 1 || (len(found) > 0) != (said != "") {
			t.Errorf("%s %s: %d findings, and nginx says %q", test.first, test.second, len(found), said)
		}
		for _, d := range found {
			if (d.Severity == lint.Error) != strings.Contains(said, "[emerg]") {
				t.Errorf("%s %s: %s, and nginx says %q", test.first, test.second, d.Severity, said)
			}
		}
	}
}

// TestServerNameTakenBeforeTheJudge asks for a name that two servers have.
func TestServerNameTakenBeforeTheJudge(t *testing.T) {
	skipWithout(t, syntax.Nginx)
	p := startProxy(t, syntax.Nginx, `events {}
http {
    server { listen 8080; server_name 127.0.0.1; return 200 first; }
    server { listen 8080; server_name 127.0.0.1; return 200 second; }
}
`)
	if _, body := p.get(t); body != "first" {
		t.Errorf("the answer is %q: %s", body, p.log())
	}
}

// TestUndefinedBehindManyIncludes checks that nothing is said to be missing where it stands behind more files than
// the walk over a tree enters.
func TestUndefinedBehindManyIncludes(t *testing.T) {
	rules := []*lint.Rule{Find("undefined-zone"), Find("undefined-named-location")}
	for _, includes := range []int{0, maxEntered + 1} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "one.conf"), "add_header X-One 1;\n")
		writeFile(t, filepath.Join(dir, "zone.conf"), "limit_req_zone $host zone=one:1m rate=1r/s;\n")
		root := filepath.Join(dir, "nginx.conf")
		writeFile(t, root, "events {}\nhttp { server { limit_req zone=one; try_files /a @b;\n"+
			strings.Repeat("include one.conf;\n", includes)+
			"location @b { } }\ninclude zone.conf; }\n")
		if found := run(t, dir, load(t, root), rules); len(found) > 0 {
			t.Errorf("%d includes: %d findings: %s", includes, len(found), found[0].Message)
		}
	}
}
