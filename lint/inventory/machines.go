package inventory

import (
	"net/netip"
	"strings"
	"sync"
)

// machineIndex finds machines by name and address. It is built when first asked.
type machineIndex struct {
	once   sync.Once
	byName map[string][]int
	byAddr map[netip.Addr][]int
}

// MachinesNamed returns the machines of a name, once all files are read. Names are compared without case and without
// a final dot; a short name is not the same as a full one. One name may stand for several machines.
func (f *Facts) MachinesNamed(name string) []Machine {
	if f == nil {
		return nil
	}
	f.index.once.Do(f.indexMachines)
	return f.pick(f.index.byName[HostKey(name)])
}

// MachinesAt returns the machines that have an address, once all files are read. An IPv4 address that is written as an
// IPv6 one is the same address.
func (f *Facts) MachinesAt(addr netip.Addr) []Machine {
	if f == nil {
		return nil
	}
	f.index.once.Do(f.indexMachines)
	return f.pick(f.index.byAddr[plainAddr(addr)])
}

func (f *Facts) indexMachines() {
	f.index.byName, f.index.byAddr = map[string][]int{}, map[netip.Addr][]int{}
	for i, m := range f.Machines {
		key := HostKey(m.Name)
		f.index.byName[key] = append(f.index.byName[key], i)
		for _, addr := range m.Addrs {
			addr = plainAddr(addr)
			f.index.byAddr[addr] = append(f.index.byAddr[addr], i)
		}
	}
}

func (f *Facts) pick(at []int) []Machine {
	var list []Machine
	for _, i := range at {
		list = append(list, f.Machines[i])
	}
	return list
}

// plainAddr returns an address without its zone, and an IPv4 one as such.
func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// hostAddr reads the address of one host, which a prefix length may follow: "10.0.0.5", "fe80::1%eth0", "10.0.0.5/24".
func hostAddr(text string) (netip.Addr, bool) {
	text, _, _ = strings.Cut(text, "/")
	addr, err := netip.ParseAddr(text)
	return plainAddr(addr), err == nil && !addr.IsUnspecified()
}

// addMachines adds a machine under each of its names. Addresses that stand there twice count once, and what a
// template is to fill in, or what stands nowhere, is no name.
func (r *reader) addMachines(names []Value, addrs []netip.Addr, ports []int) {
	addrs = distinctAddrs(addrs)
	seen := map[string]bool{}
	for _, name := range names {
		key := HostKey(name.Text)
		if key == "" || name.At.IsZero() || seen[key] || strings.Contains(key, "{{") || strings.Contains(key, "${") {
			continue
		}
		seen[key] = true
		r.facts.Machines = append(r.facts.Machines, Machine{Name: name.Text, Addrs: addrs, Ports: ports, At: name.At})
	}
}

func distinctAddrs(addrs []netip.Addr) []netip.Addr {
	var list []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, addr := range addrs {
		if !seen[addr] {
			seen[addr] = true
			list = append(list, addr)
		}
	}
	return list
}

// noteComplete takes over the word of a JSON text that its machines are all there are.
func (r *reader) noteComplete(root jsonNode) {
	if root.get("complete").text() == "true" {
		r.facts.Complete = true
	}
}
