package logs

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// maxFindings is how many findings explain a group.
const maxFindings = 3

// findings are what a lint found, by file and place.
type findings map[string][]lint.Diagnostic

func newFindings(list []lint.Diagnostic) findings {
	f := findings{}
	for _, d := range list {
		f[d.At.File.Path] = append(f[d.At.File.Path], d)
	}
	for _, found := range f {
		slices.SortStableFunc(found, func(a, b lint.Diagnostic) int { return cmp.Compare(a.At.Span.Start, b.At.Span.Start) })
	}
	return f
}

// within returns what begins in a span of a file.
func (f findings) within(at syntax.Ref) []lint.Diagnostic {
	if at.IsZero() {
		return nil
	}
	at = at.Outer()
	list := f[at.File.Path]
	from := sort.Search(len(list), func(i int) bool { return list[i].At.Span.Start >= at.Span.Start })
	to := sort.Search(len(list), func(i int) bool { return list[i].At.Span.Start >= at.Span.End })
	return list[from:max(from, to)]
}

// explainer chooses findings.
type explainer struct{ found, live findings }

// explain returns the findings that explain a group: what dialing found on the server and on the way there; those of the
// cause's rules there and in the settings that count there; then whatever else is found on the server and the route. Of a
// group that is about the proxy itself, those of the cause's rules anywhere.
func (x explainer) explain(g *Group, site *Site, files map[string]bool) []lint.Diagnostic {
	var list []lint.Diagnostic
	add := func(found []lint.Diagnostic, wants func(lint.Diagnostic) bool) {
		for _, d := range found {
			isKnown := func(o lint.Diagnostic) bool { return o.At == d.At && o.Rule == d.Rule }
			if len(list) < maxFindings && wants(d) && !slices.ContainsFunc(list, isKnown) {
				list = append(list, d)
			}
		}
	}
	ofCause := func(found []lint.Diagnostic) []lint.Diagnostic { return likelyFirst(found, g.Cause.Info().Rules) }
	always := func(lint.Diagnostic) bool { return true }
	lines, blocks := site.lines(), site.blocks()
	for _, at := range slices.Concat(site.servers(), lines) {
		add(x.live.within(at), always)
	}
	addOwn := func(of func(block syntax.Ref) []lint.Diagnostic) {
		for _, block := range blocks {
			add(of(block.File.Ref(block.Span)), func(d lint.Diagnostic) bool { return isOwn(block, d.At) })
		}
	}
	addOwn(x.live.within)
	for _, line := range lines {
		add(ofCause(x.found.within(line)), always)
	}
	addOwn(func(block syntax.Ref) []lint.Diagnostic { return ofCause(x.found.within(block)) })
	for _, setting := range site.settings() {
		add(ofCause(x.found.within(setting)), always)
	}
	for _, line := range lines {
		add(x.found.within(line), g.fits)
	}
	if g.Target == "" && site.At().IsZero() {
		for _, path := range slices.Sorted(maps.Keys(files)) {
			add(ofCause(x.found[path]), always)
		}
	}
	return list
}

// likelyFirst returns what some rules found, in the order of the rules.
func likelyFirst(found []lint.Diagnostic, rules []string) []lint.Diagnostic {
	var list []lint.Diagnostic
	for _, d := range found {
		if slices.Contains(rules, d.Rule) {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b lint.Diagnostic) int {
		return cmp.Compare(slices.Index(rules, a.Rule), slices.Index(rules, b.Rule))
	})
	return list
}

// fits reports whether a finding, of whatever rule, is graver than an info and ends in a status that the group's requests
// were lost with; where none were, in any that an upstream is to blame for.
func (g *Group) fits(d lint.Diagnostic) bool {
	if d.Severity == lint.Info {
		return false
	}
	shares := g.Lost.shares()
	for _, s := range shares {
		if strings.Contains(string(d.Symptom), strconv.Itoa(s.Status)) {
			return true
		}
	}
	return len(shares) == 0 && strings.Contains(string(d.Symptom), "50")
}

// lines returns the server's line and the route's.
func (s *Site) lines() []syntax.Ref {
	var list []syntax.Ref
	if s.Endpoint != nil {
		list = append(list, s.Endpoint.Stmt.File.Ref(s.Endpoint.Stmt.Span))
	}
	if s.Upstream != nil {
		list = append(list, s.Upstream.At)
	}
	if s.Route != nil && s.Route.Stmt.Block == nil {
		list = append(list, s.Route.Stmt.File.Ref(s.Route.Stmt.Span))
	}
	return list
}

// blocks returns the blocks around the server and the route, the nearest first.
func (s *Site) blocks() []*syntax.Stmt {
	var list []*syntax.Stmt
	if s.Upstream != nil && s.Upstream.Stmt.Block != nil {
		list = append(list, s.Upstream.Stmt)
	}
	if s.Route != nil {
		for block := s.Route.Stmt.Parent; block != nil; block = block.Parent {
			list = append(list, block)
			if block == s.Route.Section {
				break
			}
		}
	}
	if s.Section != nil {
		list = append(list, s.Section)
	}
	return list
}

// settings returns the lines of the values that count for the hop, and may be written far away.
func (s *Site) settings() []syntax.Ref {
	timeouts, buffers := (*proxy.Timeouts)(nil), (*proxy.Buffers)(nil)
	var list []syntax.Ref
	if s.Route != nil {
		timeouts, buffers = s.Route.Hop.Timeouts, s.Route.Hop.Buffers
		list = append(list, s.Route.Resolver.At)
	}
	if s.Upstream != nil && s.Upstream.Timeouts != nil {
		timeouts = s.Upstream.Timeouts
	}
	if timeouts != nil {
		list = append(list, timeouts.Connect.At, timeouts.Read.At, timeouts.Send.At, timeouts.Queue.At, timeouts.Check.At, timeouts.Tunnel.At)
	}
	if buffers != nil {
		list = append(list, buffers.Size.At, buffers.Each.At, buffers.Busy.At)
	}
	for i, at := range list {
		if !at.IsZero() {
			list[i] = at.File.Ref(at.File.LineSpan(at.File.Line(at.Span.Start)))
		}
	}
	return list
}

// isOwn reports whether a place in a block belongs to the block itself, and not to one inside it, to a server or to a
// route there.
func isOwn(block *syntax.Stmt, at syntax.Ref) bool {
	if at.File != block.File {
		return false
	}
	list := block.Block.Stmts
	n := sort.Search(len(list), func(i int) bool { return list[i].Start > at.Span.Start }) - 1
	if n < 0 || at.Span.Start >= list[n].End {
		return true
	}
	switch list[n].Name() {
	case "server", "server-template", "use_backend":
		return false
	}
	return list[n].Block == nil
}
