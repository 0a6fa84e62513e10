package graph

import (
	"fmt"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// What is drawn of one configuration, at most: more could not be read. What leads to something drawn is drawn too.
const (
	maxRoutes    = 150
	maxListeners = 100
	maxUpstreams = 100
	maxEndpoints = 12 // of one upstream
)

// builder makes the graph of one configuration.
type builder struct {
	*Config
	locator
	model     *proxy.Config
	found     *owned
	count     *int // nodes made, in all configurations
	listeners map[*syntax.Stmt]*Node
	upstreams map[*proxy.Upstream]*Node
	targets   map[string]*Node // those that have no upstream written, by what they are
}

func newBuilder(model *proxy.Config, found map[string][]lint.Diagnostic, dir string, count *int) *builder {
	b := &builder{
		locator:   locator{dir},
		model:     model,
		found:     assign(model, found),
		count:     count,
		listeners: map[*syntax.Stmt]*Node{},
		upstreams: map[*proxy.Upstream]*Node{},
		targets:   map[string]*Node{},
	}
	b.Config = &Config{Name: b.name(model), Dialect: model.Dialect}
	return b
}

// build draws the routes that are chosen, and then what they need, and what nothing leads to.
func (b *builder) build() {
	routes := choose(b.model.Routes, maxRoutes, never, func(r *proxy.Route) bool { return b.found.has(r) })
	used := map[any]bool{}
	for _, r := range routes {
		used[r.Section], used[r.To] = true, true
	}
	sections, listeners := bySection(b.model.Listeners)
	shown := choose(sections, maxListeners,
		func(s *syntax.Stmt) bool { return used[s] }, func(s *syntax.Stmt) bool { return b.found.has(s) })
	written := slices.DeleteFunc(slices.Clone(b.model.Upstreams), func(u *proxy.Upstream) bool { return u.Implicit })
	upstreams := choose(written, maxUpstreams,
		func(u *proxy.Upstream) bool { return used[u] }, func(u *proxy.Upstream) bool { return b.found.has(u) })

	for _, section := range shown {
		n := b.node(Listener, section, listenerAt(listeners[section]))
		n.Label, n.Detail = listenerText(listeners[section])
		b.listeners[section] = n
	}
	for _, u := range upstreams {
		b.upstream(u)
	}
	for _, r := range routes {
		b.route(r)
	}
	b.omit(len(sections)-len(shown), "listener")
	b.omit(len(b.model.Routes)-len(routes), "route")
	b.omit(len(written)-len(upstreams), "upstream")
	b.Findings = b.findings(b.found.rest())
}

// node adds a node, with the findings of what it stands for.
func (b *builder) node(kind Kind, owner any, at syntax.Ref) *Node {
	*b.count++
	n := &Node{ID: fmt.Sprintf("n%d", *b.count), Kind: kind, Place: b.place(at), Findings: b.findings(b.found.take(owner))}
	b.Nodes = append(b.Nodes, n)
	return n
}

func (b *builder) findings(list []lint.Diagnostic) []Finding {
	var found []Finding
	for _, d := range list {
		found = append(found, Finding{d.Rule, d.Severity, shown(d.Message), b.place(d.At)})
	}
	return found
}

func (b *builder) route(r *proxy.Route) {
	n := b.node(Route, r, r.Stmt.Ref(0))
	n.Label = routeText(r)
	if from := b.listeners[r.Section]; from != nil {
		b.Edges = append(b.Edges, Edge{From: from, To: n})
	}
	to := b.target(r)
	b.Edges = append(b.Edges, Edge{From: n, To: to, Label: hopText(r), Dynamic: to.Dynamic || r.Runtime})
}

// target returns the node that a route leads to: an address written at the route itself is an endpoint.
func (b *builder) target(r *proxy.Route) *Node {
	switch {
	case r.To != nil && r.To.Implicit && len(r.To.Endpoints) == 1:
		return b.implied(r.To.Endpoints[0])
	case r.To != nil:
		return b.upstream(r.To)
	}
	key := "? " + r.At.Text()
	n := b.targets[key]
	if n == nil {
		n = b.node(Upstream, nil, r.At)
		n.Label, n.Dynamic = shown(words(r.At)), true
		n.Detail = "known only when it runs"
		if !r.Dynamic {
			n.Detail = "not in these files"
		}
		b.targets[key] = n
	}
	return n
}

// implied returns the node of an address that routes name themselves, one for all that name it.
func (b *builder) implied(e *proxy.Endpoint) *Node {
	key := "= " + e.Addr.At.Text()
	n := b.targets[key]
	if n == nil {
		n = b.endpoint(e)
		b.targets[key] = n
		return n
	}
	n.Findings = append(n.Findings, b.findings(b.found.take(e))...)
	return n
}

func (b *builder) endpoint(e *proxy.Endpoint) *Node {
	n := b.node(Endpoint, e, e.Addr.At)
	n.Label, n.Detail, n.Dynamic = endpointText(e), endpointDetail(e), e.Addr.Dynamic
	return n
}

// upstream returns the node of a pool, drawn with its endpoints when it is first asked for.
func (b *builder) upstream(u *proxy.Upstream) *Node {
	n := b.upstreams[u]
	if n != nil {
		return n
	}
	n = b.node(Upstream, u, u.At)
	n.Label, n.Detail = shown(words(u.At)), upstreamDetail(u)
	b.upstreams[u] = n
	endpoints := choose(u.Endpoints, maxEndpoints, never, func(e *proxy.Endpoint) bool { return b.found.has(e) })
	for _, e := range endpoints {
		to := b.endpoint(e)
		b.Edges = append(b.Edges, Edge{From: n, To: to, Dynamic: to.Dynamic})
	}
	if more := len(u.Endpoints) - len(endpoints); more > 0 {
		to := b.node(Endpoint, nil, syntax.Ref{})
		to.Label = fmt.Sprintf("… and %d more", more)
		b.Edges = append(b.Edges, Edge{From: n, To: to})
	}
	return n
}

func (b *builder) omit(n int, noun string) {
	if n > 0 {
		b.Omitted = append(b.Omitted, "… and "+plural(n, "more "+noun))
	}
}

// bySection returns the sections that listen, in order, and what each listens on.
func bySection(list []*proxy.Listener) ([]*syntax.Stmt, map[*syntax.Stmt][]*proxy.Listener) {
	var sections []*syntax.Stmt
	listeners := map[*syntax.Stmt][]*proxy.Listener{}
	for _, l := range list {
		if listeners[l.Section] == nil {
			sections = append(sections, l.Section)
		}
		listeners[l.Section] = append(listeners[l.Section], l)
	}
	return sections, listeners
}

func never[T any](T) bool { return false }

// choose returns the things to draw, in their order: those that must be, and up to a limit those with findings and then
// the first.
func choose[T any](all []T, limit int, must, found func(T) bool) []T {
	if len(all) <= limit {
		return all
	}
	chosen := make([]bool, len(all))
	n := 0
	for _, want := range []func(T) bool{must, found, func(T) bool { return true }} {
		for i, thing := range all {
			if !chosen[i] && want(thing) && (n < limit || must(thing)) {
				chosen[i] = true
				n++
			}
		}
	}
	var list []T
	for i, thing := range all {
		if chosen[i] {
			list = append(list, thing)
		}
	}
	return list
}
