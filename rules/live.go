package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// liveFault returns the Run of a rule that tells of targets of which no address answers, for one of the causes.
func liveFault(causes ...probe.Cause) func(context.Context, *lint.Pass) {
	return func(_ context.Context, p *lint.Pass) {
		pools := newLivePools(p)
		for _, r := range p.Live.Of(p.Config) {
			fault, working := verdict(r)
			if fault != nil && working == 0 && slices.Contains(causes, fault.Cause) {
				p.Report(pools.finding(r, fault))
			}
		}
	}
}

// verdict returns the first try that says what is wrong, nil when none does, and how many tries went well.
func verdict(r *probe.Result) (fault *probe.Try, working int) {
	for i := range r.Tries {
		switch try := &r.Tries[i]; {
		case try.OK():
			working++
		case try.Tells() && fault == nil:
			fault = try
		}
	}
	return fault, working
}

// livePools knows which upstreams have servers that answer.
type livePools struct {
	pass    *lint.Pass
	working map[livePool][]*probe.Result
}

type livePool struct {
	name string
	at   syntax.Ref
}

func newLivePools(p *lint.Pass) livePools {
	pools := livePools{pass: p, working: map[livePool][]*probe.Result{}}
	for _, r := range p.Live.Of(p.Config) {
		if _, working := verdict(r); working > 0 {
			key := livePool{r.Pool.Name, r.Pool.At}
			pools.working[key] = append(pools.working[key], r)
		}
	}
	return pools
}

// others reports whether another server of the same upstream answers, spoken to in the same way.
func (l livePools) others(r *probe.Result) bool {
	return slices.ContainsFunc(l.working[livePool{r.Pool.Name, r.Pool.At}], func(o *probe.Result) bool {
		return o != r && o.Protocol == r.Protocol && (o.TLS == nil) == (r.TLS == nil)
	})
}

// finding tells of a target that does not answer. Where other servers take over it is a warning.
func (l livePools) finding(r *probe.Result, fault *probe.Try) lint.Diagnostic {
	d := lint.Diagnostic{
		At: faultyWord(r, fault), Severity: lint.Error,
		Message: r.Message(*fault), Hint: liveHint(r, fault), Symptom: lint.Symptom(fault.ClientSees(r.Target)),
		Notes: liveNotes(r, fault),
	}
	switch {
	case fault.Cause == probe.NoRoute:
		d.Severity, d.Symptom = lint.Info, lint.NoSymptom
	case fault.Cause == probe.TimedOut && !l.pass.Live.Strict, fault.Cause == probe.Closed:
		d.Severity = lint.Warning
	}
	if !l.others(r) {
		return d
	}
	if r.Dialect == syntax.HAProxy && r.Check == nil && !r.Backup {
		d.Symptom += " for a share of the requests"
		return d
	}
	d.Severity, d.Symptom = min(d.Severity, lint.Warning), lint.NoSymptom
	d.Notes = append(d.Notes, fmt.Sprintf("the other servers of %s take over", r.Pool.Name))
	return d
}

// faultyWord returns the words that a fault stands on.
func faultyWord(r *probe.Result, fault *probe.Try) syntax.Ref {
	switch fault.Cause {
	case probe.OtherProtocol:
		if !r.Addr.PortAt.IsZero() {
			return r.Addr.PortAt
		}
	case probe.TLSName:
		if !r.TLS.NameAt.IsZero() {
			return r.TLS.NameAt
		}
	}
	return r.Addr.At
}

// liveNotes tells what was seen, and what the proxy's log is going to say.
func liveNotes(r *probe.Result, fault *probe.Try) []string {
	var notes []string
	for _, try := range r.Tries {
		if !try.OK() {
			notes = append(notes, r.Seen(try))
		}
	}
	if line := r.LogLine(fault.Outcome); line != "" {
		notes = append(notes, r.Dialect.Product()+" logs: "+line)
	}
	if n := len(r.Nearby); n > 1 || n == 1 && r.Nearby[0].Process == "" {
		notes = append(notes, "on its machine listen "+nearbyList(r.Nearby))
	}
	if r.Checked != nil && r.Checked.OK() {
		notes = append(notes, "its health check passes, so the proxy goes on sending requests")
	}
	return notes
}

