package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "ingress-shadowed",
	Dialect:  syntax.Cloudflared,
	Family:   lint.Reading,
	Severity: lint.Warning,
	Symptom:  "no effect",
	Run:      reportProblems("ingress-shadowed"),
	Doc: lint.Doc{
		Title: "an ingress rule behind one that takes all of its requests",
		Why: `cloudflared takes the first rule that matches. A rule for a host comes to nothing behind one for the same host, or for a wildcard around
it, that has the same path or none: its requests go to the other service, which most likely answers 404 or shows another site. "*.acme.dev"
matches a.b.acme.dev, too, and not acme.dev itself.`,
		How: `Put the rule with the path, or with the whole name, before the one that takes more.`,
		Bad: lint.Example{Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: "*.acme.dev"
    service: http://10.0.0.10:8080
  - hostname: shop.acme.dev
    service: http://10.0.0.11:8080
  - service: http_status:404
`},
		Good: lint.Example{Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.11:8080
  - hostname: "*.acme.dev"
    service: http://10.0.0.10:8080
  - service: http_status:404
`},
		Links: []string{
			"https://developers.cloudflare.com/tunnel/advanced/local-management/configuration-file/",
		},
		Since: "0.2.0",
	},
})
