package logs

import (
	"io"
	"strconv"

	"github.com/proxylint/proxylint/lint/report"
)

// WritePrometheus writes counts by cause and status. Labels hold nothing of the logs: each text of theirs would be a
// series of its own.
func WritePrometheus(w io.Writer, r Report) error {
	m := report.NewMetrics(w)
	events, lost := map[Cause]int{}, map[Cause]Lost{}
	stale := 0
	for _, g := range r.Summary.Groups() {
		events[g.Cause] += g.Count
		lost[g.Cause] = lost[g.Cause].plus(g.Lost)
		if g.Site.stale() != "" {
			stale++
		}
	}
	m.Head("proxylint_logs_events", "Lines that tell of a cause.")
	for _, cause := range Causes() {
		if events[cause] > 0 {
			m.Sample("proxylint_logs_events", causeLabel(cause)+","+report.Label("severity", cause.Info().Level.String()), float64(events[cause]))
		}
	}
	m.Head("proxylint_logs_lost_requests_by_cause", "Requests lost by cause; one that stands in two logs counts twice.")
	for _, cause := range Causes() {
		for _, s := range lost[cause].shares() {
			m.Sample("proxylint_logs_lost_requests_by_cause", causeLabel(cause)+","+statusLabel(s), float64(s.Count))
		}
	}
	m.Head("proxylint_logs_lost_requests", "Requests lost.")
	for _, s := range r.Summary.Lost().shares() {
		m.Sample("proxylint_logs_lost_requests", statusLabel(s), float64(s.Count))
	}
	m.Whole("proxylint_logs_stale_addresses", "Addresses in the logs that the configuration does not have, or no longer leads to.", float64(stale))
	m.Whole("proxylint_logs_lines", "Lines read.", float64(r.Read.Lines))
	return m.Flush()
}

func causeLabel(c Cause) string { return report.Label("cause", c.String()) }

func statusLabel(s share) string { return report.Label("status", strconv.Itoa(s.Status)) }
