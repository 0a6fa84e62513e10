package inventory

import (
	"net/netip"
	"slices"
)

// maxAttributeDepth bounds how far the nested blocks of a resource are looked into.
const maxAttributeDepth = 6

// terraformNames are the attributes that hold a machine's name, in the schemas of the AWS, Azure, Google Cloud,
// OpenStack, Hetzner, DigitalOcean, Linode, Vultr and vSphere providers (registry.terraform.io).
var terraformNames = []string{"name", "hostname", "host_name", "computer_name", "label",
	"dns_name", "fqdn", "private_dns", "public_dns", "private_dns_name", "public_dns_name", "default_hostname"}

// terraformDNSNames are those that are names in the DNS, and so mean something without an address.
var terraformDNSNames = terraformNames[5:]

// terraformAddrs are the attributes that hold addresses, or lists of them, in the same schemas.
var terraformAddrs = []string{"private_ip", "private_ips", "public_ip", "public_ips", "ip", "address", "ip_address", "ipv4", "ipv6",
	"ipv4_address", "ipv4_address_private", "ipv6_address", "ipv6_addresses", "access_ip_v4", "access_ip_v6",
	"private_ip_address", "private_ip_addresses", "public_ip_address", "public_ip_addresses",
	"network_ip", "nat_ip", "fixed_ip_v4", "fixed_ip_v6", "main_ip", "internal_ip", "default_ip_address",
	"guest_ip_addresses", "records", "rrdatas"}

// isTerraform reports whether a JSON value is what "terraform show -json" prints of a state or a plan, or a state file
// (developer.hashicorp.com/terraform/internals/json-format).
func isTerraform(root jsonNode) bool {
	return root.get("format_version").exists() && terraformModule(root).isMap() ||
		root.get("terraform_version").exists() && root.get("resources").isList()
}

// terraformModule returns the root module of a state, or of what a plan leads to.
func terraformModule(root jsonNode) jsonNode {
	if module := root.get("values", "root_module"); module.exists() {
		return module
	}
	return root.get("planned_values", "root_module")
}

// terraform reads the machines and load balancers of a state.
func (r *reader) terraform(root jsonNode) {
	r.noteComplete(root)
	r.terraformResources(terraformModule(root))
	for _, resource := range root.get("resources").elements() { // a state file
		for _, instance := range resource.get("instances").elements() {
			label := resource.get("name").value()
			label.Text = resource.get("type").text() + "." + label.Text
			r.terraformMachine(label, instance.get("attributes"))
		}
	}
}

func (r *reader) terraformResources(module jsonNode) {
	for _, resource := range module.get("resources").elements() {
		r.terraformMachine(resource.get("address").value(), resource.get("values"))
	}
	for _, child := range module.get("child_modules").elements() {
		r.terraformResources(child)
	}
}

// terraformMachine adds what has an address, or a name in the DNS. Terraform's own name for it serves where it has no other.
func (r *reader) terraformMachine(label Value, attributes jsonNode) {
	var names, dnsNames []Value
	for key, value := range attributes.pairs() {
		switch key := key.text(); {
		case slices.Contains(terraformDNSNames, key):
			dnsNames = append(dnsNames, value.value())
		case slices.Contains(terraformNames, key):
			names = append(names, value.value())
		case key == "tags":
			names = append(names, value.get("Name").value())
		}
	}
	addrs := terraformAddresses(attributes, nil, 0)
	if len(addrs) == 0 {
		r.addMachines(dnsNames, nil, nil)
		return
	}
	names = slices.DeleteFunc(append(names, dnsNames...), func(v Value) bool { return v.Text == "" })
	if len(names) == 0 {
		names = []Value{label}
	}
	r.addMachines(names, addrs, nil)
}

// terraformAddresses gathers the addresses in the attributes of a resource and in the blocks inside it.
func terraformAddresses(block jsonNode, addrs []netip.Addr, depth int) []netip.Addr {
	if depth == maxAttributeDepth {
		return addrs
	}
	for key, value := range block.pairs() {
		if slices.Contains(terraformAddrs, key.text()) {
			addrs = appendAddrs(addrs, value)
		}
		addrs = terraformAddresses(value, addrs, depth+1)
	}
	for _, item := range block.elements() {
		addrs = terraformAddresses(item, addrs, depth+1)
	}
	return addrs
}

// appendAddrs appends the address that a text holds, or those of a list of texts.
func appendAddrs(addrs []netip.Addr, n jsonNode) []netip.Addr {
	if addr, ok := hostAddr(n.text()); ok {
		addrs = append(addrs, addr)
	}
	for _, item := range n.elements() {
		if addr, ok := hostAddr(item.text()); ok {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
