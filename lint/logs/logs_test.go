package logs

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// read returns the events of a text, as of noon on 2026-11-23 UTC.
func read(t testing.TB, text string, formats ...*Format) []Event {
	t.Helper()
	var events []Event
	parser := NewParser(Options{Location: time.UTC, Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Formats: formats})
	if _, err := parser.Read(strings.NewReader(text), "test.log", func(e *Event) { events = append(events, *e) }); err != nil {
		t.Fatal(err)
	}
	return events
}

const errorHead = "2026/11/23 01:18:31 [error] 12#12: *7 "
const errorTail = `, client: 10.1.1.1, server: a.test, request: "GET /x HTTP/1.1", upstream: "http://10.0.0.7:80/x", host: "a.test"`

// TestMessages reads messages of other systems and versions of nginx, and those that come by chance alone.
func TestMessages(t *testing.T) {
	for message, want := range map[string]Cause{
		"connect() failed (10061: No connection could be made because the target machine actively refused it) while connecting to upstream":             Refused,
		"connect() failed (115: Operation now in progress) while connecting to upstream":                                                                ConnectFailed,
		"recv() failed (104: Connection reset by peer) while sending to client":                                                                         ClientClosed,
		"upstream sent unsupported FastCGI protocol version: 60 while reading response header from upstream":                                            NotFastCGI,
		"connect() failed (104: Connection reset by peer) while connecting to upstream":                                                                 ConnectReset,
		"connect() failed (112: Host is down) while connecting to upstream":                                                                             NoRoute,
		"sendfile() failed (32: Broken pipe) while sending request to upstream":                                                                         SendFailed,
		"writev() failed (104: Connection reset by peer) while sending to client":                                                                       ClientClosed,
		"SSL_write() failed (SSL: error:0A0000CF:SSL routines::protocol is shutdown) while proxying and sending to upstream":                            SendFailed,
		"upstream violated stream flow control, received 9 data frame with window 1 while reading upstream":                                             ProtocolError,
		"upstream sent duplicate header line: \"Content-Length: 1\", previous value: \"Content-Length: 2\" while reading response header from upstream": HeaderInvalid,
		"upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time while reading response header from upstream":               HeaderInvalid,
		"kevent() reported that client prematurely closed connection, so upstream connection is closed too while sending request to upstream":           ClientClosed,
		"something new while reading response header from upstream":                                                                                     Unknown,
	} {
		events := read(t, errorHead+message+errorTail+"\n")
		if len(events) != 1 || events[0].Cause != want {
			t.Errorf("%s: got %v, want %s", message, events, want)
		}
	}
}

// TestHAProxyLines reads lines that the judge does not write.
func TestHAProxyLines(t *testing.T) {
	for line, want := range map[string]Event{
		`10.0.1.2:33313 [23/Nov/2026:01:18:31.443] fnt bck/srv1 0/-1/5007 0 sC 0/0/0/0/3 0/0`:                                              {Cause: ConnectTimeout, Client: "10.0.1.2", Frontend: "fnt", Backend: "bck", ServerName: "srv1", Retries: 3},
		`2001:db8::1:33313 [23/Nov/2026:01:18:31.443] fnt~ bck/srv1 0/0/1/2/5007 200 12 - - SD-- 0/0/0/0/0 0/0 "GET / HTTP/1.1"`:           {Cause: AnswerCut, Client: "2001:db8::1", Frontend: "fnt", Backend: "bck", ServerName: "srv1", Status: 200},
		`10.0.1.2:33313 [23/Nov/2026:01:18:31.443] fnt bck/srv1 0/0/1/2/5007 503 12 - - CD-- 0/0/0/0/0 0/0 {a|b c} {d e} "GET / HTTP/1.1"`: {Cause: ClientClosed, Client: "10.0.1.2", Frontend: "fnt", Backend: "bck", ServerName: "srv1", Status: 503},
		`10.0.1.2:33313 [23/Nov/2026:01:18:31.443] www/1: SSL handshake failure`:                                                           {Cause: ClientTLS, Client: "10.0.1.2", Frontend: "www"},
		`10.0.1.2:33313 [23/Nov/2026:01:18:31.443] www/1: Received something which does not look like a PROXY protocol header`:             {Cause: ClientRequest, Client: "10.0.1.2", Frontend: "www"},
		`Proxy www reached the configured maximum connection limit. Please check the global 'maxconn' value.`:                              {Cause: ProxyLimit, Frontend: "www"},
		`Server bck/srv1 is going DOWN for maintenance (DNS NX status). 0 active and 0 backup servers left.`:                               {Cause: Maintenance, Backend: "bck", ServerName: "srv1"},
		`Health check for backup server bck/srv1 failed, reason: Layer7 wrong status, code: 404, check duration: 1ms, status: 0/2 DOWN.`:   {Cause: CheckStatus, Backend: "bck", ServerName: "srv1"},
		`[ALERT]    (99) : backend 'bck' has no server available!`:                                                                         {Cause: NoServer, Backend: "bck"},
	} {
		events := read(t, line+"\n")
		if len(events) != 1 {
			t.Errorf("%s: %d events", line, len(events))
			continue
		}
		e := events[0]
		got := Event{Cause: e.Cause, Client: e.Client, Frontend: e.Frontend, Backend: e.Backend, ServerName: e.ServerName, Status: e.Status, Retries: e.Retries}
		if got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", line, got, want)
		}
	}
}

