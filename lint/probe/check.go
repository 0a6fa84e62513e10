package probe

import (
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Check is an active health check, as its steps. As JSON it is part of a plan.
type Check struct {
	At      syntax.Ref    `json:"-"`
	Timeout time.Duration `json:"timeout"` // until it fails, from its beginning; in nanoseconds
}

// planCheck returns the health check of a server; nil when it has none.
func planCheck(t *Target, u *proxy.Upstream, e *proxy.Endpoint) *Check {
	if e.Check == nil {
		return nil
	}
	return &Check{At: e.Check.At}
}
