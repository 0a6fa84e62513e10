package rules

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// addressRules are the rules about the form of addresses.
func addressRules() []*lint.Rule {
	return []*lint.Rule{Find("malformed-upstream-address"), Find("port-range"), Find("host-invalid")}
}

// streamModule is where Debian's nginx has what it speaks TCP with.
const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so"

// TestAddressesBeforeTheJudge holds the rules about addresses against the proxies' own readers: they must refuse
// what the rules call a start failure, and nothing else of these. None of them needs a name server.
func TestAddressesBeforeTheJudge(t *testing.T) {
	nginxServers := strings.Fields(`10.0.0.1 10.0.0.1:80 10.0.0.1:080 [::1] [::1]:80 unix:/s unix:s unix:///s unix:/s:/x 8080
		http://10.0.0.1 http://10.0.0.1:80 10.0.0.1:80/ 10.0.0.1/x 10.0.0.1:80?x /run/s unix: 10.0.0.1:80,10.0.0.2:80 10.0.0.1:80,
		::1 ::1:80 2001:db8::1 [::1 [::1]80 [::1]: [10.0.0.1]:80 10.0.0.1: 10.0.0.1:65535 10.0.0.1:65536 10.0.0.1:99999999999
		10.0.0.1:http 10.0.0.1:80-90 10.0.0.1:+80 10.0.0.1:80:90 :80 10.0.0.1:８０`)
	passes := []string{
		"proxy_pass http://app", "proxy_pass http://app/x:1/", "proxy_pass https://10.0.0.1", "proxy_pass HTTP://10.0.0.1:80?x",
		"proxy_pass http://unix:/s:/x", "proxy_pass http://unix:/s", "proxy_pass http://[::1]:80/", "proxy_pass http://8080",
		"proxy_pass http://app:80", "proxy_pass http://APP:8080/", "fastcgi_pass app:9000", "proxy_pass app",
		"proxy_pass 10.0.0.1:80", "proxy_pass http:/10.0.0.1", "proxy_pass http:10.0.0.1", "proxy_pass http//10.0.0.1",
		"proxy_pass http://http://10.0.0.1", "proxy_pass ftp://10.0.0.1", "proxy_pass http://", "proxy_pass http:///s.sock",
		"proxy_pass unix:/s", "proxy_pass /s", "proxy_pass http://::1:80/", "proxy_pass http://10.0.0.1:80:/x",
		"proxy_pass http://:80/", "proxy_pass http://10.0.0.1:/", "proxy_pass http://10.0.0.1:65536/", "proxy_pass http://10.0.0.1:http",
		"fastcgi_pass app", "fastcgi_pass 10.0.0.1:9000", "fastcgi_pass unix:/s", "fastcgi_pass /s", "fastcgi_pass 9000",
		"fastcgi_pass http://10.0.0.1:9000", "fastcgi_pass 10.0.0.1:9000/", "scgi_pass scgi://10.0.0.1:9000",
		"uwsgi_pass uwsgi://10.0.0.1:3031", "uwsgi_pass suwsgi://10.0.0.1:3031", "uwsgi_pass unix:///s", "uwsgi_pass http://10.0.0.1:3031",
		"grpc_pass grpcs://10.0.0.1:50051", "grpc_pass 10.0.0.1:50051", "grpc_pass http://10.0.0.1:50051", "grpc_pass grpc://10.0.0.1:50051/x",
	}
	var nginx []string
	for _, s := range nginxServers {
		nginx = append(nginx, fmt.Sprintf("events {}\nhttp { upstream b { server %s; } }\n", s))
	}
	for _, p := range passes {
		nginx = append(nginx, fmt.Sprintf(
			"events {}\nhttp { upstream app { server 10.0.0.9; } server { listen 8080; location / { %s; } } }\n", p))
	}
	for _, l := range []string{"99999", "127.0.0.1:99999", "127.0.0.1:http", "127.0.0.1:8080-8090", "[::1]:8080", "8080"} {
		nginx = append(nginx, fmt.Sprintf("events {}\nhttp { server { listen %s; } }\n", l))
	}
	if _, err := os.Stat(streamModule); err == nil {
		for _, s := range strings.Fields("10.0.0.1 10.0.0.1:80 [::1] [::1]:80 unix:/s localhost 10.0.0.1:") {
			nginx = append(nginx, fmt.Sprintf("load_module %s;\nevents {}\nstream { upstream b { server %s; } }\n", streamModule, s))
		}
		for _, s := range strings.Fields("app app:80 localhost localhost:80 10.0.0.1 [::1] unix:/s $app http://app") {
			nginx = append(nginx, fmt.Sprintf("load_module %s;\nevents {}\nstream { map $pid $app { default 10.0.0.1; } "+
				"upstream app { server 10.0.0.9:80; } server { listen 8080; proxy_pass %s; } }\n", streamModule, s))
		}
	}
	haproxyServers := strings.Fields(`10.0.0.1 10.0.0.1:80 [::1]:80 ::1:80 ipv6@::1:80 unix@/s /s abns@s * *:80 :80 8080 10.0.0.1:+80 10.0.0.1:-80
		10.0.0.1: 10.0.0.1:80/ 10.0.0.1:80, 10.0.0.1:80; [10.0.0.1]:80 http://app unix:/s 10.0.0.1:65535 10.0.0.1:65536 10.0.0.1:99999999999
		10.0.0.1:http 10.0.0.1:80-90 a..b:80 .a:80`)
	var haproxy []string
	for _, s := range haproxyServers {
		haproxy = append(haproxy, fmt.Sprintf("listen l\n    bind :8080\n    server s %s\n", s))
	}
	for _, b := range []string{":8080", ":8080-8090", ":8090-8080", ":99999", ":8080-99999", ":http", ":+10", ":8080,:http", "/s"} {
		haproxy = append(haproxy, fmt.Sprintf("frontend f\n    bind %s\n", b))
	}
	for dialect, texts := range map[syntax.Dialect][]string{syntax.Nginx: nginx, syntax.HAProxy: haproxy} {
		t.Run(dialect.String(), func(t *testing.T) {
			skipWithout(t, dialect)
			for _, text := range texts {
				found := lintText(t, dialect, text, addressRules())
				refused := slices.ContainsFunc(found, func(d lint.Diagnostic) bool { return d.Symptom == "start failure" })
				if ok, output := loads(t, dialect, text); ok == refused {
					t.Errorf("%d findings, and %s says %q of\n%s", len(found), dialect, output, text)
				}
			}
		})
	}
}

