package inventory

import (
	"net/netip"
	"slices"
	"strings"
)

// maxModes bounds how far "network_mode: service:x" is followed.
const maxModes = 8

// Answer is what a name means inside a container.
type Answer struct {
	Services []*Service   // those that it names on a network that both are in
	Apart    []*Service   // those that have the name, and that are not reached by it
	Addrs    []netip.Addr // those that extra_hosts gives it
	Gateway  bool         // extra_hosts makes it the machine that the container runs on
	Unknown  bool         // it may mean something that no file shows
}

// Found reports whether the name means anything that is reached.
func (a Answer) Found() bool {
	return len(a.Services) > 0 || len(a.Addrs) > 0 || a.Gateway || a.Unknown
}

// Lookup returns what a name means to a service: its hosts file wins, then its links and the names that the others
// have on the networks it is in. Names are compared without case and without a final dot.
func (s *Service) Lookup(host string) Answer {
	key := HostKey(host)
	at := s.NetworkOwner()
	if at == nil {
		return Answer{Unknown: true}
	}
	if a, found := at.extraHost(key); found {
		return a
	}
	var a Answer
	at.lookupLinks(key, &a)
	for _, other := range s.Project.Services {
		switch {
		case !other.isNamed(key) && !other.isAliased(key):
		case at.reaches(other, key):
			a.add(&a.Services, other)
		default:
			a.add(&a.Apart, other)
		}
	}
	return a
}

// Beside returns the services that share a service's network, itself among them: what one of them binds to
// 127.0.0.1 the others reach there.
func (s *Service) Beside() []*Service {
	owner := s.NetworkOwner()
	var list []*Service
	for _, other := range s.Project.Services {
		at := other.NetworkOwner()
		if other == s || at != nil && (at == owner || owner != nil && owner.onHost() && at.onHost()) {
			list = append(list, other)
		}
	}
	return list
}

// onHost reports whether a service has the network of the machine it runs on.
func (s *Service) onHost() bool { return s.Mode.Text == "host" && !s.Mode.Dynamic }

// NetworkOwner returns the service whose network a service is in, itself as a rule; nil when that is not known.
func (s *Service) NetworkOwner() *Service {
	for range maxModes {
		name, shares := strings.CutPrefix(s.Mode.Text, "service:")
		switch {
		case s.Mode.Dynamic || strings.HasPrefix(s.Mode.Text, "container:"):
			return nil
		case !shares:
			return s
		}
		if s = s.Project.service(name); s == nil {
			return nil
		}
	}
	return nil
}

// service returns the service of a name; nil when there is none.
func (p *Project) service(name string) *Service {
	for _, s := range p.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// extraHost looks a name up in what a container's hosts file is given.
func (s *Service) extraHost(key string) (a Answer, found bool) {
	for _, h := range s.ExtraHosts {
		if HostKey(h.Name) != key {
			continue
		}
		found = true
		addr, err := netip.ParseAddr(h.Addr)
		switch {
		case h.Addr == "host-gateway":
			a.Gateway = true
		case err != nil:
			a.Unknown = true
		default:
			a.Addrs = append(a.Addrs, addr)
		}
	}
	return a, found
}

// lookupLinks looks a name up among the links of a service.
func (s *Service) lookupLinks(key string, a *Answer) {
	for _, link := range s.Links {
		if HostKey(link.Alias) != key {
			continue
		}
		target := s.Project.service(link.Service)
		switch {
		case target == nil: // external_links: a container of another project
			a.Unknown = true
		case s.shares(target):
			a.add(&a.Services, target)
		default:
			a.add(&a.Apart, target)
		}
	}
}

// isNamed reports whether a name is one that a service has on each of its networks.
func (s *Service) isNamed(key string) bool {
	return key == HostKey(s.Name) || key == "tasks."+HostKey(s.Name) ||
		isValue(key, s.OtherName) || isValue(key, s.Hostname)
}

func isValue(key string, v Value) bool { return v.Text != "" && !v.Dynamic && HostKey(v.Text) == key }

func (s *Service) isAliased(key string) bool {
	return slices.ContainsFunc(s.Joins, func(j Join) bool { return j.hasAlias(key) })
}

func (j Join) hasAlias(key string) bool {
	return slices.ContainsFunc(j.Aliases, func(v Value) bool { return isValue(key, v) })
}

// reaches reports whether other answers to a name on a network that both are in. One that lives in the network of
// yet another service has no name there.
func (s *Service) reaches(other *Service, key string) bool {
	for _, join := range other.Joins {
		if s.isIn(join.Network) && (other.isNamed(key) || join.hasAlias(key)) {
			return true
		}
	}
	return false
}

func (s *Service) shares(other *Service) bool {
	return slices.ContainsFunc(other.Joins, func(j Join) bool { return s.isIn(j.Network) })
}

func (s *Service) isIn(n *Network) bool {
	return slices.ContainsFunc(s.Joins, func(j Join) bool { return j.Network == n })
}

// add adds a service to one of an answer's lists, once.
func (*Answer) add(list *[]*Service, s *Service) {
	if !slices.Contains(*list, s) {
		*list = append(*list, s)
	}
}
