package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "websocket-timeout",
	Family:   lint.Timeouts,
	Severity: lint.Info,
	Symptom:  "dropped sockets",
	Run:      websocketTimeout,
	Doc: lint.Doc{
		Title: "a WebSocket that is closed when nobody has spoken for a while",
		Why: `A WebSocket stays open for hours, and may be silent for most of them. In nginx the read timeout goes on to count, 60s by
default; in HAProxy "timeout client" and "timeout server" do where no "timeout tunnel" is set. Unless one side sends pings more
often, the connection is closed in between, and the client sees a dropped socket.

It is a warning where a shorter time than 60s is written for a path that is made for such connections, such as /ws or /terminal.`,
		How: `Let the read timeout (HAProxy: "timeout tunnel") of these paths be an hour, or send pings.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location /ws {
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $host;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    acl is_websocket hdr(Upgrade) -i websocket
    use_backend chat if is_websocket
    default_backend chat

backend chat
    server chat1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location /ws {
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $host;
            proxy_read_timeout 1h;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 1h

frontend www
    bind :8080
    acl is_websocket hdr(Upgrade) -i websocket
    use_backend chat if is_websocket
    default_backend chat

backend chat
    server chat1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/websocket.html",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20tunnel",
		},
		Since: "0.1.0",
	},
})

// idlePatience is nginx's built-in read timeout, and what people reckon with: pings come more often.
const idlePatience = time.Minute

func websocketTimeout(_ context.Context, p *lint.Pass) {
	told := map[syntax.Ref]bool{}
	report := func(d *lint.Diagnostic) {
		if d != nil && !told[d.At] {
			told[d.At] = true
			p.Report(*d)
		}
	}
	if p.Config.Dialect == syntax.Nginx {
		for _, r := range p.Config.Routes {
			report(upgradedPass(p.Config, r))
		}
		return
	}
	upgrades := websocketACLs(p.Config.Tree)
	for _, r := range p.Config.Routes {
		if r.To != nil && r.To.Protocol == proxy.HTTP && serves(r.To.Stmt, r.To.Protocol) && leadsToWebsocket(r, upgrades) {
			report(tunnelTime(r))
		}
	}
}

// upgradedPass tells of the read timeout of an nginx pass that lets connections be upgraded.
func upgradedPass(c *proxy.Config, r *proxy.Route) *lint.Diagnostic {
	if r.Hop.Protocol != proxy.HTTP || !speaksHTTP11(c, r) {
		return nil
	}
	upgrade := upgradeHeader(r)
	if upgrade == nil {
		return nil
	}
	read := r.Hop.Timeouts.Read
	name := passTimeout(r, "read_timeout")
	d := &lint.Diagnostic{At: upgrade.At, Hint: name + " 1h;"}
	switch {
	case read.Origin == proxy.Default:
		d.Message = fmt.Sprintf("%s closes an upgraded connection when the backend sends nothing for so long", inEffect(name, read))
		if r.Hop.Headers.Origin != proxy.Explicit {
			d.Related = []lint.Related{{At: r.At, Message: "a pass that the header is sent with"}}
		}
	case isWritten(read) && read.Value >= synRetry && read.Value < idlePatience && idlesByNature(r.Match.Text):
		d.Severity, d.At = lint.Warning, read.At
		d.Message = fmt.Sprintf("%s closes a WebSocket under %s when the backend sends nothing for so long", inEffect(name, read), r.Match.Text)
		d.Related = []lint.Related{{At: upgrade.At, Message: "what lets connections be upgraded"}}
	default:
		return nil
	}
	return d
}

// speaksHTTP11 reports whether an upgrade can come about at all; websocket-upgrade tells where not.
func speaksHTTP11(c *proxy.Config, r *proxy.Route) bool {
	v := r.Hop.HTTPVersion
	return v.Written() && v.Value != "1.0" || !v.Written() && c.Version.AtLeast(proxy.Version{1, 29, 7})
}

// upgradeHeader returns the header that asks the backend for another protocol; nil when none is sent.
func upgradeHeader(r *proxy.Route) *proxy.Header {
	for i := range r.Hop.Headers.Set {
		if h := &r.Hop.Headers.Set[i]; strings.EqualFold(h.Name, "Upgrade") && h.Value != "" {
			return h
		}
	}
	return nil
}

// idlesByNature reports whether a location is made for connections that are silent at times, and whose usual libraries
// send no pings of their own.
func idlesByNature(path string) bool {
	for _, part := range strings.FieldsFunc(strings.ToLower(path), isNoLetter) {
		switch part {
		case "ws", "wss", "websocket", "websockets", "websockify", "mqtt", "terminal":
			return true
		}
	}
	return false
}

func isNoLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }

// websocketACL is an ACL that asks for an upgrade, by the section that holds it: names are a section's own.
type websocketACL struct {
	section *syntax.Stmt
	name    string
}

func websocketACLs(tree *syntax.Tree) map[websocketACL]*syntax.Stmt {
	acls := map[websocketACL]*syntax.Stmt{}
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if s.Name() == "acl" && s.Args() > 2 && s.Parent != nil && asksForUpgrade(s.File.Text(s.Span)) {
			acls[websocketACL{s.Parent, s.Arg(1)}] = s
		}
		return s.When.Live()
	})
	return acls
}

// asksForUpgrade reports whether a condition looks for the header that WebSocket clients send.
func asksForUpgrade(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "hdr(upgrade)") && strings.Contains(text, "websocket")
}

// leadsToWebsocket reports whether a use_backend line is for upgrades alone.
func leadsToWebsocket(r *proxy.Route, acls map[websocketACL]*syntax.Stmt) bool {
	if r.Match.Kind != proxy.MatchIf {
		return false
	}
	words := strings.Fields(r.Match.Text)
	return len(words) > 1 && words[0] == "if" && (asksForUpgrade(r.Match.Text) || slices.ContainsFunc(words, func(w string) bool {
		return acls[websocketACL{r.Section, w}] != nil
	}))
}

// tunnelTime tells of the time after which HAProxy closes upgraded connections of a backend. Hours mean that somebody
// thought of them.
func tunnelTime(r *proxy.Route) *lint.Diagnostic {
	const longEnough = 10 * time.Minute
	u := r.To
	t := u.Timeouts
	if t.Tunnel.Origin == proxy.Unknown || t.Tunnel.Dynamic || t.Tunnel.Value > 0 || !isWritten(t.Read) {
		return nil
	}
	limit, name := t.Read, "timeout server"
	for _, l := range r.From {
		if c := l.Timeouts.Client; isWritten(c) && c.Value > 0 && c.Value < limit.Value {
			limit, name = c, "timeout client"
		}
	}
	if limit.Value == 0 || limit.Value >= longEnough {
		return nil
	}
	return &lint.Diagnostic{
		At: u.At,
		Message: fmt.Sprintf("%s has no timeout tunnel, so WebSockets are closed after a silence of %s %s",
			sectionName(u.Stmt), name, limit.At.Text()),
		Hint:    "timeout tunnel 1h",
		Related: []lint.Related{{At: r.Match.At, Message: "what sends WebSockets there"}, {At: limit.At, Message: "the limit that applies"}},
	}
}