// outcome is what a proxy answers with one configuration, and whether the rule has a finding.
type outcome struct {
	name, text string
	status     int
}

// checkOutcomes runs a proxy on each text, and holds what it answers against the symptoms found.
func checkOutcomes(t *testing.T, dialect syntax.Dialect, rule string, outcomes []outcome) {
	for _, o := range outcomes {
		t.Run(dialect.String()+" "+o.name, func(t *testing.T) {
			skipWithout(t, dialect)
			status, _ := startProxy(t, dialect, o.text).get(t)
			if status != o.status {
				t.Errorf("status %d, want %d with\n%s", status, o.status, o.text)
			}
			symptom := ""
			for _, d := range lintText(t, dialect, o.text, []*lint.Rule{Find(rule)}) {
				symptom = string(d.Symptom)
			}
			want := ""
			if o.status != http.StatusOK {
				want = fmt.Sprint(o.status)
			}
			if symptom != want {
				t.Errorf("symptom %q found for status %d", symptom, o.status)
			}
		})
	}
}

// answering starts a backend that says 200 to everything, and returns its address.
func answering(t *testing.T, start func(*httptest.Server)) string {
	backend := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	backend.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(backend)
	t.Cleanup(backend.Close)
	return backend.Listener.Addr().String()
}

// TestOwnPortSchemeBeforeTheJudge lets nginx proxy to itself.
func TestOwnPortSchemeBeforeTheJudge(t *testing.T) {
	dir := t.TempDir()
	certificate := filepath.Join(dir, "own.pem")
	writeFile(t, certificate, selfSigned(t))
	own := func(name, scheme, ssl, more string) string {
		socket := filepath.Join(dir, name)
		return fmt.Sprintf("events {}\nhttp {\n%s\nserver { listen 8080; location / { proxy_pass %s://unix:%s; proxy_ssl_server_name on; } }\n"+
			"server { listen unix:%[3]s%s; ssl_certificate %s; ssl_certificate_key %[5]s; return 200; } }\n", more, scheme, socket, ssl, certificate)
	}
	checkOutcomes(t, syntax.Nginx, "port-scheme-mismatch", []outcome{
		{"https to plain", own("a", "https", "", ""), http.StatusBadGateway},
		{"http to ssl", own("b", "http", " ssl", ""), http.StatusBadRequest},
		{"https to ssl", own("c", "https", " ssl", ""), http.StatusOK},
		{"http to plain", own("d", "http", "", ""), http.StatusOK},
		{"http to ssl, turned", own("e", "http", " ssl", "error_page 497 =200 /;"), http.StatusOK},
	})
}

