package inventory

import "strings"

// maxPublished bounds the ports of one service: a range may hold 65535.
const maxPublished = 512

// readPublished reads the ports that the host forwards to a container.
func (c *composer) readPublished(s *Service, said layers) {
	for _, item := range said.items() {
		var host, container, address string
		udp := false
		if item.IsMap() {
			host, container = item.child("published").parts(), item.child("target").parts()
			address, udp = item.child("host_ip").parts(), item.child("protocol").Text() == "udp"
		} else {
			host, container, address, udp = splitMapping(item.parts())
		}
		if strings.Contains(address, unknownPart) {
			address = ""
		}
		if !addPublished(s, host, container, Published{Address: address, UDP: udp, At: item.Ref()}) {
			s.Loose = true
		}
	}
}

// splitMapping splits [ADDRESS:][HOST:]CONTAINER[/PROTOCOL].
func splitMapping(text string) (host, container, address string, udp bool) {
	text, protocol, _ := strings.Cut(text, "/")
	container = text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		host, container = text[:i], text[i+1:]
		if i := strings.LastIndexByte(host, ':'); i >= 0 {
			address, host = unbracketed(host[:i]), host[i+1:]
		}
	}
	return host, container, address, protocol == "udp"
}

// addPublished adds one mapping for each port of a range. It reports false when there are too many.
func addPublished(s *Service, host, container string, p Published) bool {
	first, last := portRange(container)
	hostFirst, hostLast := portRange(host)
	if len(s.Published)+last-first >= maxPublished {
		return false
	}
	for i := range last - first + 1 {
		p.Container, p.Host = first+i, -1
		if hostFirst >= 0 && hostLast-hostFirst == last-first { // else the host's port is chosen out of a range
			p.Host = hostFirst + i
		}
		s.Published = append(s.Published, p)
	}
	return true
}

// portRange returns the first and the last port of "80" or "8000-8010"; -1 and -1 when they can't be known.
func portRange(text string) (first, last int) {
	low, high, isRange := strings.Cut(text, "-")
	first, last = portNumber(low), portNumber(low)
	if isRange {
		last = portNumber(high)
	}
	if first < 0 || last < first {
		return -1, -1
	}
	return first, last
}
