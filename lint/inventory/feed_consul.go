package inventory

import "net/netip"

// isConsulCatalog reports whether a JSON value is what Consul's /v1/catalog/nodes, /v1/catalog/service/NAME or
// /v1/health/service/NAME answers (developer.hashicorp.com/consul/api-docs/catalog, .../health).
func isConsulCatalog(root jsonNode) bool {
	for _, item := range root.elements() {
		node := item.get("Node")
		return node.isMap() || node.text() != "" && item.get("Address").exists()
	}
	return false
}

// consulCatalog reads nodes, and instances of services.
func (r *reader) consulCatalog(root jsonNode) {
	for _, item := range root.elements() {
		node, service := consulEntry{name: item.get("Node"), addr: item.get("Address")}, consulEntry{
			name: item.get("ServiceName"), addr: item.get("ServiceAddress"), port: item.get("ServicePort")}
		if item.get("Node").isMap() { // of the health API
			node = consulEntry{name: item.get("Node", "Node"), addr: item.get("Node", "Address")}
			service = consulEntry{name: item.get("Service", "Service"), addr: item.get("Service", "Address"),
				port: item.get("Service", "Port")}
		}
		if service.addr.text() == "" { // it is the node's
			service.addr, node.port = node.addr, service.port
		}
		r.addConsul(node, "node")
		r.addConsul(service, "service")
	}
}

// isConsulAgent reports whether a JSON value is what Consul's /v1/agent/services answers
// (developer.hashicorp.com/consul/api-docs/agent/service).
func isConsulAgent(root jsonNode) bool {
	for _, service := range root.pairs() {
		if service.isMap() {
			return service.get("Service").text() != "" && service.get("Port").exists()
		}
	}
	return false
}

// consulAgent reads the services of one agent. One without an address has the agent's, which is not in the text.
func (r *reader) consulAgent(root jsonNode) {
	r.noteComplete(root)
	for _, service := range root.pairs() {
		r.addConsul(consulEntry{name: service.get("Service"), addr: service.get("Address"), port: service.get("Port")}, "service")
	}
}

// consulEntry is a node or an instance of a service.
type consulEntry struct{ name, addr, port jsonNode }

// addConsul adds an entry under its name, and under the one that Consul's DNS gives it by default: NAME.service.consul
// (developer.hashicorp.com/consul/docs/services/discovery/dns-static-lookups).
func (r *reader) addConsul(e consulEntry, sort string) {
	name := e.name.value()
	if name.Text == "" {
		return
	}
	var addrs []netip.Addr
	var ports []int
	addrs = appendAddrs(addrs, e.addr)
	if port := portNumber(e.port.text()); port > 0 {
		ports = []int{port}
	}
	r.addMachines([]Value{name, {Text: name.Text + "." + sort + ".consul", At: name.At}}, addrs, ports)
}
