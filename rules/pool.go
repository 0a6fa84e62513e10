package rules

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// groupLines returns the directives inside each upstream block, in the order in which nginx reads them.
func groupLines(tree *syntax.Tree) map[*syntax.Stmt][]*syntax.Stmt {
	lines := map[*syntax.Stmt][]*syntax.Stmt{}
	inside := map[*syntax.Stmt]*syntax.Scope{}
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		if up := scope.Stmt; up != nil && up.Name() == "upstream" {
			if inside[up] == nil {
				inside[up] = scope
			}
			if inside[up] == scope { // not once more through a second include
				lines[up] = append(lines[up], s)
			}
		}
		return s.Name() == "http" || s.Name() == "stream" || s.Name() == "upstream"
	})
	return lines
}

// lazyGroupLines returns a function that reads the upstream blocks when it is first called.
func lazyGroupLines(tree *syntax.Tree) func() map[*syntax.Stmt][]*syntax.Stmt {
	return sync.OnceValue(func() map[*syntax.Stmt][]*syntax.Stmt { return groupLines(tree) })
}

// lazyRoutesTo returns a function that tells which routes lead to a pool.
func lazyRoutesTo(c *proxy.Config) func(*proxy.Upstream) []*proxy.Route {
	all := sync.OnceValue(func() map[*proxy.Upstream][]*proxy.Route {
		routes := map[*proxy.Upstream][]*proxy.Route{}
		for _, r := range c.Routes {
			routes[r.To] = append(routes[r.To], r)
		}
		return routes
	})
	return func(u *proxy.Upstream) []*proxy.Route { return all()[u] }
}

// isBalanceMethod reports whether a directive of an nginx group says how a server is chosen.
func isBalanceMethod(name string) bool {
	switch name {
	case "least_conn", "ip_hash", "hash", "random", "least_time":
		return true
	}
	return false
}

// serverParameter returns the parameter NAME=VALUE of an nginx server line; a zero place when there is none.
func serverParameter(s *syntax.Stmt, name string) (at syntax.Ref, value string) {
	for i := 2; i <= s.Args(); i++ {
		if word, text, found := strings.Cut(s.Arg(i), "="); found && word == name {
			at, value = s.Ref(i), text
		}
	}
	return at, value
}

// failLimit is after how many failed tries nginx takes a server out, and for how long (ngx_http_upstream_module, "server").
type failLimit struct {
	fails   int64
	failsAt syntax.Ref // max_fails; zero where it is the default
	timeout string
}

// failLimitOf returns the limit in effect for a server; false where it can't be read offline.
func failLimitOf(e *proxy.Endpoint) (limit failLimit, known bool) {
	limit = failLimit{fails: 1, timeout: "10s"}
	at, text := serverParameter(e.Stmt, "max_fails")
	if !at.IsZero() {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return limit, false
		}
		limit.fails, limit.failsAt = n, at
	}
	if at, text := serverParameter(e.Stmt, "fail_timeout"); !at.IsZero() {
		limit.timeout = text
		if isDigits(text) {
			limit.timeout += "s"
		}
	}
	return limit, true
}

// isFixedServer reports whether an nginx server line is what it says for as long as nginx runs: no template fills it in, and
// its name is not looked up again.
func isFixedServer(e *proxy.Endpoint) bool { return !e.Resolve && !isOpen(e.Addr) }

// perName tells the condition of a statement about servers that are written by name, since nginx makes one server of each
// address; "" where all are addresses.
func perName(endpoints ...*proxy.Endpoint) string {
	for _, e := range endpoints {
		if isHostName(e.Addr.Host) && len(endpoints) > 1 {
			return ", as long as each name has one address"
		} else if isHostName(e.Addr.Host) {
			return fmt.Sprintf(", as long as %s has one address", e.Addr.Host)
		}
	}
	return ""
}
