package rules

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "resolver-search-domain",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      resolverSearchDomain,
	Doc: lint.Doc{
		Title: "a short host name for a resolver that knows full names only",
		Why: `What nginx looks up through a resolver directive goes to that name server as it is written. The search list and the
ndots of /etc/resolv.conf are not applied, and /etc/hosts is not read, so a name that "ping" and "curl" find on the same machine
may not exist for nginx: "app could not be resolved (3: Host not found)", and 502.

A public name server has no name without a dot: that is an error. The DNS of a Kubernetes cluster needs the whole of
SERVICE.NAMESPACE.svc.cluster.local; "app", "app.shop" and "app.shop.svc" are completed by the search list of a pod only.
Docker's 127.0.0.11, name servers on the own machine and in private networks do answer short names, and are left alone.`,
		How: `Write the full name, or ask the name server that knows the short one: 127.0.0.11 inside Docker.`,
		Bad: lint.Example{Nginx: `events {}
http {
    resolver 8.8.8.8;
    server {
        listen 8080;
        location / {
            set $backend app;
            proxy_pass http://$backend:3000;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.11;
    server {
        listen 8080;
        location / {
            set $backend app;
            proxy_pass http://$backend:3000;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
			"https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
			"https://docs.docker.com/engine/network/#dns-services",
		},
		Since: "0.1.0",
	},
})

func resolverSearchDomain(_ context.Context, p *lint.Pass) {
	code := sync.OnceValue(func() bool { return targetsOf(p.Config).code })
	seen := map[syntax.Ref]bool{}
	for _, l := range lookups(p.Config) {
		if seen[l.addr.HostAt] || isPinned(l.name) {
			continue
		}
		seen[l.addr.HostAt] = true
		d := shortName(l)
		if d == nil {
			continue
		}
		d.At = l.addr.HostAt
		d.Symptom = answered(l.pool.Protocol, cmp.Or(d.Symptom, "502"))
		d.Related = []lint.Related{{At: l.resolver.At, Message: "the resolver"}}
		if l.route != nil && !holds(l.route.At, d.At) && code() {
			d.Severity = lint.Warning // code may put another name into the variable
		}
		p.Report(*d)
	}
}

// shortName returns what is wrong with a name that its resolver cannot know; nil where nothing is for sure.
func shortName(l lookup) *lint.Diagnostic {
	labels := strings.Split(l.name, ".")
	public, all := publicServers(l.resolver.Value)
	cluster := clusterServer(l.resolver.Value)
	switch {
	case len(labels) == 1 && len(public) > 0:
		d := &lint.Diagnostic{
			Message: fmt.Sprintf("public DNS (%s) has no name %q, and nginx's resolver knows neither /etc/hosts nor a search list", hostsOf(public), l.addr.Host),
			Hint:    fmt.Sprintf("resolver 127.0.0.11; (inside Docker), or the full name %s.DOMAIN", l.addr.Host),
		}
		if all {
			d.Severity = lint.Error
		} else {
			d.Symptom = "502 for a share of requests"
		}
		return d
	case cluster == "" || len(labels) > 3:
		return nil
	case len(labels) == 3 && labels[2] == "svc":
		return incomplete(l, cluster, ".cluster.local")
	case len(labels) == 2 && isNamespace(labels[1]):
		return incomplete(l, cluster, ".svc.cluster.local")
	case len(labels) == 1:
		return incomplete(l, cluster, ".NAMESPACE.svc.cluster.local")
	}
	return nil
}

func incomplete(l lookup, cluster, rest string) *lint.Diagnostic {
	return &lint.Diagnostic{
		Message: fmt.Sprintf("the cluster's DNS (%s) knows %q by its full name only, and nginx's resolver has no search list", cluster, l.addr.Host),
		Hint:    l.addr.Host + rest,
	}
}

// clusterServer returns a resolver's server that is the DNS of a Kubernetes cluster for sure: by its name, or by the
// address that kubeadm, k3s and NodeLocal DNSCache give it; "" where none is.
func clusterServer(r *proxy.Resolver) string {
	for _, a := range r.Servers {
		host := strings.ToLower(a.Host)
		switch host {
		case "10.96.0.10", "10.43.0.10", "169.254.20.10":
			return host
		}
		for _, service := range []string{"kube-dns.", "coredns.", "rke2-coredns-rke2-coredns."} {
			if strings.HasPrefix(host, service+"kube-system") {
				return a.Host
			}
		}
	}
	return ""
}

// isNamespace reports whether the last label of a name is that of a Kubernetes namespace rather than a top-level
// domain, which holds letters only.
func isNamespace(label string) bool {
	switch label {
	case "default", "production", "staging", "development", "monitoring", "backend", "frontend", "apps":
		return true
	}
	return strings.ContainsAny(label, "-_0123456789") && !strings.HasPrefix(label, "xn--")
}
