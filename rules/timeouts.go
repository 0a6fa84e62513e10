package rules

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// synRetry is how long TCP waits before it sends an unanswered SYN again (RFC 6298, 2.1).
const synRetry = time.Second

// isWritten reports whether a person wrote a time that can be read offline.
func isWritten(s proxy.Setting[time.Duration]) bool { return s.Written() && !s.Dynamic }

// isShort reports whether a time below a second is written. Zero is no limit in HAProxy, and timeout-missing's to tell;
// so is a number without a unit timeout-unit's.
func isShort(d syntax.Dialect, s proxy.Setting[time.Duration]) bool {
	if !isWritten(s) || s.Value >= synRetry {
		return false
	}
	return d == syntax.Nginx || s.Value > 0 && !isDigits(s.At.Text())
}

// passTimeout returns the name of an nginx directive by the pass that it applies to: "proxy_read_timeout".
func passTimeout(r *proxy.Route, what string) string {
	if r.Hop.Protocol == proxy.TCP && what == "read_timeout" {
		return "proxy_timeout"
	}
	return strings.TrimSuffix(r.Stmt.Name(), "_pass") + "_" + what
}

// inEffect shows a time with its name, as written or as built in: "proxy_read_timeout 60s (default)".
func inEffect(name string, s proxy.Setting[time.Duration]) string {
	if s.Written() {
		return name + " " + s.At.Text()
	}
	return fmt.Sprintf("%s %s (default)", name, brief(s.Value))
}

// brief writes a time as people do: 90s, 5m, 1h.
func brief(d time.Duration) string {
	if d >= time.Second && d < 2*time.Minute {
		return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) + "s"
	}
	text := d.String()
	if d >= time.Minute {
		if s, whole := strings.CutSuffix(text, "m0s"); whole {
			text = s + "m"
		}
		if s, whole := strings.CutSuffix(text, "h0m"); whole {
			text = s + "h"
		}
	}
	return text
}

// inUse counts the servers of an upstream that requests may go to, up to most.
func inUse(u *proxy.Upstream, most int) int {
	n := 0
	if u == nil {
		return n
	}
	for i := 0; i < len(u.Endpoints) && n < most; i++ {
		if !u.Endpoints[i].Down {
			n++
		}
	}
	return n
}

// isHere reports whether an address can only be one of the own host.
func isHere(a proxy.Address) bool {
	if a.Socket != "" || strings.EqualFold(a.Host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(a.Host)
	return err == nil && (addr.IsLoopback() || addr.IsUnspecified())
}

// farServer returns a server in use that is known to be on another host; nil when there is none.
func farServer(u *proxy.Upstream) *proxy.Endpoint {
	if u == nil {
		return nil
	}
	for _, e := range u.Endpoints {
		if !e.Down && !isOpen(e.Addr) && e.Addr.Host != "" && !isHere(e.Addr) {
			return e
		}
	}
	return nil
}
