package inventory

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
)

// isDocker reports whether a JSON value is what "docker inspect" or "docker network inspect" prints
// (docs.docker.com/reference/api/engine, ContainerInspect and NetworkInspect).
func isDocker(root jsonNode) bool {
	return slices.ContainsFunc(root.elements(), func(n jsonNode) bool {
		return isDockerContainer(n) || isDockerNetwork(n)
	})
}

func isDockerContainer(n jsonNode) bool {
	return n.get("Config").isMap() && n.get("NetworkSettings").isMap()
}

func isDockerNetwork(n jsonNode) bool { return n.get("IPAM").isMap() && n.get("Driver").exists() }

// inspected puts a project together from what "docker inspect" lists.
type inspected struct {
	project  *Project
	networks map[string]*Network
	names    map[string]bool // of the containers
}

// docker reads the containers and networks of a Docker host. Others may run there: the listing need not be whole.
func (r *reader) docker(root jsonNode) {
	d := inspected{&Project{Dir: r.root, Running: true}, map[string]*Network{}, map[string]bool{}}
	d.project.Files = append(d.project.Files, root.file)
	for _, n := range root.elements() {
		if isDockerNetwork(n) {
			d.addNetwork(n)
		}
	}
	for _, n := range root.elements() {
		if isDockerContainer(n) {
			d.addContainer(n)
		}
	}
	for _, n := range root.elements() {
		if isDockerNetwork(n) {
			d.addMembers(n)
		}
	}
	d.project.Gaps = append(d.project.Gaps, Gap{At: root.ref(), Why: "may leave out containers of the host"})
	r.facts.Projects = append(r.facts.Projects, d.project)
}

// addNetwork reads a network and its subnets.
func (d *inspected) addNetwork(n jsonNode) {
	network := d.network(n.get("Name"))
	network.Driver = n.get("Driver").value()
	for _, config := range n.get("IPAM", "Config").elements() {
		subnet := config.get("Subnet")
		if prefix, err := netip.ParsePrefix(subnet.text()); err == nil {
			network.Subnets = append(network.Subnets, Subnet{Prefix: prefix, At: subnet.ref()})
		}
	}
}

// network returns the network of a name; it is added where it is first named.
func (d *inspected) network(name jsonNode) *Network {
	network := d.networks[name.text()]
	if network == nil {
		network = &Network{Name: name.text(), At: name.ref(), External: true}
		d.networks[network.Name] = network
		d.project.Networks = append(d.project.Networks, network)
	}
	return network
}

// addMembers adds the containers of a network that are not listed themselves: their names and addresses alone are known.
func (d *inspected) addMembers(n jsonNode) {
	for _, member := range n.get("Containers").pairs() {
		name := member.get("Name").value()
		if name.Text == "" || d.names[name.Text] {
			continue
		}
		var addrs []netip.Addr
		addrs = appendAddrs(addrs, member.get("IPv4Address"))
		addrs = appendAddrs(addrs, member.get("IPv6Address"))
		s := &Service{Project: d.project, Name: name.Text, At: name.At, OtherName: name, Replicas: 1}
		s.Loose = true
		s.Joins = []Join{{Network: d.network(n.get("Name")), At: name.At, Addrs: addrs}}
		d.project.Services = append(d.project.Services, s)
	}
}

// addContainer reads one container.
func (d *inspected) addContainer(n jsonNode) {
	name := n.get("Name").value()
	if rest, found := strings.CutPrefix(name.Text, "/"); found {
		name.Text = rest
		if strings.HasPrefix(name.At.Text(), "/") {
			name.At = name.At.Sub(1, len(name.At.Text()))
		}
	}
	if name.Text == "" {
		return
	}
	d.names[name.Text] = true
	config, host := n.get("Config"), n.get("HostConfig")
	s := &Service{Project: d.project, Name: name.Text, At: name.At, OtherName: name, Replicas: 1}
	s.Image = config.get("Image").value()
	s.Hostname = config.get("Hostname").value()
	for _, key := range []string{"Entrypoint", "Cmd"} {
		for _, word := range config.get(key).elements() {
			s.Args = append(s.Args, Value{Text: word.text(), At: word.ref()})
		}
	}
	s.Env = inspectedEnv(config.get("Env"))
	mode := host.get("NetworkMode").value()
	if mode.Text == "host" || mode.Text == "none" || strings.HasPrefix(mode.Text, "container:") {
		s.Mode = mode
	} else {
		d.addJoins(s, n.get("NetworkSettings", "Networks"))
	}
	s.addPorts(n)
	s.addReach(host)
	for _, mount := range n.get("Mounts").elements() {
		m := Mount{Target: mount.get("Destination").text(), At: mount.get("Destination").ref()}
		switch mount.get("Type").text() {
		case "bind":
			m.Source = filepath.FromSlash(mount.get("Source").text())
		case "volume":
			m.Volume = mount.get("Name").text()
		}
		s.Mounts = append(s.Mounts, m)
	}
	d.project.Services = append(d.project.Services, s)
}

