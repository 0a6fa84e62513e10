package lint

import (
	"context"

	"github.com/proxylint/proxylint/lint/inventory"
	"github.com/proxylint/proxylint/lint/probe"
	"github.com/proxylint/proxylint/parsers/proxy"
	"github.com/proxylint/proxylint/parsers/syntax"
)

// Rule is one thing that proxylint knows, with its documentation in it.
type Rule struct {
	ID       string
	Family   Family
	Severity Severity       // of a diagnostic that gives none of its own
	Dialect  syntax.Dialect // zero: nginx and HAProxy
	Tunnels  bool           // with the zero Dialect: cloudflared, too
	Symptom  Symptom        // of a diagnostic that gives none of its own
	Live     bool           // needs Pass.Live
	Off      bool           // switched off: not run
	Doc      Doc
	Run      func(context.Context, *Pass) // nil: the engine itself finds it, see IgnoreComment
}

// Doc explains a rule: it is what "proxylint rules ID" prints, and Bad and Good are run as tests.
type Doc struct {
	Title string  // what is wrong, without a capital or a full stop
	Why   string  // what happens, and when
	How   string  // what to write instead
	Bad   Example // fires the rule
	Good  Example // does not
	// Beside are files that stand beside both examples, which are named nginx.conf, haproxy.cfg and cloudflared.yaml there.
	Beside []File
	Links  []string
	Since  string // the proxylint version that brought it
}

// Example is a whole configuration for each proxy that the rule serves.
type Example struct{ Nginx, HAProxy, Cloudflared string }

// File is a file of an example that is no proxy's configuration.
type File struct{ Name, Text string }

// For returns the example for one dialect.
func (e Example) For(d syntax.Dialect) string {
	switch d {
	case syntax.HAProxy:
		return e.HAProxy
	case syntax.Cloudflared:
		return e.Cloudflared
	}
	return e.Nginx
}

// Serves reports whether the rule looks at configurations of that dialect.
func (r *Rule) Serves(d syntax.Dialect) bool {
	return r.Dialect == d || r.Dialect == syntax.AnyDialect && (d != syntax.Cloudflared || r.Tunnels)
}

// Pass is what one rule is given: one configuration, and what is known around it.
type Pass struct {
	Config    *proxy.Config
	All       []*proxy.Config  // every configuration of this run, Config among them
	Inventory *inventory.Facts // never nil
	Live      *probe.Results   // nil without --live
	Report    func(Diagnostic)
}
