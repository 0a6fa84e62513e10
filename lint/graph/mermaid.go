package graph

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/proxylint/proxylint/lint"
)

// Mermaid writes the graph as a flowchart (mermaid.js.org/syntax/flowchart.html), one subgraph for each configuration.
func (g *Graph) Mermaid(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "flowchart LR")
	for i, c := range g.Configs {
		fmt.Fprintf(out, "  subgraph c%d[%s]\n    direction LR\n", i+1, mermaidText(c.Name))
		for _, n := range c.Nodes {
			fmt.Fprintf(out, "    %s[%s]%s\n", n.ID, mermaidText(n.lines()...), mermaidClass(n))
		}
		for _, e := range c.Edges {
			fmt.Fprintf(out, "    %s %s%s %s\n", e.From.ID, mermaidArrow(e), mermaidLabel(e.Label), e.To.ID)
		}
		if lines := c.listed(); len(lines) > 0 {
			fmt.Fprintf(out, "    notes%d[%s]\n", i+1, mermaidText(lines...))
		}
		fmt.Fprintln(out, "  end")
	}
	for s := lint.Error; s >= lint.Info; s-- {
		fmt.Fprintf(out, "  classDef %s stroke:%s,stroke-width:2px\n", s, severityColors[s])
	}
	fmt.Fprintln(out, "  classDef dynamic stroke-dasharray:5 4")
	return out.Flush()
}

func mermaidArrow(e Edge) string {
	if e.Dynamic {
		return "-.->"
	}
	return "-->"
}

func mermaidLabel(text string) string {
	if text == "" {
		return ""
	}
	return "|" + mermaidText(text) + "|"
}

func mermaidClass(n *Node) string {
	switch {
	case len(n.Findings) > 0:
		return ":::" + gravest(n.Findings).String()
	case n.Dynamic:
		return ":::dynamic"
	}
	return ""
}

// mermaidText quotes lines that stand one above the other. All but plain characters are written as entities: a
// text could else end its string, or be read as HTML or Markdown.
func mermaidText(lines ...string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, line := range lines {
		if i > 0 {
			b.WriteString("<br/>")
		}
		for _, r := range line {
			if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" ./:,-…", r) {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, "#%d;", r)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
