package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Metrics writes Prometheus' text format, version 0.0.4. What it holds is written by Flush.
type Metrics struct{ *bufio.Writer }

// NewMetrics returns a writer of metrics, all of which are gauges.
func NewMetrics(w io.Writer) Metrics { return Metrics{bufio.NewWriter(w)} }

// Head begins a family of metrics.
func (m Metrics) Head(name, help string) {
	fmt.Fprintf(m, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

// Sample writes one value of a family; labels are those of Label, with commas between them.
func (m Metrics) Sample(name, labels string, value float64) {
	fmt.Fprintf(m, "%s{%s} %s\n", name, labels, strconv.FormatFloat(value, 'f', -1, 64))
}

// Whole writes a family that has one value, without labels.
func (m Metrics) Whole(name, help string, value float64) {
	m.Head(name, help)
	fmt.Fprintf(m, "%s %s\n", name, strconv.FormatFloat(value, 'f', -1, 64))
}

// Label returns a label, its value as the format has it: a backslash before a backslash, a quote and the n of a line end.
func Label(name, value string) string {
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(clean(value)) + `"`
}
