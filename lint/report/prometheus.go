package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
)

// Prometheus is the name of the format that tells of what was dialed, and of nothing else.
const Prometheus = "prometheus"

// maxSeries bounds the addresses that are told of: each is a dozen time series wherever it is stored.
const maxSeries = 10_000

// metric is one family of the exposition.
type metric struct {
	name, help string
	value      func(r liveRow) (float64, bool) // false: there is none of that address
}

// metrics are the families that have a value for every address. Labels hold nothing that a server says: each text of
// theirs would be a series of its own.
var metrics = []metric{
	{"proxylint_upstream_up", "Whether the address answers as its proxy wants; absent when nothing can be said of it.",
		func(r liveRow) (float64, bool) { return number(r.Try.OK()), r.Try.Tells() && !r.isLookup() }},
	{"proxylint_upstream_check_up", "Whether the proxy's health check succeeds.",
		func(r liveRow) (float64, bool) {
			if r.Checked == nil || !r.first || !r.Checked.Tells() {
				return 0, false
			}
			return number(r.Checked.OK()), true
		}},
	{"proxylint_upstream_connect_seconds", "How long it took to connect.",
		func(r liveRow) (float64, bool) { return r.Try.Connect.Seconds(), r.Try.Connect > 0 }},
	{"proxylint_upstream_first_byte_seconds", "How long the first byte of the answer took, the longest of the samples.",
		func(r liveRow) (float64, bool) { return r.Try.First.Seconds(), r.Try.First > 0 }},
	{"proxylint_upstream_header_bytes", "Size of the response's header.",
		func(r liveRow) (float64, bool) { return float64(r.Try.Header), r.Try.Header > 0 }},
	{"proxylint_upstream_certificate_expiry_timestamp_seconds", "When the certificate that expires first does so.",
		func(r liveRow) (float64, bool) { return float64(r.Try.Expires.Unix()), !r.Try.Expires.IsZero() }},
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// writePrometheus writes what was dialed in Prometheus' text format, version 0.0.4, for node_exporter's textfile
// collector, which takes no timestamps.
func writePrometheus(w io.Writer, result lint.Result, o Options) error {
	p := prometheusWriter{bufio.NewWriter(w)}
	rows, labels, left := o.series(liveRows(result.Live))
	for _, m := range metrics {
		p.head(m.name, m.help)
		for i, r := range rows {
			if value, ok := m.value(r); ok {
				p.sample(m.name, labels[i], value)
			}
		}
	}
	p.head("proxylint_upstream_info", "What came of dialing the address.")
	for i, r := range rows {
		p.sample("proxylint_upstream_info", labels[i]+","+label("code", string(r.Try.Code))+","+label("cause", r.Try.Cause.String()), 1)
	}
	p.head("proxylint_findings", "Findings by severity.")
	for _, s := range []lint.Severity{lint.Error, lint.Warning, lint.Info} {
		p.sample("proxylint_findings", label("severity", s.String()), float64(result.Count(s)))
	}
	p.whole("proxylint_targets", "Servers of the configurations that were to be dialed.", float64(len(result.Live.List)))
	p.whole("proxylint_upstreams_left_out", "Addresses that these metrics have no room for.", float64(left))
	p.whole("proxylint_last_run_timestamp_seconds", "When the last run ended.", float64(result.Live.Began.Add(result.Live.Took).Truncate(time.Second).Unix()))
	p.whole("proxylint_last_run_duration_seconds", "How long the last run dialed.", result.Live.Took.Seconds())
	return p.Flush()
}

// series returns the rows that have a series of their own, their labels, and for how many there is no room. Of rows with
// the same labels the first counts.
func (o Options) series(all []liveRow) (rows []liveRow, labels []string, left int) {
	seen := map[string]bool{}
	for _, r := range all {
		text := strings.Join([]string{
			label("proxy", r.Dialect.String()), label("config", o.path(r.Config.Tree.Roots[0].Path)), label("pool", r.Pool.Name),
			label("server", r.server()), label("address", r.address()), label("protocol", spoken(r.Target)),
		}, ",")
		switch {
		case seen[text]:
		case len(rows) == maxSeries:
			left++
		default:
			seen[text] = true
			rows, labels = append(rows, r), append(labels, text)
		}
	}
	return rows, labels, left
}

// label writes a label, its value as the format has it: a backslash before a backslash, a quote and the n of a line end.
func label(name, value string) string {
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(clean(value)) + `"`
}

type prometheusWriter struct{ *bufio.Writer }

func (p prometheusWriter) head(name, help string) {
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

func (p prometheusWriter) sample(name, labels string, value float64) {
	fmt.Fprintf(p, "%s{%s} %s\n", name, labels, strconv.FormatFloat(value, 'f', -1, 64))
}

func (p prometheusWriter) whole(name, help string, value float64) {
	p.head(name, help)
	fmt.Fprintf(p, "%s %s\n", name, strconv.FormatFloat(value, 'f', -1, 64))
}
