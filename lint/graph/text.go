package graph

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/safe"
)

// Text writes every configuration as a tree, and below it the findings that belong to none of its nodes. A node that
// is reached a second time stands there without what it leads to.
func (g *Graph) Text(w io.Writer, colored bool) error {
	out := bufio.NewWriter(w)
	for i, c := range g.Configs {
		if i > 0 {
			fmt.Fprintln(out)
		}
		t := tree{
			Writer: out, ways: map[*Node][]Edge{}, seen: map[*Node]bool{},
			bold: painter(colored, color.Bold), dim: painter(colored, color.Faint), colored: colored,
		}
		t.config(c)
	}
	return out.Flush()
}

// tree writes one configuration.
type tree struct {
	*bufio.Writer
	ways      map[*Node][]Edge // from each node
	seen      map[*Node]bool
	bold, dim func(...any) string
	colored   bool
}

func (t *tree) config(c *Config) {
	fmt.Fprintln(t, t.bold(safe.LineStart(c.Name)))
	reached := map[*Node]bool{}
	for _, e := range c.Edges {
		t.ways[e.From] = append(t.ways[e.From], e)
		reached[e.To] = true
	}
	var roots []Edge
	for _, n := range c.Nodes {
		if !reached[n] {
			roots = append(roots, Edge{To: n})
		}
	}
	t.branches("", roots)
	for _, line := range c.Omitted {
		fmt.Fprintln(t, line)
	}
	for _, f := range c.Findings {
		paint := t.painter(f.Severity)
		fmt.Fprintf(t, "%s: %s %s [%s]\n", t.bold(safe.LineStart(f.Place)), paint(f.Severity.String()+":"), f.Message, f.Rule)
	}
}

// branches writes the ways from one node. It goes no deeper than a way has kinds of node.
func (t *tree) branches(indent string, ways []Edge) {
	for i, e := range ways {
		fork, below := "├── ", "│   "
		if i == len(ways)-1 {
			fork, below = "└── ", "    "
		}
		next := t.ways[e.To]
		again := t.seen[e.To] && len(next) > 0
		t.seen[e.To] = true
		t.WriteString(indent + fork)
		t.line(e, again)
		if !again {
			t.branches(indent+below, next)
		}
	}
}

func (t *tree) line(e Edge, again bool) {
	if e.Label != "" {
		fmt.Fprintf(t, "%s %s ", t.dim(e.Label), arrow(e))
	}
	n := e.To
	t.WriteString(t.bold(n.Label))
	if n.Detail != "" {
		t.WriteString(" (" + n.Detail + ")")
	}
	if again {
		t.WriteString(" (see above)")
	} else if n.Place != "" {
		t.WriteString("  " + t.dim(n.Place))
	}
	if found := n.Findings; len(found) > 0 {
		t.WriteString("  " + t.painter(gravest(found))(strings.Join(marks(found), ", ")))
	}
	t.WriteByte('\n')
}

func arrow(e Edge) string {
	if e.Dynamic {
		return "⇢"
	}
	return "→"
}

func (t *tree) painter(s lint.Severity) func(...any) string {
	switch s {
	case lint.Error:
		return painter(t.colored, color.FgRed, color.Bold)
	case lint.Warning:
		return painter(t.colored, color.FgYellow, color.Bold)
	}
	return painter(t.colored, color.FgCyan, color.Bold)
}

// painter returns a function that colours text; nothing outside decides.
func painter(on bool, attributes ...color.Attribute) func(...any) string {
	c := color.New(attributes...)
	if on {
		c.EnableColor()
	} else {
		c.DisableColor()
	}
	return c.SprintFunc()
}
