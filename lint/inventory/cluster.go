package inventory

import (
	"net/netip"
	"path"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Cluster is what Kubernetes manifests declare.
type Cluster struct {
	Services  []*KubeService
	Workloads []*Workload
	Configs   []*ConfigMap
	Gaps      []Gap // what may hold or make more objects

	waiting []endpoints // whose Service was not read so far
}

// KubeService is a Service object, with the addresses of its EndpointSlices.
type KubeService struct {
	Name      string
	Namespace string // "" when the manifest leaves it to whoever applies it
	At        syntax.Ref
	Type      string // ClusterIP, NodePort, LoadBalancer, ExternalName
	ClusterIP string // "None" for a headless one; "" when the cluster chooses
	External  Value  // externalName
	Selector  map[string]string
	Ports     []KubePort
	Addrs     []netip.Addr
}

// Headless reports whether its name stands for the pods themselves, on their own ports.
func (s *KubeService) Headless() bool { return s.ClusterIP == "None" }

// KubePort is one port of a Service.
type KubePort struct {
	Name     string
	Port     int
	PortAt   syntax.Ref
	Target   int // the pods' port; -1 when it is a name that no pod here declares, or that pods declare differently
	TargetAt syntax.Ref
	ByName   string // the name of the pods' port; "" when its number is written
	NodePort int    // 0 when none is written
	App      string // appProtocol
	UDP      bool

	found bool // a pod declares the port ByName
}

// Workload is what runs pods: a Deployment, a StatefulSet, a DaemonSet, a Pod, a Job.
type Workload struct {
	Kind, Name, Namespace string
	At                    syntax.Ref
	Labels                map[string]string // of its pods
	Containers            []*Container
	ConfigMaps            []ConfigMount
	HostNetwork           bool
}

// ConfigMount is a ConfigMap that a workload mounts.
type ConfigMount struct {
	Name    string            // of the ConfigMap
	Target  string            // the path in the container
	SubPath string            // the one file of the volume that stands at Target; "": all of them, below it
	Items   map[string]string // the paths in the volume by key; nil: each key is a file
	At      syntax.Ref
}

// Path returns the path that a key of the ConfigMap has in the container; "" when it has none.
func (m ConfigMount) Path(key string) string {
	file := key
	if m.Items != nil {
		file = m.Items[key]
	}
	switch {
	case file == "":
		return ""
	case m.SubPath == "":
		return path.Join(m.Target, file)
	case path.Clean(m.SubPath) == path.Clean(file):
		return m.Target
	}
	below, ok := strings.CutPrefix(path.Clean(file), path.Clean(m.SubPath)+"/")
	if !ok {
		return ""
	}
	return path.Join(m.Target, below)
}

// ConfigMap is a ConfigMap object and the names of the texts in it.
type ConfigMap struct {
	Name, Namespace string
	File            string // the path of its manifest, as syntax.File.Path has it
	Keys            []string
	KeysAt          []syntax.Ref // of the Keys, in their order
	At              syntax.Ref
}
