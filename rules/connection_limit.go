package rules

import (
	"context"
	"fmt"
	"strconv"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "connection-limit",
	Family:   lint.Pools,
	Severity: lint.Warning,
	Symptom:  "connections wait",
	Run:      connectionLimit,
	Doc: lint.Doc{
		Title: "a limit of connections that another one undercuts",
		Why: `HAProxy: the smaller of a frontend's maxconn and the global one counts. A frontend that may take 5000 connections under a
global maxconn of 1000 takes 1000; the others wait in the kernel without a word of it in the log, until clients give up.
Nobody gets a 503. Without a global maxconn HAProxy takes as many as "ulimit -n" allows (2000 before version 2.0), which is
an info, or a warning where the version is known to be older.

nginx, as an info: worker_connections (512 by default) counts connections to backends as well as clients. A worker that keeps as many idle
connections as the "keepalive" of its groups says, and has a client for each, needs twice as many. When they are spent, requests
get a 500: "worker_connections are not enough".`,
		How: `Raise the smaller limit, together with the limit of open files, or write the larger one as it really is.`,
		Bad: lint.Example{
			Nginx: `events {
    worker_connections 512;
}
http {
    upstream app {
        server 10.0.0.10:3000;
        keepalive 400;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
            proxy_set_header Host $host;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
}
`,
			HAProxy: `global
    maxconn 1000

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    maxconn 5000
    default_backend app

backend app
    server app1 10.0.0.10:3000
`,
		},
		Good: lint.Example{
			Nginx: `events {
    worker_connections 4096;
}
http {
    upstream app {
        server 10.0.0.10:3000;
        keepalive 400;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
            proxy_set_header Host $host;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
}
`,
			HAProxy: `global
    maxconn 5000

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    maxconn 5000
    default_backend app

backend app
    server app1 10.0.0.10:3000
`,
		},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#3.2-maxconn",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-maxconn",
			"https://nginx.org/en/docs/ngx_core_module.html#worker_connections",
		},
		Since: "0.1.0",
	},
})

const (
	// oldMaxconn is what HAProxy before 2.0 takes in all where no global maxconn is set.
	oldMaxconn = 2000
	// defaultWorkerConnections is nginx's worker_connections.
	defaultWorkerConnections = 512
)

func connectionLimit(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.HAProxy {
		reportSectionLimits(p)
		return
	}
	reportWorkerConnections(p)
}

// reportSectionLimits tells of the frontends and their defaults that may take more connections than HAProxy does.
func reportSectionLimits(p *lint.Pass) {
	globals := globalSections(p.Config.Tree)
	if len(globals) == 0 { // it may be in another file
		return
	}
	global, known := lastLine("maxconn", globals...)
	if !known {
		return
	}
	limit := 0
	if global != nil {
		n, ok := wholeArgument(global)
		if !ok {
			return
		}
		limit = n
	}
	if limit == 0 && setsFileLimit(globals) {
		return
	}
	told := map[*syntax.Stmt]bool{}
	for _, c := range clientLimits(p.Config.Tree) {
		if !told[c.line] {
			told[c.line] = true
			reportSectionLimit(p, c, global, limit)
		}
	}
}

// setsFileLimit reports whether a global section says how many files HAProxy may open, which its limit follows.
func setsFileLimit(globals []*syntax.Stmt) bool {
	for _, g := range globals {
		for _, s := range g.Block.Stmts {
			if name := s.Name(); name == "ulimit-n" || name == "fd-hard-limit" {
				return true
			}
		}
	}
	return false
}

// clientLimit is the maxconn line in effect for a frontend or listen section.
type clientLimit struct {
	section, line *syntax.Stmt
}

func clientLimits(tree *syntax.Tree) []clientLimit {
	var list []clientLimit
	var defaults map[*syntax.Stmt]*syntax.Stmt
	for _, f := range tree.Roots {
		for _, s := range f.Stmts {
			if kind := s.Name(); s.Block == nil || kind != "frontend" && kind != "listen" || !s.When.Live() {
				continue
			}
			line, known := lastLine("maxconn", s)
			if line == nil && known {
				if defaults == nil {
					defaults = defaultsOf(tree)
				}
				if d := defaults[s]; d != nil {
					line, known = lastLine("maxconn", d)
				}
			}
			if line != nil && known {
				list = append(list, clientLimit{s, line})
			}
		}
	}
	return list
}

