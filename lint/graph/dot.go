package graph

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// DOT writes the graph in the language of Graphviz (graphviz.org/doc/info/lang.html), one cluster for each configuration.
func (g *Graph) DOT(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, `digraph proxylint {
  rankdir=LR;
  fontname="sans-serif";
  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];
  edge [fontname="sans-serif", fontsize=9, color="#6e7781"];
`)
	for i, c := range g.Configs {
		fmt.Fprintf(out, "  subgraph cluster_%d {\n    label=%s;\n    color=\"#8c959f\";\n", i+1, dotText(c.Name))
		for _, n := range c.Nodes {
			fmt.Fprintf(out, "    %s [label=%s, tooltip=%s%s];\n",
				n.ID, dotText(n.lines()...), dotText(n.title()...), dotStyle(n))
		}
		for _, e := range c.Edges {
			fmt.Fprintf(out, "    %s -> %s [label=%s%s];\n", e.From.ID, e.To.ID, dotText(e.Label), dashed(e.Dynamic, ", style=dashed"))
		}
		if lines := c.listed(); len(lines) > 0 {
			fmt.Fprintf(out, "    notes%d [shape=note, style=solid, label=%s];\n", i+1, dotText(lines...))
		}
		fmt.Fprintln(out, "  }")
	}
	fmt.Fprintln(out, "}")
	return out.Flush()
}

func dashed(is bool, style string) string {
	if is {
		return style
	}
	return ""
}

func dotStyle(n *Node) string {
	style := dashed(n.Dynamic, `, style="rounded,dashed"`)
	if len(n.Findings) > 0 {
		style += fmt.Sprintf(", color=%q, fontcolor=%[1]q, penwidth=2", severityColors[gravest(n.Findings)])
	}
	return style
}

// dotEscapes keeps a text from ending its string, and from being read as an escape or as an HTML entity.
var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")

// dotText quotes lines that stand one above the other.
func dotText(lines ...string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, line := range lines {
		if i > 0 {
			b.WriteString(`\n`)
		}
		dotEscapes.WriteString(&b, line) // a Builder takes all
	}
	b.WriteByte('"')
	return b.String()
}
