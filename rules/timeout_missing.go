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
	ID:       "timeout-missing",
	Family:   lint.Timeouts,
	Severity: lint.Warning,
	Symptom:  "hang",
	Run:      timeoutMissing,
	Doc: lint.Doc{
		Title: "a timeout that nobody set",
		Why: `HAProxy has no built-in timeouts. Without "timeout connect" and "timeout server" a request to a backend that
does not answer waits for ever; without "timeout client" a client that went away keeps its connection. Nothing fails at
first: connections pile up until maxconn is reached, and then nobody gets an answer. haproxy -c only says "missing timeouts for
backend app", not which one or where. Every defaults section starts afresh: a proxy section inherits from the last one above
it alone, or from the one it names with "from". In mode tcp, "timeout tunnel" does for "timeout server".

As an info: "timeout http-request", without which a client may take as long as it likes for its request's headers, a byte at
a time.

nginx has built-in values, 60 s each to connect, send and read. A minute to connect is seldom what a service needs: a host
that does not answer holds every request for so long before the next server is tried, or a 504 is sent. It is an info, told
once where none of the times is set, and not of sockets and the own host, which refuse at once.`,
		How: `HAProxy: write the timeouts into the defaults section that applies. nginx: connect in a few seconds; read as long as
the slowest answer may take, which may well be more than the 60 s.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    server {
        listen 8080;
        location / {
            proxy_pass http://10.0.0.10:3000;
        }
    }
}
`,
			HAProxy: `defaults
    mode http
    timeout client 30s
    timeout http-request 10s

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
    proxy_connect_timeout 5s;
    proxy_read_timeout 30s;
    server {
        listen 8080;
        location / {
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
    timeout http-request 10s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 10.0.0.10:3000 check
`,
		},
		Links: []string{
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20connect",
			"https://docs.haproxy.org/3.2/configuration.html#4.2-timeout%20server",
			"https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
		},
		Since: "0.1.0",
	},
})

func timeoutMissing(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.HAProxy {
		reportUnlimited(p)
		return
	}
	reportBuiltInTimeouts(p)
}

// reportBuiltInTimeouts tells of an nginx configuration whose passes all have nginx's own timeouts, and may wait for a host.
func reportBuiltInTimeouts(p *lint.Pass) {
	var first *syntax.Stmt
	passes := map[*syntax.Stmt]bool{}
	for _, r := range p.Config.Routes {
		if r.Hop.Protocol == proxy.TCP {
			continue
		}
		t := r.Hop.Timeouts
		if t.Connect.Origin != proxy.Default || t.Read.Origin != proxy.Default || t.Send.Origin != proxy.Default {
			return
		}
		if !mayWaitForHost(r) {
			continue
		}
		if first == nil && p.Config.Wants(r.Stmt.File) {
			first = r.Stmt
		}
		passes[r.Stmt] = true
	}
	if first == nil {
		return
	}
	module := strings.TrimSuffix(first.Name(), "_pass")
	message := fmt.Sprintf("%s_connect_timeout 60s (default): a host that does not answer holds each request for a minute", module)
	if more := len(passes) - 1; more > 0 {
		message += fmt.Sprintf(", here and in %d more %s", more, plural(more, "place"))
	}
	p.Report(lint.Diagnostic{
		Severity: lint.Info,
		Symptom:  "504 after a minute",
		At:       first.Ref(0),
		Message:  message,
		Hint:     fmt.Sprintf("%s_connect_timeout 5s;", module),
	})
}

// mayWaitForHost reports whether a pass leads to another host, or to one that is not known. Sockets and the own host take a
// connection or refuse it.
func mayWaitForHost(r *proxy.Route) bool {
	return r.To == nil || r.To.Open || slices.ContainsFunc(r.To.Endpoints, func(e *proxy.Endpoint) bool {
		return isOpen(e.Addr) || e.Addr.Socket == "" && !isOwnHost(e.Addr.Host)
	})
}

// need is a timeout that a HAProxy section ought to have.
type need struct {
	timeout  string
	section  *syntax.Stmt
	setting  proxy.Setting[time.Duration]
	severity lint.Severity
}

func (n need) unmet() bool {
	s := n.setting
	return s.Origin != proxy.Unknown && !s.Dynamic && s.Value == 0
}

