package report

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// liveRow is one address that was tried, or a target that came to none.
type liveRow struct {
	*probe.Result
	probe.Try
	at    syntax.Ref
	first bool // of its target
}

// liveRows returns what came of every target, by their places in the files.
func liveRows(results *probe.Results) []liveRow {
	var rows []liveRow
	for _, r := range results.List {
		first := len(rows)
		for _, try := range r.Tries {
			rows = append(rows, liveRow{Result: r, Try: try})
		}
		if len(r.Tries) == 0 {
			rows = append(rows, untried(r)...)
		}
		for i := range rows[first:] {
			rows[first+i].at, rows[first+i].first = r.Addr.At.Outer(), i == 0
		}
	}
	slices.SortStableFunc(rows, func(a, b liveRow) int {
		return cmp.Or(cmp.Compare(a.at.File.Path, b.at.File.Path), cmp.Compare(a.at.Span.Start, b.at.Span.Start))
	})
	return rows
}

// untried are the rows of a target that was looked up alone: its addresses, or why there are none.
func untried(r *probe.Result) []liveRow {
	var rows []liveRow
	for _, addr := range r.Found.Addrs {
		rows = append(rows, liveRow{Result: r, Try: probe.Try{Addr: addr, Outcome: probe.Outcome{Took: r.Found.Outcome.Took}}})
	}
	if len(rows) == 0 {
		rows = append(rows, liveRow{Result: r, Try: probe.Try{Outcome: r.Found.Outcome}})
	}
	return rows
}

// address is what was dialed: an address with its port, or the path of a socket; "" when there was none.
func (r liveRow) address() string {
	switch {
	case r.Target.Addr.Socket != "":
		return "unix:" + r.Target.Addr.Socket
	case r.Try.Addr.IsValid():
		return r.Try.Addr.String()
	}
	return ""
}

// isLookup reports whether it was found and not dialed.
func (r liveRow) isLookup() bool { return r.Try.OK() && r.Try.Code == "" }

// server is what the configuration calls it: HAProxy's name, or the address as written.
func (r liveRow) server() string { return cmp.Or(r.Target.Server, dialed(r.Target)) }

// sees is what a client gets when all of a pool's servers answer like this.
func (r liveRow) sees() string {
	if r.Try.OK() && r.Overflows(r.Try) {
		return "502"
	}
	return r.Try.ClientSees(r.Target)
}

// code is how HAProxy would call it, and an HTTP status; else the cause.
func (r liveRow) code() string {
	text := string(r.Try.Code)
	switch {
	case r.isLookup():
		return "resolves"
	case text == "":
		text = r.Try.Cause.String()
	}
	if r.Try.Status > 0 {
		text += "/" + strconv.Itoa(r.Try.Status)
	}
	return text
}

// check is what came of the health check, on the first row of a target.
func (r liveRow) check() string {
	if r.Checked == nil || !r.first {
		return ""
	}
	return liveRow{Try: probe.Try{Outcome: *r.Checked}}.code()
}

// detail says more of what failed.
func (r liveRow) detail() string {
	var parts []string
	if r.Try.Cause != probe.OK && r.Try.Code != "" {
		parts = append(parts, r.Try.Cause.String())
	}
	if r.Try.Speaks != "" {
		parts = append(parts, r.Try.Speaks)
	}
	if r.Try.Detail != "" {
		parts = append(parts, r.Try.Detail)
	}
	if r.Overflows(r.Try) {
		parts = append(parts, fmt.Sprintf("header of %d bytes, of which %d fit", r.Try.Header, r.HeaderRoom()))
	}
	return clean(strings.Join(parts, ": "))
}

func (r liveRow) took() string {
	if r.Try.Took <= 0 {
		return ""
	}
	return shortened(r.Try.Took).String()
}

