package inventory

import (
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/yamldoc"
)

// podTemplates are where the kinds of workload hold the description of their pods. Those that extensions add,
// such as Rollout, have it where a Deployment has it.
var podTemplates = map[string][]string{
	"Pod":         nil,
	"PodTemplate": {"template"},
	"CronJob":     {"spec", "jobTemplate", "spec", "template"},
}

// workload reads an object that runs pods. It reports false for any other.
func (m *manifest) workload(n yamldoc.Node, kind string) bool {
	where, ok := podTemplates[kind]
	if !ok {
		where = []string{"spec", "template"}
	}
	pod := n.Get(where...)
	spec := pod.Get("spec")
	if !spec.Get("containers").IsList() {
		return false
	}
	w := &Workload{
		Kind:        kind,
		Name:        n.Get("metadata", "name").Text(),
		Namespace:   n.Get("metadata", "namespace").Text(),
		At:          n.Get("metadata", "name").Ref(),
		Labels:      kubeLabels(pod.Get("metadata", "labels")),
		HostNetwork: spec.Get("hostNetwork").Text() == "true",
	}
	volumes := configVolumes(spec.Get("volumes"))
	for c := range spec.Get("initContainers").Items() {
		if c.Get("restartPolicy").Text() == "Always" { // a sidecar; others end before the pod is up
			w.addContainer(c, volumes)
		}
	}
	for c := range spec.Get("containers").Items() {
		w.addContainer(c, volumes)
	}
	m.cluster.Workloads = append(m.cluster.Workloads, w)
	return true
}

// configVolumes returns the ConfigMaps of a pod's volumes, by the name of the volume.
func configVolumes(n yamldoc.Node) map[string][]ConfigMount {
	volumes := map[string][]ConfigMount{}
	for volume := range n.Items() {
		name := volume.Get("name").Text()
		add := func(config yamldoc.Node) {
			if of := config.Get("name").Text(); of != "" {
				volumes[name] = append(volumes[name], ConfigMount{Name: of, Items: configItems(config.Get("items"))})
			}
		}
		add(volume.Get("configMap"))
		for source := range volume.Get("projected", "sources").Items() {
			add(source.Get("configMap"))
		}
	}
	return volumes
}

func configItems(n yamldoc.Node) map[string]string {
	if !n.IsList() {
		return nil
	}
	items := map[string]string{}
	for item := range n.Items() {
		items[item.Get("key").Text()] = item.Get("path").Text()
	}
	return items
}

func (w *Workload) addContainer(n yamldoc.Node, volumes map[string][]ConfigMount) {
	c := &Container{
		Image: kubeValue(n.Get("image")),
		Env:   kubeEnvironment(n.Get("env")),
		Loose: n.Get("envFrom").IsList(),
	}
	for _, list := range []string{"command", "args"} {
		for word := range n.Get(list).Items() {
			c.Args = append(c.Args, c.expandKube(kubeValue(word)))
		}
	}
	c.declarePodPorts(n)
	c.addProbes(n)
	c.addCommand()
	c.sharePorts()
	for mount := range n.Get("volumeMounts").Items() {
		for _, config := range volumes[mount.Get("name").Text()] {
			config.Target = mount.Get("mountPath").Text()
			config.SubPath = mount.Get("subPath").Text()
			config.At = mount.Get("mountPath").Ref()
			w.ConfigMaps = append(w.ConfigMaps, config)
		}
	}
	w.Containers = append(w.Containers, c)
}

// kubeEnvironment reads the variables of a container. A value from elsewhere is Dynamic.
func kubeEnvironment(n yamldoc.Node) map[string]Value {
	env := map[string]Value{}
	for item := range n.Items() {
		value := kubeValue(item.Get("value"))
		if from := item.Key("valueFrom"); from.Exists() {
			value = Value{At: from.Ref(), Dynamic: true}
		}
		env[item.Get("name").Text()] = value
	}
	return env
}

// expandKube fills in the "$(NAME)" of an argument, as the kubelet does. "$$(NAME)" is left to the program.
func (c *Container) expandKube(v Value) Value {
	var b strings.Builder
	for rest := v.Text; ; {
		before, after, found := strings.Cut(rest, "$(")
		name, tail, closed := strings.Cut(after, ")")
		if !found || !closed {
			b.WriteString(rest)
			v.Text = b.String()
			return v
		}
		value, known := c.Env[name]
		switch {
		case strings.HasSuffix(before, "$"):
			b.WriteString(before + "(" + name + ")")
		case known && !value.Dynamic:
			b.WriteString(before + value.Text)
		default:
			v.Dynamic = true
		}
		rest = tail
	}
}

// declarePodPorts reads the ports that a container declares.
func (c *Container) declarePodPorts(n yamldoc.Node) {
	for port := range n.Get("ports").Items() {
		number := port.Get("containerPort")
		if kubePortNumber(number, 0) == 0 {
			continue
		}
		c.Ports = append(c.Ports, Port{
			Number:   kubePortNumber(number, 0),
			Name:     port.Get("name").Text(),
			Protocol: protocolOfPort(port.Get("protocol")),
			Source:   ByDeclare,
			At:       number.Ref(),
			Why:      fmt.Sprintf("container %s declares containerPort %s", n.Get("name").Text(), number.Text()),
		})
	}
}

// addProbes reads the ports that the kubelet asks whether a container is well. They come before those that are only
// declared.
func (c *Container) addProbes(n yamldoc.Node) {
	var asked []Port
	for _, name := range []string{"readinessProbe", "livenessProbe", "startupProbe"} {
		for _, by := range []struct {
			action   string
			protocol proxy.Protocol
		}{{"httpGet", proxy.HTTP}, {"grpc", proxy.GRPC}, {"tcpSocket", proxy.UnknownProtocol}} {
			action := n.Get(name, by.action)
			number := c.portNumbered(action.Get("port"))
			if number == 0 || action.Get("host").Text() != "" {
				continue
			}
			asked = append(asked, Port{
				Number: number, Protocol: by.protocol, Source: ByCheck, At: action.Get("port").Ref(),
				Why: fmt.Sprintf("the %s of container %s asks port %d", name, n.Get("name").Text(), number),
			})
		}
	}
	c.Ports = append(asked, c.Ports...)
}

// portNumbered returns the port that a number, or the name of one of the container's, stands for; 0 for none.
func (c *Container) portNumbered(n yamldoc.Node) int {
	for _, port := range c.Ports {
		if port.Name != "" && port.Name == n.Text() {
			return port.Number
		}
	}
	return kubePortNumber(n, 0)
}

// protocolOfPort is what is known by a port's "protocol", which names the transport.
func protocolOfPort(n yamldoc.Node) proxy.Protocol {
	if n.Text() == "UDP" {
		return proxy.UDP
	}
	return proxy.UnknownProtocol
}