// reportUnlimited tells of the HAProxy timeouts that are missing or 0. It speaks where the line belongs: of a
// defaults section all of whose sections lack it, else of each section.
func reportUnlimited(p *lint.Pass) {
	defaults := defaultsOf(p.Config.Tree)
	all := needs(p.Config)
	type inherited struct {
		from    *syntax.Stmt
		timeout string
	}
	met := map[inherited]bool{}
	for _, n := range all {
		if !n.unmet() {
			met[inherited{defaults[n.section], n.timeout}] = true
		}
	}
	gaps := map[syntax.Ref]*gap{}
	var order []*gap
	for _, n := range all {
		if !n.unmet() || !p.Config.Wants(n.section.File) {
			continue
		}
		from := defaults[n.section]
		at := n.section.Ref(1)
		if n.setting.Written() {
			at = n.setting.At
		} else if from != nil && !met[inherited{from, n.timeout}] {
			at = from.Ref(0)
		}
		if gaps[at] == nil {
			gaps[at] = &gap{at: at, from: from}
			order = append(order, gaps[at])
		}
		gaps[at].needs = append(gaps[at].needs, n)
	}
	first := firstSet(p.Config.Tree)
	for _, g := range order {
		p.Report(g.diagnose(first))
	}
}

// needs lists the timeouts that the sections of a HAProxy configuration ought to have, by section.
func needs(c *proxy.Config) []need {
	var list []need
	seen := map[*syntax.Stmt]bool{}
	for _, l := range c.Listeners {
		if seen[l.Section] || !serves(l.Section, l.Protocol) {
			continue
		}
		seen[l.Section] = true
		list = append(list, need{"client", l.Section, l.Timeouts.Client, lint.Warning})
		if l.Protocol == proxy.HTTP {
			list = append(list, need{"http-request", l.Section, l.Timeouts.HTTPRequest, lint.Info})
		}
	}
	for _, u := range c.Upstreams {
		if len(u.Endpoints) == 0 || !serves(u.Stmt, u.Protocol) {
			continue
		}
		list = append(list, need{"connect", u.Stmt, u.Timeouts.Connect, lint.Warning})
		if u.Protocol == proxy.HTTP || u.Timeouts.Tunnel.Value == 0 && !u.Timeouts.Tunnel.Dynamic {
			list = append(list, need{"server", u.Stmt, u.Timeouts.Read, lint.Warning})
		}
	}
	return list
}

// serves reports whether a section takes traffic: it is in mode http or tcp, and not disabled.
func serves(section *syntax.Stmt, mode proxy.Protocol) bool {
	if mode != proxy.HTTP && mode != proxy.TCP {
		return false
	}
	on := true
	for _, s := range section.Block.Stmts {
		switch {
		case !s.When.Live():
		case s.Name() == "disabled":
			on = false
		case s.Name() == "enabled":
			on = true
		}
	}
	return on
}

// gap is what is missing at one place.
type gap struct {
	at    syntax.Ref
	from  *syntax.Stmt // the defaults section that applies
	needs []need
}

func (g *gap) diagnose(first map[string]*syntax.Stmt) lint.Diagnostic {
	g.keepGravest()
	timeouts := distinct(g.needs, func(n need) string { return "timeout " + n.timeout })
	slices.Sort(timeouts)
	sections := distinct(g.needs, func(n need) *syntax.Stmt { return n.section })
	d := lint.Diagnostic{Severity: g.needs[0].severity, At: g.at, Hint: linesOf(timeouts)}
	if d.Severity == lint.Info {
		d.Symptom = "connections held by slow clients"
	}
	are := andList(timeouts) + " is"
	if len(timeouts) > 1 {
		are = andList(timeouts) + " are"
	}
	switch setting := g.needs[0].setting; {
	case setting.Written():
		d.Message = fmt.Sprintf("%s %s is no limit", andList(timeouts), g.at.Text())
		if setting.Origin == proxy.Inherited {
			d.Related = heirs(sections)
		}
	case g.at == sections[0].Ref(1):
		d.Message = fmt.Sprintf("%s not set in %s", are, sectionNames(sections))
		if g.from != nil {
			d.Related = []lint.Related{{At: g.from.Ref(0), Message: "nor in the defaults section that applies"}}
		}
		d.Related = append(d.Related, g.earlier(timeouts, first)...)
	default:
		d.Message = fmt.Sprintf("%s set neither here nor in %s", are, sectionNames(sections))
		d.Related = append(g.earlier(timeouts, first), heirs(sections)...)
	}
	return d
}

