package rules

import (
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
)

// shownProtocol is what the files around a configuration show of an address.
type shownProtocol struct {
	protocol proxy.Protocol
	why      string
	related  []lint.Related
	severity lint.Severity
}

// spokenAt returns what is spoken at an address; the protocol is unknown where the facts are silent or disagree.
func (s *surroundings) spokenAt(a proxy.Address) shownProtocol {
	if s.home != nil && a.Socket == "" {
		return s.spokenOnPort(a)
	}
	var all shownProtocol
	for i, b := range s.behind(a) {
		if i > 0 && b.bind.Protocol != all.protocol || b.bind.Default {
			return shownProtocol{}
		}
		why := fmt.Sprintf("%s speaks %s on %s", b.title(), b.bind.Protocol, listens(b.bind))
		all = shownProtocol{b.bind.Protocol, why, s.chain(b, why, b.bind.Addr.At), s.grade(lint.Error)}
	}
	return all
}

// spokenOnPort returns what the containers behind a name speak on a port.
func (s *surroundings) spokenOnPort(a proxy.Address) shownProtocol {
	services, certain := s.services(a)
	if !certain || a.Port <= 0 {
		return shownProtocol{}
	}
	if isOwnHost(a.Host) { // whichever of them listens there
		services = listeners(services, a.Port)
	}
	var all shownProtocol
	for i, service := range services {
		port := knownPort(service, a.Port)
		if port == nil || i > 0 && port.Protocol != all.protocol {
			return shownProtocol{}
		}
		why := fmt.Sprintf("service %s speaks %s on port %d", service.Name, port.Protocol, a.Port)
		all = shownProtocol{port.Protocol, why, s.chain(backendApp{}, port.Why, port.At), s.grade(lint.Error)}
		if service.Loose {
			all.severity = lint.Warning
		}
	}
	return all
}

// listeners returns the services that listen on a port.
func listeners(services []*inventory.Service, port int) (found []*inventory.Service) {
	for _, service := range services {
		if knownPort(service, port) != nil {
			found = append(found, service)
		}
	}
	return found
}

// knownPort returns the best that is known of a container's port; nil when nothing shows what is spoken there.
func knownPort(service *inventory.Service, port int) *inventory.Port {
	for i := range service.Ports {
		p := &service.Ports[i]
		if p.Number == port && p.Protocol != proxy.UnknownProtocol && p.Protocol != proxy.UDP {
			return p
		}
	}
	return nil
}

// contradicts reports whether a server that speaks one protocol can't answer another. Servers of HTTP may speak gRPC
// too.
func contradicts(asked, spoken proxy.Protocol) bool {
	switch {
	case passOf[asked] == "" || spoken == proxy.UnknownProtocol || spoken == proxy.UDP || asked == spoken:
		return false
	case asked == proxy.HTTP || asked == proxy.GRPC:
		return spoken != proxy.HTTP && spoken != proxy.GRPC
	}
	return true
}

// shownByInventory returns a function that tells whether inv-protocol-mismatch speaks of a server, so that what
// names and ports alone suggest needs no saying.
func shownByInventory(p *lint.Pass) func(appUse) bool {
	around := surroundingsOf(p)
	return func(u appUse) bool {
		return around != nil && !isOpen(u.endpoint.Addr) && contradicts(u.protocol(), around.spokenAt(u.endpoint.Addr).protocol)
	}
}
