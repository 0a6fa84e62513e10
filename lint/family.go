package lint

// Family is what a rule is about: lists of rules are grouped by it.
type Family uint8

// The families, in the order that lists have them in.
const (
	Reading Family = 1 + iota
	Ports
	Addresses
	Timeouts
	Protocol
	Pools
	Edge
	Inventory
	Live
	Proxylint
)

var families = [...]struct{ name, title string }{
	Reading:   {"syntax", "Reading the file"},
	Ports:     {"ports", "Ports"},
	Addresses: {"names", "Names and addresses"},
	Timeouts:  {"timeouts", "Timeouts"},
	Protocol:  {"protocol", "TLS and protocol"},
	Pools:     {"pools", "Pools and capacity"},
	Edge:      {"edge", "The edge in front"},
	Inventory: {"inventory", "What stands around"},
	Live:      {"live", "Live"},
	Proxylint: {"proxylint", "proxylint's own"},
}

// Families returns all families in their order.
func Families() []Family {
	var list []Family
	for f := Reading; int(f) < len(families); f++ {
		list = append(list, f)
	}
	return list
}

// String gives the name used on the command line and in JSON.
func (f Family) String() string { return families[f].name }

// Title is the heading above the rules of a family.
func (f Family) Title() string { return families[f].title }
