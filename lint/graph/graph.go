// Package graph draws what a configuration does with a request: the way from listeners over routes and upstreams to
// endpoints, with the findings on it.
package graph

import (
	"fmt"
	"slices"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/safe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Graph is what all configurations of a run do. Its texts are safe to show: secrets masked, invisible characters
// shown, none longer than a few hundred characters.
type Graph struct {
	Configs []*Config
}

// Config is the graph of one configuration.
type Config struct {
	Name     string // the path of its root file; one that lies inside another file has its name there before it
	Dialect  syntax.Dialect
	Nodes    []*Node
	Edges    []Edge
	Omitted  []string  // what is not drawn, since there is too much of it: "… and 1850 more routes"
	Findings []Finding // those that belong to no node
}

// Kind is what a node stands for. The order is that of a request's way.
type Kind uint8

// The kinds of node.
const (
	Listener Kind = iota // what one server block, frontend or listen section listens on: its routes are the same for all
	Route
	Upstream
	Endpoint
	kinds
)

// String gives the kind's usual name.
func (k Kind) String() string { return [...]string{"listener", "route", "upstream", "endpoint"}[k] }

// Node is one thing that a request comes through.
type Node struct {
	ID       string // unique in the graph: a letter and digits
	Kind     Kind
	Label    string // what it is, in the file's own words
	Detail   string // more of it; may be empty
	Place    string // path:line:column, from 1 and in code points; empty where it is written nowhere
	Dynamic  bool   // not known before the proxy runs, or not there
	Findings []Finding
}

// Edge is the way from one node to the next.
type Edge struct {
	From, To *Node
	Label    string // what is spoken there and how long it is waited for; may be empty
	Dynamic  bool
}

// Finding is what a rule says.
type Finding struct {
	Rule     string
	Severity lint.Severity
	Message  string
	Place    string // as a Node's
}

// New makes the graph of configurations and of what was found in them, which is to be free of secrets. Places below
// dir, an absolute path, are written relative to it.
func New(configs []*proxy.Config, found []lint.Diagnostic, dir string) *Graph {
	g := &Graph{}
	byPath := map[string][]lint.Diagnostic{}
	for _, d := range found {
		byPath[d.At.File.Path] = append(byPath[d.At.File.Path], d)
	}
	for _, list := range byPath {
		slices.SortStableFunc(list, byPlace)
	}
	nodes := 0
	for _, config := range configs {
		if len(config.Tree.Roots) == 0 {
			continue
		}
		b := newBuilder(config, byPath, dir, &nodes)
		b.build()
		g.Configs = append(g.Configs, b.Config)
	}
	return g
}

// locator writes places.
type locator struct{ dir string }

// place returns where something starts; "" for what is written nowhere.
func (l locator) place(at syntax.Ref) string {
	if at.IsZero() {
		return ""
	}
	at = at.Outer()
	p := at.Position()
	return fmt.Sprintf("%s:%d:%d", l.path(at.File.Path), p.Line, p.Rune)
}

func (l locator) path(path string) string {
	return safe.Clean(safe.Path(path, l.dir))
}

// name names a configuration.
func (l locator) name(config *proxy.Config) string {
	root := config.Tree.Roots[0]
	if root.Origin != nil {
		return fmt.Sprintf("%s in %s", safe.Clean(root.Origin.Name), l.path(root.Origin.In.Path))
	}
	return l.path(root.Path)
}