// TestPortSchemeBeforeTheJudge puts backends that speak what is spoken on ports 80 and 443 on other ports, which
// the test cannot open. What the rule makes of the texts is settled by its testdata.
func TestPortSchemeBeforeTheJudge(t *testing.T) {
	plain, secure := answering(t, (*httptest.Server).Start), answering(t, (*httptest.Server).StartTLS)
	doc := Find("port-scheme-mismatch").Doc
	onPorts := func(text string) string {
		return strings.NewReplacer("10.0.0.10:80", plain, "10.0.0.10:443", secure, "mode http", "mode http\n    retries 0").Replace(text)
	}
	wrong := strings.NewReplacer("https://10.0.0.10:80", "http://10.0.0.10:443", "10.0.0.10:80 ssl verify none", "10.0.0.10:443")
	right := strings.NewReplacer("http://10.0.0.10:80", "https://10.0.0.10:443", "10.0.0.10:80 check", "10.0.0.10:443 ssl verify none")
	for _, o := range []struct {
		dialect syntax.Dialect
		text    string
		status  int
	}{
		{syntax.Nginx, doc.Bad.Nginx, http.StatusBadGateway},
		{syntax.Nginx, wrong.Replace(doc.Bad.Nginx), http.StatusBadRequest},
		{syntax.Nginx, doc.Good.Nginx, http.StatusOK},
		{syntax.Nginx, right.Replace(doc.Good.Nginx), http.StatusOK},
		{syntax.HAProxy, doc.Bad.HAProxy, http.StatusServiceUnavailable},
		{syntax.HAProxy, wrong.Replace(doc.Bad.HAProxy), http.StatusBadRequest},
		{syntax.HAProxy, doc.Good.HAProxy, http.StatusOK},
		{syntax.HAProxy, right.Replace(doc.Good.HAProxy), http.StatusOK},
	} {
		t.Run(fmt.Sprintf("%s %d", o.dialect, o.status), func(t *testing.T) {
			skipWithout(t, o.dialect)
			if status, _ := startProxy(t, o.dialect, onPorts(o.text)).get(t); status != o.status {
				t.Errorf("status %d, want %d with\n%s", status, o.status, onPorts(o.text))
			}
			symptom := ""
			for _, d := range lintText(t, o.dialect, o.text, []*lint.Rule{Find("port-scheme-mismatch")}) {
				symptom = string(d.Symptom)
			}
			if want := fmt.Sprint(o.status); symptom != want && (symptom != "" || o.status != http.StatusOK) {
				t.Errorf("symptom %q found for status %d in\n%s", symptom, o.status, o.text)
			}
		})
	}
}

