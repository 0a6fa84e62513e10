package rules

import (
	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "ingress-catch-all",
	Dialect:  syntax.Cloudflared,
	Family:   lint.Reading,
	Severity: lint.Error,
	Symptom:  "start failure",
	Run:      reportProblems("ingress-catch-all"),
	Doc: lint.Doc{
		Title: "ingress rules that do not end in the one for all requests",
		Why: `cloudflared wants every request to have a rule: the last of the ingress list has no hostname and no path, and none before it may be
without both. It refuses the file else: "The last ingress rule must match all URLs", or "this will match every hostname, meaning the
rules which follow it will never be triggered".`,
		How: `End the list with one rule that has a service alone: "service: http_status:404" answers 404 to all that no rule takes. Run
"cloudflared tunnel ingress validate" before each restart.`,
		Bad: lint.Example{Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:8080
`},
		Good: lint.Example{Cloudflared: `tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.10:8080
  - service: http_status:404
`},
		Links: []string{
			"https://developers.cloudflare.com/tunnel/advanced/local-management/configuration-file/",
		},
		Since: "0.2.0",
	},
})
