package logs

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Blamed returns those of the targets that a group of level warning or error leads to, with the other servers of their
// pools: whether these take over is part of what a client sees. Join comes first.
func (s *Summary) Blamed(targets []*probe.Target) []*probe.Target {
	places := map[syntax.Ref]bool{}
	for _, g := range s.groups {
		if g.Site != nil && g.Cause.Info().Level > lint.Info {
			for _, at := range g.Site.servers() {
				places[at] = true
			}
		}
	}
	isBlamed := func(at syntax.Ref) bool { return places[at] }
	pools := map[probe.Pool]bool{}
	for _, t := range targets {
		if isBlamed(t.Addr.At) || slices.ContainsFunc(t.Also, isBlamed) {
			pools[t.Pool] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(targets), func(t *probe.Target) bool { return !pools[t.Pool] })
}

// servers returns the addresses of the servers that a group is about: of a pool all.
func (s *Site) servers() []syntax.Ref {
	switch {
	case s.Endpoint != nil:
		return []syntax.Ref{s.Endpoint.Addr.At}
	case s.Upstream == nil:
		return nil
	}
	var list []syntax.Ref
	for _, e := range s.Upstream.Endpoints {
		list = append(list, e.Addr.At)
	}
	return list
}

// dialedAt maps the places of servers to what came of dialing them.
func dialedAt(results *probe.Results) map[syntax.Ref][]*probe.Result {
	if results == nil {
		return nil
	}
	at := map[syntax.Ref][]*probe.Result{}
	for _, r := range results.List {
		at[r.Addr.At] = append(at[r.Addr.At], r)
		for _, other := range r.Also {
			at[other] = append(at[other], r)
		}
	}
	return at
}

// answers tells how the servers answer now, where one does; of those that do not, findings tell.
func (s *Site) answers() string {
	var good []string
	all := 0
	for _, r := range s.Dialed {
		for _, try := range r.Tries {
			if all++; try.OK() {
				good = append(good, answer(r, try))
			}
		}
	}
	switch {
	case len(good) == 0:
		return ""
	case all == 1:
		return "dialed now: " + clean(good[0])
	}
	return fmt.Sprintf("dialed now: %d of %d addresses answer", len(good), all)
}

// answer tells what came of a server that is well.
func answer(r *probe.Result, try probe.Try) string {
	text := r.Dialed(try) + " answers"
	if try.Status > 0 {
		text += " " + strconv.Itoa(try.Status)
	}
	return fmt.Sprintf("%s after %s", text, try.Took.Round(10*time.Microsecond))
}
