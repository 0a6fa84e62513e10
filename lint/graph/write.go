package graph

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
)

// writers is the one list of formats.
var writers = map[string]func(*Graph, io.Writer) error{
	"dot":     (*Graph).DOT,
	"mermaid": (*Graph).Mermaid,
	"svg":     (*Graph).SVG,
	"text":    func(g *Graph, w io.Writer) error { return g.Text(w, false) },
}

// Formats lists the names of the formats, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(writers)) }

// Write writes the graph in the named format, without colour where it is text.
func (g *Graph) Write(w io.Writer, format string) error {
	write, ok := writers[format]
	if !ok {
		return fmt.Errorf("unknown format %q, want one of %s", format, strings.Join(Formats(), ", "))
	}
	return write(g, w)
}

// maxListed bounds the findings that a drawing lists beside its nodes, and in the tooltip of one.
const maxListed = 20

// listed returns the findings that belong to no node as lines, and what else stands below a drawing.
func (c *Config) listed() []string {
	lines := slices.Clone(c.Omitted)
	for i, f := range c.Findings {
		if i == maxListed {
			return append(lines, fmt.Sprintf("… and %s", plural(len(c.Findings)-i, "more finding")))
		}
		lines = append(lines, f.String())
	}
	return lines
}

// String writes a finding as reports do.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s [%s]", f.Place, f.Severity, f.Message, f.Rule)
}

// title returns all that is known of a node, line by line.
func (n *Node) title() []string {
	lines := []string{strings.TrimRight(n.Kind.String()+" "+n.Label, " ")}
	for _, line := range []string{n.Detail, n.Place} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	for i, f := range n.Findings {
		if i == maxListed {
			return append(lines, fmt.Sprintf("… and %s", plural(len(n.Findings)-i, "more finding")))
		}
		lines = append(lines, fmt.Sprintf("%s: %s [%s]", f.Severity, f.Message, f.Rule))
	}
	return lines
}

// severityName is "none" where there is no finding.
func severityName(found []Finding) string {
	if len(found) == 0 {
		return "none"
	}
	return gravest(found).String()
}

// lines returns what is written on a node.
func (n *Node) lines() []string {
	lines := []string{n.Label}
	if n.Detail != "" {
		lines = append(lines, n.Detail)
	}
	return append(lines, marks(n.Findings)...)
}

// severityColors are for drawings on a light ground.
var severityColors = map[lint.Severity]string{lint.Error: "#cf222e", lint.Warning: "#9a6700", lint.Info: "#0969da"}