// shortened leaves of a duration what a person reads.
func shortened(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// vantage tells whence and when it was dialed, and how much.
func vantage(results *probe.Results) string {
	return fmt.Sprintf("dialed from %s at %s: %s in %s", cmp.Or(clean(results.Vantage), "an unknown host"),
		results.Began.UTC().Format(time.RFC3339), count(len(results.List), "target"), shortened(results.Took))
}

// liveHeads are the columns of the table.
var liveHeads = []string{"UPSTREAM", "SERVER", "ADDRESS", "PROTOCOL", "CODE", "CHECK", "CLIENT SEES", "TOOK", "WHERE", "DETAIL"}

// liveCells returns what a row has in each column, made safe.
func (o Options) liveCells(r liveRow) []string {
	cells := []string{
		clean(r.Pool.Name), clean(r.server()), clean(r.address()), spoken(r.Target), clean(r.code()), clean(r.check()),
		r.sees(), r.took(), clean(o.place(r.at)), r.detail(),
	}
	for i := range cells {
		cells[i] = cmp.Or(cells[i], "-")
	}
	return cells
}

// WriteLive writes what was dialed as a table, one line for each address tried, and what was not tried. As in Write,
// nothing in it can act on a terminal.
func WriteLive(w io.Writer, results *probe.Results, o Options) error {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(liveHeads, "\t"))
	for _, r := range liveRows(results) {
		fmt.Fprintln(table, strings.Join(o.liveCells(r), "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, o.cut(strings.TrimRight(line, " \n"))); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, o.cut(vantage(results)))
	return err
}

// cut shortens a line to what a terminal shows in one.
func (o Options) cut(line string) string {
	if o.Width <= 0 {
		return line
	}
	return runewidth.Truncate(line, o.Width, "…")
}

// The types below are the live part of the JSON output, in its order.
type (
	jsonVantage struct {
		Host    string  `json:"host"`
		At      string  `json:"at"`
		Took    float64 `json:"took_ms"`
		Targets int     `json:"targets"`
	}
	jsonLive struct {
		File        string       `json:"file"`
		Line        int          `json:"line"`
		Column      int          `json:"column"`
		Dialect     string       `json:"dialect"`
		Upstream    string       `json:"upstream"`
		Server      string       `json:"server"`
		Address     string       `json:"address,omitempty"`
		Protocol    string       `json:"protocol"`
		Code        string       `json:"code,omitempty"`
		Cause       string       `json:"cause"`
		Detail      string       `json:"detail,omitempty"`
		Status      int          `json:"status,omitempty"`
		Speaks      string       `json:"speaks,omitempty"`
		ClientSees  string       `json:"client_sees,omitempty"`
		Took        float64      `json:"took_ms,omitempty"`
		Connect     float64      `json:"connect_ms,omitempty"`
		First       float64      `json:"first_byte_ms,omitempty"`
		Header      int          `json:"header_bytes,omitempty"`
		Expires     string       `json:"certificate_expires,omitempty"`
		Certificate string       `json:"certificate,omitempty"`
		Check       *jsonChecked `json:"check,omitempty"`
		Others      []string     `json:"unused_addresses,omitempty"`
	}
	jsonChecked struct {
		Code   string `json:"code,omitempty"`
		Cause  string `json:"cause"`
		Status int    `json:"status,omitempty"`
		Detail string `json:"detail,omitempty"`
	}
)

func newJSONVantage(results *probe.Results) *jsonVantage {
	return &jsonVantage{clean(results.Vantage), results.Began.UTC().Format(time.RFC3339), milliseconds(results.Took), len(results.List)}
}

func (o Options) jsonLive(results *probe.Results) []jsonLive {
	list := []jsonLive{}
	for _, r := range liveRows(results) {
		list = append(list, o.jsonRow(r))
	}
	return list
}

func (o Options) jsonRow(r liveRow) jsonLive {
	p := r.at.Position()
	out := jsonLive{
		File: o.path(r.at.File.Path), Line: p.Line, Column: p.Rune, Dialect: r.Dialect.String(),
		Upstream: clean(r.Pool.Name), Server: clean(r.server()), Address: clean(r.address()), Protocol: spoken(r.Target),
		Code: string(r.Try.Code), Cause: r.Try.Cause.String(), Detail: clean(r.Try.Detail), Status: r.Try.Status,
		Speaks: clean(r.Try.Speaks), ClientSees: r.sees(), Took: milliseconds(r.Try.Took), Connect: milliseconds(r.Try.Connect),
		First: milliseconds(r.Try.First), Header: r.Try.Header, Certificate: r.Try.Cert, Others: hostsOf(r.Found.Others),
	}
	if !r.Try.Expires.IsZero() {
		out.Expires = r.Try.Expires.UTC().Format(time.RFC3339)
	}
	if c := r.Checked; c != nil && r.first {
		out.Check = &jsonChecked{string(c.Code), c.Cause.String(), c.Status, clean(c.Detail)}
	}
	return out
}

func hostsOf(addrs []netip.AddrPort) []string {
	var list []string
	for _, addr := range addrs {
		list = append(list, addr.Addr().String())
	}
	return list
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
