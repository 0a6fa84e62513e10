package logs

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// again is how long after a cause was told it is told again, if it goes on.
const again = 10 * time.Second

// News tells how a report changes: each cause when it first comes, and how it goes on. What it holds, and what it writes
// in a time, are bounded as a summary is.
type News struct {
	JSON bool // a line each, "news" of schema.json; else as WriteText does

	told map[*Group]telling
}

// telling is what was last told of a group.
type telling struct {
	count int
	at    time.Time
}

// Tell writes what is new, in the order in which it last happened.
func (n *News) Tell(w io.Writer, r Report, now time.Time) error {
	var b strings.Builder
	for _, g := range n.changed(r.Summary, now) {
		switch before := n.told[g].count; {
		case n.JSON:
			group := g.json(&r)
			if err := json.NewEncoder(&b).Encode(jsonNews{Version: jsonVersion, Group: &group}); err != nil {
				return err
			}
		case before == 0:
			g.text(&b, &r, g.Period)
		default:
			g.goesOn(&b, &r, before)
		}
		n.told[g] = telling{g.Count, now}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// End writes what all of it comes to: the report, or what was not told yet and the summary as a last line.
func (n *News) End(w io.Writer, r Report, now time.Time) error {
	if !n.JSON {
		return WriteText(w, r)
	}
	if err := n.Tell(w, r, now.Add(again)); err != nil {
		return err
	}
	summary := r.json()
	return json.NewEncoder(w).Encode(jsonNews{Version: jsonVersion, Summary: &summary})
}

// changed returns the groups of which there is more to tell than was told, if that was not just now.
func (n *News) changed(s *Summary, now time.Time) []*Group {
	if n.told == nil {
		n.told = map[*Group]telling{}
	}
	groups := slices.DeleteFunc(s.Groups(), func(g *Group) bool {
		last, known := n.told[g]
		return g.Count == last.count || known && now.Sub(last.at) < again
	})
	slices.SortStableFunc(groups, func(a, b *Group) int { return a.Last.Compare(b.Last) })
	return groups
}

// goesOn writes in one line how a group goes on.
func (g *Group) goesOn(b *strings.Builder, r *Report, before int) {
	g.lead(b, r)
	fmt.Fprintf(b, "; %s more", plural(g.Count-before, "line"))
	if !g.Last.IsZero() {
		fmt.Fprintf(b, " until %s", g.Last.Format(time.DateTime))
	}
	b.WriteByte('\n')
}
