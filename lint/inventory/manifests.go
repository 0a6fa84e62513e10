package inventory

import (
	"cmp"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

const maxKubeNested = 3 // lists of objects in each other

// isYAMLName reports whether a file is YAML, or JSON as kubectl prints it, by its name.
func isYAMLName(path string) bool {
	switch filepath.Ext(path) {
	case ".yaml", ".yml":
		return true
	case ".json":
		name := filepath.Base(path)
		return name != "package.json" && name != "package-lock.json" && !strings.HasPrefix(name, "tsconfig")
	}
	return false
}

// holdsManifest reports whether a text is a Kubernetes manifest.
func holdsManifest(src string) bool {
	return strings.Contains(src, "apiVersion") && strings.Contains(src, "kind")
}

// manifests reads the objects of a Kubernetes manifest.
func (r *reader) manifests(file *syntax.File) {
	m := manifest{file: file, cluster: r.facts.Cluster}
	if m.cluster == nil {
		m.cluster = &Cluster{}
	}
	services, workloads := len(m.cluster.Services), len(m.cluster.Workloads)
	docs, err := yamldoc.Read(file)
	for _, doc := range docs {
		if doc.Size(maxYAMLSize) > maxYAMLSize {
			m.gap(tooBig)
			continue
		}
		m.object(doc, maxKubeNested)
	}
	switch {
	case err != nil && strings.Contains(file.Src, "{{"):
		m.gap("is a template: what it makes is not known")
	case err != nil:
		m.gap("is not YAML: " + err.Error())
	}
	if m.known {
		r.facts.Cluster = m.cluster
		m.cluster.link(services, workloads)
	}
}

// manifest is the reading of one file.
type manifest struct {
	file    *syntax.File
	cluster *Cluster
	known   bool // it says something of the cluster
}

func (m *manifest) gap(why string) {
	m.known = true
	m.cluster.Gaps = append(m.cluster.Gaps, Gap{Path: m.file.Path, Why: why})
}

// gapAt notes something in the file that is not known.
func (m *manifest) gapAt(at syntax.Ref, why string) {
	m.known = true
	m.cluster.Gaps = append(m.cluster.Gaps, Gap{At: at, Why: why})
}

// object reads one object, or each of a list.
func (m *manifest) object(n yamldoc.Node, nested int) {
	version, kind := n.Get("apiVersion").Text(), n.Get("kind").Text()
	if version == "" || kind == "" {
		return
	}
	if strings.HasSuffix(kind, "List") && n.Get("items").IsList() {
		for item := range n.Get("items").Items() {
			if nested > 0 {
				m.object(item, nested-1)
			}
		}
		return
	}
	name := n.Get("metadata", "name")
	if isTemplated(name.Text()) || name.IsMap() {
		m.gapAt(name.Ref(), "the name of this "+kind+" is not known")
		return
	}
	group, _, _ := strings.Cut(version, "/")
	switch {
	case version == "v1" && kind == "Service":
		m.service(n)
	case version == "v1" && kind == "Endpoints":
		m.endpoints(n)
	case group == "discovery.k8s.io" && kind == "EndpointSlice":
		m.endpointSlice(n)
	case version == "v1" && kind == "ConfigMap":
		m.configMap(n)
	case m.workload(n, kind):
	case mayMakeServices(group):
		m.gapAt(n.Get("kind").Ref(), "a "+kind+" of "+group+" may make Services")
	default:
		return
	}
	m.known = true
}

// mayMakeServices reports whether an API group is neither Kubernetes' own nor one whose objects are known to make
// no Services. Operators make them for most others: databases, queues, charts.
func mayMakeServices(group string) bool {
	if !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io") {
		return false
	}
	return !slices.ContainsFunc([]string{
		"cert-manager.io", "monitoring.coreos.com", "istio.io", "traefik.io", "traefik.containo.us", "external-secrets.io",
		"bitnami.com", "kyverno.io", "keda.sh", "cilium.io", "projectcalico.org", "velero.io",
	}, func(known string) bool { return group == known || strings.HasSuffix(group, "."+known) })
}

// isTemplated reports whether a template's marker stands in a text.
func isTemplated(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "${")
}

// kubeValue returns a scalar as a Value.
func kubeValue(n yamldoc.Node) Value {
	return Value{Text: n.Text(), At: n.Ref(), Dynamic: isTemplated(n.Text())}
}

