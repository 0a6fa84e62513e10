package inventory

import (
	"net/netip"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Cluster is what Kubernetes manifests declare.
type Cluster struct {
	Services  []*KubeService
	Workloads []*Workload
	Configs   []*ConfigMap
	Gaps      []Gap
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
	Target   int // the pods' port; -1 when it is a name that no pod here declares
	TargetAt syntax.Ref
	NodePort int    // 0 when none is written
	App      string // appProtocol
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
	Name   string // of the ConfigMap
	Target string // the path in the container
	At     syntax.Ref
}

// ConfigMap is a ConfigMap object and the names of the texts in it.
type ConfigMap struct {
	Name, Namespace string
	File            string // the path of its manifest, as syntax.File.Path has it
	Keys            []string
	At              syntax.Ref
}
