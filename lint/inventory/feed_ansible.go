package inventory

import (
	"net/netip"
	"slices"
)

// isAnsible reports whether a JSON value is what "ansible-inventory --list" prints
// (docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html).
func isAnsible(root jsonNode) bool { return root.get("_meta", "hostvars").isMap() }

// ansible reads the hosts of an inventory: those with variables, and those that a group lists alone.
func (r *reader) ansible(root jsonNode) {
	r.noteComplete(root)
	seen := map[string]bool{}
	for name, vars := range root.get("_meta", "hostvars").pairs() {
		seen[name.text()] = true
		r.ansibleHost(name, vars)
	}
	for _, group := range root.pairs() {
		for _, name := range group.get("hosts").elements() {
			if !seen[name.text()] {
				seen[name.text()] = true
				r.ansibleHost(name, jsonNode{})
			}
		}
	}
}

// ansibleHost adds a host under its name in the inventory, and under the one that Ansible connects to.
func (r *reader) ansibleHost(name, vars jsonNode) {
	names := []Value{name.value()}
	addrs := appendAddrs(nil, name)
	if vars.get("ansible_connection").text() != "local" {
		for _, key := range []string{"ansible_host", "ansible_ssh_host"} {
			host := vars.get(key)
			if _, isAddr := hostAddr(host.text()); !isAddr {
				names = append(names, host.value())
			}
			addrs = appendAddrs(addrs, host)
		}
	}
	addrs = appendAddrs(addrs, vars.get("ansible_default_ipv4", "address"))
	addrs = appendAddrs(addrs, vars.get("ansible_all_ipv4_addresses"))
	r.addMachines(names, slices.DeleteFunc(addrs, netip.Addr.IsLoopback), nil) // that is where Ansible runs
}