// kubePortNumber returns a port, or other where none is written.
func kubePortNumber(n yamldoc.Node, other int) int {
	if port, err := strconv.Atoi(n.Text()); err == nil && port > 0 && port < 1<<16 {
		return port
	}
	return other
}

// kubeLabels returns a mapping of texts. A template's marker, which YAML takes for a mapping, is as good as a text
// to compare.
func kubeLabels(n yamldoc.Node) map[string]string {
	labels := map[string]string{}
	for key, value := range n.Pairs() {
		labels[key.Text()] = value.Text()
		if value.IsMap() {
			labels[key.Text()] = value.Ref().Text()
		}
	}
	return labels
}

func (m *manifest) service(n yamldoc.Node) {
	spec := n.Get("spec")
	s := &KubeService{
		Name:      n.Get("metadata", "name").Text(),
		Namespace: n.Get("metadata", "namespace").Text(),
		At:        n.Get("metadata", "name").Ref(),
		Type:      cmp.Or(spec.Get("type").Text(), "ClusterIP"),
		ClusterIP: spec.Get("clusterIP").Text(),
		External:  kubeValue(spec.Get("externalName")),
		Selector:  kubeLabels(spec.Get("selector")),
	}
	for port := range spec.Get("ports").Items() {
		s.Ports = append(s.Ports, kubePort(port))
	}
	m.cluster.Services = append(m.cluster.Services, s)
}

// kubePort reads a port of a Service. Its target is the same port where none is written.
func kubePort(n yamldoc.Node) KubePort {
	port, target := n.Get("port"), n.Get("targetPort")
	p := KubePort{
		Name:     n.Get("name").Text(),
		Port:     kubePortNumber(port, -1),
		PortAt:   port.Ref(),
		Target:   kubePortNumber(target, -1),
		TargetAt: target.Ref(),
		NodePort: kubePortNumber(n.Get("nodePort"), 0),
		App:      n.Get("appProtocol").Text(),
		UDP:      n.Get("protocol").Text() == "UDP",
	}
	switch {
	case target.Text() == "":
		p.Target, p.TargetAt = p.Port, p.PortAt
	case p.Target < 0 && !isTemplated(target.Text()):
		p.ByName = target.Text()
	}
	return p
}

// endpoints are addresses that belong to the Service of that name.
type endpoints struct {
	service, namespace string
	addrs              []netip.Addr
}

func (m *manifest) addEndpoints(service, namespace string, addrs []netip.Addr) {
	if service != "" && len(addrs) > 0 {
		m.cluster.waiting = append(m.cluster.waiting, endpoints{service, namespace, addrs})
	}
}

func (m *manifest) endpoints(n yamldoc.Node) {
	var addrs []netip.Addr
	for subset := range n.Get("subsets").Items() {
		for _, state := range []string{"addresses", "notReadyAddresses"} {
			for address := range subset.Get(state).Items() {
				if addr, err := netip.ParseAddr(address.Get("ip").Text()); err == nil {
					addrs = append(addrs, addr)
				}
			}
		}
	}
	m.addEndpoints(n.Get("metadata", "name").Text(), n.Get("metadata", "namespace").Text(), addrs)
}

func (m *manifest) endpointSlice(n yamldoc.Node) {
	var addrs []netip.Addr
	for endpoint := range n.Get("endpoints").Items() {
		for address := range endpoint.Get("addresses").Items() {
			if addr, err := netip.ParseAddr(address.Text()); err == nil {
				addrs = append(addrs, addr)
			}
		}
	}
	service := n.Get("metadata", "labels", "kubernetes.io/service-name").Text()
	m.addEndpoints(service, n.Get("metadata", "namespace").Text(), addrs)
}

func (m *manifest) configMap(n yamldoc.Node) {
	c := &ConfigMap{
		Name:      n.Get("metadata", "name").Text(),
		Namespace: n.Get("metadata", "namespace").Text(),
		File:      m.file.Path,
		At:        n.Get("metadata", "name").Ref(),
	}
	for key := range n.Get("data").Pairs() {
		c.Keys = append(c.Keys, key.Text())
		c.KeysAt = append(c.KeysAt, key.Ref())
	}
	m.cluster.Configs = append(m.cluster.Configs, c)
}
