package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "live-partial",
	Severity: lint.Warning,
	Symptom:  "504",
	Live:     true,
	Run:      livePartial,
	Doc: lint.Doc{
		Title: `a name of which some addresses answer and some do not`,
		Why: `The name has several addresses, and the proxy uses them all: nginx makes each a server of its own. Those that do not answer cost each
request that meets them a try, and as long as the connect timeout where nothing comes back; with POST or with proxy_next_upstream off some
of them fail.`,
		How: `Take the dead address out of the name, or start what should answer there.`,
		Bad: lint.Example{
			Nginx: `# live: localhost:8080 @127.0.0.1 ok
# live: localhost:8080 @::1 refused
events {}
http {
    upstream app {
        server localhost:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: app.shop.net:8080 @10.0.0.1 ok
# live: app.shop.net:8080 @10.0.0.2 refused
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers dns
    nameserver a 10.0.0.53:53
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 10s
    hold obsolete 30s
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server-template app 2 app.shop.net:8080 check resolvers dns
`,
		},
		Good: lint.Example{
			Nginx: `# live: 127.0.0.1:8081 ok
events {}
http {
    upstream app {
        server 127.0.0.1:8081;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: app.shop.net:8080 @10.0.0.1 ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

resolvers dns
    nameserver a 10.0.0.53:53
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 10s
    hold obsolete 30s
    accepted_payload_size 8192

frontend www
    bind :8080
    default_backend app

backend app
    server-template app 2 app.shop.net:8080 check resolvers dns
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://docs.haproxy.org/3.0/configuration.html#5.3",
		},
		Since: "0.2.0",
	},
})

func livePartial(_ context.Context, p *lint.Pass) {
	for _, r := range p.Live.Of(p.Config) {
		fault, working := verdict(r)
		if fault == nil || working == 0 {
			continue
		}
		told := 0
		for _, try := range r.Tries {
			if try.Tells() {
				told++
			}
		}
		d := lint.Diagnostic{
			At:      r.Addr.HostAt,
			Message: fmt.Sprintf("%d of the %d addresses of %s do not answer: %s", told-working, told, r.Addr.Host, r.Message(*fault)),
			Symptom: lint.Symptom(fault.ClientSees(r.Target) + " for a share of the requests"),
			Notes:   liveNotes(r, fault),
		}
		if told-working == 1 {
			d.Message = fmt.Sprintf("one of the %d addresses of %s does not answer: %s", told, r.Addr.Host, r.Message(*fault))
		}
		if r.Dialect != syntax.HAProxy {
			d.Symptom = lint.NoSymptom
			d.Notes = append(d.Notes, r.Dialect.Product()+" tries the others, which takes time")
		}
		p.Report(d)
	}
}
