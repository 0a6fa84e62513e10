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
	ID:       "duplicate-host-header",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "400",
	Run:      duplicateHostHeader,
	Doc: lint.Doc{
		Title: "a Host header that is set twice",
		Why: `nginx sends every proxy_set_header of a level, so two for Host make two Host lines in one request, and the second
does not replace the first. Servers must refuse such a request (RFC 9112, section 3.2), and nginx, HAProxy and
those written in Go answer 400. As a rule one of the two comes from an included file.`,
		How: `Leave one of them.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_set_header Host $http_host;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
			"https://www.rfc-editor.org/rfc/rfc9112.html#section-3.2",
		},
		Since: "0.1.0",
	},
})

func duplicateHostHeader(_ context.Context, p *lint.Pass) {
	told := map[syntax.Ref]bool{}
	for _, r := range p.Config.Routes {
		if r.Hop.Protocol != proxy.HTTP {
			continue
		}
		var first *proxy.Header
		for i, h := range r.Hop.Headers.Set {
			// nginx does not send an empty one
			if !strings.EqualFold(h.Name, "Host") || h.Value == "" {
				continue
			}
			if first == nil {
				first = &r.Hop.Headers.Set[i]
				continue
			}
			at, other := ownPlace(r, h.At, first.At)
			if told[at] || !syntax.Together(at, other) {
				continue
			}
			told[at] = true
			d := lint.Diagnostic{
				At:      at,
				Message: fmt.Sprintf("%s is set twice in one request, to %q and to %q", h.Name, first.Value, h.Value),
				Hint:    "keep one of the two",
				Related: []lint.Related{{At: other, Message: "the other"}},
			}
			if at == other {
				// a file that is included twice
				d.Related = []lint.Related{{At: r.At, Message: "the pass"}}
			}
			p.Report(d)
		}
	}
}

// ownPlace puts the place in the file of the pass first: what comes by an include serves other passes as well.
func ownPlace(r *proxy.Route, later, earlier syntax.Ref) (at, other syntax.Ref) {
	if later.File != r.Stmt.File && earlier.File == r.Stmt.File {
		return earlier, later
	}
	return later, earlier
}
