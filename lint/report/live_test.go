package report

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// liveResult is a run in which each kind of thing happened.
func liveResult() lint.Result {
	const text = "upstream app {\n  server app:8080;\n  server 10.0.0.7:8080;\n  server unix:/run/app.sock;\n  server gone.corp.net:80;\n  server \"q\\\"\\\\\":1;\n}\n"
	file := syntax.NewFile("/srv/conf.d/app.conf", text, syntax.Nginx, func(raw string) string { return raw })
	config := &proxy.Config{Dialect: syntax.Nginx, Tree: &syntax.Tree{Roots: []*syntax.File{file}, Files: map[string]*syntax.File{file.Path: file}}}
	target := func(written, host string, port int, socket string) *probe.Target {
		start := strings.Index(text, written)
		at := file.Ref(syntax.Span{Start: syntax.Pos(start), End: syntax.Pos(start + len(written))})
		return &probe.Target{
			Config: config, Dialect: syntax.Nginx, Addr: proxy.Address{Host: host, Port: port, Socket: socket, At: at, HostAt: at},
			Pool: probe.Pool{Name: "app", At: at, Servers: 5}, Protocol: proxy.HTTP, Path: "/",
		}
	}
	named := target("app:8080", "app", 8080, "")
	named.Lookup.How, named.TLS = probe.AtStart, &probe.TLS{}
	named.Limits.Header = proxy.Setting[int64]{Value: 400, Origin: proxy.Explicit} // and one of 412 bytes comes
	began := time.Date(2026, 7, 1, 12, 30, 0, 0, time.UTC)
	r := lint.Result{Files: []string{file.Path}, Diagnostics: []lint.Diagnostic{finding(named.Addr.At, "m")}}
	r.Diagnostics[0].Notes = []string{"nginx logs: <b>\x1b[1m"}
	r.Live = &probe.Results{
		Began: began, Took: 4200 * time.Millisecond, Vantage: "build\x1b[31m7",
		List: []*probe.Result{
			{Target: target(`"q\"\\":1`, `q"\`, 1, ""), Found: probe.Found{Outcome: probe.Outcome{Cause: probe.NotTestable, Detail: "known elsewhere"}}},
			{
				Target: named,
				Found:  probe.Found{Others: []netip.AddrPort{netip.MustParseAddrPort("[fd00::5]:8080")}},
				Tries: []probe.Try{
					{
						Addr:    netip.MustParseAddrPort("10.0.0.5:8080"),
						Outcome: probe.Outcome{Code: probe.L7OK, Status: 200, Took: 12345 * time.Microsecond},
						Measure: probe.Measure{
							Connect: 400 * time.Microsecond, First: 11 * time.Millisecond, Header: 412, Expires: began.AddDate(0, 1, 0),
							Cert: strings.Repeat("c0ffee00", 8),
						},
					},
					{Addr: netip.MustParseAddrPort("10.0.0.6:8080"), Outcome: probe.Outcome{Code: probe.L4TOUT, Cause: probe.TimedOut, Took: 4 * time.Second}},
				},
				Checked: &probe.Outcome{Code: probe.L7STS, Cause: probe.BadStatus, Status: 503},
			},
			{
				Target: target("10.0.0.7:8080", "10.0.0.7", 8080, ""),
				Tries: []probe.Try{{
					Addr:    netip.MustParseAddrPort("10.0.0.7:8080"),
					Outcome: probe.Outcome{Code: probe.L7RSP, Cause: probe.OtherProtocol, Speaks: "SSH", Detail: "SSH-2.0\x1b[2J\n<b>x"},
				}},
			},
			{
				Target: target("unix:/run/app.sock", "", -1, "/run/app.sock"),
				Tries:  []probe.Try{{Outcome: probe.Outcome{Code: probe.SOCKERR, Cause: probe.Local, Detail: "too many open files"}}},
			},
			{
				Target: target("gone.corp.net:80", "gone.corp.net", 80, ""),
				Found:  probe.Found{Outcome: probe.Outcome{Cause: probe.Unresolvable, Detail: "the system finds no such name"}},
			},
		},
	}
	return r
}

var inSrv = Options{Dir: "/srv"}

func TestLiveTable(t *testing.T) {
	var b bytes.Buffer
	if err := WriteLive(&b, liveResult().Live, inSrv); err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "live.table", b.Bytes())
	b.Reset()
	narrow := inSrv
	narrow.Width = 60
	if err := WriteLive(&b, liveResult().Live, narrow); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 60 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestLiveJSON(t *testing.T) {
	out := write(t, "json", liveResult(), inSrv)
	compareGolden(t, "live.json", out)
	schemaCheck("schema.json")(t, out)
}

func TestLiveHTML(t *testing.T) {
	out := write(t, "html", liveResult(), inSrv)
	compareGolden(t, "live.html", out)
	checkHTML(t, out)
	checkOutput(t, "html", out)
	if bytes.Contains(out, []byte("<b>x")) {
		t.Error("what a server says is markup")
	}
}

// TestPrometheus reads the format as Prometheus' own library does.
func TestPrometheus(t *testing.T) {
	r := liveResult()
	r.Live.List = append(r.Live.List, r.Live.List[2]) // the same server once more
	out := write(t, "prometheus", r, inSrv)
	compareGolden(t, "live.prometheus", out)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	up := map[string]float64{}
	for _, m := range families["proxylint_upstream_up"].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == "address" {
				up[l.GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	if diff := cmp.Diff(map[string]float64{"10.0.0.5:8080": 1, "10.0.0.6:8080": 0, "10.0.0.7:8080": 0, "": 0}, up); diff != "" {
		t.Errorf("proxylint_upstream_up:\n%s", diff)
	}
	servers := map[string]bool{}
	for _, m := range families["proxylint_upstream_info"].GetMetric() {
		servers[m.GetLabel()[slices.IndexFunc(m.GetLabel(), isServer)].GetValue()] = true
	}
	if !servers[`q"\:1`] {
		t.Errorf("a quote and a backslash come back otherwise: %v", servers)
	}
}

func isServer(l *dto.LabelPair) bool { return l.GetName() == "server" }

// TestPrometheusBounds has more addresses than there is room for.
func TestPrometheusBounds(t *testing.T) {
	r := liveResult()
	first := r.Live.List[2]
	for i := range maxSeries {
		many := *first
		many.Tries = []probe.Try{{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(i >> 8), byte(i)}), 1), Outcome: first.Tries[0].Outcome}}
		r.Live.List = append(r.Live.List, &many)
	}
	out := string(write(t, "prometheus", r, inSrv))
	if n := strings.Count(out, "\nproxylint_upstream_info{"); n != maxSeries {
		t.Errorf("%d series", n)
	}
	if !strings.Contains(out, "\nproxylint_upstreams_left_out 6\n") {
		t.Error("those left out are not told of")
	}
}

func TestPrometheusWithoutLive(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, "prometheus", complete(), Options{}); err == nil || b.Len() > 0 {
		t.Errorf("error %v, output %q", err, b.String())
	}
}
