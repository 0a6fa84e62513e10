package rules

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "rate-limit-503",
	Family:   lint.Pools,
	Severity: lint.Info,
	Symptom:  "503",
	Run:      rateLimit503,
	Doc: lint.Doc{
		Title: "a rate limit that looks like an outage",
		Why: `nginx turns away what exceeds limit_req or limit_conn with 503 unless limit_req_status or limit_conn_status says
otherwise. Without "burst" the second of two requests at the same moment is one too many, and browsers ask for a page's parts at
once. To users, monitoring and the proxies in front, a 503 is a backend that is down: they retry, which makes it worse.
A 429 says what is meant.

HAProxy answers 503 to what a rate limit denies only where a rule says so, with deny_status 503; its own default is 403.`,
		How: `Answer with 429, and leave room for what one visitor asks for at once.`,
		Bad: lint.Example{
			Nginx: `events {}
http {
    limit_req_zone $binary_remote_addr zone=visitors:10m rate=5r/s;
    server {
        listen 8080;
        location / {
            limit_req zone=visitors;
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
    stick-table type ip size 100k expire 1m store http_req_rate(10s)
    http-request track-sc0 src
    http-request deny deny_status 503 if { sc_http_req_rate(0) gt 50 }
    default_backend app

backend app
    server app1 10.0.0.10:3000
`,
		},
		Good: lint.Example{
			Nginx: `events {}
http {
    limit_req_zone $binary_remote_addr zone=visitors:10m rate=5r/s;
    limit_req_status 429;
    server {
        listen 8080;
        location / {
            limit_req zone=visitors burst=30 nodelay;
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
    stick-table type ip size 100k expire 1m store http_req_rate(10s)
    http-request track-sc0 src
    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 50 }
    default_backend app

backend app
    server app1 10.0.0.10:3000
`,
		},
		Links: []string{
			"https://nginx.org/en/docs/http/ngx_http_limit_req_module.html#limit_req_status",
			"https://nginx.org/en/docs/http/ngx_http_limit_conn_module.html#limit_conn_status",
			"https://docs.haproxy.org/3.2/configuration.html#4.4-deny",
		},
		Since: "0.1.0",
	},
})

func rateLimit503(_ context.Context, p *lint.Pass) {
	if p.Config.Dialect == syntax.HAProxy {
		if mentions(p.Config.Tree, "503") {
			reportDeny503(p)
		}
		return
	}
	if p.Config.Tree.Fragment || !mentions(p.Config.Tree, "limit_req") && !mentions(p.Config.Tree, "limit_conn") {
		return
	}
	reportLimits(p)
}

// fewAtOnce is a number of requests that one page may well exceed.
const fewAtOnce = 10

// limiter is what nginx knows of limit_req or limit_conn.
type limiter struct {
	name   string
	lines  []limitLine
	status map[*syntax.Scope]*syntax.Stmt
	dryRun map[*syntax.Scope]*syntax.Stmt
}

// limitLine is a limit that few requests exceed, and the block it stands in.
type limitLine struct {
	stmt  *syntax.Stmt
	scope *syntax.Scope
}

// reportLimits tells of the limits of an nginx configuration that answer 503: of all of one kind at once.
func reportLimits(p *lint.Pass) {
	limiters, open := limitersOf(p.Config.Tree)
	for _, l := range limiters {
		var places []syntax.Ref
		for _, line := range l.lines {
			status, known := inForce(line.scope, l.status, open)
			if !known || status != nil {
				continue
			}
			dryRun, known := inForce(line.scope, l.dryRun, open)
			if known && (dryRun == nil || dryRun.Arg(1) == "off") && p.Config.Wants(line.stmt.File) {
				places = append(places, line.stmt.Ref(0))
			}
		}
		if len(places) == 0 {
			continue
		}
		p.Report(lint.Diagnostic{
			At:      places[0],
			Message: fmt.Sprintf("what exceeds %s gets a 503, %s_status being unset: it looks like a backend that is down", l.name, l.name),
			Hint:    l.name + "_status 429;",
			Related: alsoAt(slices.Compact(places)[1:], "likewise"),
		})
	}
}

