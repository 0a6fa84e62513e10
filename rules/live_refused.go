package rules

import (
	"context"

	"github.com/proxylint/proxylint/lint"
	"github.com/proxylint/proxylint/lint/probe"
)

var _ = register(lint.Rule{
	ID:       "live-refused",
	Severity: lint.Error,
	Symptom:  "502",
	Live:     true,
	Run: func(_ context.Context, p *lint.Pass) {
		for _, r := range p.Live.Of(p.Config) {
			for _, try := range r.Tries {
				if try.Cause == probe.Refused {
					p.Report(lint.Diagnostic{At: r.Addr.At, Message: try.Addr.String() + " refuses the connection"})
				}
			}
		}
	},
})
