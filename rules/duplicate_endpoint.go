package rules

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "duplicate-endpoint",
	Family:   lint.Ports,
	Severity: lint.Warning,
	Symptom:  "uneven load",
	Run:      duplicateEndpoint,
	Doc: lint.Doc{
		Title: "one address twice in one pool",
		Why: `Both proxies take the two lines for two servers: the machine gets twice its share of requests and twice the
connections it is meant to bear. Mostly a line was copied and its address left as it was, and then another machine gets
no requests at all, and there are fewer machines to turn to when one fails.

Left out are lines with different options: a backup, a server that is down, and in HAProxy whatever else than its name,
cookie, id and weight sets one from the other; and HAProxy servers with one name and resolvers, which share the addresses
of the name among them. A pool that has nothing but one address, over and over, is an info: the load is even, but no
other machine takes over when that one fails.`,
		How: `Give the second line the address it was meant to have, or delete it. To send a server more requests, give it a
weight.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
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
    server app2 10.0.0.11:3000 check
    server app3 10.0.0.11:3000 check
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    upstream app {
        server 10.0.0.10:3000;
        server 10.0.0.11:3000;
        server 10.0.0.12:3000;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://app;
            proxy_set_header Host $host;
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
    server app2 10.0.0.11:3000 check
    server app3 10.0.0.12:3000 check
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-server",
		},
		Since: "0.1.0",
	},
})

// endpointKey is what makes two servers of one pool the same.
type endpointKey struct {
	host, socket string
	port         int
	backup       bool
	options      string // of HAProxy, other than those that two lines for one server would differ in too
}

func duplicateEndpoint(_ context.Context, p *lint.Pass) {
	seed := maphash.MakeSeed()
	var hashes []uint64
	for _, u := range p.Config.Upstreams {
		hashes = hashes[:0]
		for _, e := range u.Endpoints {
			hashes = append(hashes, maphash.String(seed, strings.ToLower(e.Addr.Host+e.Addr.Socket))^uint64(portOf(e)))
		}
		slices.Sort(hashes)
		// most pools have no address twice, and a look at the hashes is quicker than one at the servers
		if len(slices.Compact(hashes)) == len(u.Endpoints) || p.Config.Dialect == syntax.HAProxy && picksServers(u.Stmt) {
			continue
		}
		reportDuplicates(p, u)
	}
}

// portOf returns the port that a server is dialed on; -1 where the client's or DNS will tell.
func portOf(e *proxy.Endpoint) int {
	if e.Stmt.File.Dialect == syntax.Nginx && e.Addr.PortAt.IsZero() && e.Addr.Socket == "" {
		return httpPort
	}
	return e.Addr.Port
}

func reportDuplicates(p *lint.Pass, u *proxy.Upstream) {
	first := make(map[endpointKey]*proxy.Endpoint, len(u.Endpoints))
	var again []*proxy.Endpoint
	for _, e := range u.Endpoints {
		if !mayBeDuplicate(e) {
			continue
		}
		key := keyOfEndpoint(e)
		if first[key] == nil {
			first[key] = e
		} else if first[key].Stmt != e.Stmt && syntax.Together(first[key].Addr.At, e.Addr.At) {
			again = append(again, e)
		}
	}
	for _, e := range again {
		reportDuplicate(p, u, first[keyOfEndpoint(e)], e, len(first) == 1)
	}
}

// mayBeDuplicate reports whether a server takes requests at an address that is known, and has it to itself: a resolvers
// section gives servers of one name different addresses.
func mayBeDuplicate(e *proxy.Endpoint) bool {
	shares := isHostName(e.Addr.Host) && e.Resolver.Origin != proxy.Default && e.Stmt.File.Dialect == syntax.HAProxy
	return !e.Down && e.Slots == 0 && !isOpen(e.Addr) && !shares && (e.Addr.Host != "" || e.Addr.Socket != "")
}

// picksServers reports whether a HAProxy section tells its servers apart by name.
func picksServers(section *syntax.Stmt) bool {
	return slices.ContainsFunc(section.Block.Stmts, func(s *syntax.Stmt) bool { return s.Name() == "use-server" })
}

func keyOfEndpoint(e *proxy.Endpoint) endpointKey {
	key := endpointKey{host: strings.ToLower(e.Addr.Host), socket: e.Addr.Socket, port: portOf(e), backup: e.Backup}
	if e.Stmt.File.Dialect == syntax.HAProxy {
		key.options = distinctOptions(e.Stmt)
	}
	return key
}

// distinctOptions returns the options of a server line without its address and those that each server has of its own.
func distinctOptions(line *syntax.Stmt) string {
	var options strings.Builder
	for i := 3; i <= line.Args(); i++ {
		switch word := line.Arg(i); word {
		case "cookie", "id", "weight":
			i++
		default:
			options.WriteString(" " + word)
		}
	}
	return options.String()
}

func reportDuplicate(p *lint.Pass, u *proxy.Upstream, first, again *proxy.Endpoint, alone bool) {
	message := fmt.Sprintf("%s is in upstream %s twice", again.Addr.At.Text(), u.Name)
	if p.Config.Dialect == syntax.HAProxy {
		message = fmt.Sprintf("servers %s and %s of %s have one address", first.Name, again.Name, sectionName(u.Stmt))
	}
	d := lint.Diagnostic{
		At:      again.Addr.At,
		Message: message,
		Related: []lint.Related{{At: first.Addr.At, Message: "the first time"}},
	}
	if alone {
		d.Severity = lint.Info
		d.Message += ", and there is no other"
	}
	p.Report(d)
}