func reportSectionLimit(p *lint.Pass, c clientLimit, global *syntax.Stmt, limit int) {
	own, ok := wholeArgument(c.line)
	if !ok || own <= limit {
		return
	}
	d := lint.Diagnostic{At: c.line.Ref(1)}
	switch old := (proxy.Version{2, 0}); {
	case limit > 0:
		d.Message = fmt.Sprintf("maxconn %d is more than the global maxconn %d: further connections wait", own, limit)
		d.Related = []lint.Related{{At: global.Ref(1), Message: "the limit for all"}}
	case own <= oldMaxconn:
		return
	case p.Config.Version.Before(old):
		d.Message = fmt.Sprintf("maxconn %d is more than the %d connections that HAProxy %s takes without a global maxconn",
			own, oldMaxconn, p.Config.Version)
	default:
		d.Severity = lint.Info
		d.Message = fmt.Sprintf("without a global maxconn, HAProxy takes as many connections as ulimit -n allows "+
			"(before 2.0: %d), which may be fewer than maxconn %d", oldMaxconn, own)
	}
	d.Hint = fmt.Sprintf("maxconn %d in the global section", own)
	if c.line.Parent != c.section {
		d.Related = append(d.Related, lint.Related{At: c.section.Ref(1), Message: sectionName(c.section) + " inherits from here"})
	}
	p.Report(d)
}

// reportWorkerConnections tells of an nginx whose workers have no room for the connections they are to keep, and for as
// many clients.
func reportWorkerConnections(p *lint.Pass) {
	promised, groups := promisedKeepalive(p.Config)
	if promised == 0 || p.Config.Tree.Fragment {
		return
	}
	limit, line, known := workerConnections(p.Config.Tree)
	if !known || limit >= 2*promised {
		return
	}
	d := lint.Diagnostic{
		Severity: lint.Info,
		Symptom:  "500",
		At:       groups[0],
		Hint:     fmt.Sprintf("worker_connections %d;", roomFor(promised)),
	}
	what, whose := fmt.Sprintf("worker_connections %d", limit), "the group keeps"
	if len(groups) > 1 {
		whose = "the groups keep"
	}
	if line == nil {
		what += " (default)"
		groups = groups[1:]
	} else {
		d.At = line.Ref(1)
	}
	d.Message = fmt.Sprintf("%s are few where %s %d idle connections, each beside that of a client", what, whose, promised)
	d.Related = alsoAt(groups, "kept for each worker")
	p.Report(d)
}

// promisedKeepalive adds up the idle connections that the groups in use keep for each worker.
func promisedKeepalive(c *proxy.Config) (sum int64, places []syntax.Ref) {
	var seen map[*proxy.Upstream]bool
	for _, r := range c.Routes {
		if r.To == nil || r.To.Implicit || r.To.Keepalive.Origin != proxy.Explicit || r.To.Keepalive.Dynamic || seen[r.To] {
			continue
		}
		if seen == nil {
			seen = map[*proxy.Upstream]bool{}
		}
		seen[r.To] = true
		sum += min(max(r.To.Keepalive.Value, 0), 1<<32)
		places = append(places, r.To.Keepalive.At)
	}
	return sum, places
}

// workerConnections returns nginx's limit in effect and the line that sets it; nil for the default. known is false where
// no events block is in sight, or what it includes is not.
func workerConnections(tree *syntax.Tree) (limit int64, line *syntax.Stmt, known bool) {
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		switch {
		case scope.Stmt == nil:
			known = known || s.Name() == "events"
			return s.Name() == "events"
		case s.Name() == "worker_connections":
			line = s
		}
		return false
	})
	for s := range tree.Unread {
		if s.Parent == nil || s.Parent.Name() == "events" {
			known = known && line != nil
		}
	}
	if line == nil {
		return defaultWorkerConnections, nil, known
	}
	limit, err := strconv.ParseInt(line.Arg(1), 10, 64)
	return limit, line, known && err == nil
}

// roomFor returns a power of two with room for connections and as many clients.
func roomFor(connections int64) int64 {
	room := int64(1024)
	for room < 2*connections {
		room *= 2
	}
	return room
}