// keepGravest leaves out infos beside warnings.
func (g *gap) keepGravest() {
	severity := lint.Info
	for _, n := range g.needs {
		severity = max(severity, n.severity)
	}
	g.needs = slices.DeleteFunc(g.needs, func(n need) bool { return n.severity < severity })
}

// heirs lists some of the sections that inherit from a place.
func heirs(sections []*syntax.Stmt) []lint.Related {
	var list []lint.Related
	for _, s := range sections[:min(len(sections), maxRelated)] {
		list = append(list, lint.Related{At: s.Ref(1), Message: sectionName(s) + " inherits from here"})
	}
	if more := len(sections) - maxRelated; more > 0 {
		list[maxRelated-1].Message += fmt.Sprintf(", and %d more", more)
	}
	return list
}

func linesOf(timeouts []string) string {
	var lines []string
	for _, t := range timeouts {
		lines = append(lines, t+" "+usual[t])
	}
	return strings.Join(lines, ", ")
}

// usual are values to begin with.
var usual = map[string]string{
	"timeout connect": "5s", "timeout client": "30s", "timeout server": "30s", "timeout http-request": "10s",
}

// firstSet returns the first line of any defaults section that sets each timeout, by "timeout connect" and its like.
func firstSet(tree *syntax.Tree) map[string]*syntax.Stmt {
	first := map[string]*syntax.Stmt{}
	for _, f := range tree.Roots {
		for _, section := range f.Stmts {
			if section.Name() != "defaults" || section.Block == nil || !section.When.Live() {
				continue
			}
			for _, s := range section.Block.Stmts {
				if name := s.Name() + " " + s.Arg(1); usual[name] != "" && s.When.Live() && first[name] == nil {
					first[name] = s
				}
			}
		}
	}
	return first
}

// earlier returns where a defaults section above the one that applies sets one of the timeouts, which is of no use.
func (g *gap) earlier(timeouts []string, first map[string]*syntax.Stmt) []lint.Related {
	for _, t := range timeouts {
		if s := first[t]; s != nil && g.from != nil && s.File == g.from.File && s.Start < g.from.Start {
			return []lint.Related{{At: s.Ref(1), Message: "set here, but each defaults section starts afresh"}}
		}
	}
	return nil
}

// defaultsOf returns the defaults section that each proxy section inherits from: the one it names, else the last
// one above it (manual 4 "Proxies").
func defaultsOf(tree *syntax.Tree) map[*syntax.Stmt]*syntax.Stmt {
	result := map[*syntax.Stmt]*syntax.Stmt{}
	named := map[string]*syntax.Stmt{}
	var last *syntax.Stmt
	for _, f := range tree.Roots {
		for _, s := range f.Stmts {
			switch {
			case s.Block == nil || !s.When.Live():
			case s.Name() == "defaults":
				last = s
				named[s.Arg(1)] = s
			case s.Arg(2) == "from":
				result[s] = named[s.Arg(3)]
			case last != nil:
				result[s] = last
			}
		}
	}
	return result
}

func sectionNames(sections []*syntax.Stmt) string {
	if len(sections) > 2 {
		return fmt.Sprintf("%s and %d more sections", sectionName(sections[0]), len(sections)-1)
	}
	var names []string
	for _, s := range sections {
		names = append(names, sectionName(s))
	}
	return andList(names)
}

func sectionName(s *syntax.Stmt) string { return s.Name() + " " + s.Arg(1) }

// andList joins words as in "a, b and c".
func andList(words []string) string {
	last := len(words) - 1
	if last <= 0 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// distinct returns what of gives for each need, every value once, in order.
func distinct[T comparable](list []need, of func(need) T) []T {
	var result []T
	seen := map[T]bool{}
	for _, n := range list {
		if v := of(n); !seen[v] {
			seen[v] = true
			result = append(result, v)
		}
	}
	return result
}

// plural returns a noun as it stands after a number.
func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
