package probe

import (
	"time"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// Check is an active health check, as its steps.
type Check struct {
	At      syntax.Ref
	Timeout time.Duration // until it fails, from its beginning
}
