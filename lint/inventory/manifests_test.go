package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// readCluster reads texts as manifests of their own, in order.
func readCluster(texts ...string) *Cluster {
	r := newReader(&Facts{}, ".")
	for i, text := range texts {
		r.manifests(syntax.NewFile(fmt.Sprintf("%d.yaml", i), text, syntax.AnyDialect, nil))
	}
	return r.facts.Cluster
}

// describeCluster is a line for every fact, with the line of the file it stands on.
func describeCluster(c *Cluster) (list []string) {
	if c == nil {
		return nil
	}
	add := func(at syntax.Ref, format string, args ...any) {
		line := 0
		if !at.IsZero() {
			line = at.Position().Line
		}
		list = append(list, fmt.Sprintf("%d: ", line)+fmt.Sprintf(format, args...))
	}
	for _, s := range c.Services {
		add(s.At, "Service %s.%s %s %q %s %v", s.Name, s.Namespace, s.Type, s.ClusterIP, s.External.Text, s.Addrs)
		for _, p := range s.Ports {
			add(p.PortAt, "port %s %d", p.Name, p.Port)
			add(p.TargetAt, "target %d node %d %s", p.Target, p.NodePort, p.App)
		}
	}
	for _, w := range c.Workloads {
		add(w.At, "%s %s.%s host %v", w.Kind, w.Name, w.Namespace, w.HostNetwork)
		for _, container := range w.Containers {
			add(container.Image.At, "image %s loose %v", container.Image.Text, container.Loose)
			for _, arg := range container.Args {
				add(arg.At, "argument %s %v", arg.Text, arg.Dynamic)
			}
			for _, p := range container.Ports {
				add(p.At, "%s %d by %d: %s", p.Protocol, p.Number, p.Source, p.Why)
			}
		}
		for _, m := range w.ConfigMaps {
			add(m.At, "mounts %s at %s, nginx.conf as %q", m.Name, m.Target, m.Path("nginx.conf"))
		}
	}
	for _, config := range c.Configs {
		add(config.At, "ConfigMap %s.%s in %s: %v", config.Name, config.Namespace, config.File, config.Keys)
	}
	for _, gap := range c.Gaps {
		add(gap.At, "gap %s: %s", gap.Path, gap.Why)
	}
	return list
}

