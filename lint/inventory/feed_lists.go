package inventory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// isHostsList reports whether a text is a hosts file: an address, then its names.
func isHostsList(src string) bool {
	words := firstWords(src)
	if len(words) < 2 {
		return false
	}
	_, err := netip.ParseAddr(words[0])
	return err == nil
}

// hostsList reads a hosts file, each of its lines as a machine for every name.
func (r *reader) hostsList(file *syntax.File) error {
	type entry struct {
		addr  netip.Addr
		names []Value
	}
	var list []entry
	for words := range lineWords(file) {
		names := uncommented(words)
		if len(names) == 0 {
			continue
		}
		addr, err := netip.ParseAddr(names[0].Text)
		if err != nil {
			return faultAt(names[0].At, "%q is not an IP address", names[0].Text)
		}
		list = append(list, entry{plainAddr(addr), names[1:]})
	}
	for _, e := range list {
		r.addMachines(e.names, []netip.Addr{e.addr}, nil)
	}
	r.facts.Complete = r.facts.Complete || saysComplete(file.Src)
	return nil
}

// uncommented returns the words before a comment.
func uncommented(words []Value) []Value {
	for i, word := range words {
		if before, _, found := strings.Cut(word.Text, "#"); found {
			if before == "" {
				return words[:i]
			}
			return append(words[:i:i], Value{Text: before, At: word.At.Sub(0, len(before))})
		}
	}
	return words
}

// The names that a table's columns have, in lower case.
var (
	nameColumns = []string{"name", "host", "hostname", "host_name", "server", "machine", "node", "fqdn"}
	addrColumns = []string{"ip", "ips", "addr", "address", "addresses", "ip_address", "ipaddress", "ip address", "private_ip", "ipv4", "ipv6"}
	portColumns = []string{"port", "ports"}
)

// columns says which column of a table holds what; -1: none does.
type columns struct {
	name, addr, port int
	header           bool // the first row names them
}

// isMachineTable reports whether a text is a table of names and addresses.
func isMachineTable(src string) bool {
	first, err := tableReader(src).Read()
	return err == nil && (columnsOf(first).header || len(first) > 1 && areAddrs(first[1]))
}

// tableReader reads a table whose columns a comma, a semicolon or a tab parts, whichever comes first.
func tableReader(src string) *csv.Reader {
	rows := csv.NewReader(strings.NewReader(src))
	rows.Comment, rows.FieldsPerRecord, rows.ReuseRecord = '#', -1, true
	line := ""
	for line = range strings.Lines(src) {
		if text := strings.TrimSpace(line); text != "" && text[0] != '#' {
			break
		}
	}
	if i := strings.IndexAny(line, ",;\t"); i >= 0 {
		rows.Comma = rune(line[i])
	}
	rows.TrimLeadingSpace = rows.Comma != '\t' // else it would join empty cells
	return rows
}

// columnsOf reads a first row: a header, or else a row of name, address and ports.
func columnsOf(first []string) columns {
	find := func(names []string) int {
		return slices.IndexFunc(first, func(cell string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(cell)))
		})
	}
	if c := (columns{find(nameColumns), find(addrColumns), find(portColumns), true}); c.name >= 0 && c.addr >= 0 {
		return c
	}
	return columns{name: 0, addr: 1, port: 2}
}

// machineTable reads a table of names, addresses and ports.
func (r *reader) machineTable(file *syntax.File) error {
	rows := tableReader(file.Src)
	var list []Machine
	var c columns
	for n := 0; ; n++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if fault, ok := errors.AsType[*csv.ParseError](err); ok {
			return fmt.Errorf("%s:%d: not valid CSV: %w", file.Path, fault.Line, fault.Err)
		}
		if n == 0 {
			if c = columnsOf(row); c.header {
				continue
			}
		}
		m, err := c.machine(file, rows, row)
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	r.facts.Machines = append(r.facts.Machines, list...)
	r.facts.Complete = r.facts.Complete || saysComplete(file.Src)
	return nil
}

// machine reads one row. Without a header, all the columns from the third on may hold ports.
func (c columns) machine(file *syntax.File, rows *csv.Reader, row []string) (Machine, error) {
	at := c.place(file, rows, row)
	m := Machine{Name: cell(row, c.name), At: at}
	for _, text := range cellItems(cell(row, c.addr)) {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return m, faultAt(at, "%q is not an IP address", text)
		}
		m.Addrs = append(m.Addrs, plainAddr(addr))
	}
	ports := []string{cell(row, c.port)}
	if !c.header && len(row) > c.port {
		ports = row[c.port:]
	}
	for _, text := range cellItems(strings.Join(ports, " ")) {
		port := portNumber(text)
		if port < 0 {
			return m, faultAt(at, "%q is not a port", text)
		}
		m.Ports = append(m.Ports, port)
	}
	if m.Name == "" && len(m.Addrs) == 0 {
		return m, faultAt(at, "neither a name nor an address")
	}
	return m, nil
}

// place returns where a row's name stands; its first cell when there is no name.
func (c columns) place(file *syntax.File, rows *csv.Reader, row []string) syntax.Ref {
	i := c.name
	if i >= len(row) {
		i = 0
	}
	line, column := rows.FieldPos(i)
	whole := file.LineSpan(line)
	at := file.Ref(whole)
	from := column - 1 + strings.Index(at.Text()[column-1:], row[i])
	if from < column-1 { // quotes inside the cell
		return at
	}
	return at.Sub(from, from+len(strings.TrimSpace(row[i])))
}

func cell(row []string, i int) string {
	if i < 0 || i >= len(row) {
		return ""
	}
	return strings.TrimSpace(row[i])
}

// cellItems splits a cell that holds several things.
func cellItems(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t,;|/+", r) })
}

// areAddrs reports whether a cell holds addresses alone.
func areAddrs(text string) bool {
	items := cellItems(text)
	for _, item := range items {
		if _, err := netip.ParseAddr(item); err != nil {
			return false
		}
	}
	return len(items) > 0
}