// nearbyList writes what listens as prose: "8001 (node), 8080 (java)".
func nearbyList(list []probe.Listening) string {
	var texts []string
	for _, l := range list {
		texts = append(texts, fmt.Sprintf("%d (%s)", l.Port, cmp.Or(l.Process, "not known")))
	}
	return strings.Join(texts, ", ")
}

// liveHint returns what to write instead, where that is known.
func liveHint(r *probe.Result, fault *probe.Try) string {
	switch fault.Cause {
	case probe.OtherProtocol:
		return protocolHint(r.Target, fault)
	case probe.Refused:
		if len(r.Nearby) == 1 && r.Nearby[0].Process != "" {
			return fmt.Sprintf("%s:%d, where %s listens", r.Addr.Host, r.Nearby[0].Port, r.Nearby[0].Process)
		}
	}
	return ""
}

// passes are the directives of nginx that speak a protocol.
var passes = map[string]string{
	"FastCGI": "fastcgi_pass", "uwsgi": "uwsgi_pass", "SCGI": "scgi_pass", "memcached": "memcached_pass",
}

// protocolHint returns how the configuration would speak what was found.
func protocolHint(t *probe.Target, fault *probe.Try) string {
	at, isNginx, speaks := t.Addr.At.Text(), t.Dialect == syntax.Nginx, fault.Speaks
	switch {
	case t.AgreedTLS(fault.Outcome) && (isNginx || speaks == "HTTP"):
		return "" // what follows would end TLS
	case t.Dialect == syntax.Cloudflared:
		return serviceHint(t, speaks)
	case speaks == "TLS" && isNginx && t.Protocol == proxy.HTTP:
		return "https://" + at
	case speaks == "TLS" && isNginx && t.Protocol == proxy.GRPC:
		return "grpcs://" + at
	case speaks == "TLS" && isNginx:
		return "proxy_pass https://" + at + ";"
	case speaks == "TLS" && !isNginx:
		return "ssl verify required ca-file FILE, at the end of the server line"
	case speaks == "HTTP" && isNginx && t.TLS != nil && t.Protocol == proxy.HTTP:
		return "http://" + at
	case speaks == "HTTP" && !isNginx && t.TLS != nil:
		return "the server line without ssl"
	case speaks == "HTTP" && isNginx && t.Protocol != proxy.HTTP:
		return "proxy_pass http://" + at + ";"
	case speaks == "HTTP/2" && isNginx:
		return "grpc_pass grpc://" + at + "; (from nginx 1.29.4 on also proxy_http_version 2;)"
	case speaks == "HTTP/2":
		return "proto h2, at the end of the server line"
	case speaks == "PROXY protocol" && isNginx:
		return "a listener without proxy_protocol at the backend: nginx sends that header in stream alone (proxy_protocol on;)"
	case speaks == "PROXY protocol":
		return "send-proxy, at the end of the server line"
	case speaks == "no PROXY protocol" && isNginx:
		return "proxy_protocol off;"
	case speaks == "no PROXY protocol":
		return "the server line without send-proxy"
	case speaks == "FastCGI" && !isNginx:
		return "proto fcgi, at the end of the server line, and a use-fcgi-app line"
	case isNginx && passes[speaks] != "":
		return passes[speaks] + " " + at + ";"
	}
	return ""
}

// serviceHint returns the service of an ingress rule that would speak what was found.
func serviceHint(t *probe.Target, speaks string) string {
	switch {
	case speaks == "TLS" && t.TLS == nil && t.Protocol == proxy.HTTP:
		return "service: https://" + t.Addr.At.Text()
	case speaks == "HTTP" && t.TLS != nil:
		return "service: http://" + t.Addr.At.Text()
	case speaks == "HTTP/2" && t.TLS == nil:
		return "https:// and http2Origin: true, since cloudflared speaks HTTP/2 over TLS alone"
	}
	return ""
}
