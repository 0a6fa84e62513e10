package inventory

import (
	"net/netip"
	"slices"
	"strings"
)

// KubeAnswer is what the name of a host stands for in a cluster.
type KubeAnswer struct {
	Name      string // the Service asked for
	Namespace string // where; "" when that is the asker's own, and not known
	Certain   bool   // the name can be nothing but a Service's: it ends in ".svc" or ".svc.cluster.local"

	Services  []*KubeService // those of that name which may be in the namespace
	Elsewhere []*KubeService // those of that name which are in others
}

// Lookup tells what a host stands for when a pod in a namespace asks for it; "" is a namespace that is not known.
// It reports false for what no Service can be called: an address, a name of another form. The forms are
// "name", "name.namespace", "name.namespace.svc" and the same with the cluster's domain, each also for one pod of a
// headless Service, "pod.name..." (Kubernetes manual, "DNS for Services and Pods").
func (c *Cluster) Lookup(host, namespace string) (KubeAnswer, bool) {
	if _, err := netip.ParseAddr(host); c == nil || err == nil {
		return KubeAnswer{}, false
	}
	labels := strings.Split(HostKey(host), ".")
	if slices.Contains(labels, "") {
		return KubeAnswer{}, false
	}
	svc := slices.Index(labels, "svc")
	switch {
	case svc == 2 || svc == 3:
		domain := strings.Join(labels[svc+1:], ".")
		a := c.answer(labels[svc-2], labels[svc-1])
		a.Certain = domain == "" || domain == "cluster.local"
		return a, true
	case len(labels) == 1:
		return c.answer(labels[0], namespace), true
	case len(labels) > 3:
		return KubeAnswer{}, false
	}
	last := len(labels) - 1
	a := c.answer(labels[last-1], labels[last])
	if pod := c.answer(labels[1], namespace); len(labels) == 2 && len(a.Services) == 0 && pod.isHeadless() {
		return pod, true
	}
	return a, len(labels) == 2 || a.isHeadless()
}

func (c *Cluster) answer(name, namespace string) KubeAnswer {
	a := KubeAnswer{Name: name, Namespace: namespace}
	for _, s := range c.Services {
		switch {
		case s.Name != name:
		case sameNamespace(s.Namespace, namespace):
			a.Services = append(a.Services, s)
		default:
			a.Elsewhere = append(a.Elsewhere, s)
		}
	}
	return a
}

func (a KubeAnswer) isHeadless() bool {
	return slices.ContainsFunc(a.Services, (*KubeService).Headless)
}
