package report

import (
	"io"
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
	p := NewMetrics(w)
	rows, labels, left := o.series(liveRows(result.Live))
	for _, m := range metrics {
		p.Head(m.name, m.help)
		for i, r := range rows {
			if value, ok := m.value(r); ok {
				p.Sample(m.name, labels[i], value)
			}
		}
	}
	p.Head("proxylint_upstream_info", "What came of dialing the address.")
	for i, r := range rows {
		p.Sample("proxylint_upstream_info", labels[i]+","+Label("code", string(r.Try.Code))+","+Label("cause", r.Try.Cause.String()), 1)
	}
	p.Head("proxylint_findings", "Findings by severity.")
	for _, s := range []lint.Severity{lint.Error, lint.Warning, lint.Info} {
		p.Sample("proxylint_findings", Label("severity", s.String()), float64(result.Count(s)))
	}
	p.Whole("proxylint_targets", "Servers of the configurations that were to be dialed.", float64(len(result.Live.List)))
	p.Whole("proxylint_upstreams_left_out", "Addresses that these metrics have no room for.", float64(left))
	p.Whole("proxylint_last_run_timestamp_seconds", "When the last run ended.", float64(result.Live.Began.Add(result.Live.Took).Truncate(time.Second).Unix()))
	p.Whole("proxylint_last_run_duration_seconds", "How long the last run dialed.", result.Live.Took.Seconds())
	return p.Flush()
}

// series returns the rows that have a series of their own, their labels, and for how many there is no room. Of rows with
// the same labels the first counts.
func (o Options) series(all []liveRow) (rows []liveRow, labels []string, left int) {
	seen := map[string]bool{}
	for _, r := range all {
		text := strings.Join([]string{
			Label("proxy", r.Dialect.String()), Label("config", o.path(r.Config.Tree.Roots[0].Path)), Label("pool", r.Pool.Name),
			Label("server", r.server()), Label("address", r.address()), Label("protocol", spoken(r.Target)),
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
