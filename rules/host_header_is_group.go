package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "host-header-is-group",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "wrong virtual host or redirects",
	Run:      hostHeaderIsGroup,
	Doc: lint.Doc{
		Title: "a backend that gets the upstream group's name as its Host",
		Why: `Without proxy_set_header Host nginx sends the name that stands in proxy_pass. Where that is an upstream group, the
backend is asked for a host that only this configuration knows: servers of several hosts answer 404 or 421, frameworks that
check the host answer 400, redirects lead to a name that no browser finds, and a name with an underscore is no valid host at all.

It is an error where TLS leads to clouds that find the customer by the host alone. Groups whose name has a dot, or is that of
their servers, are left out.`,
		How: `Pass on the host that the client asked for, or name the one that the backend expects.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
        }
    }
}
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
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
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
		},
		Since: "0.1.0",
	},
})

func hostHeaderIsGroup(_ context.Context, p *lint.Pass) {
	found := newCauses(p)
	for _, r := range p.Config.Routes {
		if !sendsGroup(r) {
			continue
		}
		key := cause{at: r.To.At, severity: lint.Warning}
		cloud := cloudOf(r)
		if cloud != "" {
			key.severity = lint.Error
		}
		found.add(key, groupPlace(r), func() lint.Diagnostic {
			d := lint.Diagnostic{
				Message: fmt.Sprintf("Host is %q, the group's name: no proxy_set_header Host is in effect", r.To.Name),
				Hint:    "proxy_set_header Host $host;",
			}
			if cloud != "" {
				d.Symptom = "404"
				d.Message += fmt.Sprintf(", and *%s finds the customer by it", cloud)
				d.Hint = fmt.Sprintf("proxy_set_header Host %s;", r.To.Endpoints[0].Addr.Host)
			}
			return d
		})
	}
	found.report()
}

// sendsGroup reports whether a route is known to send the name of an upstream group as the host, where that is
// no host. Where a Host was lost on the way, headers-not-inherited tells of it.
func sendsGroup(r *proxy.Route) bool {
	h := r.Hop.Headers
	return r.To != nil && !r.To.Implicit && !r.To.Open && r.Hop.Protocol == proxy.HTTP && h.Origin != proxy.Unknown &&
		setsHeader(h.Set, "Host") == nil && setsHeader(h.Replaced, "Host") == nil && !isSubrequest(h) && !groupIsHost(r.To)
}

// groupPlace returns where a pass names its group; where a variable does, the pass's whole word.
func groupPlace(r *proxy.Route) syntax.Ref {
	text := r.At.Text()
	if i := strings.LastIndex(text, "://"); i >= 0 {
		from := i + len("://")
		if strings.HasPrefix(text[from:], r.To.Name) {
			return r.At.Sub(from, from+len(r.To.Name))
		}
	}
	return r.At
}

// cloudOf returns the end of the names of a TLS group's servers when all are at clouds that tell their customers apart
// by the host; "" else.
func cloudOf(r *proxy.Route) string {
	if r.Hop.TLS == nil {
		return ""
	}
	found := ""
	for _, e := range r.To.Endpoints {
		if found = sharedCloud(e.Addr); found == "" {
			return ""
		}
	}
	return found
}

// sharedCloud returns the end of a host's name by which it belongs to a cloud where many customers share the servers;
// "" for every other host.
func sharedCloud(a proxy.Address) string {
	host := inventory.HostKey(a.Host)
	for _, end := range []string{
		".cloudfront.net", ".workers.dev", ".pages.dev", ".herokuapp.com", ".azurewebsites.net", ".run.app", ".appspot.com",
		".vercel.app", ".netlify.app", ".github.io", ".web.app", ".firebaseapp.com", ".fly.dev", ".onrender.com",
	} {
		if strings.HasSuffix(host, end) && !a.Dynamic {
			return end
		}
	}
	return ""
}