func inspectedEnv(list jsonNode) map[string]Value {
	env := map[string]Value{}
	for _, item := range list.elements() {
		v := item.value()
		name, text, found := strings.Cut(v.Text, "=")
		if !found {
			continue
		}
		if v.At.Text() == v.Text {
			v.At = v.At.Sub(len(name)+1, len(v.Text))
		}
		env[name] = Value{Text: text, At: v.At}
	}
	return env
}

// addJoins reads the networks that a container is in, and its names and addresses there.
func (d *inspected) addJoins(s *Service, networks jsonNode) {
	for key, n := range networks.pairs() {
		join := Join{Network: d.network(key), At: key.ref()}
		seen := map[string]bool{s.Name: true}
		for _, alias := range slices.Concat(n.get("Aliases").elements(), n.get("DNSNames").elements()) {
			if v := alias.value(); v.Text != "" && !seen[v.Text] {
				seen[v.Text] = true
				join.Aliases = append(join.Aliases, v)
			}
		}
		join.Addrs = appendAddrs(join.Addrs, n.get("IPAddress"))
		join.Addrs = appendAddrs(join.Addrs, n.get("GlobalIPv6Address"))
		s.Joins = append(s.Joins, join)
	}
}

// addPorts reads the ports that the host forwards, and those that the image or the command line exposes. What is
// exposed holds what is published too, and does not say who wrote it.
func (s *Service) addPorts(n jsonNode) {
	published := n.get("NetworkSettings", "Ports")
	if len(published.items) == 0 { // as it is while the container is stopped
		published = n.get("HostConfig", "PortBindings")
	}
	for key, bindings := range published.pairs() {
		port, ok := inspectedPort(key)
		if !ok || len(bindings.items) == 0 {
			continue
		}
		s.publish(port, bindings)
		port.Source, port.Why = ByPublish, "it publishes "+key.text()
		s.Ports = append(s.Ports, port)
	}
	for key := range n.get("Config", "ExposedPorts").pairs() {
		if port, ok := inspectedPort(key); ok {
			port.Source, port.Why = ByExpose, "it exposes "+key.text()
			s.Ports = append(s.Ports, port)
		}
	}
}

// inspectedPort reads "80/tcp".
func inspectedPort(key jsonNode) (Port, bool) {
	number, protocol, _ := strings.Cut(key.text(), "/")
	port := Port{Number: portNumber(number), At: key.ref()}
	if protocol == "udp" {
		port.Protocol = proxy.UDP
	}
	return port, port.Number > 0
}

// publish adds the host's side of a port: one for all addresses where it is bound to those of both families.
func (s *Service) publish(port Port, bindings jsonNode) {
	type hostSide struct {
		addr string
		port int
	}
	seen := map[hostSide]bool{}
	for _, binding := range bindings.elements() {
		at := binding.get("HostPort")
		side := hostSide{binding.get("HostIp").text(), portNumber(at.text())}
		if side.addr == "0.0.0.0" || side.addr == "::" {
			side.addr = ""
		}
		if seen[side] {
			continue
		}
		seen[side] = true
		s.Published = append(s.Published, Published{Host: side.port, Container: port.Number, Address: side.addr,
			UDP: port.Protocol == proxy.UDP, At: at.ref()})
	}
}

// addReach reads the names that a container knows besides those of its networks, and whether it may be replaced.
func (s *Service) addReach(host jsonNode) {
	for _, item := range host.get("ExtraHosts").elements() {
		if name, addr, found := strings.Cut(item.text(), ":"); found {
			s.ExtraHosts = append(s.ExtraHosts, ExtraHost{Name: name, Addr: strings.Trim(addr, "[]"), At: item.ref()})
		}
	}
	for _, item := range host.get("Links").elements() { // "/db:/web/database"
		service, path, _ := strings.Cut(strings.TrimPrefix(item.text(), "/"), ":")
		s.Links = append(s.Links, Link{Service: service, Alias: path[strings.LastIndexByte(path, '/')+1:], At: item.ref()})
	}
	policy := host.get("RestartPolicy", "Name").text()
	s.Restartable = policy != "" && policy != "no"
}
