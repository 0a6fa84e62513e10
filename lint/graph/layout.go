package graph

import (
	"cmp"
	"slices"
)

// Lengths of the drawing, in its own units (CSS pixels where it is not scaled).
const (
	margin      = 24
	padding     = 10
	textSize    = 12
	lineHeight  = 16
	gapX        = 56
	gapY        = 12
	headerY     = 38
	nodesY      = 50
	badgeWidth  = 22
	labelWidth  = 73  // tenths of what a character of a label takes, which is of one width
	smallWidth  = 64  // and of the other lines, on average
	freeHeight  = 6   // of the place kept for an edge that passes a column
	nameColumns = 140 // what a line over the whole drawing has room for: of a name,
	noteColumns = 185 // and of a finding
	rounds      = 4   // of ordering
)

var (
	columnWidths = [kinds]int{230, 290, 240, 270} // by kind
	columnX      = func() (x [kinds]int) {
		at := margin
		for kind, width := range columnWidths {
			x[kind] = at
			at += width + gapX
		}
		return x
	}()
)

// drawing is the layout of one configuration: nodes in four columns, none over another.
type drawing struct {
	*Config
	columns [kinds][]*box
	edges   []line
	notesY  int // of the first line below the nodes
	height  int
}

// box is a node's place, or one kept free for an edge.
type box struct {
	node     *Node // nil: kept free
	kind     Kind
	detail   string   // may be empty
	marks    []string // of its findings
	y        int
	height   int
	order    float64
	from, to []*box // in the columns beside
}

func (b *box) left() int   { return columnX[b.kind] }
func (b *box) right() int  { return columnX[b.kind] + columnWidths[b.kind] }
func (b *box) middle() int { return b.y + b.height/2 }

// line is an edge's way.
type line struct {
	Edge
	stops []*box
}

func layOut(c *Config) *drawing {
	d := &drawing{Config: c}
	boxes := map[*Node]*box{}
	hops := map[*Node]string{}
	for _, e := range c.Edges {
		if e.Label != "" {
			hops[e.From] = e.Label
		}
	}
	for _, n := range c.Nodes {
		b := &box{node: n, kind: n.Kind, detail: cmp.Or(n.Detail, hops[n]), marks: marks(n.Findings)}
		lines := 1 + len(b.marks)
		if b.detail != "" {
			lines++
		}
		b.height = 2*padding - 2 + lines*lineHeight
		boxes[n] = b
		d.columns[b.kind] = append(d.columns[b.kind], b)
	}
	for _, e := range c.Edges {
		d.connect(e, boxes)
	}
	d.sort()
	d.place()
	return d
}

// connect adds an edge, with a free place in every column that it passes.
func (d *drawing) connect(e Edge, boxes map[*Node]*box) {
	from, to := boxes[e.From], boxes[e.To]
	stops := []*box{from}
	for kind := from.kind + 1; kind < to.kind; kind++ {
		free := &box{kind: kind, height: freeHeight}
		d.columns[kind] = append(d.columns[kind], free)
		stops = append(stops, free)
	}
	stops = append(stops, to)
	for i, b := range stops[1:] {
		stops[i].to = append(stops[i].to, b)
		b.from = append(b.from, stops[i])
	}
	d.edges = append(d.edges, line{e, stops})
}

// sort orders every column by where its neighbours in the one beside stand, to and fro (the barycenter heuristic of
// Sugiyama, Tagawa and Toda, 1981).
func (d *drawing) sort() {
	for _, column := range d.columns {
		number(column)
	}
	for round := range rounds {
		if round%2 == 0 {
			for kind := 1; kind < len(d.columns); kind++ {
				sortColumn(d.columns[kind], func(b *box) []*box { return b.from })
			}
		} else {
			for kind := len(d.columns) - 2; kind >= 0; kind-- {
				sortColumn(d.columns[kind], func(b *box) []*box { return b.to })
			}
		}
	}
}

func number(column []*box) {
	for i, b := range column {
		b.order = float64(i)
	}
}

func sortColumn(column []*box, beside func(*box) []*box) {
	for i, b := range column {
		b.order = mean(beside(b), func(b *box) float64 { return b.order }, float64(i))
	}
	slices.SortStableFunc(column, func(a, b *box) int { return cmp.Compare(a.order, b.order) })
	number(column)
}

// mean returns the mean of what f says of boxes; other where there are none.
func mean(list []*box, f func(*box) float64, other float64) float64 {
	if len(list) == 0 {
		return other
	}
	sum := 0.0
	for _, b := range list {
		sum += f(b)
	}
	return sum / float64(len(list))
}

// place gives every node its height on the page: the tallest column is packed, and those beside it follow it.
func (d *drawing) place() {
	tallest := 0
	for kind, column := range d.columns {
		if total(column) > total(d.columns[tallest]) {
			tallest = kind
		}
	}
	follow(d.columns[tallest], nil)
	for kind := tallest - 1; kind >= 0; kind-- {
		follow(d.columns[kind], func(b *box) []*box { return b.to })
	}
	for kind := tallest + 1; kind < len(d.columns); kind++ {
		follow(d.columns[kind], func(b *box) []*box { return b.from })
	}
	d.settle()
}

func total(column []*box) int {
	sum := 0
	for _, b := range column {
		sum += b.height + gapY
	}
	return sum
}

// follow places a column's nodes as near to the middle of their neighbours as the others let them: they want to
// stand there, and those that would overlap move together by as little as can be (isotonic regression, by pooling
// adjacent violators).
func follow(column []*box, beside func(*box) []*box) {
	type pool struct {
		sum   float64
		count int
	}
	at := func(p pool) float64 { return p.sum / float64(p.count) }
	var pools []pool
	offset, last := 0, 0.0
	for _, b := range column {
		if beside != nil {
			middle := func(b *box) float64 { return float64(b.middle()) }
			last = mean(beside(b), middle, last+float64(offset)+float64(b.height)/2) - float64(b.height)/2 - float64(offset)
		}
		pools = append(pools, pool{last, 1})
		for n := len(pools); n > 1 && at(pools[n-2]) > at(pools[n-1]); n-- {
			pools[n-2] = pool{pools[n-2].sum + pools[n-1].sum, pools[n-2].count + pools[n-1].count}
			pools = pools[:n-1]
		}
		offset += b.height + gapY
	}
	offset, i := 0, 0
	for _, p := range pools {
		for range p.count {
			column[i].y = offset + int(at(p))
			offset += column[i].height + gapY
			i++
		}
	}
}

// settle moves all nodes below the headers, and finds out how high the drawing is.
func (d *drawing) settle() {
	first, end := 0, 0
	for i, b := range slices.Concat(d.columns[:]...) {
		if i == 0 || b.y < first {
			first = b.y
		}
	}
	for _, b := range slices.Concat(d.columns[:]...) {
		b.y += nodesY - first
		end = max(end, b.y+b.height)
	}
	d.notesY = end + lineHeight + textSize
	d.height = end
	if notes := len(d.listed()); notes > 0 {
		if end == 0 {
			d.notesY = headerY
		}
		d.height = d.notesY + (notes-1)*lineHeight + textSize/2
	}
	d.height = max(d.height, headerY)
}

func hasNodes(column []*box) bool {
	return slices.ContainsFunc(column, func(b *box) bool { return b.node != nil })
}