func TestNoUsableServerBeforeTheJudge(t *testing.T) {
	backend := answering(t, (*httptest.Server).Start)
	doc := Find("no-usable-server").Doc
	at := func(text string) string {
		return strings.NewReplacer("10.0.0.10:8080", backend, "10.0.0.11:8080", "127.0.0.1:1").Replace(text)
	}
	nginx := strings.NewReplacer("10.0.0.10:8080 down", "10.0.0.10:8080 backup")
	servers := doc.Bad.HAProxy[strings.Index(doc.Bad.HAProxy, "    server"):]
	backends := func(lines string) string { return at(strings.Replace(doc.Bad.HAProxy, servers, lines, 1)) }
	checkOutcomes(t, syntax.Nginx, "no-usable-server", []outcome{
		{"all down", at(doc.Bad.Nginx), http.StatusBadGateway},
		{"one up", at(doc.Good.Nginx), http.StatusOK},
		{"a backup up", at(nginx.Replace(doc.Bad.Nginx)), http.StatusOK},
	})
	checkOutcomes(t, syntax.HAProxy, "no-usable-server", []outcome{
		{"all disabled", at(doc.Bad.HAProxy), http.StatusServiceUnavailable},
		{"one enabled", at(doc.Good.HAProxy), http.StatusOK},
		{"none", backends(""), http.StatusServiceUnavailable},
		{"weight 0", backends("    server app1 10.0.0.10:8080 weight 0\n"), http.StatusServiceUnavailable},
		{"only a backup", backends("    server app1 10.0.0.10:8080 backup\n"), http.StatusOK},
		{"listen", at("listen www\n    bind :8080\n    mode http\n    timeout client 5s\n    timeout connect 5s\n    timeout server 5s\n"),
			http.StatusServiceUnavailable},
	})
	// those that do not even start
	skipWithout(t, syntax.Nginx)
	for _, servers := range []string{"", "zone app 64k;", "server 10.0.0.10 backup;", "server 10.0.0.10 backup; server 10.0.0.11 backup down;",
		"server 10.0.0.10 down; server 10.0.0.11 backup;"} {
		text := fmt.Sprintf("events {}\nhttp { upstream app { %s } }\n", servers)
		found := lintText(t, syntax.Nginx, text, []*lint.Rule{Find("no-usable-server")})
		if ok, output := loads(t, syntax.Nginx, text); ok != (len(found) == 0) {
			t.Errorf("%d findings, and nginx says %q of\n%s", len(found), output, text)
		}
	}
}

// TestAddressesAtRunTimeBeforeTheJudge lets nginx answer requests for addresses that it reads only then.
func TestAddressesAtRunTimeBeforeTheJudge(t *testing.T) {
	backend := answering(t, (*httptest.Server).Start)
	route := func(target string) string {
		return fmt.Sprintf("events {}\nhttp {\n    server {\n        listen 8080;\n        set $target %s;\n        location / { proxy_pass $target; }\n    }\n}\n", target)
	}
	checkOutcomes(t, syntax.Nginx, "malformed-upstream-address", []outcome{
		{"whole", route("http://" + backend), http.StatusOK},
		{"without a scheme", route(backend), http.StatusInternalServerError},
		{"bare IPv6", route("http://::1:8080"), http.StatusInternalServerError},
		{"path after a socket", strings.Replace(route("x"), "proxy_pass $target", "fastcgi_pass unix:/run/app.sock:/", 1), http.StatusBadGateway},
		{"slash after a socket", strings.Replace(route("x"), "pass $target", "pass http://unix:/run/app.sock/", 1), http.StatusBadGateway},
		{"path after a socket without a colon", strings.Replace(route("x"), "pass $target", "pass http://unix:/run/app.sock/x", 1), http.StatusBadGateway},
	})
	checkOutcomes(t, syntax.Nginx, "port-range", []outcome{
		{"high port", route("http://127.0.0.1:80800"), http.StatusInternalServerError},
	})
	checkOutcomes(t, syntax.Nginx, "host-invalid", []outcome{
		{"two dots", route("http://app..lan"), http.StatusBadGateway},
	})
}
