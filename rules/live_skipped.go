package rules

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-skipped",
	Severity: lint.Info,
	Symptom:  "none",
	Tunnels:  true,
	Live:     true,
	Run:      liveSkipped,
	Doc: lint.Doc{
		Title: `upstreams that could not be tested from here`,
		Why: `A finding of the other live rules needs an answer. Nothing is said of upstreams whose name is known only where the proxy runs, whose
address may not be dialed (--allow, --deny, link-local and metadata addresses), that the run's deadline came before, or that a limit of this
machine kept from being dialed. Targets with one reason are told together, at the first of them.
With --require-complete it is an error.`,
		How: `Run "proxylint live" where the proxy runs, or write a plan here (--plan --format json) and run it there (--plan-file).`,
		Bad: lint.Example{
			Nginx: `# live: app:8080 not-testable detail="the name is known where the proxy runs, and not here"
events {}
http {
    upstream app {
        server app:8080;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: app:8080 not-testable detail="the name is known where the proxy runs, and not here"
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 app:8080 check
`,
			Cloudflared: `# live: app:8080 not-testable detail="the name is known where the proxy runs, and not here"
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://app:8080
  - service: http_status:404
`,
		},
		Good: lint.Example{
			Nginx: `# live: 127.0.0.1:8081 ok
events {}
http {
    upstream app {
        server 127.0.0.1:8081;
    }
    server {
        listen 8080;
        location / {
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
    }
}
`,
			HAProxy: `# live: 127.0.0.1:8081 ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    server app1 127.0.0.1:8081 check
`,
			Cloudflared: `# live: 10.0.0.7:8080 ok
tunnel: shop
credentials-file: /etc/cloudflared/shop.json
ingress:
  - hostname: shop.acme.dev
    service: http://10.0.0.7:8080
  - service: http_status:404
`,
		},
		Links: []string{
			"https://github.com/proxylint/proxylint#dial-the-upstreams",
		},
		Since: "0.2.0",
	},
})

// skipped is why targets were not tested.
type skipped struct {
	cause  probe.Cause
	detail string
}

func liveSkipped(_ context.Context, p *lint.Pass) {
	var reasons []skipped
	targets := map[skipped][]*probe.Result{}
	for _, r := range p.Live.Of(p.Config) {
		o, isSkipped := skip(r)
		if !isSkipped {
			continue
		}
		reason := skipped{o.Cause, o.Detail}
		if targets[reason] == nil {
			reasons = append(reasons, reason)
		}
		targets[reason] = append(targets[reason], r)
	}
	for _, reason := range reasons {
		d := skippedTogether(reason, targets[reason], p.Live.Complete)
		if at := publishedAs(p, targets[reason][0]); at != "" && reason.cause == probe.NotTestable {
			d.Message += "; " + at + " leads there from this machine"
		}
		p.Report(d)
	}
}

// publishedAs returns where the machine that a container runs on forwards to a target that is one of its ports.
func publishedAs(p *lint.Pass, r *probe.Result) string {
	home := p.Inventory.Home(p.Config)
	if home == nil || home.Service == nil || r.Addr.Host == "" {
		return ""
	}
	for _, s := range home.Service.Lookup(r.Addr.Host).Services {
		for _, m := range s.Published {
			if m.Container == r.Addr.Port && m.Host > 0 && !m.UDP {
				host := m.Address
				if addr, err := netip.ParseAddr(host); err != nil || addr.IsUnspecified() {
					host = "127.0.0.1"
				}
				return net.JoinHostPort(host, strconv.Itoa(m.Host))
			}
		}
	}
	return ""
}

// skip returns the outcome that kept all of a target from being tested.
func skip(r *probe.Result) (probe.Outcome, bool) {
	if !r.Found.Outcome.Tells() {
		return r.Found.Outcome, true
	}
	for _, try := range r.Tries {
		if try.Tells() {
			return probe.Outcome{}, false
		}
	}
	if len(r.Tries) == 0 {
		return probe.Outcome{}, false
	}
	return r.Tries[0].Outcome, true
}

func skippedTogether(reason skipped, results []*probe.Result, complete bool) lint.Diagnostic {
	const most = 5
	first := results[0]
	d := lint.Diagnostic{At: first.Addr.At}
	if complete {
		d.Severity = lint.Error
	}
	d.Message = fmt.Sprintf("%s was not tested: %s", first.Dialed(probe.Try{}), reason.text())
	if n := len(results); n > 1 {
		d.Message = fmt.Sprintf("%s and %d more were not tested: %s", first.Dialed(probe.Try{}), n-1, reason.text())
	}
	for _, r := range results[1:min(len(results), most+1)] {
		d.Related = append(d.Related, lint.Related{At: r.Addr.At, Message: "nor was this"})
	}
	if at := first.Lookup.Declared; reason.cause == probe.NotTestable && !at.IsZero() {
		d.Related = append(d.Related, lint.Related{At: at, Message: "it is declared here"})
	}
	return d
}

func (s skipped) text() string {
	if s.detail != "" {
		return s.detail
	}
	return map[probe.Cause]string{
		probe.Denied: "its address may not be dialed", probe.Local: "a limit of this machine",
		probe.NotTestable: "it is known elsewhere", probe.NotTested: "the deadline came first",
	}[s.cause]
}
