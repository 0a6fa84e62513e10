package probe

import (
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// ClientSees returns the status that a client gets when every server of the pool answers like this: "502", "503" or
// "504"; "" when the request succeeds or that can't be told.
func (o Outcome) ClientSees(t *Target) string {
	switch {
	case o.OK() || !o.Tells():
		return ""
	case t.Dialect == syntax.HAProxy && strings.HasPrefix(string(o.Code), "L4"):
		return "503"
	case o.Code == L4TOUT || o.Code == L7TOUT:
		return "504"
	}
	return "502"
}
