package logs

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
)

// How much a summary holds, whatever the logs. What comes after that is counted under other.
const (
	maxGroups = 1000
	maxRoutes = 8
	maxKept   = 512 // bytes of a text
	other     = "(other)"
)

// Lost counts requests that were not answered, by the status that the client got.
type Lost struct{ S500, S502, S503, S504 int }

// Sum returns how many they are.
func (l Lost) Sum() int { return l.S500 + l.S502 + l.S503 + l.S504 }

func (l Lost) plus(other Lost) Lost {
	return Lost{l.S500 + other.S500, l.S502 + other.S502, l.S503 + other.S503, l.S504 + other.S504}
}

func (l *Lost) add(status, n int) {
	if count := l.of(status); count != nil {
		*count += n
	}
}

// of returns the count of a status; nil: it is none of these.
func (l *Lost) of(status int) *int {
	switch status {
	case 500:
		return &l.S500
	case 502:
		return &l.S502
	case 503:
		return &l.S503
	case 504:
		return &l.S504
	}
	return nil
}

// Group is what is told in one way of one place.
type Group struct {
	Cause  Cause
	Target string // address of the upstream, else backend/server, a name or a zone
	Server string // server_name or backend: which part of the configuration it is about

	Count   int
	Lost    Lost
	Retried int // tries after which another server was asked, which are no lost requests
	Told    int // of the requests lost, in lines that do not say why, those that an error log says it of
	Period
	Over   Histogram
	Routes []RouteCount // the first few, and (other)
	Sample Event        // the first
	Site   *Site        // nil: there is no configuration of its proxy
}

// RouteCount says how often a part of a site was hit.
type RouteCount struct {
	Route string
	Count int
}

// Summary gathers events. Its memory is bounded.
type Summary struct {
	Events int

	groups map[groupKey]*Group
	// An error log tells of each try, an access log of each request; one request may be told of by both.
	errors, requests Lost
	failing          Period // of what the error logs tell
	tries            tries
}

// Period is the time from the first of some events to the last. The zero value is that of none.
type Period struct{ First, Last time.Time }

func (p *Period) add(t time.Time) {
	if p.First.IsZero() || t.Before(p.First) {
		p.First = t
	}
	if t.After(p.Last) {
		p.Last = t
	}
}

// meets reports whether another period is not before it or after it, by more than a minute.
func (p Period) meets(o Period) bool {
	return !p.First.IsZero() && !o.First.IsZero() && p.First.Add(-time.Minute).Before(o.Last) && o.First.Before(p.Last.Add(time.Minute))
}

type groupKey struct {
	cause          Cause
	target, server string
}

// NewSummary returns an empty summary.
func NewSummary() *Summary {
	return &Summary{groups: map[groupKey]*Group{}, tries: tries{seed: maphash.MakeSeed()}}
}

// Add counts an event.
func (s *Summary) Add(e *Event) {
	s.Events++
	g := s.group(e)
	g.Count++
	g.Lost.add(e.Status, 1)
	if e.Source.isAccess() {
		s.requests.add(e.Status, 1)
	} else {
		s.errors.add(e.Status, 1)
		if e.Status > 0 && !e.Time.IsZero() {
			s.failing.add(e.Time)
		}
		if e.Source == NginxError && e.Connection != "" {
			s.forgive(s.tries.replaced(e, g))
		}
	}
	g.addRoute(e.Route())
	if e.Time.IsZero() {
		return
	}
	g.Over.Add(e.Time)
	g.add(e.Time)
}

// forgive takes back that a request was lost, since another server was asked.
func (s *Summary) forgive(earlier try) {
	if earlier.group != nil {
		earlier.group.Retried++
		earlier.group.Lost.add(earlier.status, -1)
		s.errors.add(earlier.status, -1)
	}
}

// group returns the group that an event belongs to.
func (s *Summary) group(e *Event) *Group {
	key := groupKey{e.Cause, e.Target(), cmp.Or(e.Backend, e.Server)}
	if g := s.groups[key]; g != nil {
		return g
	}
	if len(s.groups) >= maxGroups || len(key.target) > maxKept || len(key.server) > maxKept {
		key.target, key.server = other, other
		if g := s.groups[key]; g != nil {
			return g
		}
	}
	key.target, key.server = strings.Clone(key.target), strings.Clone(key.server)
	g := &Group{Cause: key.cause, Target: key.target, Server: key.server, Sample: e.kept()}
	s.groups[key] = g
	return g
}

