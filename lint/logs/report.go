package logs

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint/safe"
)

// Report is what was found in some logs.
type Report struct {
	Summary *Summary
	Files   int
	Read    Count
}

// WriteText writes the groups as text, those that lost the most requests first.
func WriteText(w io.Writer, r Report) error {
	var b strings.Builder
	groups := r.Summary.Groups()
	for _, g := range groups {
		g.text(&b, spanOf(groups))
	}
	lost := r.Summary.Lost()
	fmt.Fprintf(&b, "%s lost in %s of %s", plural(lost.Sum(), "request"), plural(r.Read.Lines, "line"), plural(r.Files, "file"))
	if lost.Sum() > 0 {
		fmt.Fprintf(&b, ": %s", lost)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// String lists the numbers: "12 × 502, 3 × 504".
func (l Lost) String() string {
	var list []string
	for _, part := range []struct{ status, count int }{{500, l.S500}, {502, l.S502}, {503, l.S503}, {504, l.S504}} {
		if part.count > 0 {
			list = append(list, fmt.Sprintf("%d × %d", part.count, part.status))
		}
	}
	return strings.Join(list, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// text writes a group, in about five lines.
func (g *Group) text(b *strings.Builder, whole [2]time.Time) {
	info := g.Cause.Info()
	fmt.Fprintf(b, "%s: %s", info.Level, clean(g.Cause.String()))
	if g.Target != "" {
		fmt.Fprintf(b, " %s", clean(g.Target))
	}
	if g.Server != "" && g.Server != g.Target {
		fmt.Fprintf(b, " (%s)", clean(g.Server))
	}
	if lost := g.Lost.String(); lost != "" {
		fmt.Fprintf(b, ": %s\n", lost)
	} else {
		fmt.Fprintf(b, ": %s\n", plural(g.Count, "line"))
	}
	if !g.First.IsZero() {
		fmt.Fprintf(b, "    %s\n", g.when(whole))
	}
	fmt.Fprintf(b, "    = %s\n", info.Means)
	if g.Sample.Detail != "" {
		fmt.Fprintf(b, "    = the line says: %s\n", clean(g.Sample.Detail))
	}
	if g.Retried > 0 {
		fmt.Fprintf(b, "    = another server was asked after %d of %d failures\n", g.Retried, g.Count)
	}
	if routes := g.routes(); routes != "" {
		fmt.Fprintf(b, "    = on: %s\n", routes)
	}
	fmt.Fprintf(b, "    = look at: %s\n", info.Look)
	if len(info.Rules) > 0 {
		fmt.Fprintf(b, "    = rules: %s\n", strings.Join(info.Rules, ", "))
	}
	fmt.Fprintf(b, "    = %s:%d\n\n", clean(g.Sample.File), g.Sample.Line)
}

// when tells the first time and the last, with a picture of what was between where that is more than one second.
func (g *Group) when(whole [2]time.Time) string {
	first, last := g.First.Format(time.DateTime), g.Last.Format(time.DateTime)
	switch {
	case whole[1].Sub(whole[0]) < time.Second:
		return first
	case first == last:
		last = strings.Repeat(" ", len(" to ")+len(last))
	default:
		last = " to " + last
	}
	return first + last + "  " + g.Over.Bars(whole[0], whole[1], 24)
}

func (g *Group) routes() string {
	var list []string
	for _, r := range g.Routes {
		list = append(list, fmt.Sprintf("%s %d", clean(r.Route), r.Count))
	}
	return strings.Join(list, ", ")
}

// clean makes a text of a log fit to be shown: visible, short, and without secrets.
func clean(s string) string {
	const longest = 300
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return safe.Clean(safe.Mask(s, nil))
}

// spanOf returns the time from the first event of all groups to the last.
func spanOf(groups []*Group) (whole [2]time.Time) {
	for _, g := range groups {
		if !g.First.IsZero() && (whole[0].IsZero() || g.First.Before(whole[0])) {
			whole[0] = g.First
		}
		if g.Last.After(whole[1]) {
			whole[1] = g.Last
		}
	}
	return whole
}
