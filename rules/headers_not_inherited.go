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
	ID:       "headers-not-inherited",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "400",
	Run:      headersNotInherited,
	Doc: lint.Doc{
		Title: "a proxy_set_header that drops those of the level around",
		Why: `nginx takes proxy_set_header over from the level around only where the level itself has none: the first one
in a location drops every one of the server or http block. Host then is the address or the group that proxy_pass names, which
backends with several hosts answer with 400 or 404, and without Upgrade a WebSocket is never opened.

It is reported for Host and Upgrade. Left out are a Host for a pass to a host by its name, which nginx sends there anyway,
and locations that serve an auth_request.`,
		How: `Repeat in the location what it needs of the outer lines, or put them all into a file that every such location
includes.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        proxy_set_header Host $host;
        location / {
            proxy_set_header X-Real-IP $remote_addr;
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
            proxy_set_header X-Real-IP $remote_addr;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
			"https://nginx.org/en/docs/http/websocket.html",
		},
		Since: "0.1.0",
	},
})

func headersNotInherited(_ context.Context, p *lint.Pass) {
	told := map[syntax.Ref]bool{}
	for _, r := range p.Config.Routes {
		lost := lostHeaders(r)
		if len(lost) == 0 || told[r.Hop.Headers.Set[0].At] {
			continue
		}
		first := r.Hop.Headers.Set[0]
		told[first.At] = true
		var names, lines []string
		d := lint.Diagnostic{At: first.At}
		for _, h := range lost {
			names = append(names, h.Name)
			lines = append(lines, fmt.Sprintf("proxy_set_header %s %s;", h.Name, h.Value))
			d.Related = append(d.Related, lint.Related{At: h.At, Message: "dropped"})
		}
		if setsHeader(lost, "Host") == nil {
			d.Symptom = "no upgrade"
		}
		d.Message = fmt.Sprintf("a proxy_set_header here drops %s of the level around", andList(names))
		d.Hint = strings.Join(lines, " ")
		p.Report(d)
	}
}

// lostHeaders returns the headers of the level around that a route does without, though it needs them.
func lostHeaders(r *proxy.Route) []proxy.Header {
	h := r.Hop.Headers
	if len(h.Replaced) == 0 || r.Hop.Protocol != proxy.HTTP || isSubrequest(h) {
		return nil
	}
	var lost []proxy.Header
	if host := lostHost(r); host != nil {
		lost = append(lost, *host)
	}
	// where one of the two is set, websocket-upgrade tells of the other
	if setsHeader(h.Set, "Upgrade") != nil || setsHeader(h.Set, "Connection") != nil {
		return lost
	}
	if upgrade := setsHeader(h.Replaced, "Upgrade"); upgrade != nil && upgrade.Value != "" {
		lost = append(lost, *upgrade)
	}
	// "close" is the default, and keepalive-without-http11 tells of an empty one
	if c := setsHeader(h.Replaced, "Connection"); c != nil && c.Value != "" && !strings.EqualFold(c.Value, "close") {
		lost = append(lost, *c)
	}
	return lost
}

// lostHost returns the Host of the level around where the route sends another; nil where that may be right.
func lostHost(r *proxy.Route) *proxy.Header {
	host := setsHeader(r.Hop.Headers.Replaced, "Host")
	if host == nil || host.Value == "" || host.Value == "$proxy_host" || setsHeader(r.Hop.Headers.Set, "Host") != nil || r.To == nil {
		return nil
	}
	name := r.To.Name
	if r.To.Implicit {
		name = r.To.Endpoints[0].Addr.Host
	}
	if isHostName(name) && strings.Contains(name, ".") {
		return nil // a host of its own: $proxy_host is its name
	}
	return host
}