// TestMixedLines reads a log that sections of mode tcp and of mode http write to.
func TestMixedLines(t *testing.T) {
	const tcp = `10.0.1.2:33313 [23/Nov/2026:01:18:31.443] fnt bck/srv1 0/-1/5007 0 sC 0/0/0/0/3 0/0` + "\n"
	const web = `10.0.1.2:33317 [23/Nov/2026:01:18:31.655] www app/a1 0/0/0/-1/100 502 209 - - SH-- 1/1/0/0/0 0/0 "GET /x HTTP/1.1"` + "\n"
	var got []string
	for _, e := range read(t, tcp+web+tcp+tcp+web) {
		got = append(got, e.State)
	}
	if want := []string{"sC", "SH--", "sC", "sC", "SH--"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPassedOver reads lines that tell of no fault of an upstream.
func TestPassedOver(t *testing.T) {
	for _, line := range []string{
		`2026/11/23 01:18:31 [error] 12#12: *7 open() "/srv/favicon.ico" failed (2: No such file or directory), client: 10.1.1.1, server: a.test, request: "GET /favicon.ico HTTP/1.1", host: "a.test"`,
		`2026/11/23 01:18:31 [notice] 12#12: signal process started`,
		`10.0.1.2 - - [23/Nov/2026:01:18:31 +0100] "GET /upstream-error HTTP/1.1" 404 12 "-" "curl 502"`,
		`10.0.1.2:33317 [23/Nov/2026:01:18:31.655] www app/a1 10/0/30/50/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /502 HTTP/1.1"`,
		`{"status":200,"upstream_addr":"10.0.0.1:80","upstream_status":"200"}`,
		`error: upstream connect() failed`,
	} {
		if events := read(t, line+"\n"); len(events) > 0 {
			t.Errorf("%s: got %+v", line, events)
		}
	}
}

func TestPrefixes(t *testing.T) {
	const message = "Server app/a1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms."
	at := time.Date(2026, 11, 23, 1, 18, 31, 0, time.UTC)
	for prefix, want := range map[string]time.Time{
		"":                                                           {},
		"[WARNING]  (1234) : ":                                       {},
		"[WARNING] 326/011831 (1234) : ":                             {},
		"web-1  | [WARNING]  (1234) : ":                              {},
		"<133>Nov 23 01:18:31 haproxy[1]: ":                          at,
		"Nov 23 01:18:31 lb haproxy[1]: ":                            at,
		"Dec 24 01:18:31 lb haproxy[1]: ":                            time.Date(2025, 12, 24, 1, 18, 31, 0, time.UTC),
		"2026-11-23T02:18:31+0100 lb haproxy[1]: ":                   at,
		"2026-11-23T01:18:31.000000000Z ":                            at,
		"<133>1 2026-11-23T01:18:31Z lb haproxy 1 - - ":              at,
		"<133>1 2026-11-23T01:18:31Z lb haproxy 1 ID [x@1 a=\"b\"] ": at,
	} {
		events := read(t, prefix+message+"\n")
		if len(events) != 1 || events[0].Cause != CheckConnect || events[0].ServerName != "a1" || !events[0].Time.Equal(want) {
			t.Errorf("%q: got %+v", prefix, events)
		}
	}
}

func TestFormats(t *testing.T) {
	format, err := CompileNginx(`{"t":"$time_iso8601","a":"$upstream_addr","s":"$upstream_status","h":"$upstream_header_time","st":$status,"r":"$request","ua":"$http_user_agent"}`)
	if err != nil {
		t.Fatal(err)
	}
	events := read(t, `{"t":"2026-11-23T01:18:31+01:00","a":"10.0.0.1:80, unix:/run/a.sock : 10.0.0.3:80","s":"502, 504 : 503","h":"-, - : 0.020","st":503,"r":"GET /\"a HTTP/1.1","ua":"x"}
{"t":"2026-11-23T01:18:31+01:00","a":"10.0.0.1:80, 10.0.0.2:80","s":"504, 200","h":"-, 0.020","st":200,"r":"GET / HTTP/1.1","ua":"x"}
{"t":"2026-11-23T01:18:31+01:00","a":"10.0.0.2:80","s":"200","h":"0.020","st":200,"r":"GET / HTTP/1.1","ua":"x"}
`, format)
	type short struct {
		Cause    Cause
		Status   int
		Upstream string
		Request  string
		Retries  int
		Response time.Duration
	}
	var got []short
	for _, e := range events {
		got = append(got, short{e.Cause, e.Status, e.Upstream, e.Request, e.Retries, e.Timers.Response})
	}
	want := []short{
		{Answered, 503, "10.0.0.3:80", `GET /\"a HTTP/1.1`, 2, 20 * time.Millisecond},
		{Retried, 200, "10.0.0.1:80", "GET / HTTP/1.1", 1, 20 * time.Millisecond},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "$request", "a $"} {
		if _, err := CompileNginx(bad); err == nil {
			t.Errorf("%q compiles", bad)
		}
	}
}

// TestSeveralLines reads a message that goes on in other lines, one that is cut by the next, and one without an end.
func TestSeveralLines(t *testing.T) {
	start := errorHead + `FastCGI sent in stderr: "PHP Fatal error: x`
	events := read(t, start+"\nStack trace:\n#0 {main}\" while reading response header from upstream"+errorTail+"\n"+
		start+"\n"+errorHead+"no live upstreams while connecting to upstream"+errorTail+"\n"+start+"\nStack")
	var got []string
	for _, e := range events {
		got = append(got, e.Cause.String()+" "+e.Upstream)
	}
	want := []string{"script-stderr 10.0.0.7:80", "script-stderr ", "no-live-upstream 10.0.0.7:80", "script-stderr "}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTries has one request fail at two servers, which is one lost request, and a second one at both again.
func TestTries(t *testing.T) {
	s := NewSummary()
	for _, address := range []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.1:80", "10.0.0.2:80"} {
		line := errorHead + "connect() failed (111: Connection refused) while connecting to upstream" + strings.ReplaceAll(errorTail, "10.0.0.7:80", address)
		for _, e := range read(t, line+"\n") {
			s.Add(&e)
		}
	}
	if got := s.Lost(); got != (Lost{S502: 2}) {
		t.Errorf("lost %s, want 2 × 502", got)
	}
	for _, g := range s.Groups() {
		if want := map[string]int{"10.0.0.1:80": 2}[g.Target]; g.Retried != want || g.Count != 2 {
			t.Errorf("%s: %d retried, %d in all", g.Target, g.Retried, g.Count)
		}
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, after := range []time.Duration{0, time.Second, -20 * time.Second, time.Hour, -24 * time.Hour, 30 * 24 * time.Hour} {
		h.Add(at.Add(after))
	}
	sum := 0
	for _, count := range h.Counts {
		sum += count
	}
	if end := h.Start().Add(bins * h.Width); sum != 6 || h.Start().After(at.Add(-24*time.Hour)) || end.Before(at.Add(30*24*time.Hour)) {
		t.Errorf("%d from %s to %s", sum, h.Start(), end)
	}
}

// TestBounded feeds what is different in every line: the summary must not grow with it.
func TestBounded(t *testing.T) {
	s, parser := NewSummary(), NewParser(Options{})
	add := func(e *Event) { s.Add(e) }
	for i := range 50_000 {
		unique := strings.Repeat("a", 200) + time.Duration(i).String()
		text := errorHead + "connect() failed (111: Connection refused) while connecting to upstream" + strings.NewReplacer("10.0.0.7", unique, "a.test", unique, "/x", "/"+unique+"/").Replace(errorTail)
		parser.Parse(Line{Text: []byte(text)}, add)
	}
	if n := len(s.Groups()); n > maxGroups+len(causes) {
		t.Errorf("%d groups", n)
	}
	var before, after runtime.MemStats
	groups := s.Groups()
	runtime.GC()
	runtime.ReadMemStats(&before)
	clear(groups)
	s = nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(before.HeapAlloc) - int64(after.HeapAlloc); held > 16<<20 {
		t.Errorf("a summary holds %d MiB", held>>20)
	}
}

// TestHostileLines has lines too long, without an end, of bytes that are no text, and of terminal commands.
func TestHostileLines(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	hostile := errorHead + "connect() failed (111: Connection refused) while connecting to upstream" +
		strings.NewReplacer("/x", "/\x1b]0;owned\x07\xff/", "10.0.0.7", "\x1b[31mred\u202e", "a.test", "##[error]::error::x").Replace(errorTail)
	parser, s := NewParser(Options{}), NewSummary()
	count, err := parser.Read(strings.NewReader(long+"\n"+hostile+"\r\n"+errorHead+long+"\n"+hostile), "x\x1b.log", s.Add)
	if err != nil || count.Lines != 4 || count.Cut != 2 {
		t.Fatalf("%+v, %v", count, err)
	}
	for _, write := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return WriteText(b, Report{Summary: s, Files: 1, Read: count}) },
		func(b *bytes.Buffer) error { return WriteJSON(b, Report{Summary: s, Files: 1, Read: count}) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if out := b.String(); !strings.Contains(out, "red") || strings.ContainsAny(out, "\x1b\x07\u202e") || strings.Contains(out, "##[") || strings.ToValidUTF8(out, "") != out {
			t.Errorf("not clean: %q", out)
		}
	}
}

func TestSeries(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"error.log", "error.log.1", "error.log.2.gz", "error.log.10.gz", "error.log.txt", "access.log.1"} {
		var b bytes.Buffer
		if strings.HasSuffix(name, ".gz") {
			w := gzip.NewWriter(&b)
			w.Write([]byte(name))
			w.Close()
		} else {
			b.WriteString(name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, path := range Series(filepath.Join(dir, "error.log")) {
		file, err := Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		lines := NewReader(file)
		for lines.Next() {
			got = append(got, string(lines.Text()))
		}
		file.Close()
	}
	if want := []string{"error.log.10.gz", "error.log.2.gz", "error.log.1", "error.log"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCauses holds the table to its own style: every cause is named once and says what to look at.
func TestCauses(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Causes() {
		info := c.Info()
		if info.Name == "" || names[info.Name] || info.Level == 0 || info.Means == "" || info.Look == "" || strings.HasSuffix(info.Means, ".") {
			t.Errorf("cause %d: %+v", c, info)
		}
		names[info.Name] = true
	}
	if !names["body-too-large"] || len(names) != int(BodyTooLarge)+1 {
		t.Errorf("%d names for %d causes", len(names), BodyTooLarge+1)
	}
}
