package rules

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "timeout-too-short",
	Family:   lint.Timeouts,
	Severity: lint.Warning,
	Symptom:  "504",
	Run:      timeoutTooShort,
	Doc: lint.Doc{
		Title: "a timeout below a second",
		Why: `A packet that opens a connection and is lost is sent again after one second. A connect timeout below that gives up
first, so a moment of loss that nobody would have noticed becomes a 504 (nginx) or 503 (HAProxy). A read or
"timeout server" below a second is a 504 for every answer that takes longer, such as the first one after a restart or
during garbage collection. A limit below a second towards clients is a 408 for those on a slow or distant line.

In nginx 0 is not "no limit": the time is up at once.

Left alone are connections within the host, memcached, UDP, the copies that "mirror" sends, and HAProxy's numbers without a
unit, which timeout-unit tells of.`,
		How: `Give connections a few seconds, and answers as long as the slowest may take.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_read_timeout 100ms;
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 100ms

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_read_timeout 30s;
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
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20connect",
			"https://www.rfc-editor.org/rfc/rfc6298#section-2",
		},
		Since: "0.1.0",
	},
})

func timeoutTooShort(_ context.Context, p *lint.Pass) {
	s := shortTimes{Pass: p, told: map[syntax.Ref]bool{}}
	if p.Config.Dialect == syntax.HAProxy {
		s.sections()
		return
	}
	s.passes()
	s.clients()
}

// shortTimes tells of every short time once, however many routes it holds for.
type shortTimes struct {
	*lint.Pass
	told map[syntax.Ref]bool
}

// isNew reports whether a time is short and was not told of yet.
func (s *shortTimes) isNew(t proxy.Setting[time.Duration]) bool {
	return isShort(s.Config.Dialect, t) && !s.told[t.At]
}

func (s *shortTimes) tell(name string, t proxy.Setting[time.Duration], d lint.Diagnostic) {
	s.told[t.At] = true
	d.At = t.At
	if t.Value == 0 {
		d.Message = fmt.Sprintf("%s %s is up at once: 0 is not \"no limit\"", name, t.At.Text())
	} else {
		d.Message = fmt.Sprintf("%s %s %s", name, t.At.Text(), d.Message)
	}
	s.Report(d)
}

const (
	noSecondSYN = "gives up before a lost packet is sent again, which takes 1s"
	cutAnswer   = "ends every request whose answer takes longer"
	cutStream   = "ends connections that are silent for longer"
)

// passes looks at how nginx speaks to backends.
func (s *shortTimes) passes() {
	mirrored := sync.OnceValue(func() map[string]bool { return mirrorTargets(s.Config.Tree) })
	for _, r := range s.Config.Routes {
		protocol, t := r.Hop.Protocol, r.Hop.Timeouts
		if protocol == proxy.Memcached || protocol == proxy.TCP && !fromTCP(r) {
			continue
		}
		if s.isNew(t.Connect) {
			far := farServer(r.To)
			if far != nil || t.Connect.Value == 0 && protocol != proxy.TCP {
				s.tell(passTimeout(r, "connect_timeout"), t.Connect, lint.Diagnostic{
					Message: noSecondSYN,
					Hint:    passTimeout(r, "connect_timeout") + " 3s;",
					Related: farRelated(r, far),
				})
			}
		}
		switch {
		case !s.isNew(t.Read) || r.Match.Text != "" && mirrored()[r.Match.Text]:
		case protocol != proxy.TCP:
			s.tell(passTimeout(r, "read_timeout"), t.Read, lint.Diagnostic{
				Message: cutAnswer, Hint: passTimeout(r, "read_timeout") + " 30s;", Related: farRelated(r, nil),
			})
		case t.Read.Value > 0:
			s.tell("proxy_timeout", t.Read, lint.Diagnostic{
				Symptom: "connections closed early", Message: cutStream, Hint: "proxy_timeout 10m;",
			})
		}
	}
}

// fromTCP reports whether an nginx stream server is known to serve TCP alone.
func fromTCP(r *proxy.Route) bool {
	for _, l := range r.From {
		if l.Protocol != proxy.TCP {
			return false
		}
	}
	return len(r.From) > 0
}

// farRelated shows where a time that is written further out applies.
func farRelated(r *proxy.Route, far *proxy.Endpoint) []lint.Related {
	if far != nil && !r.To.Implicit {
		return []lint.Related{{At: far.Addr.At, Message: "a server on another host"}}
	}
	return []lint.Related{{At: r.At, Message: "the pass that it applies to"}}
}

// mirrorTargets returns the paths that get copies of requests, whose answers nobody waits for.
func mirrorTargets(tree *syntax.Tree) map[string]bool {
	targets := map[string]bool{}
	tree.Walk(func(_ *syntax.Scope, s *syntax.Stmt) bool {
		if s.Name() == "mirror" {
			targets[s.Arg(1)] = true
		}
		return true
	})
	return targets
}

// clients looks at how long nginx waits for clients.
func (s *shortTimes) clients() {
	for _, l := range s.Config.Listeners {
		if l.Protocol != proxy.HTTP {
			continue
		}
		for _, t := range []struct {
			name    string
			setting proxy.Setting[time.Duration]
			what    string
		}{
			{"client_header_timeout", l.Timeouts.HTTPRequest, "ends every request whose headers take longer to arrive"},
			{"client_body_timeout", l.Timeouts.Client, "ends every upload that pauses longer"},
			{"send_timeout", l.Timeouts.Send, "ends every download whose client pauses longer"},
		} {
			if !s.isNew(t.setting) {
				continue
			}
			d := lint.Diagnostic{Symptom: "408", Message: t.what, Hint: t.name + " 30s;"}
			if t.name == "send_timeout" {
				d.Symptom = "answers cut short"
			}
			s.tell(t.name, t.setting, d)
		}
	}
}

// sections looks at both sides of HAProxy's sections.
func (s *shortTimes) sections() {
	for _, l := range s.Config.Listeners {
		if !s.isNew(l.Timeouts.Client) || !serves(l.Section, l.Protocol) {
			continue
		}
		d := lint.Diagnostic{
			Symptom: "408",
			Message: "ends connections of clients that pause longer",
			Hint:    "timeout client 30s",
			Related: inheritors(l.Timeouts.Client, l.Section),
		}
		if l.Protocol == proxy.TCP {
			d.Symptom = "connections closed early"
		}
		s.tell("timeout client", l.Timeouts.Client, d)
	}
	for _, u := range s.Config.Upstreams {
		connect, read := s.isNew(u.Timeouts.Connect), s.isNew(u.Timeouts.Read)
		if !connect && !read || !serves(u.Stmt, u.Protocol) {
			continue
		}
		if far := farServer(u); connect && far != nil {
			s.tell("timeout connect", u.Timeouts.Connect, lint.Diagnostic{
				Symptom: answered(u.Protocol, "503"), Message: noSecondSYN, Hint: "timeout connect 3s",
				Related: []lint.Related{{At: far.Addr.At, Message: "a server on another host"}},
			})
		}
		if !read || inUse(u, 1) == 0 {
			continue
		}
		d := lint.Diagnostic{
			Message: cutAnswer,
			Hint:    "timeout server 30s",
			Related: inheritors(u.Timeouts.Read, u.Stmt),
		}
		if u.Protocol == proxy.TCP {
			d.Symptom, d.Message = "connections closed early", cutStream
		}
		s.tell("timeout server", u.Timeouts.Read, d)
	}
}

// inheritors shows a section that a HAProxy setting applies to, where it is written elsewhere.
func inheritors(t proxy.Setting[time.Duration], section *syntax.Stmt) []lint.Related {
	if t.Origin != proxy.Inherited {
		return nil
	}
	return heirs([]*syntax.Stmt{section})
}
