package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// factsVersion changes when a field of the JSON changes its meaning or goes away.
const factsVersion = 1

// notRead is the kind of fact that tells of a gap.
const notRead = "not read"

// fact is one thing that is known: a row of the table, an object of the JSON.
type fact struct {
	Kind   string `json:"kind"` // "service", "port", "server", "configuration" ...
	Of     string `json:"of"`   // what it is told of
	Text   string `json:"fact"`
	File   string `json:"file,omitempty"` // where it was read; empty for what was not read
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// FactFormats are the formats that WriteFacts knows.
func FactFormats() []string { return []string{"json", "text"} }

// WriteFacts writes what is known around the configurations, and where each of them runs, as a table or as JSON. As in
// Write, nothing in it can hide or act on a terminal.
func WriteFacts(w io.Writer, format string, facts *inventory.Facts, configs []*proxy.Config, o Options) error {
	l := factList{o: o, facts: []fact{}}
	l.all(facts, configs)
	if format == "json" {
		return encodeJSON(w, struct {
			Version int    `json:"version"`
			Facts   []fact `json:"facts"`
		}{factsVersion, l.facts})
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tOF\tFACT\tWHERE")
	for _, f := range l.facts {
		where := clean(f.File)
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d:%d", where, f.Line, f.Column)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", clean(f.Kind), clean(f.Of), clean(f.Text), where)
	}
	return table.Flush()
}

// factList gathers facts in the order they are told in.
type factList struct {
	o     Options
	facts []fact
}

func (l *factList) add(at syntax.Ref, kind, of, format string, args ...any) {
	f := fact{Kind: kind, Of: of, Text: fmt.Sprintf(format, args...)}
	if !at.IsZero() {
		p := at.Position()
		f.File, f.Line, f.Column = l.o.path(at.File.Path), p.Line, p.Rune
	}
	l.facts = append(l.facts, f)
}

func (l *factList) all(facts *inventory.Facts, configs []*proxy.Config) {
	for _, c := range configs {
		l.home(c, facts.Home(c))
	}
	for _, p := range facts.Projects {
		l.project(p)
	}
	if facts.Cluster != nil {
		l.cluster(facts.Cluster)
	}
	for _, app := range facts.Apps {
		l.app(app, "the machine")
	}
	for _, m := range facts.Machines {
		l.add(m.At, "machine", m.Name, "%s", joined(m.Addrs, m.Ports))
	}
	for _, s := range facts.Listening {
		l.listening(s)
	}
	for _, lock := range facts.Locks {
		l.add(syntax.Ref{}, "lock file", l.o.path(lock.Path), "%s, %s", count(len(lock.Names), "name"), count(len(lock.Endpoints), "server"))
	}
	l.gaps(facts.Gaps)
}

// home tells where a configuration runs.
func (l *factList) home(c *proxy.Config, home *inventory.Home) {
	if len(c.Tree.Roots) == 0 {
		return
	}
	root := c.Tree.Roots[0]
	of := l.o.path(root.Path)
	if root.Origin != nil {
		of = fmt.Sprintf("%s in %s", root.Origin.Name, l.o.path(root.Origin.In.Path))
	}
	if home == nil {
		l.add(syntax.Ref{}, "configuration", of, "nothing shows where it runs")
		return
	}
	for _, e := range home.Evidence {
		if home.Proven {
			l.add(e.At, "configuration", of, "%s", e.Text)
		} else {
			l.add(e.At, "configuration", of, "probably: %s", e.Text)
		}
	}
}

func (l *factList) project(p *inventory.Project) {
	for _, n := range p.Networks {
		var subnets []string
		for _, s := range n.Subnets {
			subnets = append(subnets, s.Prefix.String())
		}
		if n.Name == "default" && !n.External && len(subnets) == 0 {
			continue // nobody need have written it
		}
		l.add(n.At, "network", n.Name, "%s", strings.Join(append(subnets, external(n)...), ", "))
	}
	for _, s := range p.Services {
		l.service(s)
	}
	l.gaps(p.Gaps)
}

func external(n *inventory.Network) []string {
	if n.External {
		return []string{"external"}
	}
	return nil
}

func (l *factList) service(s *inventory.Service) {
	l.add(s.At, "service", s.Name, "%s", strings.Join(serviceParts(s), "; "))
	l.container(&s.Container, s.Name)
	for _, p := range s.Published {
		if p.Host > 0 {
			l.add(p.At, "published", s.Name, "port %d of the host leads to %d", p.Host, p.Container)
		}
	}
}

func serviceParts(s *inventory.Service) []string {
	var parts, networks []string
	if s.Image.Text != "" && !s.Image.Dynamic {
		parts = append(parts, "image "+s.Image.Text)
	}
	if s.Build != "" {
		parts = append(parts, "built")
	}
	if s.Mode.Text != "" {
		parts = append(parts, "network_mode "+s.Mode.Text)
	}
	for _, j := range s.Joins {
		networks = append(networks, j.Network.Name)
	}
	if len(networks) > 0 {
		parts = append(parts, "network "+strings.Join(networks, ", "))
	}
	return parts
}

func (l *factList) container(c *inventory.Container, of string) {
	for _, p := range c.Ports {
		spoken, bound := "", ""
		if p.Protocol != proxy.UnknownProtocol {
			spoken = " " + p.Protocol.String()
		}
		if p.Loopback {
			bound = ", on loopback alone"
		}
		l.add(p.At, "port", of, "%d%s%s: %s", p.Number, spoken, bound, p.Why)
	}
	for _, app := range c.Apps {
		l.app(app, of)
	}
}

func (l *factList) app(a *inventory.App, of string) {
	var binds []string
	for _, b := range a.Binds {
		binds = append(binds, b.Addr.At.Text())
	}
	name := a.Kind
	if a.Name != "" && a.Name != a.Kind {
		name += " " + a.Name
	}
	text := name
	if len(binds) > 0 {
		text += " on " + strings.Join(binds, ", ")
	}
	if a.Kill.Known {
		text += fmt.Sprintf(", ends a request after %s", a.Kill.Value)
	}
	if a.Idle.Known {
		text += fmt.Sprintf(", closes idle connections after %s", a.Idle.Value)
	}
	l.add(a.At, "server", of, "%s", text)
}

func (l *factList) cluster(c *inventory.Cluster) {
	for _, s := range c.Services {
		var ports []string
		for _, p := range s.Ports {
			ports = append(ports, fmt.Sprintf("%d to %d", p.Port, p.Target))
		}
		l.add(s.At, "Service", qualified(s.Namespace, s.Name), "%s %s", s.Type, strings.Join(ports, ", "))
	}
	for _, w := range c.Workloads {
		name := qualified(w.Namespace, w.Name)
		var images []string
		for _, container := range w.Containers {
			images = append(images, container.Image.Text)
		}
		l.add(w.At, w.Kind, name, "runs %s", strings.Join(images, ", "))
		for _, container := range w.Containers {
			l.container(container, name)
		}
	}
	for _, m := range c.Configs {
		l.add(m.At, "ConfigMap", qualified(m.Namespace, m.Name), "%s", strings.Join(m.Keys, ", "))
	}
	l.gaps(c.Gaps)
}

func qualified(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return name + "." + namespace
}

func (l *factList) listening(s inventory.Listening) {
	of := s.Socket
	if of == "" {
		of = fmt.Sprintf("%s:%d", s.Addr, s.Port)
	}
	l.add(s.At, "listening", of, "%s", s.Process)
}

func (l *factList) gaps(gaps []inventory.Gap) {
	for _, g := range gaps {
		of := l.o.path(g.Path)
		if g.Path == "" {
			of = g.At.Text()
		}
		l.add(g.At, notRead, of, "%s", g.Why)
	}
}

// joined lists addresses and ports.
func joined[A fmt.Stringer](addrs []A, ports []int) string {
	var parts []string
	for _, a := range addrs {
		parts = append(parts, a.String())
	}
	for _, p := range ports {
		parts = append(parts, fmt.Sprintf("port %d", p))
	}
	return strings.Join(parts, ", ")
}
