package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
)

var _ = register(lint.Rule{
	ID:       "sni-missing",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Symptom:  "502",
	Run:      sniMissing,
	Doc: lint.Doc{
		Title: "TLS to a backend that is not told which host is meant",
		Why: `A server that holds the certificates of several hosts chooses one by the server name (SNI) in the TLS
handshake. nginx sends none unless proxy_ssl_server_name is on, and HAProxy before 3.3 none without "sni" on the server
line. Without it the backend refuses the handshake ("handshake failure", "unrecognized name"), and the client gets 502 from
nginx, 503 from HAProxy, or it answers for the wrong host.

It is a warning for public names, an error for the clouds and networks that are known to refuse, and an info for
addresses and private names, whose servers often have one certificate only. From HAProxy 3.3 on the name is sent of its own
accord; where HAProxy's version is not known, the finding is one step milder.`,
		How: `nginx: proxy_ssl_server_name on. The name sent is that of the pass; where the pass names a group or an address,
proxy_ssl_name gives the right one.

HAProxy: sni takes an expression: str(NAME) for one name, req.hdr(host) for the host that the client asked for.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass https://api.example.com;
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
    default_backend api

backend api
    server api1 api.example.com:443 ssl verify required ca-file @system-ca check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass https://10.0.0.10;
            proxy_ssl_server_name on;
            proxy_ssl_name api.example.com;
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
    default_backend api

backend api
    default-server ssl verify required ca-file @system-ca sni str(api.example.com)
    server api1 10.0.0.10:443 check check-sni api.example.com
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_server_name",
			"https://docs.haproxy.org/3.2/configuration.html#5.2-sni",
		},
		Since: "0.1.0",
	},
})

// sniFromHost is the HAProxy that sends a server name of its own accord.
var sniFromHost = proxy.Version{3, 3}

func sniMissing(_ context.Context, p *lint.Pass) {
	plain := toldBy(p, []func(context.Context, *lint.Pass){portSchemeMismatch}) // no handshake gets as far as a name
	found := newCauses(p)
	for s := range securedBackends(p.Config) {
		if !lacksSNI(p.Config, s) || groupNameServes(s) != "" || plain[s.tls.At] {
			continue
		}
		host, at := neediestName(s), s.tls.At
		severity := needForSNI(host)
		if s.route == nil && !p.Config.Version.Known() {
			severity = severity.Lower()
		}
		if s.route != nil && s.tls.SNI.Written() {
			at = s.tls.SNI.At
		}
		found.add(cause{upstream: s.upstream.Name, severity: severity}, at, func() lint.Diagnostic {
			d := lint.Diagnostic{Symptom: s.failure()}
			if s.route != nil {
				describeNginxSNI(&d, s, host)
			} else {
				describeHAProxySNI(&d, p.Config, s)
			}
			if ending, refused := refusesWithoutSNI(host); refused {
				d.Message += fmt.Sprintf(", and *%s refuses a handshake without one", ending)
			}
			return d
		})
	}
	found.report()
}

// needForSNI returns how grave it is that a host's name is not sent.
func needForSNI(host string) lint.Severity {
	if _, refused := refusesWithoutSNI(host); refused {
		return lint.Error
	}
	if isPublicName(host) {
		return lint.Warning
	}
	return lint.Info
}

// lacksSNI reports whether a connection is known to send no server name.
func lacksSNI(c *proxy.Config, s secured) bool {
	sni := s.tls.SNI
	return sni.Origin != proxy.Unknown && !sni.Dynamic && !sni.Value && (s.route != nil || !c.Version.AtLeast(sniFromHost))
}

// neediestName returns the name that should be sent: the one written for it, or of the servers' hosts the one that it
// matters most to.
func neediestName(s secured) string {
	switch name := s.tls.Name; {
	case s.route == nil:
	case name.Written() && !name.Dynamic && name.Value != "" && !s.tls.Verify.Value: // then it is there for the certificate
		return name.Value
	case !s.upstream.Implicit && isPublicName(s.upstream.Name):
		return s.upstream.Name
	}
	best := s.servers[0].Addr.Host
	for _, e := range s.servers {
		host := e.Addr.Host
		if _, refused := refusesWithoutSNI(host); refused {
			return host
		}
		if isPublicName(host) && !isPublicName(best) {
			best = host
		}
	}
	return best
}

// refusesWithoutSNI returns the end of a host's name by which it is known to refuse handshakes without a server name.
func refusesWithoutSNI(host string) (ending string, known bool) {
	if !isHostName(host) {
		return "", false
	}
	host = inventory.HostKey(host)
	for _, ending := range []string{".cloudfront.net", ".workers.dev", ".pages.dev", ".r2.cloudflarestorage.com"} {
		if strings.HasSuffix(host, ending) {
			return ending, true
		}
	}
	if strings.HasSuffix(host, ".amazonaws.com") {
		if i := strings.Index(host, ".execute-api."); i > 0 {
			return host[i:], true
		}
	}
	return "", false
}

func describeNginxSNI(d *lint.Diagnostic, s secured, host string) {
	on := s.directive("server_name")
	written := "(default)"
	if s.tls.SNI.Written() {
		written = "(written here)"
		d.Related = []lint.Related{{At: s.tls.At, Message: "TLS to " + s.target()}}
		d.Fix = repair(s.tls.SNI.At, "on", false)
	}
	d.Message = fmt.Sprintf("%s to %s sends no server name: %s off %s", s.spoken(), s.target(), on, written)
	d.Hint = on + " on;"
	switch name := s.tls.Name; {
	case name.Written():
		d.Message = fmt.Sprintf("%s to %s does not send the name %q: %s off %s", s.spoken(), s.target(), name.At.Text(), on, written)
	case s.upstream.Implicit && isHostName(host), groupIsHost(s.upstream) && !s.upstream.Implicit:
	case isHostName(host):
		d.Hint += fmt.Sprintf(" %s %s;", s.directive("name"), host)
	default:
		d.Hint += fmt.Sprintf(" %s NAME;", s.directive("name"))
	}
}

func describeHAProxySNI(d *lint.Diagnostic, c *proxy.Config, s secured) {
	e := s.servers[0]
	d.Message = fmt.Sprintf("ssl to %s sends no server name: the server has no sni", e.Addr.Host)
	if !c.Version.Known() {
		d.Message += fmt.Sprintf(", which HAProxy before %d.%d needs", sniFromHost[0], sniFromHost[1])
	}
	sni, name := "sni str(NAME)", "NAME"
	switch {
	case isHostName(e.Addr.Host):
		sni, name = fmt.Sprintf("sni str(%s)", e.Addr.Host), e.Addr.Host
	case s.upstream.Protocol == proxy.HTTP:
		sni = "sni req.hdr(host)"
	}
	if e.Check != nil && e.ServerOptions.Check.SNI == "" && !e.Check.Port.Written() {
		sni += " check-sni " + name // else the check goes on without it
	}
	d.Hint = serverLine(e, e.Addr.At.Text(), sni)
}
