package rules

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "origin-certificate",
	Dialect:  syntax.Cloudflared,
	Family:   lint.Protocol,
	Severity: lint.Info, // a CA of one's own may be among those that the system trusts
	Symptom:  "502",
	Run:      originCertificate,
	Doc: lint.Doc{
		Title: "a tunnel that asks an origin for a certificate of a private name or address",
		Why: `cloudflared verifies the certificate of an https:// service, and it must name the host as the service has it: for
https://localhost:8443 that is localhost. No public CA signs localhost, a private address or a name of one label (CA/Browser Forum,
Baseline Requirements 4.2.2), so the certificate there is signed by itself or made for the public name. Each request then fails with
"x509: certificate is valid for ..., not localhost" or "signed by unknown authority", and the client gets 502.

It is an info: a CA of your own, in the system's list of those trusted, may have signed such a certificate.`,
		How: `Name what stands in the certificate with originServerName, and the CA that signed it with caPool. Where the service is on the
same machine, plain http:// does as well; noTLSVerify: true takes any certificate.`,
		Bad: lint.Example{Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: https://localhost:8443
  - service: http_status:404
`},
		Good: lint.Example{Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: https://localhost:8443
    originRequest:
      originServerName: shop.acme.dev
  - service: http_status:404
`},
		Links: []string{
			"https://developers.cloudflare.com/tunnel/reference/origin-parameters/",
		},
		Since: "0.2.0",
	},
})

func originCertificate(_ context.Context, p *lint.Pass) {
	for _, r := range p.Config.Routes {
		tls := r.Hop.TLS
		if tls == nil || !tls.Verify.Value || tls.Verify.Dynamic || tls.Name.Origin != proxy.Default || tls.Name.Dynamic || tls.CA.Written() {
			continue
		}
		if addr := r.To.Endpoints[0].Addr; !addr.Dynamic && isPrivateHost(addr.Host) {
			p.Report(lint.Diagnostic{
				At:      addr.HostAt,
				Message: fmt.Sprintf("cloudflared wants a certificate for %s here, and no public CA signs one", addr.Host),
				Hint:    "originServerName: NAME, as the certificate has it, and caPool: FILE where its CA is not a public one",
			})
		}
	}
}

// isPrivateHost reports whether no public CA signs a certificate for a host.
func isPrivateHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast()
	}
	return isHostName(host) && !strings.Contains(strings.TrimSuffix(host, "."), ".")
}
