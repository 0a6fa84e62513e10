package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "runtime-dns-defeated",
	Family:   lint.Addresses,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502 after a change",
	Run:      runtimeDNSDefeated,
	Doc: lint.Doc{
		Title: "a variable target that stays as found at start, since it stands elsewhere too",
		Why: `A host that comes through a variable is looked up for every request, unless nginx knows it already: before it asks the
resolver, nginx searches the targets that are written without variables, in the whole http block. Where one has the same host and
port, its addresses are taken, and these are those of the start. The variable and the resolver are there, and still requests go
to the old address after a change. Nothing is logged.`,
		How: `Let the other target come through a variable too. One literal mention of the same host and port is enough to freeze all.`,
		Bad: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        location / {
            set $backend app;
            proxy_pass http://$backend:3000;
        }
        location /status {
            proxy_pass http://app:3000;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        set $backend app;
        location / {
            proxy_pass http://$backend:3000;
        }
        location /status {
            proxy_pass http://$backend:3000;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
		},
		Since: "0.1.0",
	},
})

func runtimeDNSDefeated(_ context.Context, p *lint.Pass) {
	if !looksUp(p.Config) {
		return
	}
	seen := map[syntax.Ref]bool{}
	literal := map[*proxy.Upstream]*proxy.Route{}
	for _, r := range p.Config.Routes {
		if !r.Runtime {
			literal[r.To] = r
		}
	}
	for _, r := range p.Config.Routes {
		if !r.Runtime || r.To == nil || !r.To.Implicit || r.To.Stmt == r.Stmt || !r.Resolver.Written() {
			continue
		}
		start := r.To.Endpoints[0]
		at, varies := variableInHost(r.At)
		if !varies || seen[at] || !isHostName(start.Addr.Host) || isPinned(start.Addr.Host) || p.Inventory.Host(start.Addr.Host) != nil {
			continue
		}
		seen[at] = true
		p.Report(lint.Diagnostic{
			At:      at,
			Symptom: answered(r.Hop.Protocol, "502 after a change"),
			Message: fmt.Sprintf("%s is not looked up here: %s without a variable has nginx keep the addresses of the start", at.Text(), start.Addr.At.Text()),
			Hint:    thawHint(p.Config, nameUse{r.To, start, literal[r.To]}),
			Related: []lint.Related{{At: start.Addr.At, Message: "the same host and port without a variable"}},
		})
	}
}

// variableInHost returns the first variable of a target's host; false where only its port or path has one.
func variableInHost(target syntax.Ref) (at syntax.Ref, ok bool) {
	at = hostVariable(target)
	before, _ := around(target, at)
	return at, strings.HasPrefix(at.Text(), "$") && !strings.ContainsAny(before, ":/?")
}
