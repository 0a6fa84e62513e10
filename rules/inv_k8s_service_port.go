package rules

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
)

var _ = register(lint.Rule{
	ID:       "inv-k8s-service-port",
	Family:   lint.Inventory,
	Severity: lint.Error,
	Symptom:  "504",
	Run:      invK8sServicePort,
	Doc: lint.Doc{
		Title: "a port that the Kubernetes Service does not have",
		Why: `A Service listens on the ports in its "port" lines, and hands on to the pods' "targetPort". To another port of its
address nothing leads: connections are refused or hang, and requests get 502, 503 or 504. The pods' port is the one most often written.

A headless Service (clusterIP: None) has no address of its own: its name leads to the pods, so there the targetPort is right, and the
port, where it differs and no pod declares it, is told of as a warning. Else it is an error where a manifest shows that the
configuration runs in a pod of the cluster, and a warning elsewhere or where some of the manifests were not read.`,
		How: `Write the Service's port.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://api.shop.svc.cluster.local:8000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 api.shop.svc.cluster.local:8000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    resolver 10.96.0.10 valid=10s;
    server {
        listen 8080;
        location / {
            set $backend api.shop.svc.cluster.local;
            proxy_pass http://$backend;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 api.shop.svc.cluster.local:80 check
`,
		},
		Beside: []lint.File{{Name: "service.yaml", Text: `apiVersion: v1
kind: Service
metadata:
  name: api
  namespace: shop
spec:
  selector:
    app: api
  ports:
    - port: 80
      targetPort: 8000
`}},
		Links: []string{
			"https://kubernetes.io/docs/concepts/services-networking/service/",
			"https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
		},
		Since: "0.1.0",
	},
})

func invK8sServicePort(_ context.Context, p *lint.Pass) {
	datagrams := datagramRoutes(p.Config)
	reportInCluster(p, func(dialed peer, answer inventory.KubeAnswer, proven bool) *lint.Diagnostic {
		if datagrams[dialed.endpoint] {
			return nil
		}
		d := foreignPort(p, dialed, answer)
		if d != nil && !proven {
			d.Severity = lint.Warning
		}
		return d
	}, portZero, portRange, portSchemeMismatch)
}

// foreignPort finds a port that no Service of a name has.
func foreignPort(p *lint.Pass, dialed peer, answer inventory.KubeAnswer) *lint.Diagnostic {
	port, at := dialedPort(p.Config, dialed)
	if port <= 0 || len(answer.Services) == 0 {
		return nil
	}
	var right []int
	for _, s := range answer.Services {
		ports := reachedPorts(s)
		if len(ports) == 0 || slices.Contains(ports, port) || s.Headless() && !mistakesPort(p.Inventory.Cluster, s, port) {
			return nil
		}
		right = append(right, ports...)
	}
	slices.Sort(right)
	right = slices.Compact(right)
	s := answer.Services[0]
	d := &lint.Diagnostic{
		Severity: lint.Error,
		Symptom:  dialed.unreached(),
		At:       at,
		Message:  fmt.Sprintf("service %s has no port %d: it has %s", s.Name, port, orPorts(right)),
	}
	meant := right
	for _, own := range s.Ports {
		d.Related = append(d.Related, lint.Related{At: own.PortAt, Message: fmt.Sprintf("service %s has port %d", s.Name, own.Port)})
		switch {
		case s.Headless():
			d.Severity = lint.Warning
			d.Message = fmt.Sprintf("the pods of headless service %s, to which the name leads, listen on %s, not on %d", s.Name, orPorts(right), port)
		case own.Target == port && !own.TargetAt.IsZero():
			meant = []int{own.Port}
			d.Message = fmt.Sprintf("port %d is the pods': service %s listens on %d", port, s.Name, own.Port)
			d.Related = append(d.Related, lint.Related{At: own.TargetAt, Message: "the pods' port"})
		case own.NodePort == port:
			meant = []int{own.Port}
			d.Message = fmt.Sprintf("port %d is the nodes': service %s listens on %d", port, s.Name, own.Port)
		}
	}
	if len(meant) == 1 {
		d.Hint = dialed.addr.Host + ":" + strconv.Itoa(meant[0])
		d.Fix = writePort(dialed, meant[0], false)
	}
	return d
}

// mistakesPort reports whether a port is one of a headless Service, which means nothing to its pods, and not theirs.
func mistakesPort(cluster *inventory.Cluster, s *inventory.KubeService, port int) bool {
	if !slices.ContainsFunc(s.Ports, func(own inventory.KubePort) bool { return own.Port == port }) {
		return false // pods may listen on ports that no Service has
	}
	for _, w := range cluster.Workloads {
		if !selects(s, w) {
			continue
		}
		for _, c := range w.Containers {
			if slices.ContainsFunc(c.Ports, func(known inventory.Port) bool { return known.Number == port }) {
				return false
			}
		}
	}
	return true
}

// selects reports whether a Service leads to the pods of a workload, going by their labels.
func selects(s *inventory.KubeService, w *inventory.Workload) bool {
	for key, value := range s.Selector {
		if w.Labels[key] != value {
			return false
		}
	}
	return true
}

// reachedPorts returns the TCP ports that the name of a Service leads to; nil where they are not all known.
func reachedPorts(s *inventory.KubeService) []int {
	if s.Type == "ExternalName" || s.Selector == nil && s.Headless() {
		return nil
	}
	var ports []int
	for _, port := range s.Ports {
		number := port.Port
		if s.Headless() {
			number = port.Target
		}
		switch {
		case port.UDP:
		case number <= 0:
			return nil
		default:
			ports = append(ports, number)
		}
	}
	return ports
}
