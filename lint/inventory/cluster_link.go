package inventory

import "slices"

// maxLinks bounds how often something is held against something else after one file was read. What goes beyond is
// left as it is: not known.
const maxLinks = 5_000_000

// link finds the ports that Services name and the addresses they have, after objects were added: the Services and
// workloads from the given ones on are new.
func (c *Cluster) link(services, workloads int) {
	left := maxLinks
	for i, s := range c.Services {
		from := 0
		if i < services {
			from = workloads
		}
		if !slices.ContainsFunc(s.Ports, func(p KubePort) bool { return p.ByName != "" }) {
			continue
		}
		for _, w := range c.Workloads[from:] {
			if left--; left > 0 && s.selects(w) {
				s.findTargets(w)
			}
		}
	}
	c.findAddrs(left)
}

// selects reports whether a Service sends to the pods of a workload. One without a selector sends to none.
func (s *KubeService) selects(w *Workload) bool {
	if len(s.Selector) == 0 || !sameNamespace(s.Namespace, w.Namespace) {
		return false
	}
	for key, value := range s.Selector {
		if label, ok := w.Labels[key]; !ok || label != value {
			return false
		}
	}
	return true
}

// sameNamespace reports whether two namespaces may be one: whoever applies a manifest chooses one that is not written.
func sameNamespace(a, b string) bool { return a == "" || b == "" || a == b }

// findTargets looks up the ports that are named by what a workload's containers declare.
func (s *KubeService) findTargets(w *Workload) {
	for i := range s.Ports {
		port := &s.Ports[i]
		if port.ByName == "" {
			continue
		}
		for _, container := range w.Containers {
			for _, p := range container.Ports {
				if p.Name == port.ByName {
					port.settle(p.Number)
				}
			}
		}
	}
}

func (p *KubePort) settle(number int) {
	switch {
	case !p.found:
		p.Target, p.found = number, true
	case p.Target != number:
		p.Target = -1
	}
}

// findAddrs gives every Service the addresses of its endpoints.
func (c *Cluster) findAddrs(left int) {
	if len(c.waiting) == 0 {
		return
	}
	byName := map[string][]*KubeService{}
	for _, s := range c.Services {
		byName[s.Name] = append(byName[s.Name], s)
	}
	waiting := c.waiting[:0]
	for _, e := range c.waiting {
		taken := false
		for _, s := range byName[e.service] {
			if left -= len(e.addrs); left > 0 && sameNamespace(s.Namespace, e.namespace) {
				s.Addrs = append(s.Addrs, e.addrs...)
				taken = true
			}
		}
		if !taken {
			waiting = append(waiting, e)
		}
	}
	c.waiting = waiting
}