// kept returns a copy of an event that may be held on to: without long texts.
func (e *Event) kept() Event {
	k := *e
	for _, text := range []*string{&k.Text, &k.Detail, &k.Request, &k.Server, &k.Upstream, &k.While, &k.At, &k.Connection, &k.Client,
		&k.Scheme, &k.Zone, &k.Frontend, &k.Backend, &k.ServerName, &k.State, &k.Level} {
		*text = strings.Clone((*text)[:min(len(*text), maxKept)])
	}
	return k
}

func (g *Group) addRoute(route string) {
	if route == "" {
		return
	}
	if len(g.Routes) >= maxRoutes || len(route) > maxKept {
		if !slices.ContainsFunc(g.Routes, func(r RouteCount) bool { return r.Route == route }) {
			route = other
		}
	}
	for i := range g.Routes {
		if g.Routes[i].Route == route {
			g.Routes[i].Count++
			return
		}
	}
	g.Routes = append(g.Routes, RouteCount{strings.Clone(route), 1})
}

// Groups returns the groups: errors before the rest, and those first that lost the most requests of which no other group
// says why.
func (s *Summary) Groups() []*Group {
	groups := make([]*Group, 0, len(s.groups))
	for _, g := range s.groups {
		groups = append(groups, g)
	}
	s.share(groups)
	slices.SortFunc(groups, func(a, b *Group) int {
		return cmp.Or(
			cmp.Compare(b.Lost.Sum()-b.Told, a.Lost.Sum()-a.Told),
			cmp.Compare(b.Cause.Info().Level, a.Cause.Info().Level),
			cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.Cause, b.Cause), strings.Compare(a.Target, b.Target), strings.Compare(a.Server, b.Server))
	})
	return groups
}

// share gives what the error logs tell of to the groups whose lines do not say why a request was lost, the biggest first.
func (s *Summary) share(groups []*Group) {
	rest := s.errors
	slices.SortFunc(groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Target, b.Target), strings.Compare(a.Server, b.Server))
	})
	for _, g := range groups {
		g.Told = 0
		if g.Cause < Answered500 || g.Cause > Answered504 || !s.failing.meets(g.Period) {
			continue
		}
		status := g.Cause.Info().Status
		g.Told = min(*g.Lost.of(status), *rest.of(status))
		rest.add(status, -g.Told)
	}
}

// Lost returns how many requests were lost. Since one may stand in an error log and in an access log, the larger number
// counts for each status.
func (s *Summary) Lost() Lost {
	return Lost{
		max(s.errors.S500, s.requests.S500), max(s.errors.S502, s.requests.S502),
		max(s.errors.S503, s.requests.S503), max(s.errors.S504, s.requests.S504),
	}
}

// Failed reports whether a cause of error level is among them.
func (s *Summary) Failed() bool {
	for key := range s.groups {
		if key.cause.Info().Level == lint.Error {
			return true
		}
	}
	return false
}

// tries remembers the last failed tries of nginx' connections, so that a request whose next server failed, too, is
// counted once. A newer one may take an older one's place.
type tries struct {
	seed  maphash.Seed
	known [1024]try
}

type try struct {
	request uint64 // connection and request line
	targets [4]uint64
	count   int
	group   *Group
	status  int
}

// replaced notes a try, and returns the one before it of the same request; its group is nil where there was none. The
// same server twice means that the client has asked again.
func (t *tries) replaced(e *Event, g *Group) try {
	if e.Status == 0 {
		return try{}
	}
	request := maphash.Comparable(t.seed, [3]string{e.File, e.Connection, e.Request})
	target := maphash.String(t.seed, e.Target())
	slot := &t.known[request%uint64(len(t.known))]
	now := try{request: request, count: 1, group: g, status: e.Status, targets: [4]uint64{target}}
	before := *slot
	if before.group == nil || before.request != request || before.count == len(before.targets) ||
		slices.Contains(before.targets[:before.count], target) {
		*slot = now
		return try{}
	}
	now.count, now.targets = before.count+1, before.targets
	now.targets[before.count] = target
	*slot = now
	return before
}