func TestManifests(t *testing.T) {
	for name, test := range map[string]struct {
		texts []string
		want  []string
	}{
		"a Service by number, name and default": {
			[]string{`apiVersion: v1
kind: Service
metadata: {name: api, namespace: prod}
spec:
  type: NodePort
  selector: {app: api}
  ports:
    - name: http
      port: 80
      targetPort: web
      nodePort: 30080
      appProtocol: http
    - port: 9000
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  template:
    metadata: {labels: {app: api, tier: back}}
    spec:
      containers:
        - name: main
          image: example/api:1
          command: [serve, "--port=$(PORT)"]
          args: ["$(SECRET)", "$$(x)"]
          env:
            - {name: PORT, value: "8080"}
            - name: SECRET
              valueFrom: {secretKeyRef: {name: s, key: k}}
          envFrom: [{configMapRef: {name: e}}]
          ports:
            - {name: web, containerPort: 8080}
            - {containerPort: 53, protocol: UDP}
          readinessProbe:
            httpGet: {port: web, path: /}
`},
			[]string{
				`3: Service api.prod NodePort ""  []`, `9: port http 80`, `10: target 8080 node 30080 http`,
				`13: port  9000`, `13: target 9000 node 0 `,
				`18: Deployment api. host false`, `25: image example/api:1 loose true`,
				`26: argument serve false`, `26: argument --port=8080 false`, `27: argument  true`, `27: argument $(x) false`,
				`37: HTTP 8080 by 4: the readinessProbe of container main asks port 8080`,
				`34: HTTP 8080 by 2: container main declares containerPort 8080`,
				`35: UDP 53 by 2: container main declares containerPort 53`,
			},
		},
		"a name that pods declare differently, a headless Service, another file": {
			[]string{`apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 1, targetPort: sql}]}
`, `{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"app": "db"}},
   "spec": {"hostNetwork": true, "containers": [{"name": "c", "ports": [{"name": "sql", "containerPort": 5432}]}]}},
  {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "b"}, "spec": {"jobTemplate": {"spec": {"template":
   {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "ports": [{"name": "sql", "containerPort": 5433}]}]}}}}}}
]}`},
			[]string{
				`3: Service db. ClusterIP "None"  []`, `4: port  1`, `4: target -1 node 0 `,
				`2: Pod a. host true`, `0: image  loose false`, `3: unknown 5432 by 2: container c declares containerPort 5432`,
				`4: CronJob b. host false`, `0: image  loose false`, `5: unknown 5433 by 2: container c declares containerPort 5433`,
			},
		},
		"addresses, an external name": {
			[]string{`apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ext-1, labels: {kubernetes.io/service-name: ext}}
endpoints:
  - addresses: [10.1.2.3, not-one]
`, `apiVersion: v1
kind: Service
metadata: {name: ext}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: ext}
subsets:
  - addresses: [{ip: 10.1.2.4}]
---
apiVersion: v1
kind: Service
metadata: {name: far}
spec: {type: ExternalName, externalName: api.example.net}
`},
			[]string{
				`3: Service ext. ClusterIP ""  [10.1.2.3 10.1.2.4]`, `4: port  80`, `4: target 80 node 0 `,
				`14: Service far. ExternalName "" api.example.net []`,
			},
		},
		"mounts of ConfigMaps": {
			[]string{`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: edge}
spec:
  template:
    spec:
      initContainers:
        - {name: once, image: busybox}
        - {name: mesh, image: envoy, restartPolicy: Always}
      containers:
        - image: nginx
          volumeMounts:
            - {name: conf, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf}
            - {name: sites, mountPath: /etc/nginx/conf.d}
            - {name: all, mountPath: /all}
            - {name: cache, mountPath: /var/cache}
      volumes:
        - {name: conf, configMap: {name: main}}
        - name: sites
          configMap: {name: main, items: [{key: nginx.conf, path: sub/site.conf}]}
        - name: all
          projected: {sources: [{configMap: {name: main, items: [{key: other, path: x}]}}]}
        - {name: cache, emptyDir: {}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: main
data:
  nginx.conf: |
    events {}
  other: x
`},
			[]string{
				`3: DaemonSet edge. host false`, `9: image envoy loose false`, `11: image nginx loose false`,
				`13: mounts main at /etc/nginx/nginx.conf, nginx.conf as "/etc/nginx/nginx.conf"`,
				`14: mounts main at /etc/nginx/conf.d, nginx.conf as "/etc/nginx/conf.d/sub/site.conf"`,
				`15: mounts main at /all, nginx.conf as ""`,
				`28: ConfigMap main. in 0.yaml: [nginx.conf other]`,
			},
		},
		"what is not known": {
			[]string{
				"apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n",
				"apiVersion: v1\nkind: Service\nmetadata: {name: '{{ x }}'}\n---\napiVersion: apps/v1\nkind: Deployment\nspec: [\n",
				"apiVersion: kafka.strimzi.io/v1\nkind: Kafka\n---\napiVersion: cert-manager.io/v1\nkind: Certificate\n",
				"apiVersion: serving.knative.dev/v1\nkind: Service\n",
			},
			[]string{
				`4: gap : the name of this Service is not known`,
				`3: gap : the name of this Service is not known`,
				`0: gap 1.yaml: is a template: what it makes is not known`,
				`2: gap : a Kafka of kafka.strimzi.io may make Services`,
				`2: gap : a Service of serving.knative.dev may make Services`,
			},
		},
		"no manifest": {[]string{"a: 1\n", "kind: List\n", "- apiVersion: v1\n", "apiVersion: v1\nkind: Secret\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, describeCluster(readCluster(test.texts...))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Texts made to take long must not.
func TestHostileManifests(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 30 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	c := readCluster("apiVersion: v1\nkind: List\n" + bomb + "items: *a30\n")
	if want := []string{"0: gap 0.yaml: is too big once its aliases are filled in"}; !slices.Equal(describeCluster(c), want) {
		t.Errorf("got %q", describeCluster(c))
	}
	readCluster("apiVersion: v1\nkind: List\nitems: &a [*a, *a, {apiVersion: v1, kind: List, items: *a}]\n")
	service := "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {a: b}, ports: [{port: 1, targetPort: x}]}}"
	pod := "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {a: b}}, spec: {containers: [{ports: [{name: y, containerPort: 1}]}]}}"
	readCluster("apiVersion: v1\nkind: List\ns: &s " + service + "\np: &p " + pod + "\nitems: [" +
		strings.Repeat("*s, ", 50_000) + strings.Repeat("*p, ", 50_000) + "]\n")
}

func TestClusterLookup(t *testing.T) {
	c := readCluster(`{"apiVersion": "v1", "kind": "List", "items": [
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "namespace": "prod"}},
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "namespace": "test"}},
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": {"clusterIP": "None"}}]}`)
	for _, test := range []struct{ host, namespace, want string }{
		{"api", "prod", "api prod false in [prod] else [test]"},
		{"API.", "", "api  false in [prod test] else []"},
		{"api.test", "prod", "api test false in [test] else [prod]"},
		{"api.prod.svc", "test", "api prod true in [prod] else [test]"},
		{"api.dev.svc.cluster.local", "", "api dev true in [] else [prod test]"},
		{"api.prod.svc.k8s.example", "", "api prod false in [prod] else [test]"},
		{"db-0.db.prod.svc.cluster.local", "", "db prod true in [?] else []"},
		{"db-0.db", "prod", "db prod false in [?] else []"},
		{"db-0.db.prod", "", "db prod false in [?] else []"},
		{"www.example.com", "", ""},
		{"10.0.0.1", "", ""},
		{"::1", "", ""},
		{"a..b", "", ""},
		{"", "", ""},
	} {
		got := ""
		if a, ok := c.Lookup(test.host, test.namespace); ok {
			var in, out []string
			for _, s := range a.Services {
				in = append(in, orUnknown(s.Namespace))
			}
			for _, s := range a.Elsewhere {
				out = append(out, s.Namespace)
			}
			got = fmt.Sprintf("%s %s %v in %v else %v", a.Name, a.Namespace, a.Certain, in, out)
		}
		if got != test.want {
			t.Errorf("Lookup(%s, %s) = %q, want %q", test.host, test.namespace, got, test.want)
		}
	}
	if _, ok := (*Cluster)(nil).Lookup("api", ""); ok {
		t.Error("no cluster knows a name")
	}
}

func orUnknown(namespace string) string {
	if namespace == "" {
		return "?"
	}
	return namespace
}

func TestHomeInCluster(t *testing.T) {
	const manifest = `apiVersion: v1
kind: ConfigMap
metadata: {name: lb}
data:
  haproxy.cfg: |
    global
---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec:
  containers: [{image: busybox, volumeMounts: [{name: v, mountPath: /x}]}]
  volumes: [{name: v, configMap: {name: lb}}]
---
apiVersion: v1
kind: Pod
metadata: {name: edge}
spec:
  containers: [{image: docker.io/haproxy:3.0, volumeMounts: [{name: v, mountPath: /usr/local/etc/haproxy}]}]
  volumes: [{name: v, configMap: {name: lb}}]
`
	file := syntax.NewFile("./0.yaml", manifest, syntax.HAProxy, nil)
	origin, src, ok := syntax.Embed(file, "haproxy.cfg", 6, 4, "global\n", false)
	if !ok {
		t.Fatal("not embedded")
	}
	root := syntax.NewFile("0.yaml#6/haproxy.cfg", src, syntax.HAProxy, nil)
	root.Origin = origin
	config := &proxy.Config{Dialect: syntax.HAProxy, Tree: &syntax.Tree{Roots: []*syntax.File{root}}}
	facts := &Facts{Cluster: readCluster(manifest)}
	home := facts.homeInCluster(config)
	if home == nil || !home.Proven || home.Workload.Name != "edge" {
		t.Fatalf("got %+v", home)
	}
	if at, text := home.Evidence[0].At.Position().Line, home.Evidence[0].Text; at != 19 || text != "Pod edge mounts it at /usr/local/etc/haproxy/haproxy.cfg" {
		t.Errorf("evidence %q in line %d", text, at)
	}
	root.Origin = nil
	if facts.homeInCluster(config) != nil {
		t.Error("a file on disk is in no ConfigMap")
	}

	origin.Name = "/etc/haproxy.cfg"
	root.Origin = origin
	service := &Service{Name: "lb", Mounts: []Mount{{Target: "/etc/haproxy.cfg"}}}
	facts = &Facts{Projects: []*Project{{Files: []*syntax.File{file}, Services: []*Service{service}}}}
	if home := facts.homeInCluster(config); home == nil || home.Service != service {
		t.Errorf("inline config: got %+v", home)
	}
}

func FuzzManifests(f *testing.F) {
	f.Add("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 1, targetPort: x}]}\n")
	f.Add("apiVersion: v1\r\nkind: Pod\r\nspec:\r\n  containers: [{args: ['$(A)'], env: [{name: A}], volumeMounts: [{name: v}]}]\r\n  volumes: [{name: v, configMap: {name: c, items: []}}]\r\n")
	f.Add("apiVersion: v1\nkind: List\nitems: &a [*a, {apiVersion: v1, kind: ConfigMap, data: {x: |\n  y\n}}]\n")
	f.Fuzz(func(t *testing.T, src string) {
		c := readCluster(src, src)
		describeCluster(c)
		c.Lookup("a.b.svc", "")
	})
}
