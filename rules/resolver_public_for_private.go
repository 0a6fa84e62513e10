package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "resolver-public-for-private",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      resolverPublicForPrivate,
	Doc: lint.Doc{
		Title: "a public name server asked for private names",
		Why: `8.8.8.8, 1.1.1.1, 9.9.9.9 and their like know the public DNS only. Names under .internal, .local, .lan, .svc,
.home.arpa and the other endings that are for private use (RFC 6762, RFC 8375) do not exist there, nor do names without
a dot: nginx answers 502 ("could not be resolved"), and HAProxy takes the server down once "hold nx" is over, which is a 503.

nginx asks its name servers in turn and believes the first answer, so one public server among private ones is enough to
fail a share of the lookups. HAProxy asks all at once and waits for a good answer; there the rule speaks where all are
public. Names without a dot in nginx are what resolver-search-domain tells of.`,
		How: `Ask the name server that knows the names: that of the network (see /etc/resolv.conf), 127.0.0.11 inside Docker, the cluster's
DNS in Kubernetes. In HAProxy "parse-resolv-conf" takes those of the system.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    resolver 8.8.8.8;
    server {
        listen 8080;
        location / {
            set $backend app.corp.internal;
            proxy_pass http://$backend:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers dns
    nameserver google 8.8.8.8:53
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app.corp.internal:3000 check resolvers dns init-addr last,libc,none
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    resolver 10.0.0.2;
    server {
        listen 8080;
        location / {
            set $backend app.corp.internal;
            proxy_pass http://$backend:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers dns
    nameserver corp 10.0.0.2:53
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app.corp.internal:3000 check resolvers dns init-addr last,libc,none
`,
		},
		Links: []string{
			"https://www.rfc-editor.org/rfc/rfc6762#appendix-G",
			"https://www.rfc-editor.org/rfc/rfc8375",
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
			"https://docs.haproxy.org/3.2/configuration.html#5.3.2",
		},
		Since: "0.1.0",
	},
})

func resolverPublicForPrivate(_ context.Context, p *lint.Pass) {
	names := map[*proxy.Resolver][]lookup{}
	for _, l := range lookups(p.Config) {
		if isPrivateName(l.name) || p.Config.Dialect == syntax.HAProxy && !strings.Contains(l.name, ".") && !isPinned(l.name) {
			names[l.resolver.Value] = append(names[l.resolver.Value], l)
		}
	}
	for _, r := range p.Config.Resolvers {
		public, all := publicServers(r)
		if len(public) > 0 && len(names[r]) > 0 && (all || p.Config.Dialect == syntax.Nginx) {
			reportPublic(p, public, all, names[r])
		}
	}
}

func reportPublic(p *lint.Pass, public []proxy.Address, all bool, names []lookup) {
	var at []syntax.Ref
	for _, l := range names {
		if !slices.Contains(at, l.addr.HostAt) && len(at) < maxRelated {
			at = append(at, l.addr.HostAt)
		}
	}
	d := lint.Diagnostic{
		At:      public[0].HostAt,
		Message: fmt.Sprintf("public DNS (%s) is asked for %q, a private name", hostsOf(public), names[0].addr.Host),
		Hint:    resolverHint,
		Related: places(at, "the name"),
	}
	protocol := names[0].pool.Protocol
	d.Symptom = unavailable(p.Config.Dialect, protocol, "")
	switch {
	case p.Config.Dialect == syntax.HAProxy:
		d.Hint = "parse-resolv-conf, or nameserver NAME ADDRESS:53 of the private network"
	case !all:
		d.Symptom = answered(protocol, "502 for a share of requests")
	}
	p.Report(d)
}

// privateEnds are the ends of names that the public DNS does not have (RFC 6762 appendix G, RFC 8375, and the names of
// Kubernetes, Consul and the cloud networks).
var privateEnds = []string{
	".internal", ".local", ".lan", ".svc", ".home.arpa", ".localdomain", ".intranet", ".private", ".corp", ".home", ".consul",
}

func isPrivateName(name string) bool {
	return slices.ContainsFunc(privateEnds, func(end string) bool { return strings.HasSuffix(name, end) })
}
