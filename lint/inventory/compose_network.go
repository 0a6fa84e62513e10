package inventory

import "net/netip"

// defaultNetwork is the one that a service joins unless it says otherwise.
const defaultNetwork = "default"

// addNetwork reads a network that the project declares.
func (c *composer) addNetwork(name string) {
	said := c.networks.said[name]
	network := &Network{Name: name, At: c.networks.keys[name].Ref()}
	external := said.get("external").last()
	network.External = external.IsMap() || external.value().Text == "true"
	if network.External {
		c.gap(network.At, "", "is a network that others may join")
	}
	network.Driver = said.get("driver").last().value()
	for _, config := range said.get("ipam", "config").items() {
		subnet := config.child("subnet").value()
		if prefix, err := netip.ParsePrefix(subnet.Text); err == nil && !subnet.Dynamic {
			network.Subnets = append(network.Subnets, Subnet{Prefix: prefix, At: subnet.At})
		}
	}
	c.joined[name] = network
	c.project.Networks = append(c.project.Networks, network)
}

// network returns the network of a name; one that is used and not declared is added.
func (c *composer) network(name string, l layer) *Network {
	if n := c.joined[name]; n != nil {
		return n
	}
	n := &Network{Name: name, At: l.Ref()}
	c.joined[name] = n
	if name != defaultNetwork {
		c.gap(n.At, "", "is a network that is not declared")
	}
	c.project.Networks = append(c.project.Networks, n)
	return n
}

// readJoins reads the networks that a service is in.
func (c *composer) readJoins(s *Service, said layers) {
	if s.Mode.At.File != nil {
		return
	}
	networks := said.get("networks").names()
	for _, name := range networks.names {
		key := networks.keys[name]
		join := Join{Network: c.network(name, key), At: key.Ref()}
		said := networks.said[name]
		for _, alias := range said.get("aliases").items() {
			join.Aliases = append(join.Aliases, alias.value())
		}
		for _, family := range []string{"ipv4_address", "ipv6_address"} {
			if addr, err := netip.ParseAddr(said.get(family).last().value().Text); err == nil {
				join.Addrs = append(join.Addrs, addr)
			}
		}
		s.Joins = append(s.Joins, join)
	}
	if len(s.Joins) == 0 {
		s.Joins = []Join{{Network: c.network(defaultNetwork, c.services.keys[s.Name]), At: s.At}}
	}
}
