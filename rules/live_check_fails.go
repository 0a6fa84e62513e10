package rules

import (
	"context"
	"fmt"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/syntax"
)

var _ = register(lint.Rule{
	ID:       "live-check-fails",
	Severity: lint.Error,
	Dialect:  syntax.HAProxy,
	Symptom:  "503",
	Live:     true,
	Run:      liveCheckFails,
	Doc: lint.Doc{
		Title: `a health check that fails though the server answers`,
		Why: `HAProxy takes a server out when its check fails, however well it answers requests: a check of a path that is not there, without the Host
header that the backend wants, by another protocol, or on another port. With all servers down every client gets 503. The check was sent as
the configuration has it, byte for byte.`,
		How: `Have the check ask for what the backend answers with 2xx or 3xx, or say which status is meant with "http-check expect".`,
		Bad: lint.Example{
			HAProxy: `# live: 10.0.0.7:8080 ok check=check-unmet checkcode=L7STS checkstatus=404
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk GET /health
    http-check send hdr Host app.example
    server app1 10.0.0.7:8080 check
`,
		},
		Good: lint.Example{
			HAProxy: `# live: 10.0.0.7:8080 ok check=ok
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk GET /ready
    http-check send hdr Host app.example
    server app1 10.0.0.7:8080 check
`,
		},
		Links: []string{
			"https://docs.haproxy.org/3.0/configuration.html#4.2-option%20httpchk",
			"https://docs.haproxy.org/3.0/management.html#9.3",
		},
		Since: "0.2.0",
	},
})

func liveCheckFails(_ context.Context, p *lint.Pass) {
	pools := newLivePools(p)
	for _, r := range p.Live.Of(p.Config) {
		_, working := verdict(r)
		if r.Checked == nil || r.Checked.OK() || !r.Checked.Tells() || working == 0 {
			continue // where the server does not answer either, that is the cause
		}
		d := lint.Diagnostic{
			At:      r.Check.At,
			Symptom: answered(r.Protocol, "503"),
			Message: fmt.Sprintf("the health check of %s fails (%s), though the server answers", r.Server, checkResult(r.Checked)),
			Notes:   []string{fmt.Sprintf("HAProxy logs: Server %s/%s is DOWN, reason: %s", r.Pool.Name, r.Server, checkReason(r.Checked))},
		}
		if pools.othersPass(r) {
			d.Severity, d.Symptom = lint.Warning, lint.NoSymptom
		}
		p.Report(d)
	}
}

// othersPass reports whether the check of another server of the same backend passes.
func (l livePools) othersPass(r *probe.Result) bool {
	for _, o := range l.working[livePool{r.Pool.Name, r.Pool.At}] {
		if o != r && (o.Checked == nil || o.Checked.OK()) {
			return true
		}
	}
	return false
}

// checkResult tells what came, as a person would.
func checkResult(o *probe.Outcome) string {
	switch {
	case o.Status != 0:
		return fmt.Sprintf("%s, status %d", o.Code, o.Status)
	case o.Detail != "":
		return fmt.Sprintf("%s, %s", o.Code, o.Detail)
	}
	return fmt.Sprintf("%s, %s", o.Code, o.Cause)
}

// checkReason tells what came, as HAProxy logs it.
func checkReason(o *probe.Outcome) string {
	reasons := map[probe.Code]string{
		probe.L4TOUT: "Layer4 timeout", probe.L4CON: "Layer4 connection problem", probe.L6TOUT: "Layer6 timeout",
		probe.L6RSP: "Layer6 invalid response", probe.L7TOUT: "Layer7 timeout", probe.L7RSP: "Layer7 invalid response",
		probe.L7STS: "Layer7 wrong status",
	}
	if o.Status != 0 {
		return fmt.Sprintf("%s, code: %d", reasons[o.Code], o.Status)
	}
	return reasons[o.Code]
}
