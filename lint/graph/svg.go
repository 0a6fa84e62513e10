package graph

import (
	"bufio"
	_ "embed"
	"fmt"
	"html"
	"io"
	"strings"
)

// style colours a drawing. Everything in it stands below the class pl-graph, and the colours are custom properties
// of that class, which a page around may set anew. Before each stands the colour for what does not know them (librsvg).
//
//go:embed svg.css
var style string

// SVG writes the graph as one <svg> element that needs nothing outside itself and can stand in a page: no script, no
// reference, no XML declaration. Its classes start with "pl-", and so do its IDs. Where the reader prefers a
// dark ground its colours fit that.
func (g *Graph) SVG(w io.Writer) error {
	out := bufio.NewWriter(w)
	s := svg{Writer: out}
	height := margin
	var drawings []*drawing
	for _, c := range g.Configs {
		d := layOut(c)
		drawings = append(drawings, d)
		height += d.height + margin
	}
	width := columnX[kinds-1] + columnWidths[kinds-1] + margin
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" class="pl-graph" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" `+
		`role="img" aria-labelledby="pl-title pl-desc">`+"\n", width, height)
	fmt.Fprintf(s, "<title id=\"pl-title\">What %s with a request</title>\n", subject(len(g.Configs)))
	fmt.Fprint(s, "<desc id=\"pl-desc\">From left to right: listeners, routes, upstreams, endpoints. "+
		"A node with findings has the colour of the gravest.</desc>\n")
	fmt.Fprintf(s, "<style>\n%s</style>\n", style)
	fmt.Fprintf(s, `<rect class="pl-ground" width="%d" height="%d"/>`+"\n", width, height)
	top := margin
	for _, d := range drawings {
		s.drawing(d, top)
		top += d.height + margin
	}
	fmt.Fprintln(s, "</svg>")
	return out.Flush()
}

func subject(configs int) string {
	if configs == 1 {
		return "the configuration does"
	}
	return plural(configs, "configuration") + " do"
}

type svg struct{ *bufio.Writer }

// text writes one line of text, cut to a width.
func (s svg) text(class string, x, y int, text string, width int) {
	fmt.Fprintf(s, `<text class="%s" x="%d" y="%d">%s</text>`, class, x, y, html.EscapeString(cut(text, width)))
}

func (s svg) drawing(d *drawing, top int) {
	fmt.Fprintf(s, `<g transform="translate(0 %d)">`+"\n", top)
	s.text("pl-name", margin, textSize, d.Name, nameColumns)
	s.WriteByte('\n')
	for kind, column := range d.columns {
		if hasNodes(column) {
			s.text("pl-head", columnX[kind], headerY, Kind(kind).String()+"s", nameColumns)
			s.WriteByte('\n')
		}
	}
	for _, e := range d.edges {
		s.edge(e)
	}
	for _, column := range d.columns {
		for _, b := range column {
			if b.node != nil {
				s.node(b)
			}
		}
	}
	for i, line := range d.Config.listed() {
		class := "pl-note"
		if found := i - len(d.Omitted); found >= 0 && found < maxListed {
			class += " pl-" + d.Findings[found].Severity.String()
		}
		s.text(class, margin, d.notesY+i*lineHeight, line, noteColumns)
		s.WriteByte('\n')
	}
	fmt.Fprintln(s, "</g>")
}

// edge writes a curve; one over a column that it has no node in goes through the place kept free for it.
func (s svg) edge(e line) {
	class := "pl-edge"
	if e.Dynamic {
		class += " pl-dynamic"
	}
	fmt.Fprintf(s, `<path class="%s" d="M%d %d`, class, e.stops[0].right(), e.stops[0].middle())
	for i, to := range e.stops[1:] {
		from := e.stops[i]
		half := (from.right() + to.left()) / 2
		fmt.Fprintf(s, "C%d %d %d %d %d %d", half, from.middle(), half, to.middle(), to.left(), to.middle())
		if to.node == nil {
			fmt.Fprintf(s, "H%d", to.right())
		}
	}
	s.WriteString(`">`)
	if e.Label != "" {
		fmt.Fprintf(s, "<title>%s</title>", html.EscapeString(e.Label))
	}
	s.WriteString("</path>\n")
}

func (s svg) node(b *box) {
	n := b.node
	class := "pl-node pl-" + n.Kind.String()
	if n.Dynamic {
		class += " pl-dynamic"
	}
	fmt.Fprintf(s, `<g id="pl-%s" class="%s" data-severity="%s"><title>%s</title>`,
		n.ID, class, severityName(n.Findings), tooltip(n.title()))
	fmt.Fprintf(s, `<rect x="%d" y="%d" width="%d" height="%d" rx="6"/>`, b.left(), b.y, b.right()-b.left(), b.height)
	x, y, width := b.left()+padding, b.y+padding+textSize, 10*(b.right()-b.left()-2*padding)
	labelColumns := width / labelWidth
	if len(n.Findings) > 0 {
		labelColumns = (width - 10*badgeWidth) / labelWidth
	}
	s.text("pl-label", x, y, n.Label, labelColumns)
	if b.detail != "" {
		y += lineHeight
		s.text("pl-detail", x, y, b.detail, width/smallWidth)
	}
	for _, mark := range b.marks {
		y += lineHeight
		s.text("pl-mark", x, y, mark, width/smallWidth)
	}
	if count := len(n.Findings); count > 0 {
		fmt.Fprintf(s, `<circle class="pl-badge" cx="%d" cy="%d" r="9"/>`, b.right()-padding-6, b.y+padding+5)
		fmt.Fprintf(s, `<text class="pl-count" x="%d" y="%d">%s</text>`, b.right()-padding-6, b.y+padding+9, badge(count))
	}
	fmt.Fprintln(s, "</g>")
}

// tooltip joins lines by character references, so that no line of the output starts with what a file says.
func tooltip(lines []string) string {
	return strings.ReplaceAll(html.EscapeString(strings.Join(lines, "\n")), "\n", "&#10;")
}

// badge writes a number so that it fits into a circle.
func badge(n int) string {
	if n > 99 {
		return "99+"
	}
	return fmt.Sprint(n)
}
