package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/spell"
)

var _ = register(lint.Rule{
	ID:       "inv-k8s-service-missing",
	Family:   lint.Inventory,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      invK8sServiceMissing,
	Doc: lint.Doc{
		Title: "a Kubernetes Service that no manifest declares",
		Why: `The name is that of a Service, and the manifests around the configuration have none of that name in that namespace. Nobody knows such a
name: nginx does not start ("host not found in upstream"), and where the name is looked up later requests get 502 or 503.

It is a warning where a Service of the name stands in another namespace, or one of nearly the same name in this one; else, and where
some manifests were not read, an info: other repositories may declare it. Nothing is told of namespaces in which the manifests declare
nothing. Full names ("name.namespace.svc") count wherever the configuration runs, short ones in the pods of a
workload that mounts it.`,
		How: `Write the Service's name and namespace as its manifest has them.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://app.shop.svc.cluster.local;
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
    server app1 app.shop.svc.cluster.local:80 check
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
			"https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
		},
		Since: "0.1.0",
	},
})

func invK8sServiceMissing(_ context.Context, p *lint.Pass) {
	reportInCluster(p, func(dialed peer, answer inventory.KubeAnswer, _ bool) *lint.Diagnostic {
		return missingService(p.Inventory.Cluster, dialed, answer)
	}, upstreamTypo, hostInvalid, hostReserved)
}

// missingService finds the name of a Service that no manifest has in its namespace.
func missingService(cluster *inventory.Cluster, dialed peer, answer inventory.KubeAnswer) *lint.Diagnostic {
	if len(answer.Services) > 0 || answer.Name == "kubernetes" { // that of the API server is always there
		return nil
	}
	var names []string
	var first *inventory.KubeService
	for _, s := range cluster.Services {
		if s.Namespace == answer.Namespace || s.Namespace == "" || answer.Namespace == "" {
			names = append(names, s.Name)
			if first == nil {
				first = s
			}
		}
	}
	near, _ := spell.Nearest(answer.Name, names)
	d := &lint.Diagnostic{
		Severity: lint.Info,
		Symptom:  dialed.failure(),
		At:       dialed.addr.HostAt,
		Message:  fmt.Sprintf("no manifest declares a service %s in namespace %s", answer.Name, answer.Namespace),
	}
	if answer.Namespace == "" {
		d.Message = fmt.Sprintf("no manifest declares a service %s", answer.Name)
	}
	switch {
	case len(answer.Elsewhere) > 0:
		other := answer.Elsewhere[0]
		d.Hint = fmt.Sprintf("%s.%s.svc.cluster.local", other.Name, other.Namespace)
		d.Related = append(d.Related, lint.Related{At: other.At, Message: fmt.Sprintf("there is one in namespace %s", other.Namespace)})
	case near != "":
		d.Hint = fmt.Sprintf("did you mean %s?", near)
	}
	switch {
	case len(names) == 0 && (answer.Namespace != "default" || d.Hint == ""):
		return nil // other repositories have that namespace
	case d.Hint != "" && len(cluster.Gaps) == 0:
		d.Severity = lint.Warning
	case d.Hint == "" && len(cluster.Gaps) > 0:
		return nil
	}
	if first != nil && d.Related == nil {
		d.Related = append(d.Related, lint.Related{At: first.At, Message: "a service that is declared there"})
	}
	return d
}
