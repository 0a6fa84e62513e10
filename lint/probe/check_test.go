package probe

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers"
)

// TestCheckPlanned tells what a plan shows of checks, those among them that are not replayed.
func TestCheckPlanned(t *testing.T) {
	for _, test := range []struct{ name, lines, server, want string }{
		{"none", "", "", "-"},
		{"connection", "", "check", "connect"},
		{"HTTP", "option httpchk GET /up", "check port 81", "connect to port:81, send GET /up HTTP/1.0, expect status 200-399"},
		{"dialogue", "option tcp-check\ntcp-check send-binary 00ff0a\ntcp-check expect ! string no", "check addr 10.0.0.2", `connect to 10.0.0.2, send \x00\xff\n, expect no string no`},
		{"command", "option external-check", "check", "not replayed: it runs a command"},
		{"format", "option httpchk\nhttp-check send hdr X-Id %[rand]", "check", "not replayed: what is made from %[rand] is known only to HAProxy"},
		{"port made", "option tcp-check\ntcp-check connect port var(x)", "check", "not replayed: its port is known only to HAProxy"},
		{"state", "option httpchk\nhttp-check send-state", "check", "not replayed: it tells the server what HAProxy knows of it (send-state)"},
		{"pattern", "option tcp-check\ntcp-check expect rstring (?<!a)b", "check", "not replayed: the pattern (?<!a)b is one for PCRE alone"},
		{"HTTP/2", "option httpchk", "check check-proto h2", "not replayed: it speaks h2"},
		{"FastCGI", "option httpchk", "proto fcgi check", "not replayed: it speaks fcgi"},
		{"SOCKS", "", "check check-via-socks4 socks4 10.0.0.9:1080", "not replayed: it goes through a SOCKS proxy"},
		{"variable", "option httpchk\nhttp-check send hdr Host \"$APP_HOST\"", "check", "not replayed: it holds what is known only where HAProxy runs"},
		{"password", "option tcp-check\ntcp-check send AUTH\\ hunter22\\r\\n", "check", "not replayed: it sends a secret"},
		{"token", "option httpchk\nhttp-check send hdr Authorization \"Bearer abcDEF123456\"", "check", "not replayed: it sends a secret"},
		{"cookie", "option httpchk\nhttp-check send hdr Cookie id=7", "check", "not replayed: it sends a secret"},
		{"cookie expected", "option httpchk\nhttp-check expect hdr name set-cookie", "check", "send OPTIONS / HTTP/1.0, expect hdr set-cookie"},
		{"login", "option pgsql-check user postgres", "check", "connect"},
		{"agent", "", "agent-check agent-port 9 agent-send hi", "connect to port:9, send hi, expect agent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := "global\ndefaults\n mode http\nbackend b\n " + strings.ReplaceAll(test.lines, "\n", "\n ") + "\n server s 10.0.0.1:80 " + test.server + "\n"
			targets := Plan(load(t, "haproxy.cfg", text), nil)
			got := "-"
			if c := targets[0].Check; c != nil {
				got = c.String()
			}
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// TestCheckTimes looks at the limits that a check has.
func TestCheckTimes(t *testing.T) {
	targets := Plan(load(t, "haproxy.cfg", `
global
defaults
    timeout connect 3s
backend a
    server s 10.0.0.1:80 check
backend b
    timeout check 4s
    default-server inter 7s
    server s 10.0.0.1:80 check
`), nil)
	want := []Check{{Interval: 2 * time.Second}, {Interval: 7 * time.Second, Connect: 3 * time.Second, Timeout: 4 * time.Second}}
	for i, target := range targets {
		got := Check{Interval: target.Check.Interval, Connect: target.Check.Connect, Timeout: target.Check.Timeout}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Error(diff)
		}
	}
}

// replayed plans a configuration in which {port} is that of a recorder, and replays the first target's check.
func replayed(t *testing.T, name, text string, r *recorder) (*Outcome, []string) {
	t.Helper()
	targets := Plan(load(t, name, strings.ReplaceAll(text, "{port}", r.port())), nil)
	if len(targets) == 0 {
		t.Fatal("no target")
	}
	p := newProber(Defaults())
	ctx := context.Background()
	o := p.check(ctx, &Result{Target: targets[0], Found: p.resolve(ctx, targets[0])})
	r.end()
	return o, r.take()
}

// TestAgentCheck asks an agent, whose silence or absence changes nothing.
func TestAgentCheck(t *testing.T) {
	const text = "global\ndefaults\n mode http\nbackend b\n server s 127.0.0.1:{port} check agent-check agent-port {port} agent-inter 1s inter 300ms agent-send hi\\n\n"
	for _, test := range []struct {
		answer string
		want   Outcome
	}{
		{"up 50%\n", Outcome{Code: L4OK}},
		{"drain\n", Outcome{Code: L7STS, Cause: CheckUnmet, Detail: "via agent : drain"}},
		{"80% DOWN # disk is full\r\n", Outcome{Code: L7STS, Cause: CheckUnmet, Detail: "via agent : DOWN"}},
		{"maint, ready\n", Outcome{Code: L4OK}},
		{"", Outcome{Code: L4OK}},
	} {
		t.Run(test.answer, func(t *testing.T) {
			r := record(t, backend{answer: test.answer}, noCertificate)
			o, sent := replayed(t, "haproxy.cfg", text, r)
			o.Took = 0
			if diff := cmp.Diff(&test.want, o); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"hi\n"}, sent); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNginxCheck replays checks of nginx's modules, which no nginx at hand has.
func TestNginxCheck(t *testing.T) {
	const location = "http { upstream app { server 127.0.0.1:{port}; zone app 64k; } %s server { listen 80; location / { proxy_pass http://app; %s } } }"
	const group = "http { upstream app { server 127.0.0.1:{port}; %s } server { listen 80; location / { proxy_pass http://app; } } }"
	plus := func(match, line string) string {
		return strings.Replace(strings.Replace(location, "%s", match, 1), "%s", line, 1)
	}
	open := func(lines string) string { return strings.Replace(group, "%s", lines, 1) }
	const get = "GET / HTTP/1.0\r\nHost: app\r\nConnection: close\r\n\r\n"
	for _, test := range []struct {
		name, text string
		backend    backend
		want       Code
		sent       string
	}{
		{"plain", plus("", "health_check;"), answers("200 OK"), L7OK, get},
		{"status", plus("", "health_check uri=/up;"), answers("404 Not Found"), L7STS, strings.Replace(get, "/ ", "/up ", 1)},
		{"match", plus("match ok { status 200-299 404; header Server ~ ^fake; header ! X-Bad; body ~ heal; }", "health_check match=ok;"), answers("404 Not Found", body), L7OK, get},
		{"match header", plus("match ok { header Server = other; }", "health_check match=ok;"), answers("200 OK", body), L7STS, get},
		{"match body", plus("match ok { body !~ heal; }", "health_check match=ok;"), answers("200 OK", body), L7RSP, get},
		{"match status", plus("match ok { status ! 500-599; }", "health_check match=ok;"), answers("503 No"), L7STS, get},
		{"open, tcp", open("check interval=1000;"), backend{}, L4OK, ""},
		{"open, http", open(`check interval=1000 type=http; check_http_send "HEAD /up HTTP/1.0\r\n\r\n"; check_http_expect_alive http_2xx http_4xx;`), answers("404 Not Found"), L7OK, "HEAD /up HTTP/1.0\r\n\r\n"},
		{"open, http fails", open(`check interval=1000 type=http;`), answers("404 Not Found"), L7STS, "GET / HTTP/1.0\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := record(t, test.backend, noCertificate)
			o, sent := replayed(t, "nginx.conf", test.text, r)
			if o == nil || o.Code != test.want {
				t.Fatalf("%+v, want %s", o, test.want)
			}
			if got := strings.Join(sent, "|"); got != test.sent {
				t.Errorf("sent %q, want %q", got, test.sent)
			}
		})
	}
}

// TestCheckElsewhere has a check go to another port than the traffic, through the whole run.
func TestCheckElsewhere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, dead, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	r := record(t, answers("503 No"), noCertificate)
	text := "global\ndefaults\n mode http\nbackend b\n option httpchk\n server s 127.0.0.1:" + dead + " check port " + r.port() + "\n"
	results := Run(context.Background(), Plan(load(t, "haproxy.cfg", text), nil), Defaults())
	got := results.List[0]
	if got.Tries[0].Cause != Refused || got.Checked == nil || got.Checked.Status != 503 {
		t.Errorf("%+v, checked %+v", got.Tries[0].Outcome, got.Checked)
	}
}

// TestCheckOfPlanInvalid has plans name checks that nobody could make.
func TestCheckOfPlanInvalid(t *testing.T) {
	for check, want := range map[string]string{
		`{"steps":[{"send":"YQ=="}]}`:            "a check begins without a connection",
		`{"steps":[{"connect":{"port":70000}}]}`: "70000 is no port",
		`{"agent":[{"connect":{}},{}]}`:          "step 2 of a check does nothing",
		`{"steps":[{"connect":{}},{"send":""}]}`: "step 2 of a check does nothing",
	} {
		plan := `{"version":1,"targets":[{"proxy":"haproxy","configuration":"c","at":{"file":"c","line":1,"column":1,"text":"a"},"host":"10.0.0.1","port":80,"pool":"b","servers":1,"protocol":"HTTP","check":` + check + `}]}`
		if _, err := ReadPlan(strings.NewReader(plan)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", check, err, want)
		}
	}
}

// TestCheckAgreesOnHTTP2 has a server choose HTTP/2, in which checks are not replayed.
func TestCheckAgreesOnHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	targets := Plan(load(t, "haproxy.cfg", "global\ndefaults\n mode http\nbackend b\n option httpchk\n server s "+s.Listener.Addr().String()+" ssl verify none alpn h2,http/1.1 check\n"), nil)
	p := newProber(Defaults())
	ctx := context.Background()
	if o := p.check(ctx, &Result{Target: targets[0], Found: p.resolve(ctx, targets[0])}); o.Cause != NotTestable {
		t.Errorf("%+v", o)
	}
}

// TestCheckEndsWithTheRun has the run end while a check waits.
func TestCheckEndsWithTheRun(t *testing.T) {
	r := record(t, backend{silent: true}, noCertificate)
	targets := Plan(load(t, "haproxy.cfg", "global\ndefaults\n mode http\n timeout check 8s\nbackend b\n option httpchk\n server s 127.0.0.1:"+r.port()+" check\n"), nil)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	p := newProber(Defaults())
	began := time.Now()
	o := p.check(ctx, &Result{Target: targets[0], Found: p.resolve(ctx, targets[0])})
	if o.Cause != NotTested || time.Since(began) > 2*time.Second {
		t.Errorf("%+v after %s", o, time.Since(began))
	}
}

// FuzzCheck plans checks of any lines, and judges any answer to them.
func FuzzCheck(f *testing.F) {
	for _, c := range checkCases {
		f.Add(c.lines, c.server, c.backend.greets+c.backend.answer)
	}
	f.Add("option tcp-check\n tcp-check send ''", "", "")
	f.Fuzz(func(t *testing.T, lines, server, answer string) {
		configs, err := parsers.LoadText("haproxy.cfg", "global\ndefaults\n mode http\nbackend b\n "+lines+"\n server s 10.0.0.1:80 check "+server+"\n", parsers.Options{})
		if err != nil {
			return
		}
		for _, target := range Plan(configs, nil) {
			if target.Check == nil || target.Check.String() == "" {
				continue
			}
			if err := target.Check.valid(); err != nil && target.Check.Never == "" {
				t.Errorf("%s: %v", target.Check, err)
			}
			for i, s := range target.Check.Steps {
				if s.Expect == nil {
					continue
				}
				for _, ended := range []bool{false, true} {
					r := checkReplay{target: target, check: target.Check, steps: target.Check.Steps, came: []byte(answer), ended: ended}
					if _, enough := r.judge(&s); ended && !enough {
						t.Errorf("step %d waits for what never comes", i)
					}
				}
			}
		}
	})
}
