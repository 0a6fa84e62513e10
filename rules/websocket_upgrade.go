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
	ID:       "websocket-upgrade",
	Family:   lint.Protocol,
	Severity: lint.Warning,
	Dialect:  syntax.Nginx,
	Symptom:  "400",
	Run:      websocketUpgrade,
	Doc: lint.Doc{
		Title: "only a part of what a WebSocket needs",
		Why: `A WebSocket begins as an HTTP/1.1 request with the headers "Upgrade: websocket" and "Connection: upgrade". These two
belong to one connection each, so nginx passes neither of them on by itself: it sends no Upgrade, and "Connection:
close". Until 1.29.6 it also speaks HTTP/1.0 to backends. With one of the three missing the backend sees no
upgrade, or one that it must refuse: 400 or 426, or a plain page where a WebSocket was asked for.

A missing header is a warning, since plain requests get through. An old HTTP version beside both headers is an error
where nginx is known to be older than 1.29.7 or where the version is written, and a warning else.`,
		How: `Set all three in the same block: a location that sets one proxy_set_header inherits none. A map from $http_upgrade
gives plain requests another Connection.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://127.0.0.1:3000;
            proxy_http_version 1.0;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    map $http_upgrade $connection_upgrade {
        default upgrade;
        '' '';
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://127.0.0.1:3000;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/websocket.html",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_http_version",
		},
		Since: "0.1.0",
	},
})

// persistent is the nginx release from which on backends are spoken to in HTTP/1.1, without "Connection: close"
// (ngx_http_proxy_module, proxy_http_version).
var persistent = proxy.Version{1, 29, 7}

func websocketUpgrade(_ context.Context, p *lint.Pass) {
	found := map[syntax.Ref]*lint.Diagnostic{}
	var order []syntax.Ref
	for _, r := range p.Config.Routes {
		if r.Hop.Protocol != proxy.HTTP || r.Hop.Headers.Origin == proxy.Unknown {
			continue
		}
		upgrade, connection := asks(r.Hop.Headers, "Upgrade"), asks(r.Hop.Headers, "Connection")
		if upgrade == nil && connection == nil {
			continue
		}
		at, d := halfUpgrade(p.Config, r, upgrade, connection)
		if _, seen := found[at]; !seen {
			order = append(order, at)
			found[at] = d
		}
		if d == nil {
			found[at] = nil // headers that another location shares, and completes
		}
	}
	for _, at := range order {
		if d := found[at]; d != nil {
			p.Report(*d)
		}
	}
}

// asks returns the header of that name if its value asks for an upgrade, or may do so.
func asks(h *proxy.Headers, name string) *proxy.Header {
	for i, header := range h.Set {
		if !strings.EqualFold(header.Name, name) || header.Value == "" {
			continue
		}
		if name == "Upgrade" || strings.Contains(header.Value, "$") || isPlaceholder(header.Value) ||
			strings.Contains(strings.ToLower(header.Value), "upgrade") {
			return &h.Set[i]
		}
	}
	return nil
}

// halfUpgrade tells of the part that is missing beside the header at the place it returns; nil when none is.
func halfUpgrade(c *proxy.Config, r *proxy.Route, upgrade, connection *proxy.Header) (syntax.Ref, *lint.Diagnostic) {
	if upgrade != nil && connection != nil && r.Hop.HTTPVersion.Value == "1.1" {
		return upgrade.At, nil
	}
	d := &lint.Diagnostic{Related: []lint.Related{{At: r.At, Message: "the pass"}}}
	switch {
	case connection == nil:
		d.At = upgrade.At
		d.Message = fmt.Sprintf("Upgrade is set, but Connection is %s, so no upgrade can come of it", sentConnection(c, r.Hop.Headers))
		d.Hint = "proxy_set_header Connection $connection_upgrade;"
	case upgrade == nil && strings.EqualFold(connection.Value, "upgrade"):
		d.At = connection.At
		d.Message = fmt.Sprintf("Connection is %q, but no Upgrade is set, and nginx passes on none by itself", connection.Value)
		d.Hint = "proxy_set_header Upgrade $http_upgrade;"
	case upgrade == nil:
		return connection.At, nil
	default:
		d.At = upgrade.At
		if !oldVersion(c, r, d) {
			return d.At, nil
		}
	}
	return d.At, d
}

// sentConnection says what the Connection header is that backends get.
func sentConnection(c *proxy.Config, h *proxy.Headers) string {
	for _, header := range h.Set {
		if strings.EqualFold(header.Name, "Connection") {
			return fmt.Sprintf("%q", header.Value)
		}
	}
	if c.Version.AtLeast(persistent) {
		return "not"
	}
	return `not ("close" by default)`
}

// oldVersion fills in what is to be said when a WebSocket is asked for in HTTP/1.0; false where it is not.
func oldVersion(c *proxy.Config, r *proxy.Route, d *lint.Diagnostic) bool {
	version := r.Hop.HTTPVersion
	switch {
	case version.Dynamic || version.Written() && version.Value != "1.0" || version.Origin == proxy.Unknown:
		return false
	case version.Written():
		d.Severity = lint.Error
		d.At = version.At
		d.Message = "a WebSocket needs HTTP/1.1, not proxy_http_version 1.0"
		d.Fix = repair(d.At, "1.1", false)
	case c.Version.AtLeast(persistent):
		return false
	case c.Version.Known():
		d.Severity = lint.Error
		d.Message = fmt.Sprintf("a WebSocket needs HTTP/1.1, and nginx %s speaks 1.0 by default", c.Version)
	default:
		d.Message = "a WebSocket needs HTTP/1.1, and nginx before 1.29.7 speaks 1.0 by default"
	}
	d.Hint = "proxy_http_version 1.1;"
	return true
}
