package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "resolver-missing",
	Family:   lint.Addresses,
	Severity: lint.Error,
	Dialect:  syntax.Nginx,
	Symptom:  "502",
	Run:      resolverMissing,
	Doc: lint.Doc{
		Title: "a host name that nginx must look up for every request, and no resolver to ask",
		Why: `As soon as a pass target holds a variable, anywhere in it, nginx no longer looks its host up at start but
for each request, and for that it asks only the servers of a resolver directive. Without one every request is answered
with 502 at once, and the error log says "no resolver defined to resolve app". nginx -t finds nothing wrong.

No resolver is needed where the variable holds an IP address or the name of an upstream group, or where the same host and
port also stand in a target without variables: nginx then takes the addresses it found at start.`,
		How: `Put a resolver into the http, server or location block: 127.0.0.11 inside Docker, the cluster DNS in
Kubernetes (with the full name of the service), else a nameserver of /etc/resolv.conf. Or write the target without
variables, or give the variable the name of an upstream group.`,
		Bad: lint.Example{Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            set $backend app;
            proxy_pass http://$backend:3000;
        }
    }
}
`},
		Good: lint.Example{Nginx: `events {}
http {
    resolver 127.0.0.11 valid=10s;
    server {
        listen 8080;
        location / {
            set $backend app;
            proxy_pass http://$backend:3000;
        }
    }
}
`},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
			"https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
		},
		Since: "0.1.0",
	},
})

const resolverHint = "resolver ADDRESS; (127.0.0.11 inside Docker, else a nameserver of /etc/resolv.conf)"

// targets are what nginx knows at start, by name in lower case.
type targets struct {
	groups  map[string]*proxy.Upstream
	hosts   map[string]bool // of targets without variables
	domains map[string]bool // that the names of both end in: ".b.c" and ".c" for a.b.c
	code    bool            // Lua or an answer to auth_request may put something else into a variable
}

func targetsOf(c *proxy.Config) *targets {
	known := &targets{groups: map[string]*proxy.Upstream{}, hosts: map[string]bool{}, domains: map[string]bool{}}
	for _, u := range c.Upstreams {
		if !u.Implicit {
			name := strings.ToLower(u.Name)
			known.groups[name] = u
			known.addDomains(name)
		}
	}
	for _, r := range c.Routes {
		if !r.Runtime && r.To != nil && r.To.Implicit {
			name := strings.ToLower(r.To.Endpoints[0].Addr.Host)
			known.hosts[name] = true
			known.addDomains(name)
		}
	}
	c.Tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		name := s.Name()
		known.code = known.code || strings.Contains(name, "_by_lua") || name == "auth_request_set"
		return !known.code
	})
	return known
}

// addDomains leaves out what is too long for a host name (RFC 1035, 2.3.4).
func (known *targets) addDomains(name string) {
	if len(name) > 255 {
		return
	}
	for i := range len(name) {
		if name[i] == '.' {
			known.domains[name[i:]] = true
		}
	}
}

// resolverMissing tells once of each target, however many names it may hold.
func resolverMissing(_ context.Context, p *lint.Pass) {
	if !looksUp(p.Config) {
		return
	}
	known := targetsOf(p.Config)
	found := map[syntax.Ref]*lint.Diagnostic{}
	var order []*lint.Diagnostic
	for _, r := range p.Config.Routes {
		if !r.Runtime || r.Resolver.Origin != proxy.Default {
			continue
		}
		d := known.unresolvable(r)
		if d == nil {
			continue
		}
		if before := found[d.At]; before != nil {
			before.Related = append(before.Related, newPlaces(before.Related, d.Related)...)
			continue
		}
		d.Symptom = answered(r.Hop.Protocol, "502")
		found[d.At] = d
		order = append(order, d)
	}
	for _, d := range order {
		p.Report(*d)
	}
}

// looksUp reports whether some target holds a variable, so that nginx may look a name up for a request.
func looksUp(c *proxy.Config) bool {
	return slices.ContainsFunc(c.Routes, func(r *proxy.Route) bool { return r.Runtime })
}

func newPlaces(known, list []lint.Related) []lint.Related {
	for _, k := range known {
		if len(list) > 0 && k.At == list[0].At {
			return nil
		}
	}
	return list
}

// unresolvable returns what is wrong with a route without a resolver whose target holds a variable; nil where
// nothing is for sure.
func (known *targets) unresolvable(r *proxy.Route) *lint.Diagnostic {
	switch {
	case r.Dynamic:
		return known.unresolvableRequest(r)
	case r.To == nil || !r.To.Implicit || r.To.Stmt != r.Stmt:
		return nil // a group, or what nginx found at start for a target without variables
	}
	addr := r.To.Endpoints[0].Addr
	if !isHostName(addr.Host) || !addr.Dynamic && !addr.PortAt.IsZero() && addr.Port < 0 || addr.Dynamic && known.hosts[strings.ToLower(addr.Host)] {
		return nil
	}
	d := &lint.Diagnostic{
		At:      hostVariable(r.At),
		Message: fmt.Sprintf("nginx looks up %q for every request, since the target holds a variable, but no resolver is in scope", addr.Host),
		Hint:    resolverHint,
	}
	if holds(r.At, addr.HostAt) {
		d.At = addr.HostAt
	} else {
		if known.code {
			d.Severity = lint.Warning
		}
		if addr.HostAt != r.At {
			d.Related = []lint.Related{{At: addr.HostAt, Message: "the name is given here"}}
		}
	}
	if g := known.groups[strings.ToLower(addr.Host)]; g != nil {
		d.Message = fmt.Sprintf("with a port, %q is not the upstream group but a host to look up, and no resolver is in scope", addr.Host)
		d.Hint = "leave the port out"
		d.Related = append(d.Related, lint.Related{At: g.At, Message: "the upstream group"})
	}
	return d
}

// unresolvableRequest judges a target whose host is known only when a request comes: names under a domain, and
// what the client names, can't all be addresses or upstream groups.
func (known *targets) unresolvableRequest(r *proxy.Route) *lint.Diagnostic {
	at := hostVariable(r.At)
	before, after := around(r.At, at)
	if domain := domainOf(after); domain != "" && !known.domains[strings.ToLower(domain)] {
		return &lint.Diagnostic{
			At:      at,
			Message: fmt.Sprintf("nginx looks up names under %q for every request, but no resolver is in scope", domain),
			Hint:    resolverHint,
		}
	}
	name := strings.Trim(at.Text(), "${}")
	if before != "" || after != "" && !strings.ContainsAny(after[:1], ":/?$\"'") || !isFromRequest(name) || len(known.groups) > 0 {
		return nil
	}
	return &lint.Diagnostic{
		Severity: lint.Warning,
		At:       at,
		Message:  fmt.Sprintf("nginx looks up the host in $%s for every request, but no resolver is in scope", name),
		Hint:     resolverHint,
	}
}

// isFromRequest reports whether a variable holds what the client wrote, which is a host name as a rule.
func isFromRequest(variable string) bool {
	switch variable {
	case "host", "ssl_preread_server_name", "ssl_server_name":
		return true
	}
	for _, prefix := range []string{"http_", "arg_", "cookie_"} {
		if strings.HasPrefix(variable, prefix) {
			return true
		}
	}
	return false
}

// domainOf returns the ".example.com" that a text begins with; "" when it does not.
func domainOf(text string) string {
	if end := strings.IndexAny(text, ":/?\"'"); end >= 0 {
		text = text[:end]
	}
	if !strings.HasPrefix(text, ".") || !isHostName(text) {
		return ""
	}
	return text
}

// hostVariable returns the first variable of a target's host as written, "$app" of "http://$app:80/x"; the whole
// target where it has none.
func hostVariable(target syntax.Ref) syntax.Ref {
	text := target.Text()
	from := hostStart(text)
	i := strings.IndexByte(text[from:], '$')
	if i < 0 {
		return target
	}
	from += i
	end := from + 1
	if strings.HasPrefix(text[end:], "{") {
		end += strings.IndexByte(text[end:], '}') + 1
		return target.Sub(from, end)
	}
	for end < len(text) && isWordByte(text[end]) {
		end++
	}
	return target.Sub(from, end)
}

// hostStart returns where the host begins in a target as written.
func hostStart(text string) int {
	if i := strings.Index(text, "://"); i >= 0 {
		return i + len("://")
	}
	return len(text) - len(strings.TrimLeft(text, `"'`))
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// around returns the text of a target's host before and after a part of it.
func around(target, part syntax.Ref) (before, after string) {
	text := target.Text()
	i := int(part.Span.Start - target.Span.Start)
	return text[min(hostStart(text), i):i], text[i+len(part.Text()):]
}

// holds reports whether a place is a part of another, and not all of it.
func holds(whole, part syntax.Ref) bool {
	return part.File == whole.File && part != whole && part.Span.Start >= whole.Span.Start && part.Span.End <= whole.Span.End
}