// limitersOf reads what a configuration limits. Where error_page makes another answer of a 503, it limits nothing that
// we tell of. open are the blocks of which not all is seen.
func limitersOf(tree *syntax.Tree) (limiters []*limiter, open map[*syntax.Scope]bool) {
	for _, name := range [...]string{"limit_req", "limit_conn"} {
		limiters = append(limiters, &limiter{
			name: name, status: map[*syntax.Scope]*syntax.Stmt{}, dryRun: map[*syntax.Scope]*syntax.Stmt{},
		})
	}
	open = map[*syntax.Scope]bool{}
	replaced := false
	tree.Walk(func(scope *syntax.Scope, s *syntax.Stmt) bool {
		if _, unread := tree.Unread[s]; unread && !holdsTables(s.Arg(1)) {
			open[scope] = true
		}
		name := s.Name()
		if name == "error_page" {
			replaced = replaced || hasWord(s, "503") && givesOtherStatus(s)
		}
		if !strings.HasPrefix(name, "limit_") {
			return name != "stream"
		}
		for _, l := range limiters {
			switch name {
			case l.name:
				if isTight(s) {
					l.lines = append(l.lines, limitLine{s, scope})
				}
			case l.name + "_status":
				l.status[scope] = s
			case l.name + "_dry_run":
				l.dryRun[scope] = s
			}
		}
		return false
	})
	if replaced {
		return nil, nil
	}
	return limiters, open
}

// givesOtherStatus reports whether an error_page line answers with another status than the error's.
func givesOtherStatus(s *syntax.Stmt) bool {
	for i := 1; i <= s.Args(); i++ {
		if strings.HasPrefix(s.Arg(i), "=") {
			return true
		}
	}
	return false
}

// isTight reports whether a limit_req or limit_conn line turns away what one visitor may ask for at once.
func isTight(s *syntax.Stmt) bool {
	if s.Name() == "limit_conn" {
		n, err := strconv.Atoi(s.Arg(2))
		return err == nil && n < fewAtOnce
	}
	for i := 1; i <= s.Args(); i++ {
		if burst, found := strings.CutPrefix(s.Arg(i), "burst="); found {
			n, err := strconv.Atoi(burst)
			return err == nil && n < fewAtOnce
		}
	}
	return s.Args() > 0
}

// reportDeny503 tells of the rules of HAProxy sections that deny with 503 what exceeds a rate.
func reportDeny503(p *lint.Pass) {
	for _, f := range p.Config.Tree.Roots {
		for _, section := range f.Stmts {
			if section.Block == nil || !section.When.Live() {
				continue
			}
			for _, s := range section.Block.Stmts {
				if at := deniedWith503(s); !at.IsZero() && limitsRate(s, section) {
					p.Report(lint.Diagnostic{
						At:      at,
						Message: fmt.Sprintf("http-request %s answers a rate limit with 503: it looks like a backend that is down", s.Arg(1)),
						Hint:    fmt.Sprintf("http-request %s deny_status 429 ...", s.Arg(1)),
						Fix:     repair(at, "429", false),
					})
				}
			}
		}
	}
}

// deniedWith503 returns the status of a deny or tarpit rule that is 503; zero for others.
func deniedWith503(s *syntax.Stmt) syntax.Ref {
	if action := s.Arg(1); s.Name() != "http-request" || action != "deny" && action != "tarpit" || !s.When.Live() {
		return syntax.Ref{}
	}
	for i := 2; i < s.Args(); i++ {
		switch s.Arg(i) {
		case "if", "unless":
			return syntax.Ref{}
		case "deny_status", "status":
			if s.Arg(i+1) == "503" {
				return s.Ref(i + 1)
			}
		}
	}
	return syntax.Ref{}
}

// limitsRate reports whether the condition of a rule, or an ACL it names, asks how much a client did.
func limitsRate(rule, section *syntax.Stmt) bool {
	names := map[string]bool{}
	for i := 2; i <= rule.Args(); i++ {
		word := rule.Arg(i)
		if countsClient(word) {
			return true
		}
		names[strings.TrimPrefix(word, "!")] = true
	}
	return slices.ContainsFunc(section.Block.Stmts, func(s *syntax.Stmt) bool {
		return s.Name() == "acl" && names[s.Arg(1)] && countsClient(s.Arg(2))
	})
}

// countsClient reports whether a sample is a counter that HAProxy keeps of a client in a stick table.
func countsClient(sample string) bool {
	kept := strings.HasPrefix(sample, "sc") || strings.HasPrefix(sample, "src") || strings.Contains(sample, "table_")
	return kept && (strings.Contains(sample, "_rate") || strings.Contains(sample, "_cnt") || strings.Contains(sample, "_cur") ||
		strings.Contains(sample, "_gpc"))
}
