package probe

import (
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Check is an active health check, as its steps.
type Check struct {
	At      syntax.Ref
	Timeout time.Duration // until it fails, from its beginning
}

// planCheck returns the health check of a server; nil when it has none.
func planCheck(t *Target, u *proxy.Upstream, e *proxy.Endpoint) *Check { return nil }
