package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "tls-name-is-group",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      tlsNameIsGroup,
	Doc: lint.Doc{
		Title: "TLS that knows the backend by its upstream group's name",
		Why: `Unless proxy_ssl_name says otherwise, nginx takes the name for the TLS handshake from proxy_pass. Where that
names an upstream group, the backend is asked for a host that exists in this configuration only: servers of several hosts
refuse the handshake ("unrecognized name") or answer for the wrong one. With proxy_ssl_verify on, the certificate is held
against the group's name, does not match, and every request gets 502 ("upstream SSL certificate does not match").

It is an error with proxy_ssl_verify on, and a warning where the name is only sent. Groups whose name has a dot, or is that
of their servers, are left out: there the name is the host's.`,
		How: `Give the host's name with proxy_ssl_name.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:443;
        server 10.0.0.11:443;
    }
    server {
        listen 8080;
        location / {
            proxy_pass https://app;
            proxy_ssl_server_name on;
            proxy_set_header Host app.example.com;
        }
    }
}
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:443;
        server 10.0.0.11:443;
    }
    server {
        listen 8080;
        location / {
            proxy_pass https://app;
            proxy_ssl_server_name on;
            proxy_ssl_name app.example.com;
            proxy_set_header Host app.example.com;
        }
    }
}
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_name",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify",
		},
		Since: "0.1.0",
	},
})

func tlsNameIsGroup(_ context.Context, p *lint.Pass) {
	found := newCauses(p)
	for s := range securedBackends(p.Config) {
		use := groupNameServes(s)
		if use == "" {
			continue
		}
		key := cause{at: s.upstream.At, severity: lint.Warning}
		if s.tls.Verify.Value {
			key.severity = lint.Error
		}
		found.add(key, s.tls.At, func() lint.Diagnostic {
			d := lint.Diagnostic{
				Symptom: s.failure(),
				Message: fmt.Sprintf("%s to group %s %s: no %s is set", s.spoken(), s.upstream.Name, use, s.directive("name")),
				Hint:    s.directive("name") + " NAME;",
				Related: []lint.Related{{At: s.upstream.At, Message: "the group"}},
			}
			if host := neediestName(s); isHostName(host) {
				d.Hint = fmt.Sprintf("%s %s;", s.directive("name"), host)
			}
			return d
		})
	}
	found.report()
}

// groupNameServes says what a handshake does with the name of an upstream group that is no host's; "" where it
// does nothing with it, or that can't be known.
func groupNameServes(s secured) string {
	if s.route == nil || s.upstream.Implicit || s.upstream.Open || s.tls.Name.Origin != proxy.Default || groupIsHost(s.upstream) {
		return ""
	}
	switch {
	case s.tls.Verify.Value:
		return "holds the certificate against the group's name"
	case s.tls.SNI.Value:
		return fmt.Sprintf("sends %q as the server name", s.upstream.Name)
	}
	return ""
}
